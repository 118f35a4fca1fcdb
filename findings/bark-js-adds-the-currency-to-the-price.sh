#!/bin/sh
# npm bark-js 1.2.1 reads a bag of rice for 45,000 đồng as one for 70,445,000.
#
# AI 393n is the price of a variable measure item with its currency: three digits of ISO 4217, then the amount, of
# which the last n digits are decimals (GS1 General Specifications, section 3, AI (393n): N3 + N..15; 704 is the đồng).
# 391n is the same for an amount to pay. bark-js takes all digits for the amount, so the currency becomes its first
# three; with decimals, 123.45 becomes 704123.45. 390n and 392n, which have no currency, are right. The production
# time (8008) may end after the hour or the minute (N8 [+N..4]); bark-js always takes twelve digits, and then rejects
# the whole code, because the separator and the lot are not where it looks for them. PyPI biip 5.2.0 and npm
# gs1-barcode-parser-mod 1.2.1 read these prices correctly.
#
# A cooperative that reads the labels of its scale with this package sells on paper at 1,565 times the price. Use 392n
# (without currency) on your own labels, and give times to the second. We found no issue upstream.
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-30 (GS is shown as |):
#   393070445000: bark-js 70445000, gs1-barcode-parser-mod 45000 704, biip 45000
#   391070445000: bark-js 70445000, gs1-barcode-parser-mod 45000 704, biip 45000
#   393270412345: bark-js 704123.45, gs1-barcode-parser-mod 123.45 704, biip 123.45
#   392212345: bark-js 123.45, gs1-barcode-parser-mod 123.45, biip 123.45
#   800826113015|10A1: bark-js Invalid AI, biip 2026-11-30 15:00:00, 10 A1
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . bark-js@1.2.1 gs1-barcode-parser-mod@1.2.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check biip==5.2.0
cat > read.js << 'JS'
const [text] = process.argv.slice(2), label = "0109506000134352" + text.replace("|", "\x1d");
let bark;
try {
  bark = require("bark-js")(label).elements.slice(1).map(({ value }) => value).join(", ");
} catch (error) {
  bark = error.message.split(" at ")[0];
}
console.log(`${text}: bark-js ${bark}`);
if (text.startsWith("39")) {
  const { data, unit } = require("gs1-barcode-parser-mod").parseBarcode(label).parsedCodeItems[1];
  console.log(`, gs1-barcode-parser-mod ${data} ${unit}`.trim());
}
JS
cat > read.py << 'PY'
import sys

import biip

found = biip.parse("0109506000134352" + sys.argv[1].replace("|", "\x1d")).gs1_message.element_strings[1:]
print(", biip", ", ".join(str(one.decimal or one.datetime or f"{one.ai.ai} {one.value}") for one in found))
PY
for text in 393070445000 391070445000 393270412345 392212345 '800826113015|10A1'; do
  { node read.js "$text"; venv/bin/python read.py "$text"; } | tr -d '\n'
  echo
done | tee found
cat > expected << 'SEEN'
393070445000: bark-js 70445000, gs1-barcode-parser-mod 45000 704, biip 45000
391070445000: bark-js 70445000, gs1-barcode-parser-mod 45000 704, biip 45000
393270412345: bark-js 704123.45, gs1-barcode-parser-mod 123.45 704, biip 123.45
392212345: bark-js 123.45, gs1-barcode-parser-mod 123.45, biip 123.45
800826113015|10A1: bark-js Invalid AI, biip 2026-11-30 15:00:00, 10 A1
SEEN
cmp found expected
