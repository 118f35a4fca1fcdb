#!/bin/sh
# PyPI sscc18 0.1.0 draws a pallet's barcode without the (00) that it prints beneath it: a scanner finds no pallet, and
# often a lot.
#
# A pallet's number, the SSCC, is in its barcode as an element string: FNC1, the Application Identifier 00, then the 18
# digits (GS1 General Specifications, 3.3.1, AI (00)). `barcode_svg` and `code128c_symbols` put the 18 digits directly
# behind FNC1, so a scanner takes the first digits of the number for an AI: the extension digit 1 and a company prefix
# that begins with 0 make AI 10, a lot, whose text is the rest of the number. Most other beginnings are no AI at all,
# and a reader refuses the whole code. Neither the check character of the symbol nor the check digit of the number can
# notice it, the self-test passes (23 of 23), and the text below the bars has "(00)", so a person sees nothing wrong.
# The package's own `decode` does not find the number in what a scanner reads. PyPI pyStrich 0.20, given FNC1 and the
# AI, draws the right code.
#
# A pallet of fruit so labelled is refused at the next gate, or booked in as a lot that nobody has. Take the numbers
# from this package (they are right), and draw them with another. We found no issue upstream.
#
# Output seen, on 2026-11-30:
#   sscc18, under the bars: (00) 106141412345678908
#   sscc18, in the bars: GS1, ]C1, 106141412345678908, AI 10 (BATCH/LOT): 6141412345678908
#   its own decode: No (00) Application Identifier with 18 digits found.
#   pyStrich, in the bars: GS1, ]C1, 00106141412345678908, AI 00 (SSCC): 106141412345678908
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check sscc18==0.1.0 biip==5.2.0 pyStrich==0.20 zxing-cpp==3.1.1 \
  pillow==13.0.0
cat > scan.py << 'PY'
import io
import re

import biip
import sscc
import zxingcpp
from PIL import Image, ImageDraw
from pystrich.code128 import FNC1, Code128Data, Code128Encoder

def scan(name, image):
    (code,) = zxingcpp.read_barcodes(image)
    kind = str(code.content_type).rpartition(".")[2]
    text = code.bytes.decode()
    (one,) = biip.parse(text).gs1_message.element_strings
    print(f"{name}, in the bars: {kind}, {code.symbology_identifier}, {text}, ", end="")
    print(f"AI {one.ai.ai} ({one.ai.data_title}): {one.value}")
    return text

number = "106141412345678908"  # the example of GS1's Tag Data Standard, and of the package's README
label = sscc.barcode_svg(number)
image = Image.new("L", (label["width"], label["height"] - 26), 255)
bar = r'<rect x="(\d+)" y="0" width="(\d+)" height="(\d+)"/>'
for x, width, height in (map(int, one) for one in re.findall(bar, label["svg"])):
    ImageDraw.Draw(image).rectangle([x, 0, x + width - 1, height - 1], fill=0)
print("sscc18, under the bars:", re.search(r">(\(00\).*?)<", label["svg"])[1])
read = scan("sscc18", image)
print("its own decode:", sscc.decode("]C1" + read)["error"])
right = Code128Encoder(Code128Data(FNC1, "00" + number, encoding="ascii")).get_imagedata()
scan("pyStrich", Image.open(io.BytesIO(right)))
PY
venv/bin/python scan.py | tee found
cat > expected << 'SEEN'
sscc18, under the bars: (00) 106141412345678908
sscc18, in the bars: GS1, ]C1, 106141412345678908, AI 10 (BATCH/LOT): 6141412345678908
its own decode: No (00) Application Identifier with 18 digits found.
pyStrich, in the bars: GS1, ]C1, 00106141412345678908, AI 00 (SSCC): 106141412345678908
SEEN
cmp found expected
