#!/bin/sh
# PyPI pycayennelpp 2.4.0 sends some values one step too small although Cayenne LPP can carry them exactly: 0.29 as
# 0.28.
#
# Cayenne LPP writes an analogue value as a whole number of hundredths in two bytes, and the package's own table
# promises this resolution (0.01). The package multiplies by 100 and truncates, and in floating point 0.29 times 100
# is 28.999999999999996. This affects 4,584 of the 65,536 values of an analogue input, and values of voltage, current,
# acceleration, load, distance, energy and place; temperature, humidity and pressure are right. Even a value that the
# package has just decoded is not encoded as it was: a relay that opens a frame and packs it again changes it. PyPI
# python-cayennelpp 0.1.0 reads the bytes correctly.
#
# An air or water sensor that counts in hundredths (a staff gauge in metres, salt in g/L, pH) reads low by a step in
# one value of fourteen, and reaches a threshold late. Write the two bytes without the package: `round(value *
# 100).to_bytes(2, "big", signed=True)`. We found no issue upstream.
#
# Output seen, on 2026-11-29:
#   sent 0.29: 0102001c, which is 0.28
#   as it should be: 0102001d, which is 0.29
#   0102001d opened and packed again: 0102001c
#   analogue input: 4584 of 65536 values do not come back
#   temperature: 0 of 65536 values do not come back
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pycayennelpp==2.4.0 python-cayennelpp==0.1.0
cat > send.py << 'PY'
from cayennelpp import LppFrame
from python_cayennelpp.decoder import decode

frame = LppFrame()
frame.add_analog_input(1, 0.29)
for name, sent in (("sent 0.29", bytes(frame).hex()), ("as it should be", "0102001d")):
    print(f"{name}: {sent}, which is {decode(sent)[0]['value']}")
again = bytes(LppFrame.from_bytes(bytes.fromhex("0102001d"))).hex()
print("0102001d opened and packed again:", again)
for name, kind in (("analogue input", "02"), ("temperature", "67")):
    frames = [f"01{kind}{value:04x}" for value in range(65536)]
    lost = sum(bytes(LppFrame.from_bytes(bytes.fromhex(one))).hex() != one for one in frames)
    print(f"{name}: {lost} of {len(frames)} values do not come back")
PY
venv/bin/python send.py | tee found
cat > expected << 'SEEN'
sent 0.29: 0102001c, which is 0.28
as it should be: 0102001d, which is 0.29
0102001d opened and packed again: 0102001c
analogue input: 4584 of 65536 values do not come back
temperature: 0 of 65536 values do not come back
SEEN
cmp found expected
