#!/bin/sh
# npm bark-js 1.2.1 and gs1js 0.0.2 misread the same label for fruit: bark-js reads a best-before date that is in no
# calendar, gs1js a weight that is none.
#
# Dates without a day are common on food: 261100 is the last day of November (GS1 General Specifications, AI (15): day
# 00 means the last day of the month). bark-js returns `2026-11-00` like any other date. JavaScript makes NaN of it,
# which is neither before nor after today, so a check whether the date has passed always says no. The AI of a net
# weight has four digits, of which the fourth is the number of decimals: 3103, 000750 is 0.750 kg. gs1js cuts every AI
# after two digits: 31, 03000750; likewise 7007, 410, 8008 and all others of three or four. Its README says only that
# fixed lengths are known. Neither raises an error. npm gs1-barcode-parser-mod 1.2.1 and PyPI biip 5.2.0 read both
# correctly.
#
# If phones read the crates of a packing house with these packages, fruit past its date is not noticed, and weights
# are lost. Print the day on your own labels (the last of the month), and use one of the other two packages to read.
# We found no issue upstream.
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-30:
#   bark-js: 01 09506000134352, 3103 000.750, 15 2026-11-00, 10 A1; over in 2030: false
#   gs1js: 01 09506000134352, 31 03000750, 15 261100, 10 A1
#   gs1-barcode-parser-mod: 01 09506000134352, 3103 0.75 KGM, 15 2026-11-30, 10 A1; over in 2030: true
#   biip: 01 09506000134352, 3103 0.750, 15 2026-11-30, 10 A1
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . bark-js@1.2.1 gs1js@0.0.2 gs1-barcode-parser-mod@1.2.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check biip==5.2.0
label=010950600013435231030007501526110010A1
cat > read.js << 'JS'
const [label] = process.argv.slice(2);
const over = (date) => `; over in 2030: ${new Date(date) < new Date("2030-01-01")}`;
const day = (date) => [date.getFullYear(), date.getMonth() + 1, date.getDate()].join("-");
const bark = require("bark-js")(label).elements;
console.log("bark-js:", bark.map(({ ai, value }) => `${ai} ${value}`).join(", ") + over(bark[2].value));
const gs1js = new (require("gs1js").GS1Reader)(label).getApplicationIdentifiers();
console.log("gs1js:", gs1js.map(({ identifier, value }) => `${identifier} ${value}`).join(", "));
const items = require("gs1-barcode-parser-mod").parseBarcode(label).parsedCodeItems;
const said = items.map(({ ai, data, unit }) => `${ai} ${data instanceof Date ? day(data) : data} ${unit}`.trim());
console.log("gs1-barcode-parser-mod:", said.join(", ") + over(items[2].data));
JS
cat > read.py << 'PY'
import sys

import biip

found = biip.parse(sys.argv[1]).gs1_message.element_strings
print("biip:", ", ".join(f"{one.ai.ai} {one.decimal or one.date or one.value}" for one in found))
PY
{
  TZ=UTC node read.js $label
  venv/bin/python read.py $label
} | tee found
cat > expected << 'SEEN'
bark-js: 01 09506000134352, 3103 000.750, 15 2026-11-00, 10 A1; over in 2030: false
gs1js: 01 09506000134352, 31 03000750, 15 261100, 10 A1
gs1-barcode-parser-mod: 01 09506000134352, 3103 0.75 KGM, 15 2026-11-30, 10 A1; over in 2030: true
biip: 01 09506000134352, 3103 0.750, 15 2026-11-30, 10 A1
SEEN
cmp found expected
