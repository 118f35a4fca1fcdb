#!/bin/sh
# PyPI HydroErr 2.0.0 gives a perfect forecast of six months an anomaly correlation of 0.83, and a forecast that knows
# nothing but the season 0.96.
#
# The anomaly correlation says how well a forecast finds what is unusual: forecast and measurement are both taken from
# the normal value of that month, so that repeating the normal shows no skill (WMO-No. 485, Manual on the Global
# Data-processing and Forecasting System; Murphy and Epstein 1989). `acc` takes both from their own mean instead, so
# that it is the ordinary correlation, and the season counts as skill. And it divides by the number of values, but
# uses standard deviations that divide by one less (ddof=1): the result is too small by (n - 1) / n and cannot reach
# the 1 that its documentation gives for a perfect one. `pearson_r` in the same package gives 1. hydrostats uses it.
#
# A forecast of the flood season that only repeats the average year passes the limit of 0.6 that is often set; two
# forecasts compared over records of unlike length are judged by the length. Subtract the normals first, and use
# `pearson_r`. We found no issue upstream.
#
# Output seen, on 2026-11-30:
#   perfect, 6 months: acc 0.833, pearson_r 1.000
#   perfect, 60 months: acc 0.983, pearson_r 1.000
#   the average year repeated: acc 0.96
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check HydroErr==2.0.0 numpy==2.4.6
cat > skill.py << 'PY'
import HydroErr
import numpy

NORMAL = numpy.array([1.2, 0.8, 0.6, 0.5, 0.7, 1.3, 2.1, 3.0, 3.8, 3.9, 3.0, 1.9]) # level in m, an average year
unusual = 0.4 * numpy.sin(numpy.arange(60) * 2.4) # what five years had beside it
levels = numpy.tile(NORMAL, 5) + unusual
for months in 6, 60:
    part = levels[:months]
    print(f"perfect, {months} months: acc {HydroErr.acc(part, part):.3f}, pearson_r {HydroErr.pearson_r(part, part):.3f}")
season = numpy.tile(NORMAL, 5)
print(f"the average year repeated: acc {HydroErr.acc(season, levels):.2f}")
PY
venv/bin/python -W ignore skill.py | tee found
cat > expected << 'SEEN'
perfect, 6 months: acc 0.833, pearson_r 1.000
perfect, 60 months: acc 0.983, pearson_r 1.000
the average year repeated: acc 0.96
SEEN
cmp found expected
