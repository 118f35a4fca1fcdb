#!/bin/sh
# PyPI spotpy 1.6.7: a model that is 20 per cent too salt has a pbias of 20, by its documentation of -20, and a bias
# below zero.
#
# PBIAS says by how much a model is above or below what was measured. There are two customs for its sign; spotpy's
# documentation of `pbias` has measured less modelled, as Moriasi and others (2007) and PyPI hydroeval 0.1.0 have it, and
# there a model that gives too much is below zero. The code takes modelled less measured. Its `bias`, two functions on,
# was put right in 2018 (thouska/spotpy issue 94) and goes by the documentation, so that the two of one table, which
# `calculate_all_functions` makes, point opposite ways. Who corrects by it makes a model of salt or flow worse by
# as much again.
#
# A second thing, of both: hours in which the model has no value (NaN) are left out above the line and counted below, so
# that a model which lacks half of them is half as wrong. Leave gaps out before, and turn the sign by yourself, or take
# hydroeval, which gives NaN for a gap. We found no issue about either.
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
