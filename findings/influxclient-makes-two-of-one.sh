#!/bin/sh
# PyPI influx-client 1.9.0: a reading that it sends, and that influxdb 5.3.2 sends again, becomes two readings.
#
# InfluxDB identifies a point by measurement, tags and time to the nanosecond. The same point again changes nothing,
# which makes it safe to resend a buffer. influx-client computes the nanoseconds of a datetime in floating point,
# which has steps of 256 at today's dates: of 1,000 times in whole milliseconds 750 are some nanoseconds off. Whole
# seconds are right. The package errs the same way each time, so it overwrites its own points; but if it wrote part of
# a buffer and another client writes it again, the points double, counts and sums with them, and two series joined by
# time have nothing in common. Give it the time as a whole number, which is passed on unchanged. PyPI influxdb 5.3.2
# computes in whole numbers. We found no issue upstream.
#
# Output seen, on 2026-11-29:
#   influx-client: 1795933800122999808
#   influxdb: 1795933800123000000
#   not the same: 750 of 1000
#   as a number: 1795933800123000000
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check influx-client==1.9.0 influxdb==5.3.2
cat > same.py << 'PY'
from datetime import datetime, timedelta, timezone

from influx.line_protocol import make_lines as influx_client
from influxdb.line_protocol import make_lines as influxdb

def time_of(make_lines, time):
    return int(make_lines({"points": [{"measurement": "water", "fields": {"level": 0.35}, "time": time}]}).split()[-1])

start = datetime(2026, 11, 29, 6, 30, tzinfo=timezone.utc)
times = [start + timedelta(milliseconds=n) for n in range(1000)]
print("influx-client:", time_of(influx_client, times[123]))
print("influxdb:", time_of(influxdb, times[123]))
print(f"not the same: {sum(time_of(influx_client, one) != time_of(influxdb, one) for one in times)} of {len(times)}")
print("as a number:", time_of(influx_client, 1795933800123000000))
PY
venv/bin/python -W ignore same.py | tee found
cat > expected << 'SEEN'
influx-client: 1795933800122999808
influxdb: 1795933800123000000
not the same: 750 of 1000
as a number: 1795933800123000000
SEEN
cmp found expected
