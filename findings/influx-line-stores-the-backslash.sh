#!/bin/sh
# PyPI influx-line 1.0.0 stores the commune "Bình Thạnh" as "Bình\ Thạnh" in a field, and its own two ways to name a
# measurement give two names.
#
# In InfluxDB's line protocol a backslash stands before a space, a comma or an equals sign in names and tags, and in
# the quoted text of a field before a quote or another backslash only; elsewhere it is a character like any other.
# `add_field` escapes a text as if it were a tag, so each space and comma of it is stored with a backslash before it.
# `add_tag` also escapes quotes, which are none of a tag's special characters, so they too are stored with one.
# `set_measure` escapes the measurement's name and `InfluxLine(name)` does not, so the same name with a space makes a
# line that the store refuses. Texts of one word, as in its README, are right. PyPI influxdb-client 1.50.0 writes all
# of these correctly.
#
# A name that is stored so matches no filter and no other table, and people see the backslashes on the board. Write
# lines with another package.
#
# Output seen, on 2026-11-30 (as the store would read it):
#   field "Bình Thạnh, ấp 2": 'Bình\\ Thạnh\\,\\ ấp\\ 2', by influxdb-client 'Bình Thạnh, ấp 2'
#   field "Sen": 'Sen', by influxdb-client 'Sen'
#   tag "cống \"Cái Xép\"": 'cống \\"Cái Xép\\"', by influxdb-client 'cống "Cái Xép"'
#   measurement "mực nước": LineFormatError, with set_measure 'mực nước', by influxdb-client 'mực nước'
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check influx-line==1.0.0 influxdb-client==1.50.0 \
  line-protocol-parser==2.0.1
cat > write.py << 'PY'
import json

from influx_line import InfluxLine
from influxdb_client import Point
from line_protocol_parser import LineFormatError, parse_line

def read(line, part):
    try:
        found = parse_line(str(line))[part]
    except LineFormatError as error:
        return type(error).__name__
    return repr(found["name"] if isinstance(found, dict) else found)

def quoted(text):
    return json.dumps(text, ensure_ascii=False)

for text in "Bình Thạnh, ấp 2", "Sen":
    line = InfluxLine("place")
    line.add_field("name", text)
    other = Point("place").field("name", text).to_line_protocol()
    print(f"field {quoted(text)}: {read(line, 'fields')}, by influxdb-client {read(other, 'fields')}")
text = 'cống "Cái Xép"'
line = InfluxLine("place")
line.add_tag("name", text)
line.add_field("level", 1.2)
other = Point("place").tag("name", text).field("level", 1.2).to_line_protocol()
print(f"tag {quoted(text)}: {read(line, 'tags')}, by influxdb-client {read(other, 'tags')}")
text = "mực nước"
line, line_2 = InfluxLine(text), InfluxLine("")
line_2.set_measure(text)
for each in line, line_2:
    each.add_field("level", 1.2)
other = Point(text).field("level", 1.2).to_line_protocol()
print(f"measurement {quoted(text)}: {read(line, 'measurement')}, with set_measure {read(line_2, 'measurement')}, "
      f"by influxdb-client {read(other, 'measurement')}")
PY
venv/bin/python write.py | tee found
cat > expected << 'SEEN'
field "Bình Thạnh, ấp 2": 'Bình\\ Thạnh\\,\\ ấp\\ 2', by influxdb-client 'Bình Thạnh, ấp 2'
field "Sen": 'Sen', by influxdb-client 'Sen'
tag "cống \"Cái Xép\"": 'cống \\"Cái Xép\\"', by influxdb-client 'cống "Cái Xép"'
measurement "mực nước": LineFormatError, with set_measure 'mực nước', by influxdb-client 'mực nước'
SEEN
cmp found expected
