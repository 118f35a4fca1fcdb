#!/bin/sh
# PyPI gddpy 1.0.3: after degree-days were counted with an upper limit, the same object counts them limited for good.
#
# `calcHourlyUtilization(cutoff_max_temp=True)`, called on an object that holds a day's hourly temperatures, writes
# the limit into them. Every later result, even without the limit or for a comparison, is of the limited day, and the
# list that the caller passed in is changed as well. So the order of two calls decides the second result. (Every call
# also prints two lines on standard output.)
#
# Its `calcBaskervilleEmin`, a sine through the day's extremes, has a branch for days that are warmer than the base
# all night. That branch adds Python's functions min and max instead of the temperatures, so it fails on each such
# day; for rice (base 10) in the Mekong delta that is every day of the year. Make a new object for each figure, from a
# copy of the list, and use the daily average where nights are warm. We found no issue upstream.
#
# Output seen, on 2026-11-29 (twelve hours of 24 °C and twelve of 34, base 10):
#   no limit: 19.0
#   limit 30: 17.0
#   no limit again: 17.0
#   the caller's list: 24 to 30
#   Baskerville-Emin, night of 9: 12.1
#   Baskerville-Emin, night of 24: TypeError
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check gddpy==1.0.3
cat > days.py << 'PY'
import contextlib
import io

from gddPy import GDD

hours = [24] * 12 + [34] * 12
day = GDD({"hourly_temps": hours, "threshold_low": 10, "max_temp_cutoff": 30})
for name, limited in ("no limit", False), ("limit 30", True), ("no limit again", False):
    with contextlib.redirect_stdout(io.StringIO()):
        found = day.calcHourlyUtilization(cutoff_max_temp=limited)
    print(f"{name}: {found:.1f}")
print(f"the caller's list: {min(hours)} to {max(hours)}")
for night in 9, 24:
    try:
        found = f"{GDD({'min_temp': night, 'max_temp': 35, 'threshold_low': 10}).calcBaskervilleEmin():.1f}"
    except TypeError as error:
        found = type(error).__name__
    print(f"Baskerville-Emin, night of {night}: {found}")
PY
venv/bin/python days.py | tee found
cat > expected << 'SEEN'
no limit: 19.0
limit 30: 17.0
no limit again: 17.0
the caller's list: 24 to 30
Baskerville-Emin, night of 9: 12.1
Baskerville-Emin, night of 24: TypeError
SEEN
cmp found expected
