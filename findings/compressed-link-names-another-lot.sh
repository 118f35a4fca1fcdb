#!/bin/sh
# npm digital-link.js 1.4.3 (the library behind digital-link.tools) and PyPI gs1-compression 0.1.3: a GS1 Digital Link
# that is compressed and decompressed names another lot; 0012 becomes 12.
#
# A lot is text of up to 20 characters (GS1 General Specifications, 3.4.1, AI (10): X..20), so 0012 and 12 are two
# lots of one product. Both tools treat a value of digits alone as a number; they write its length into the short
# link, and ignore it when they decompress. Serials (AI 21) lose their leading zeros in the same way. digital-link.js
# also computes with floating-point numbers: the last digits of a long serial become zeros, and those of an SSCC too,
# so that it refuses the short link that it made itself.
#
# Printed on a bag, such a link leads its reader to the record of another lot, or to none. Do not compress links, and
# begin no lot with a zero. We found no issue upstream.
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-29:
#   digital-link.js: /10/0012 -> https://id.gs1.org/CxFKk4XBoAgAY -> /10/12
#   digital-link.js: /10/12 -> https://id.gs1.org/CxFKk4XBoAQw -> /10/12
#   digital-link.js: /21/12345678901234567890 -> https://id.gs1.org/DBFKk4XBoCgq1SpjOsfCAA -> /21/12345678901234567000
#   digital-link.js: SSCC 095060001343521236 -> https://id.gs1.org/ABUbiRTG3B0A -> INVALID CHECK DIGIT
#   gs1-compression: /10/0012 -> https://id.gs1.org/ARFKk4XBoCAIAGA -> /10/12
#   gs1-compression: /21/12345678901234567890 -> https://id.gs1.org/ARFKk4XBoEIoKtUqYzrHwrS -> /21/12345678901234567890
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . digital-link.js@1.4.3
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check gs1-compression==0.1.3
cat > links.js << 'JS'
const { Utils } = require("digital-link.js");
const product = "https://id.gs1.org/01/09506000134352";
for (const end of ["/10/0012", "/10/12", "/21/12345678901234567890"]) {
  const short = Utils.compressWebUri(product + end);
  console.log(`digital-link.js: ${end} -> ${short} -> ${Utils.decompressWebUri(short).replace(product, "")}`);
}
const sscc = "095060001343521236", short = Utils.compressWebUri(`https://id.gs1.org/00/${sscc}`);
let again;
try {
  again = Utils.decompressWebUri(short);
} catch (error) {
  again = String(error.message || error).split(":")[0];
}
console.log(`digital-link.js: SSCC ${sscc} -> ${short} -> ${again}`);
JS
cat > links.py << 'PY'
from gs1 import compress_gs1_digital_link, decompress_gs1_digital_link
product = "https://id.gs1.org/01/09506000134352"
for end in "/10/0012", "/21/12345678901234567890":
    short = compress_gs1_digital_link(product + end)
    print("gs1-compression:", end, "->", short, "->", decompress_gs1_digital_link(short, False).replace(product, ""))
PY
{
  node links.js
  venv/bin/python links.py
} | tee found
cat > expected << 'SEEN'
digital-link.js: /10/0012 -> https://id.gs1.org/CxFKk4XBoAgAY -> /10/12
digital-link.js: /10/12 -> https://id.gs1.org/CxFKk4XBoAQw -> /10/12
digital-link.js: /21/12345678901234567890 -> https://id.gs1.org/DBFKk4XBoCgq1SpjOsfCAA -> /21/12345678901234567000
digital-link.js: SSCC 095060001343521236 -> https://id.gs1.org/ABUbiRTG3B0A -> INVALID CHECK DIGIT
gs1-compression: /10/0012 -> https://id.gs1.org/ARFKk4XBoCAIAGA -> /10/12
gs1-compression: /21/12345678901234567890 -> https://id.gs1.org/ARFKk4XBoEIoKtUqYzrHwrS -> /21/12345678901234567890
SEEN
cmp found expected
