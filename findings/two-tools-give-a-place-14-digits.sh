#!/bin/sh
# npm epc-tds 1.4.1 and PyPI epc-encoding-utils 1.3 give the place of a company whose prefix has twelve digits a GLN of
# fourteen digits, one too many.
#
# Who needs a few numbers only, like a single farm, gets a long company prefix, of up to twelve digits. With its check
# digit this is already a whole GLN or asset type (13 digits), so the reference to location or type is empty in the
# EPC: `urn:epc:id:sgln:950600013435..5` (GS1 EPC Tag Data Standard, "SGLN Partition Table" and "GRAI Partition
# Table", partition 0: no digit). Both tools have these tables, and both write a 0 for the empty part of the GLN, and
# two different check digits behind it. epc-tds does the same with crates, and puts the 0 into the EPC of both, which
# is then another than the tag's. (It also leaves a slash in a name as it is, where the standard has %2F.)
# epc-encoding-utils has the EPCs and the crates right. With a shorter prefix both have the place right. PyPI epcpy
# 0.1.8, which wrote the tags here, is right in all of this. Neither raises an error.
#
# The gate of such a farm has a number that no reader accepts, and what happened there is not found under its name. Use
# epcpy, or cut the 0 away and compute the check digit again.
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-30:
#   sgln:950600013435..5, (414)9506000134352(254)5
#     epc-tds: sgln:950600013435.0.5, 95060001343504
#     epc-encoding-utils: sgln:950600013435..5, (414)95060001343502(254)5
#   sgln:9506000.01343.5, (414)9506000013435(254)5
#     epc-tds: sgln:9506000.01343.5, 9506000013435
#     epc-encoding-utils: sgln:9506000.01343.5, (414)9506000013435(254)5
#   grai:950600013435..7, (8003)095060001343527
#     epc-tds: grai:950600013435.0.7, 950600013435047
#     epc-encoding-utils: grai:950600013435..7, (8003)095060001343527
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . epc-tds@1.4.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check epc-encoding-utils==1.3 epcpy==0.1.8
cat > write.py << 'PY'
import sys

import epcpy.epc_schemes.grai as grai
import epcpy.epc_schemes.sgln as sgln

name = sys.argv[1]
scheme, filters, size = (
    (grai.GRAI, grai.GRAIFilterValue, "GRAI_96") if name.startswith("grai") else (sgln.SGLN, sgln.SGLNFilterValue, "SGLN_96")
)
epc = scheme.from_epc_uri(f"urn:epc:id:{name}")
print(epc.gs1_element_string(), epc.hex(binary_coding_scheme=scheme.BinaryCodingScheme[size], filter_value=list(filters)[0]))
PY
cat > read.py << 'PY'
import sys

from epc.utils import decode_epc

found = decode_epc(sys.argv[1])
print(f"{found.pure_identity_uri.removeprefix('urn:epc:id:')}, {found.barcode_humanized.replace(' ', '')}")
PY
cat > read.js << 'JS'
const epc = require("epc-tds").valueOf(process.argv[2]);
console.log(`${epc.toIdURI().replace("urn:epc:id:", "")}, ${epc.toBarcode()}`);
JS
for name in sgln:950600013435..5 sgln:9506000.01343.5 grai:950600013435..7; do
  set -- $(venv/bin/python write.py $name)
  echo "$name, $1"
  echo "  epc-tds: $(node read.js "$2")"
  echo "  epc-encoding-utils: $(venv/bin/python read.py "$2")"
done | tee found
cat > expected << 'SEEN'
sgln:950600013435..5, (414)9506000134352(254)5
  epc-tds: sgln:950600013435.0.5, 95060001343504
  epc-encoding-utils: sgln:950600013435..5, (414)95060001343502(254)5
sgln:9506000.01343.5, (414)9506000013435(254)5
  epc-tds: sgln:9506000.01343.5, 9506000013435
  epc-encoding-utils: sgln:9506000.01343.5, (414)9506000013435(254)5
grai:950600013435..7, (8003)095060001343527
  epc-tds: grai:950600013435.0.7, 950600013435047
  epc-encoding-utils: grai:950600013435..7, (8003)095060001343527
SEEN
cmp found expected
