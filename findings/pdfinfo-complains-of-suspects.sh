#!/bin/sh
# poppler-utils 22.12.0 (Debian 12): `pdfinfo` reports "Syntax Error: Suspects object is wrong type (boolean)" for
# every tagged PDF that typst (PyPI 0.15.2) writes, although the file follows the standard.
#
# The catalogue of a tagged PDF says that it is marked, and may say whether its tags are suspect: `/MarkInfo <</Marked
# true/Suspects false>>`, two booleans (ISO 32000-1, table 321). pdfinfo reads the second correctly, prints "Suspects:
# no", and still reports the error; its exit code is 0. veraPDF 1.28.2 finds such files to be PDF/A-2b and PDF/UA-1.
# Somebody who inspects a report or a label with pdfinfo takes it for broken, and a script that treats any line on
# standard error as a failure refuses it.
#
# Needs Debian 12 and its package lists (apt-get update), and libraries of poppler that are mostly there already
# (fontconfig, freetype, jpeg, lcms2, nss, openjp2, png, tiff).
#
# Output seen, on 2026-11-28:
#   in the file: /MarkInfo<</Marked true/Suspects false>>
#   said: Syntax Error: Suspects object is wrong type (boolean)
#   said: Suspects: no
#   exit code 0
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check typst==0.15.2
apt-get download -qq poppler-utils=22.12.0-2+deb12u3 libpoppler126=22.12.0-2+deb12u3
for deb in *.deb; do dpkg -x "$deb" root; done
LD_LIBRARY_PATH=$(find "$work/root/usr/lib" -maxdepth 1 -type d -name '*-linux-gnu*' | head -n 1)
export LD_LIBRARY_PATH
printf '#set document(title: "Báo cáo")\n#set text(lang: "vi")\n= Báo cáo\nnội dung\n' > report.typ
venv/bin/python -c 'import typst; typst.compile("report.typ", output="report.pdf", pdf_standards=["a-2b", "ua-1"])'
code=0
root/usr/bin/pdfinfo report.pdf > out 2> err || code=$?
{
  echo "in the file: $(grep -ao '/MarkInfo<<[^>]*>>' report.pdf)"
  sed 's/^/said: /' err
  sed -n 's/^Suspects: */said: Suspects: /p' out
  echo "exit code $code"
} | tee found
cat > expected << 'SEEN'
in the file: /MarkInfo<</Marked true/Suspects false>>
said: Syntax Error: Suspects object is wrong type (boolean)
said: Suspects: no
exit code 0
SEEN
cmp found expected
