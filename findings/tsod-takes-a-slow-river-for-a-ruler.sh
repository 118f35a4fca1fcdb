#!/bin/sh
# PyPI tsod 0.3.0: a river that rose by 46 to 55 mm a day, measured, is found to be drawn with a ruler; in mm it is not.
#
# `ConstantGradientDetector` of tsod (DHI) is for stretches that somebody filled by linear interpolation: three steps and
# more of one slope. It takes the slope per second, and then its parent's test, a range of at most 1e-7, the tolerance
# of which the parent documents for values in their own unit, as the rounding of a computer. For a slope per second in
# metres it is 8.6 mm a day. Daily levels of a river or of groundwater, and most that is measured by the day, change by
# less than that from one day to the next, so all of it is an anomaly. It depends on the unit alone, and neither the
# limit nor the unit can be given (`window_size` is its only argument; what is set afterwards, `_threshold`, is private).
#
# What a cleaning of data throws out is then the whole record of the flood season, and nothing of one in centimetres.
# Give it values of a unit in which the slope is great (mm), which finds what is truly drawn with a ruler as well. We
# found no issue upstream.
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
