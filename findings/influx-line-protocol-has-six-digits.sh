#!/bin/sh
# PyPI influx-line-protocol 0.1.5 writes a meter at 1,234,567.8 kWh as 1.23457e+06, and a latitude as 10.4623.
#
# It writes floats with six significant digits (Python's %g). A counter of seven digits then stands still for ten
# units and jumps by ten, so the use in an hour is 0 or 10; a pressure in Pa loses its tenths, a latitude everything
# below eleven metres. No error occurs, and InfluxDB would have kept sixteen digits. Whole numbers are written in
# full, so a counter may be given as an int of its smallest unit. (Reported upstream for coordinates only:
# SebastianCzoch/influx-line-protocol pull request 16, open; its %f keeps six decimal places, which is too few for
# small numbers.)
#
# Output seen, on 2026-11-29:
#   1234567.8: 1.23457e+06
#   1234572.4: 1.23457e+06, used since: 0
#   1234575.1: 1.23458e+06, used since: 10
#   100813.7: 100814
#   10.4623451: 10.4623
#   12345678: 12345678i
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check influx-line-protocol==0.1.5
cat > meter.py << 'PY'
from influx_line_protocol import Metric

def written(value):
    metric = Metric("meter")
    metric.add_value("energy", value)
    return str(metric).removeprefix("meter energy=")

before = None
for value in 1234567.8, 1234572.4, 1234575.1:
    now = float(written(value))
    print(f"{value}: {written(value)}" + ("" if before is None else f", used since: {now - before:.0f}"))
    before = now
for value in 100813.7, 10.4623451, 12345678:
    print(f"{value}: {written(value)}")
PY
venv/bin/python meter.py | tee found
cat > expected << 'SEEN'
1234567.8: 1.23457e+06
1234572.4: 1.23457e+06, used since: 0
1234575.1: 1.23458e+06, used since: 10
100813.7: 100814
10.4623451: 10.4623
12345678: 12345678i
SEEN
cmp found expected
