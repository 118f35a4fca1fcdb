#!/bin/sh
# PyPI pyilpp 0.1.0 reads a batch of InfluxDB's line protocol up to the first line that it does not like, and returns
# what it has so far, without an error; a valid line without a time is enough.
#
# A point may have no time; the store then takes its own ("timestamp", optional, in the reference of line protocol).
# If more lines follow, the parser of pyilpp skips the line's end in search of the time, finds none, and gives up:
# this line and all behind it are missing. The same happens at a tag value that begins with an underscore, which is
# reserved in names, not in values. A backslash that escapes nothing is dropped, where it stands for itself. Only the
# last line may lack the time, so a test with one line passes. PyPI line-protocol-parser 2.0.1 reads all of them.
#
# A relay or a test that counts points with this parser loses the rest of a batch for one node without a clock, and
# reports success. Count the lines and compare. We found no issue upstream.
#
# Output seen, on 2026-11-30 (three nodes, of which b is special):
#   all with a time: a b c
#   b without a time: a
#   b in the district _2: a
#   only b, without a time: b
#   each line by line-protocol-parser: a b c, a b c, a b c, b
#   path="C:\data": 'C:data', by line-protocol-parser 'C:\\data'
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pyilpp==0.1.0 line-protocol-parser==2.0.1
cat > lines.py << 'PY'
import pyilpp
from line_protocol_parser import parse_line

A, C = "water,node=a level=1.2 1795933800000000000", "water,node=c level=1.4 1795933800000000000"
BATCHES = {
    "all with a time": f"{A}\nwater,node=b level=0.5 1795933800000000000\n{C}",
    "b without a time": f"{A}\nwater,node=b level=0.5\n{C}",
    "b in the district _2": f"{A}\nwater,node=b,district=_2 level=0.5 1795933800000000000\n{C}",
    "only b, without a time": "water,node=b level=0.5",
}
right = []
for case, batch in BATCHES.items():
    print(f"{case}:", *(point["tags"]["node"] for point in pyilpp.parse(batch)))
    right.append(" ".join(parse_line(line)["tags"]["node"] for line in batch.split("\n")))
print("each line by line-protocol-parser:", ", ".join(right))
line = r'log,node=a path="C:\data" 1795933800000000000'
(point,) = pyilpp.parse(line)
right = parse_line(line)["fields"]["path"]
print(r'path="C:\data":', f"{point['fields']['path']!r}, by line-protocol-parser {right!r}")
PY
venv/bin/python lines.py | tee found
cat > expected << 'SEEN'
all with a time: a b c
b without a time: a
b in the district _2: a
only b, without a time: b
each line by line-protocol-parser: a b c, a b c, a b c, b
path="C:\data": 'C:data', by line-protocol-parser 'C:\\data'
SEEN
cmp found expected
