#!/bin/sh
# PyPI drought-indices-python 0.1.4 calls the driest October of thirty years near normal, and nearly every February of
# a monsoon climate dry.
#
# The Standardized Precipitation Index compares a month with the same month of other years: so WMO's guide to it
# (WMO-No. 1090) explains the time scales, and Edwards and McKee (1997) fit one distribution to each calendar month.
# `calculate_spi` fits one gamma distribution to all months together. Its result is the season: dry months are below
# zero and wet ones above, whatever the year is like; three months ending in March are here never above -1.3. A month
# without rain gets -4.6, although such months can be common: instead of their share (q in H(x) = q + (1 - q) G(x)) it
# takes the probability of a millionth of a millimetre. `calculate_spei` has the same one fit. PyPI standard-precip
# 2.0.0 fits by month.
#
# Where a flood season should bring the year's rain and does not, an alarm by this index stays silent, and it sounds
# each dry season. Give it one calendar month at a time, as a series of its own. We found no issue upstream.
#
# Output seen, on 2026-11-30 (thirty invented years; one month in six should be below -1):
#   driest October, 26 mm: drought-indices -0.60, standard-precip -2.17
#   median October: drought-indices 0.87, standard-precip -0.00
#   median February: drought-indices -1.44, standard-precip -0.00
#   Februaries below -1: drought-indices 29, standard-precip 5
#   three months to March: drought-indices -2.09 to -1.35, standard-precip -2.10 to 2.10
#   by calculate_spei, 120 mm evaporating each month: driest October -0.73, median October 0.67, median February -0.90
#   a February without rain, as ten of thirty: drought-indices -4.61, standard-precip -0.43
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check drought-indices-python==0.1.4 standard-precip==2.0.0 pandas==3.1.1 \
  scipy==1.17.1
cat > rain.py << 'PY'
import numpy
import pandas
from drought_indices_python import calculate_spei, calculate_spi
from scipy.stats import gamma
from standard_precip.spi import SPI

MEAN, YEARS = (8, 4, 12, 45, 190, 220, 225, 230, 250, 270, 130, 35), 30 # mm a month, as in the Mekong delta
MONTHS = pandas.date_range("1991-01-01", periods=12 * YEARS, freq="MS")
february, march, october = (MONTHS.month == month for month in (2, 3, 10))

def rain_of(month): # thirty evenly likely amounts for each calendar month, in another order each
    share = ((month.year * 7 + month.month * 11) % YEARS + 0.5) / YEARS
    return gamma.ppf(share, 2, scale=MEAN[month.month - 1] / 2)

def both(rain, scale=1):
    table = SPI().calculate(pandas.DataFrame({"date": MONTHS, "rain": rain}), "date", "rain", freq="M", scale=scale,
                            fit_type="mle", dist_type="gam")
    (name,) = [name for name in table if name.endswith("calculated_index")]
    return calculate_spi(rain, scale, 1991, 1991, 2020), table[name].values.astype(float)

def show(case, one, two):
    print(f"{case}: drought-indices {one}, standard-precip {two}")

rain = numpy.array([rain_of(month) for month in MONTHS])
found = both(rain)
driest = numpy.flatnonzero(october)[rain[october].argmin()]
show(f"driest October, {rain[driest]:.0f} mm", *(f"{index[driest]:.2f}" for index in found))
show("median October", *(f"{numpy.median(index[october]):.2f}" for index in found))
show("median February", *(f"{numpy.median(index[february]):.2f}" for index in found))
show("Februaries below -1", *((index[february] < -1).sum() for index in found))
seasons = [index[march][1:] for index in both(rain, 3)] # the first year's has only January to March
show("three months to March", *(f"{season.min():.2f} to {season.max():.2f}" for season in seasons))
index = calculate_spei(rain, numpy.full(len(rain), 120.0), 1, 1991, 1991, 2020)
print(f"by calculate_spei, 120 mm evaporating each month: driest October {index[driest]:.2f}, median October "
      f"{numpy.median(index[october]):.2f}, median February {numpy.median(index[february]):.2f}")
rain[numpy.flatnonzero(february)[::3]] = 0
show("a February without rain, as ten of thirty", *(f"{index[february][0]:.2f}" for index in both(rain)))
PY
venv/bin/python -W ignore rain.py | tee found
cat > expected << 'SEEN'
driest October, 26 mm: drought-indices -0.60, standard-precip -2.17
median October: drought-indices 0.87, standard-precip -0.00
median February: drought-indices -1.44, standard-precip -0.00
Februaries below -1: drought-indices 29, standard-precip 5
three months to March: drought-indices -2.09 to -1.35, standard-precip -2.10 to 2.10
by calculate_spei, 120 mm evaporating each month: driest October -0.73, median October 0.67, median February -0.90
a February without rain, as ten of thirty: drought-indices -4.61, standard-precip -0.43
SEEN
cmp found expected
