#!/bin/sh
# PyPI lunardate 0.3.0, LunarCalendar 0.0.9 and lunar_python 1.4.8 give China's calendar: of the years 1976 to 2098,
# their first day of the first month is not Tết in 1985, 2007, 2030 and 2053.
#
# Both calendars follow one rule, Vietnam's at UTC+7 and China's at UTC+8: a new moon between 23:00 and midnight in Hà
# Nội falls on the next day in Beijing. In three of those years Tết is a day earlier, and in 1985, when the two
# calendars had different leap months, 30 days. None of the three has an argument for the meridian, and none has
# "China" in its name. Crops for Tết (flowers of Sa Đéc, mandarins of Lai Vung) are planned backwards from that day; a
# harvest planned with these packages for 2030 reaches a market that is closed. PyPI vnlunar 1.0.5 takes the meridian
# as `time_zone`, by default 7; with 8 it gives the others' days, so nothing else separates them.
#
# Output seen, on 2026-11-28:
#   1985: vnlunar 1985-01-21, the others 1985-02-20
#   2007: vnlunar 2007-02-17, the others 2007-02-18
#   2030: vnlunar 2030-02-02, the others 2030-02-03
#   2053: vnlunar 2053-02-18, the others 2053-02-19
#   at UTC+8 vnlunar and the others: 0 of 123 years differ
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check vnlunar==1.0.5 lunardate==0.3.0 LunarCalendar==0.0.9 lunar_python==1.4.8
venv/bin/python - << 'PY' | tee found
from datetime import date
from lunar_python import Lunar as Python
from lunarcalendar import Converter, Lunar
from lunardate import LunarDate
from vnlunar import convert_lunar_to_solar

def vietnam(year, zone):
    day, month, year = convert_lunar_to_solar(1, 1, year, 0, zone)
    return date(year, month, day)

def others(year):
    third = Python.fromYmd(year, 1, 1).getSolar()
    return {
        LunarDate(year, 1, 1).to_solar_date(),
        Converter.Lunar2Solar(Lunar(year, 1, 1, isleap=False)).to_date(),
        date(third.getYear(), third.getMonth(), third.getDay()),
    }

years = range(1976, 2099)
for year in years:
    (china,) = others(year)
    if vietnam(year, 7) != china:
        print(f"{year}: vnlunar {vietnam(year, 7)}, the others {china}")
apart = [year for year in years if {vietnam(year, 8)} != others(year)]
print(f"at UTC+8 vnlunar and the others: {len(apart)} of {len(years)} years differ")
PY
cat > expected << 'SEEN'
1985: vnlunar 1985-01-21, the others 1985-02-20
2007: vnlunar 2007-02-17, the others 2007-02-18
2030: vnlunar 2030-02-02, the others 2030-02-03
2053: vnlunar 2053-02-18, the others 2053-02-19
at UTC+8 vnlunar and the others: 0 of 123 years differ
SEEN
cmp found expected
