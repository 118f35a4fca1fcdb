#!/bin/sh
# PyPI nonlineartemppy 0.201 gives a day of 22 to 36 °C seven hours above 34.5, where a sine has five; and its own other
# function has that sine.
#
# From the lowest and the highest temperature of a day a sine gives the time at each degree, by which models of crops
# count heat: above 35 °C, rice in flower sets less grain. The package has two functions for a table of such days.
# `degree_days` has the sine that swings from the lowest to the highest and back. `degree_time` has the arcsine of
# (t - low) / (high - low), which is a quarter of a wave: it leaves the lowest at its fastest and stays long at the
# highest, so that the mean of the day is 31 instead of 29. What one function says can therefore not agree with the
# other, and the documentation names neither curve.
#
# Hot hours, for which a harvest is insured or a field is flooded, are counted two fifths too long on such days. Compute
# the time with a sine yourself.
#
# Output seen, on 2026-11-30 (low 22, high 36):
#   shares of the day add up to 1.000
#   hours above 35.5: degree_time 4.1, a sine 2.9
#   hours above 34.5: degree_time 7.1, a sine 5.1
#   hours below 23.5: degree_time 1.6, a sine 5.1
#   mean of the day: degree_time 30.9, degree_days 29.0
#   degree-days above 30: degree_time 2.42, degree_days 1.75
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check nonlineartemppy==0.201 pandas==2.3.3
cat > heat.py << 'PY'
import math

import pandas
from nonlineartemppy.calculations import degree_days, degree_time

LOW, HIGH = 22, 36
day = pandas.DataFrame({"date": ["2026-04-10"], "tmin": [float(LOW)], "tmax": [float(HIGH)]})
degrees = list(range(LOW, HIGH + 1))
time = degree_time(day.copy(), degrees)
share = {degree: time[f"tdegree{degree}C"].iloc[0] for degree in degrees} # of the day, half a degree to both sides
heat = degree_days(day.copy(), degrees)
above = {degree: heat[f"dday{degree}C"].iloc[0] for degree in degrees}

def sine(limit): # the share of a day above it
    return math.acos((limit - (LOW + HIGH) / 2) / ((HIGH - LOW) / 2)) / math.pi

print(f"shares of the day add up to {sum(share.values()):.3f}")
print(f"hours above 35.5: degree_time {24 * share[36]:.1f}, a sine {24 * sine(35.5):.1f}")
print(f"hours above 34.5: degree_time {24 * (share[35] + share[36]):.1f}, a sine {24 * sine(34.5):.1f}")
print(f"hours below 23.5: degree_time {24 * (share[22] + share[23]):.1f}, a sine {24 * (1 - sine(23.5)):.1f}")
print(f"mean of the day: degree_time {sum(degree * part for degree, part in share.items()):.1f}, "
      f"degree_days {LOW + above[LOW]:.1f}")
warm = sum((degree - 30) * part for degree, part in share.items() if degree > 30)
print(f"degree-days above 30: degree_time {warm:.2f}, degree_days {above[30]:.2f}")
PY
venv/bin/python -W ignore heat.py | tee found
cat > expected << 'SEEN'
shares of the day add up to 1.000
hours above 35.5: degree_time 4.1, a sine 2.9
hours above 34.5: degree_time 7.1, a sine 5.1
hours below 23.5: degree_time 1.6, a sine 5.1
mean of the day: degree_time 30.9, degree_days 29.0
degree-days above 30: degree_time 2.42, degree_days 1.75
SEEN
cmp found expected
