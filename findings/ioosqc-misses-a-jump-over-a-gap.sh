#!/bin/sh
# PyPI ioos-qc 3.0.0 flags a jump of ten degrees as suspect, but as good once a single reading before it is missing.
#
# `rate_of_change_test` compares each value with the one before. If that one is missing (NaN, or masked) there is no
# difference, and the flag keeps its initial value 1: good, the same as for a value that was examined and passed. "Not
# evaluated" would be 2. If the row with the gap is left out altogether, the same jump over the same twenty minutes is
# found. So two files of one sensor, one on a regular grid and one without empty rows, get two answers. A probe that
# fails for one reading and returns with another value is exactly the case that the test is for.
#
# `flat_line_test` has a fault of its own: it requires the range to be less than `tolerance`, so with tolerance 0,
# which is also its default, a sensor that repeats one number for hours is never found; with a billionth it is. (Issue
# 68 is about other losses of that test around gaps.) Drop empty rows first and give a tolerance above zero. We found
# no issue about either.
#
# Output seen, on 2026-11-29 (25.0, then 35.0, readings ten minutes apart, two degrees in that time too many):
#   25.1 before it: suspect
#   nothing before it, as NaN: good
#   nothing before it, row left out: suspect
#   two hours of 25.0, tolerance 0: good
#   two hours of 25.0, tolerance 1e-09: fail
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check ioos-qc==3.0.0
cat > jump.py << 'PY'
import numpy
from ioos_qc.qartod import QartodFlags, flat_line_test, rate_of_change_test

WORDS = {QartodFlags.GOOD: "good", QartodFlags.SUSPECT: "suspect", QartodFlags.FAIL: "fail"}
TIMES = numpy.datetime64("2026-11-29T00:00", "ns") + numpy.arange(13) * numpy.timedelta64(10, "m")

def jump(values, times):
    flags = rate_of_change_test(inp=values, tinp=times, threshold=2 / 600)
    return WORDS[flags[values.index(35.0)]]

print("25.1 before it:", jump([25.0, 25.1, 35.0, 35.1], TIMES[:4]))
print("nothing before it, as NaN:", jump([25.0, numpy.nan, 35.0, 35.1], TIMES[:4]))
print("nothing before it, row left out:", jump([25.0, 35.0, 35.1], TIMES[[0, 2, 3]]))
for tolerance in 0, 1e-9:
    stuck = flat_line_test(
        inp=numpy.full(13, 25.0), tinp=TIMES, suspect_threshold=3600, fail_threshold=7200, tolerance=tolerance
    )
    print(f"two hours of 25.0, tolerance {tolerance}:", WORDS[stuck[-1]])
PY
venv/bin/python jump.py | tee found
cat > expected << 'SEEN'
25.1 before it: suspect
nothing before it, as NaN: good
nothing before it, row left out: suspect
two hours of 25.0, tolerance 0: good
two hours of 25.0, tolerance 1e-09: fail
SEEN
cmp found expected
