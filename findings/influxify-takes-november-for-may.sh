#!/bin/sh
# PyPI influxify 0.0.3, told that a file has dates like 05/11/2026 in the form %d/%m/%Y, reads the 5th of November as
# the 11th of May.
#
# The package turns a CSV file into InfluxDB's line protocol. Its class takes a `timestamp_format`, "e.g. '%Y-%m-%d
# %H:%M:%S'", keeps it, and never uses it: pandas parses each time as `mixed`, which puts the month first and turns to
# the day only if there is no such month. So the first twelve days of each month are scattered over the year, and the
# others stay where they are. The package takes the result for nanoseconds. With pandas 2 it is; in pandas 3, which pip
# installs today, it is microseconds, so that all of it lands in January 1970, and what is less than 16 minutes apart
# can have one time: rows of one node overwrite each other. A cell that is empty becomes an empty text in a field of
# numbers. No error is raised.
#
# The diary of a cooperative in Viet Nam has its dates so, and its harvest moves to another season. Write times as ISO
# 8601, and pin pandas below 3. We found no issue upstream.
#
# Output seen, on 2026-11-30:
#   pandas 2.3.3
#     05/11/2026 08:00: 2026-05-11 08:00:00.000000, level=1.2
#     12/11/2026 08:00: 2026-12-11 08:00:00.000000, level=1.3
#     13/11/2026 08:05: 2026-11-13 08:05:00.000000, level=""
#     13/11/2026 08:10: 2026-11-13 08:10:00.000000, level=1.5
#   pandas 3.1.1
#     05/11/2026 08:00: 1970-01-21 14:01:26.000000, level=1.2
#     12/11/2026 08:00: 1970-01-21 19:09:36.000000, level=1.3
#     13/11/2026 08:05: 1970-01-21 18:29:17.000000, level=""
#     13/11/2026 08:10: 1970-01-21 18:29:17.000000, level=1.5
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > diary.py << 'PY'
import csv
import warnings
from datetime import datetime, timedelta

import pandas
from influxify import InfluxConverter

warnings.simplefilter("ignore")
ROWS = [("05/11/2026 08:00", "1.2"), ("12/11/2026 08:00", "1.3"), ("13/11/2026 08:05", ""),
        ("13/11/2026 08:10", "1.5")]
with open("diary.csv", "w", newline="") as file:
    csv.writer(file).writerows([("time", "node", "level"), *((time, "a", level) for time, level in ROWS)])
converter = InfluxConverter("diary.csv", "water", ["node"], ["level"], "time", "%d/%m/%Y %H:%M")
lines = converter.convert_csv_to_lineprotocol()
print("pandas", pandas.__version__)
for (time, _), line in zip(ROWS, lines.splitlines(), strict=True):
    _, fields, stamp = line.split()
    stored = datetime(1970, 1, 1) + timedelta(seconds=int(stamp) / 1e9)
    print(f"  {time}: {stored:%Y-%m-%d %H:%M:%S.%f}, {fields}")
PY
for pandas in 2.3.3 3.1.1; do
  python3 -m venv "venv-$pandas"
  "venv-$pandas/bin/pip" install -q --disable-pip-version-check influxify==0.0.3 "pandas==$pandas"
  "venv-$pandas/bin/python" -W ignore diary.py
done | tee found
cat > expected << 'SEEN'
pandas 2.3.3
  05/11/2026 08:00: 2026-05-11 08:00:00.000000, level=1.2
  12/11/2026 08:00: 2026-12-11 08:00:00.000000, level=1.3
  13/11/2026 08:05: 2026-11-13 08:05:00.000000, level=""
  13/11/2026 08:10: 2026-11-13 08:10:00.000000, level=1.5
pandas 3.1.1
  05/11/2026 08:00: 1970-01-21 14:01:26.000000, level=1.2
  12/11/2026 08:00: 1970-01-21 19:09:36.000000, level=1.3
  13/11/2026 08:05: 1970-01-21 18:29:17.000000, level=""
  13/11/2026 08:10: 1970-01-21 18:29:17.000000, level=1.5
SEEN
cmp found expected
