#!/bin/sh
# PyPI epcdltranslator 1.0.0 makes a pallet's GS1 Digital Link with 19 digits where an SSCC has 18, or with a newer
# `gtin` with 14 digits of another number; links of a lot are right.
#
# `urn:epc:id:sscc:9506000.0123456789` has the company prefix, the extension digit and the serial reference; in the
# SSCC the extension digit moves to the front (EPC Tag Data Standard). The package puts it in front, and also leaves
# it where it was. The package does not pin the version of its one dependency, PyPI gtin: today's (1.3) cuts
# everything to the 14 digits of a GTIN, so that service relations (8018) and shipments (402) are wrong as well. No
# error is raised in either case, and the final check digit is right for the digits before it. (GS1 Germany's event
# hash contains this code too, and has fixed its copy: RalphTro/epcis-event-hash-generator, issue 87.)
#
# With such a link a crate is not found, or a trade item is found instead. Assemble the SSCC yourself. We found no
# issue about the package.
#
# Output seen, on 2026-11-29:
#   the SSCC: 095060001234567893
#   gtin 0.1.13: https://id.gs1.org/00/0950600001234567897
#   gtin 0.1.13: https://id.gs1.org/8018/950600001234567897
#   gtin 0.1.13: https://id.gs1.org/01/09506000134352/10/A1
#   gtin 1.3.1649173518: https://id.gs1.org/00/09506000012397
#   gtin 1.3.1649173518: https://id.gs1.org/8018/05060000127897
#   gtin 1.3.1649173518: https://id.gs1.org/01/09506000134352/10/A1
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > crate.py << 'PY'
from importlib.metadata import version

from epcdltranslator import epcDLTranslator

for one in "id:sscc:9506000.0123456789", "id:gsrn:9506000.0123456789", "class:lgtin:9506000.013435.A1":
    print(f"gtin {version('gtin')}:", epcDLTranslator(f"urn:epc:{one}"))
PY
cat > sscc.py << 'PY'
prefix, rest = "9506000.0123456789".split(".")
digits = rest[0] + prefix + rest[1:]
check = -sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(digits)) % 10
print(f"the SSCC: {digits}{check}")
PY
{
  python3 sscc.py
  for gtin in 0.1.13 1.3.1649173518; do
    python3 -m venv "v$gtin"
    "v$gtin/bin/pip" install -q --disable-pip-version-check epcdltranslator==1.0.0 "gtin==$gtin" setuptools==80.9.0
    "v$gtin/bin/python" -W ignore crate.py
  done
} | tee found
cat > expected << 'SEEN'
the SSCC: 095060001234567893
gtin 0.1.13: https://id.gs1.org/00/0950600001234567897
gtin 0.1.13: https://id.gs1.org/8018/950600001234567897
gtin 0.1.13: https://id.gs1.org/01/09506000134352/10/A1
gtin 1.3.1649173518: https://id.gs1.org/00/09506000012397
gtin 1.3.1649173518: https://id.gs1.org/8018/05060000127897
gtin 1.3.1649173518: https://id.gs1.org/01/09506000134352/10/A1
SEEN
cmp found expected
