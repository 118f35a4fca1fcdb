#!/bin/sh
# PyPI tsod 0.3.0 takes measured levels of a river that rose by 46 to 55 mm a day for interpolated ones; in mm it does
# not.
#
# `ConstantGradientDetector` of tsod (DHI) finds stretches that somebody filled by linear interpolation: three and
# more steps of one slope. It computes the slope per second and then applies its parent's test, a range of at most
# 1e-7, which the parent documents as a tolerance for rounding errors in the unit of the values. For a slope in metres
# per second this is 8.6 mm a day. The slope of daily levels of a river or of groundwater, and of most daily values,
# changes by less than that from one day to the next, so all of them count as anomalies. The result depends only on
# the unit, and neither the limit nor the unit can be given (`window_size` is the only argument; `_threshold`, set
# afterwards, is private).
#
# A data cleaning thus throws out the whole record of a flood season in metres, and nothing of one in centimetres.
# Give the detector values in a unit in which the slope is large (mm), which still finds real interpolations. We found
# no issue upstream.
#
# Output seen, on 2026-11-30:
#   measured, in m: 10 of 10 found
#   measured, in mm: 0 of 10 found
#   from the first to the last day by ruler, in m: 10 of 10 found
#   from the first to the last day by ruler, in mm: 10 of 10 found
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tsod==0.3.0 pandas==2.3.3
cat > clean.py << 'PY'
import numpy
import pandas
import tsod

MEASURED = [2.103, 2.155, 2.202, 2.252, 2.306, 2.352, 2.400, 2.455, 2.502, 2.549] # m, a day apart
ruler = numpy.linspace(MEASURED[0], MEASURED[-1], len(MEASURED))
for name, levels in (("measured", MEASURED), ("from the first to the last day by ruler", ruler)):
    for unit, factor in (("m", 1), ("mm", 1000)):
        days = pandas.date_range("2026-08-20", periods=len(levels), freq="D")
        found = tsod.ConstantGradientDetector().detect(pandas.Series(levels, index=days) * factor)
        print(f"{name}, in {unit}: {found.sum()} of {len(found)} found")
PY
venv/bin/python clean.py | tee found
cat > expected << 'SEEN'
measured, in m: 10 of 10 found
measured, in mm: 0 of 10 found
from the first to the last day by ruler, in m: 10 of 10 found
from the first to the last day by ruler, in mm: 10 of 10 found
SEEN
cmp found expected
