#!/bin/sh
# PyPI gs123 4.0.1 makes a "GS1 DataMatrix" that is a plain Data Matrix with the brackets in it, and changes the
# serial of an EPC.
#
# The character FNC1 in front makes a Data Matrix a GS1 DataMatrix (ISO/IEC 16022; GS1 General Specifications, section
# 5): it tells the scanner to split the text into element strings and to report it as such (]d2). FNC1 or GS also ends
# a serial or lot that more data follows. The brackets are printed for people and are not part of the code.
# `GS1DataMatrix` of gs123 (from QU4RTET, an EPCIS server) takes `(01)…(10)…`, as its README shows, and puts this text
# unchanged into the symbol, without FNC1; its own documentation promises "]d2" and any GS1-aware reader. Scanners
# report plain text (]d1). `from_urn(parentheses=False)` omits the brackets, and also the end of the serial, so that
# the date behind the serial is read as a part of it. And `from_urn` pads the serial to twelve digits, but a serial is
# text (AI 21, X..20): 77 and 000000000077 are two items.
#
# A phone shows the text and everything seems right, but a till, a warehouse and an EPCIS capture read nothing from
# it. PyPI pyStrich 0.20, given FNC1, writes the right code. We found no issue upstream.
#
# Output seen, on 2026-11-30:
#   gs123: Text, ]d1, b'(01)09506000134352(10)A1'
#   gs123, from an EPC: Text, ]d1, b'(01)09506000134352(21)000000000077(17)261130'
#   gs123, without brackets: Text, ]d1, b'01095060001343522100000000007717261130'
#   pyStrich: GS1, ]d2, b'010950600013435210A1'
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check gs123==4.0.1 ppf.datamatrix==0.2 pyStrich==0.20 \
  zxing-cpp==3.1.1 pillow==13.0.0
cat > scan.py << 'PY'
import io

import zxingcpp
from gs123.datamatrix import GS1DataMatrix
from PIL import Image
from pystrich.datamatrix import FNC1, DataMatrixData, DataMatrixEncoder

def scan(name, png):
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    kind = str(code.content_type).rpartition(".")[2]
    print(f"{name}: {kind}, {code.symbology_identifier}, {code.bytes}")

scan("gs123", GS1DataMatrix("(01)09506000134352(10)A1").png(scale=8))
epc = {"urn": "urn:epc:id:sgtin:9506000.013435.77", "company_prefix_length": 7, "expiration": "261130"}
scan("gs123, from an EPC", GS1DataMatrix.from_urn(**epc).png(scale=8))
scan("gs123, without brackets", GS1DataMatrix.from_urn(**epc, parentheses=False).png(scale=8))
right = DataMatrixEncoder(DataMatrixData(FNC1, "010950600013435210A1", encoding="ascii"))
scan("pyStrich", right.get_imagedata())
PY
venv/bin/python scan.py | tee found
cat > expected << 'SEEN'
gs123: Text, ]d1, b'(01)09506000134352(10)A1'
gs123, from an EPC: Text, ]d1, b'(01)09506000134352(21)000000000077(17)261130'
gs123, without brackets: Text, ]d1, b'01095060001343522100000000007717261130'
pyStrich: GS1, ]d2, b'010950600013435210A1'
SEEN
cmp found expected
