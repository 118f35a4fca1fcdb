#!/bin/sh
# npm json-to-line-protocol 0.2.0 stores the lot 0012 as the number 12, and a door that reports "F" as false.
#
# In InfluxDB's line protocol the text of a field is in double quotes; a value without quotes is a number or one of
# the words for true and false (t, T, true, f, F, false …). The package promises "any necessary escaping on strings as
# specified by the protocol", but writes every field without quotes (its own test expects `field=fieldvalue`). The
# server refuses text like `A1`, which is noticed on the first day. Text that looks like another type is noticed late:
# `0012` loses its zeros and becomes lot 12, `12i` is an integer, `1E5` is 100,000, `F` is false. And the first value
# decides the type of the field: after a lot `0012`, a lot that is rightly written as text is refused.
#
# Quote text yourself, with `"` and `\` escaped, or let npm influx or @influxdata/influxdb-client write the lines; or
# make the lot a tag, which is text without quotes. InfluxDB 1.6.7 accepted and refused these lines as they are read
# here. We found no issue upstream.
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-30 (read again by PyPI line-protocol-parser 2.0.1):
#   {"lot":"0012"}: harvest,node=a lot=0012 1, read as 12.0
#   {"lot":"1E5"}: harvest,node=a lot=1E5 1, read as 100000.0
#   {"lot":"12i"}: harvest,node=a lot=12i 1, read as 12
#   {"door":"F"}: harvest,node=a door=F 1, read as False
#   {"lot":"A1"}: harvest,node=a lot=A1 1, read as LineFormatError
#   {"lot":"\"0012\""}: harvest,node=a lot="0012" 1, read as '0012'
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . json-to-line-protocol@0.2.0
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check line-protocol-parser==2.0.1
cat > write.js << 'JS'
const { convert } = require("json-to-line-protocol");
for (const fields of [{ lot: "0012" }, { lot: "1E5" }, { lot: "12i" }, { door: "F" }, { lot: "A1" }, { lot: '"0012"' }]) {
  const line = convert({ measurement: "harvest", tags: { node: "a" }, fields: { ...fields }, ts: 1 });
  console.log(`${JSON.stringify(fields)}\t${line}`);
}
JS
cat > read.py << 'PY'
import sys

from line_protocol_parser import LineFormatError, parse_line

for told in sys.stdin:
    fields, line = told.rstrip("\n").split("\t")
    try:
        (value,) = parse_line(line)["fields"].values()
        print(f"{fields}: {line}, read as {value!r}")
    except LineFormatError as error:
        print(f"{fields}: {line}, read as {type(error).__name__}")
PY
node write.js | venv/bin/python read.py | tee found
cat > expected << 'SEEN'
{"lot":"0012"}: harvest,node=a lot=0012 1, read as 12.0
{"lot":"1E5"}: harvest,node=a lot=1E5 1, read as 100000.0
{"lot":"12i"}: harvest,node=a lot=12i 1, read as 12
{"door":"F"}: harvest,node=a door=F 1, read as False
{"lot":"A1"}: harvest,node=a lot=A1 1, read as LineFormatError
{"lot":"\"0012\""}: harvest,node=a lot="0012" 1, read as '0012'
SEEN
cmp found expected
