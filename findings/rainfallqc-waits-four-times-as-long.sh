#!/bin/sh
# PyPI rainfallqc 1.1.2: a rain gauge that is stuck for twenty hours is found if it reports each hour, and not if it
# reports each quarter of an hour.
#
# A gauge that gives the same rain hour after hour is broken. `check_streaks` (QC15 of the IntenseQC framework) flags
# 12 hours of one value above the gauge's resolution with 3, and 24 hours above nothing with 4. Values of 15 minutes
# are first added up to hours, and then the lengths are multiplied by four as well ("4x 15-min periods per hour"), so
# that 48 and 96 hours are needed. Its documentation has 12 and 24, and "Hourly or 15-min data".
#
# A tipping bucket that hangs for a night is such a case, and 15 minutes are usual for rain in a flood warning. Add the
# rain up to hours before the check. We found no issue upstream.
#
# Output seen, on 2026-11-30 (2 mm an hour, again and again; the flags that some hour has):
#   stuck for 11 hours: each hour good, each quarter good
#   stuck for 12 hours: each hour [3], each quarter good
#   stuck for 20 hours: each hour [3], each quarter good
#   stuck for 24 hours: each hour [3, 4], each quarter good
#   stuck for 47 hours: each hour [3, 4], each quarter good
#   stuck for 48 hours: each hour [3, 4], each quarter [3]
#   stuck for 95 hours: each hour [3, 4], each quarter [3]
#   stuck for 96 hours: each hour [3, 4], each quarter [3, 4]
#   by its documentation after 12 24 for Hourly or 15-min data
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check rainfallqc==1.1.2 polars==2.1.0
cat > gauge.py << 'PY'
import inspect
import re
from datetime import datetime, timedelta

import polars
from rainfallqc.checks.timeseries_checks import check_streaks

STEPS = {"each hour": 60, "each quarter": 15}
DAYS, STUCK = 10, 2.0 # mm an hour

def flags(minutes, hours): # stuck from the third day on
    start, per_hour = datetime(2026, 10, 1), 60 // minutes
    times = [start + timedelta(minutes=minutes * n) for n in range(DAYS * 24 * per_hour)]
    rain = [STUCK / per_hour if 48 <= (time - start).total_seconds() / 3600 < 48 + hours else 0.0 for time in times]
    data = polars.DataFrame({"time": times, "rain": rain})
    found = check_streaks(data, "rain", 10.46, 105.63, smallest_measurable_rainfall_amount=0.2,
                          accumulation_threshold=10.0)
    return sorted({int(flag) for name in ("streak_flag3", "streak_flag4") for flag in found[name].drop_nulls()} - {0})

for hours in 11, 12, 20, 24, 47, 48, 95, 96:
    print(f"stuck for {hours} hours:", ", ".join(f"{step} {flags(minutes, hours) or 'good'}"
                                               for step, minutes in STEPS.items()))
said = inspect.getdoc(check_streaks)
print("by its documentation after", *re.findall(r"streaks of (\d+) or more greater", said), "for",
      re.search("Hourly or 15-min data", said)[0])
PY
venv/bin/python -W ignore gauge.py | tee found
cat > expected << 'SEEN'
stuck for 11 hours: each hour good, each quarter good
stuck for 12 hours: each hour [3], each quarter good
stuck for 20 hours: each hour [3], each quarter good
stuck for 24 hours: each hour [3, 4], each quarter good
stuck for 47 hours: each hour [3, 4], each quarter good
stuck for 48 hours: each hour [3, 4], each quarter [3]
stuck for 95 hours: each hour [3, 4], each quarter [3]
stuck for 96 hours: each hour [3, 4], each quarter [3, 4]
by its documentation after 12 24 for Hourly or 15-min data
SEEN
cmp found expected
