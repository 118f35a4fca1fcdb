#!/bin/sh
# PyPI eflowpy 1.0.1 gives as the "7Q10" of a river the lowest week ever measured, and by Tessman's method four tenths
# of the water of a dry month, where that method leaves it all in the river.
#
# 7Q10 is the flow over seven days that is undercut in one year of ten: the lowest week of each year is taken, and of
# these the value with a probability of a tenth (EPA-833-B-23-001; USGS Open-File Report 2021-1111). `SevenQ10` takes
# the minimum of all weeks, with no years in it, though its documentation speaks of ten years. So a long record gives
# less than a short one, and a year of gauging already gives a result.
#
# Tessman (1980), as Pastor and others (2014) have it: of a month whose mean is below 0.4 of the year's mean, all; of
# one below the year's mean, 0.4 of the year's mean; of a month above, 0.4 of its own. `Tessman` gives 0.4 of each
# month (as Qlow), also in the months that the rule is made for.
#
# In the dry season the river holds back the salt. A permit to pump that leaves these flows lets it in. Compute both
# yourself, from yearly minima and the two means. We found no issue upstream.
#
# Output seen, on 2026-11-30 (forty invented years, m³/s):
#   7Q10 of 10 years: eflowpy 10.8 (undercut in 0 years), once in ten years 11.1
#   7Q10 of 20 years: eflowpy 10.8 (undercut in 0 years), once in ten years 12.6
#   7Q10 of 40 years: eflowpy 9.2 (undercut in 0 years), once in ten years 12.5
#   Tessman, April with 19% of the year's mean: eflowpy 10.7, the rule 26.7
#   Tessman, June with 67% of the year's mean: eflowpy 36.6, the rule 55.0
#   Tessman, October with 180% of the year's mean: eflowpy 99.1, the rule 99.1
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check eflowpy==1.0.1 pandas==2.3.3 scipy==1.17.1 matplotlib==3.11.2
cat > low.py << 'PY'
import numpy
import pandas
from eflowpy.hydrological.sevenq10 import SevenQ10
from eflowpy.hydrological.tessman import Tessman
from scipy.stats import lognorm

YEARS = 40
days = pandas.date_range("1981-01-01", f"{1980 + YEARS}-12-31", freq="D")
season = 1 + 9 * numpy.sin(numpy.pi * (days.dayofyear - 100) / 365) ** 2 # lowest in April
dry = lognorm.ppf((((days.year - 1981) * 7 + 6) % YEARS + 0.5) / YEARS, 0.35, scale=20) # a dry or wet year
flow = pandas.Series(season * dry, index=days)

def once_in_ten_years(flow):
    lowest = flow.rolling(7).mean().groupby(flow.index.year).min().sort_values()
    rank = numpy.arange(1, len(lowest) + 1) / (len(lowest) + 1) # Weibull's plotting position
    return numpy.interp(0.1, rank, lowest)

for years in 10, 20, 40:
    part = flow[: f"{1980 + years}-12-31"]
    found, right = SevenQ10(part).calculate()["7Q10"], once_in_ten_years(part)
    under = (part.rolling(7).mean().groupby(part.index.year).min() < found - 1e-9).sum()
    print(f"7Q10 of {years} years: eflowpy {found:.1f} (undercut in {under} years), once in ten years {right:.1f}")
year = flow["1990"]
found, mean = Tessman(year).calculate()["Qlow"], year.mean()
for month in "April", "June", "October":
    own = year[year.index.month_name() == month].mean()
    left = found[found.index.month_name() == month].item()
    right = own if own < 0.4 * mean else max(0.4 * mean, 0.4 * own)
    print(f"Tessman, {month} with {own / mean:.0%} of the year's mean: eflowpy {left:.1f}, the rule {right:.1f}")
PY
venv/bin/python -W ignore low.py | tee found
cat > expected << 'SEEN'
7Q10 of 10 years: eflowpy 10.8 (undercut in 0 years), once in ten years 11.1
7Q10 of 20 years: eflowpy 10.8 (undercut in 0 years), once in ten years 12.6
7Q10 of 40 years: eflowpy 9.2 (undercut in 0 years), once in ten years 12.5
Tessman, April with 19% of the year's mean: eflowpy 10.7, the rule 26.7
Tessman, June with 67% of the year's mean: eflowpy 36.6, the rule 55.0
Tessman, October with 180% of the year's mean: eflowpy 99.1, the rule 99.1
SEEN
cmp found expected
