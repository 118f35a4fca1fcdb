#!/bin/sh
# PyPI spotpy 1.6.7 gives a model that is 20 per cent too salty a pbias of 20, where its documentation gives -20, and
# a bias below zero.
#
# PBIAS says by how much a model is above or below the measurements. There are two conventions for its sign. spotpy's
# documentation of `pbias` has measured minus modelled, like Moriasi and others (2007) and PyPI hydroeval 0.1.0, so
# that a model that gives too much is below zero. The code computes modelled minus measured. Its `bias`, two functions
# further on, was corrected in 2018 (spotpy issue 94) and follows the documentation, so the two have opposite signs in
# the one table that `calculate_all_functions` makes. A correction by this pbias makes a model of salt or flow worse
# by the same amount.
#
# A second fault is in both: hours without a modelled value (NaN) are left out of the numerator and counted in the
# denominator, so a model that lacks half of them seems half as wrong. Leave out gaps first, and turn the sign
# yourself, or use hydroeval, which gives NaN for a gap. We found no issue about either.
#
# Output seen, on 2026-11-30:
#   all of it 20 % too salt: spotpy pbias 20.0, spotpy bias -0.30, hydroeval pbias -20.0
#   half of that is missing: spotpy pbias 9.7, spotpy bias -0.14, hydroeval pbias nan
#   spotpy's formula: 100 * \frac{\sum_{i=1}^{N}(e_{i}-s_{i})}{\sum_{i=1}^{N}(e_{i})}
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check spotpy==1.6.7 hydroeval==0.1.0
cat > salt.py << 'PY'
import hydroeval
import numpy
from spotpy import objectivefunctions as spotpy

measured = numpy.array([0.3, 0.5, 1.1, 2.0, 3.4, 2.7, 1.4, 0.6]) # g/L
modelled = measured * 1.2
missing = numpy.where(numpy.arange(8) % 2, modelled, numpy.nan)
for name, model in (("all of it 20 % too salt", modelled), ("half of that is missing", missing)):
    found = spotpy.pbias(measured, model), spotpy.bias(measured, model), hydroeval.pbias(model, measured)
    print("{}: spotpy pbias {:.1f}, spotpy bias {:.2f}, hydroeval pbias {:.1f}".format(name, *found))
(formula,) = [line for line in spotpy.pbias.__doc__.splitlines() if "PBias=" in line]
print("spotpy's formula:", formula.partition("PBias=")[2].strip())
PY
venv/bin/python salt.py | tee found
cat > expected << 'SEEN'
all of it 20 % too salt: spotpy pbias 20.0, spotpy bias -0.30, hydroeval pbias -20.0
half of that is missing: spotpy pbias 9.7, spotpy bias -0.14, hydroeval pbias nan
spotpy's formula: 100 * \frac{\sum_{i=1}^{N}(e_{i}-s_{i})}{\sum_{i=1}^{N}(e_{i})}
SEEN
cmp found expected
