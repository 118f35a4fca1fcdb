#!/bin/sh
# PyPI pydrght 0.2.1 and aquacropeto 0.1.1 give a hot April in the Mekong delta two fifths more evaporation than
# Thornthwaite's method, which both name.
#
# Thornthwaite (1948) computes the water that a month could evaporate from its mean temperature by a power law, with
# an exponent from the temperatures of the whole year, and says that this ends at 26.5 °C: there the laws of all places
# meet, and above it he has one table for all, in which evaporation rises ever more slowly. Willmott, Rowe and Mintz
# (1985) give the table as -415.85 + 32.24 T - 0.43 T² mm. Both packages use the power law for every temperature; their
# documentation names the article, and no limit. (So does climate-indices 3.1.0.) PyPI agrometeorologiapy 1.0.1 and
# pydrought 0.2 have the table. Below the limit the tools agree to a millimetre.
#
# In the tropics nine months of a year lie above the limit. A balance of rain and evaporation, or an index of drought
# (SPEI), made of these numbers finds the hot months drier than they are, the more so the hotter they are. Apply the
# formula above 26.5 °C yourself. We found no issue upstream.
#
# Output seen, on 2026-11-30 (mm a month, 10.3 degrees north):
#   January, 25.5 °C: pydrght 110, aquacropeto 111, agrometeorologiapy 111
#   March, 27.4 °C: pydrght 154, aquacropeto 154, agrometeorologiapy 149
#   April, 30.6 °C: pydrght 239, aquacropeto 239, agrometeorologiapy 171
#   May, 28.7 °C: pydrght 194, aquacropeto 194, agrometeorologiapy 167
#   the year: pydrght 1853, aquacropeto 1853, agrometeorologiapy 1718
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydrght==0.2.1 aquacropeto==0.1.1 agrometeorologiapy==1.0.1 \
  pandas==3.1.1 scipy==1.17.1 matplotlib==3.11.2
cat > year.py << 'PY'
import math

import aquacropeto
import pandas
from agrometeorologiapy import en as agrometeorologiapy
from pydrght.pet.thornthwaite import thornthwaite

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")
MEANS, NORTH = (25.5, 26.1, 27.4, 30.6, 28.7, 28.1, 27.6, 27.5, 27.3, 27.2, 26.8, 25.8), 10.3
hours = aquacropeto.monthly_mean_daylight_hours(math.radians(NORTH))
found = {
    "pydrght": list(thornthwaite("2025-01", pandas.Series(MEANS), NORTH)["MonthlyPET"]),
    "aquacropeto": aquacropeto.thornthwaite(MEANS, hours),
    "agrometeorologiapy": list(
        agrometeorologiapy.pet_thornthwaite(pandas.DataFrame({"T_mean_C": MEANS}), lat=NORTH)["PET_mm_month"]
    ),
}
for month in "January", "March", "April", "May":
    n = MONTHS.index(month)
    print(f"{month}, {MEANS[n]} °C:", ", ".join(f"{name} {values[n]:.0f}" for name, values in found.items()))
print("the year:", ", ".join(f"{name} {sum(values):.0f}" for name, values in found.items()))
PY
venv/bin/python -W ignore year.py | tee found
cat > expected << 'SEEN'
January, 25.5 °C: pydrght 110, aquacropeto 111, agrometeorologiapy 111
March, 27.4 °C: pydrght 154, aquacropeto 154, agrometeorologiapy 149
April, 30.6 °C: pydrght 239, aquacropeto 239, agrometeorologiapy 171
May, 28.7 °C: pydrght 194, aquacropeto 194, agrometeorologiapy 167
the year: pydrght 1853, aquacropeto 1853, agrometeorologiapy 1718
SEEN
cmp found expected
