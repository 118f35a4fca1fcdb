#!/bin/sh
# PyPI vi-lunaire 2026.4.11 gives every day from 1901 to 1999 a wrong date of Vietnam's lunar calendar, a month or two
# early, and 64 of them the day 0.
#
# It accepts the years 1900 to 2100. It counts new moons from January 2000 and cuts fractions off with Python's int(),
# which rounds towards zero: down after that day, and up before it, so that before 2000 the eleventh month, from which
# the others of a year are numbered, begins a month or two too late. Its `lunar_to_solar` does not lead back to the
# same day either. From 2000 on it agrees with PyPI vnlunar 1.0.5 and lunar-vn 1.4.0, which agree with each other in
# all years here. Its documentation mentions that 2039 and 2071 may differ from the official calendar, and nothing
# about the past.
#
# Tết, and the feasts and days of death that families keep, of those years are wrong; and the great floods with which
# today's are compared (1978, 1996) or storm Linda (1997) fall into another season of that calendar. Use one of the
# other two. We found no issue upstream.
#
# Output seen, on 2026-11-30 (day/month/year):
#   1978-09-02: vi-lunaire 1/6/1978, the other two 1/8/1978
#   1985-01-21: vi-lunaire 1/11/1984, the other two 1/1/1985
#   1997-11-02: vi-lunaire 3/8/1997, the other two 3/10/1997
#   2000-02-05: vi-lunaire 1/1/2000, the other two 1/1/2000
#   1901 to 1999: 36159 of 36159 days wrong, 64 of them the day 0
#   2000 to 2026: 0 of 9862 days wrong, 0 of them the day 0
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check vi-lunaire==2026.4.11 vnlunar==1.0.5 lunar-vn==1.4.0
cat > days.py << 'PY'
from datetime import date, timedelta

from lunar_vn import solar_to_lunar as lunar_vn
from vi_lunaire import solar_to_lunar as vi_lunaire
from vnlunar import convert_solar_to_lunar as vnlunar

def both(day):
    this = vi_lunaire(day.year, day.month, day.day)
    one, two = vnlunar(day.day, day.month, day.year, 7), lunar_vn(day)
    other = one["day"], one["month"], one["year"], bool(one["leap"])
    assert other == (two.day, two.month, two.year, two.leap)
    return (this.day, this.month, this.year, this.leap), other

for day in date(1978, 9, 2), date(1985, 1, 21), date(1997, 11, 2), date(2000, 2, 5):
    this, other = ("/".join(str(part) for part in found[:3]) for found in both(day))
    print(f"{day}: vi-lunaire {this}, the other two {other}")
for first, last in (1901, 1999), (2000, 2026):
    start, end = date(first, 1, 1), date(last + 1, 1, 1)
    pairs = [both(start + timedelta(n)) for n in range((end - start).days)]
    wrong = sum(this != other for this, other in pairs)
    zero = sum(this[0] == 0 for this, _ in pairs)
    print(f"{first} to {last}: {wrong} of {len(pairs)} days wrong, {zero} of them the day 0")
PY
venv/bin/python days.py | tee found
cat > expected << 'SEEN'
1978-09-02: vi-lunaire 1/6/1978, the other two 1/8/1978
1985-01-21: vi-lunaire 1/11/1984, the other two 1/1/1985
1997-11-02: vi-lunaire 3/8/1997, the other two 3/10/1997
2000-02-05: vi-lunaire 1/1/2000, the other two 1/1/2000
1901 to 1999: 36159 of 36159 days wrong, 64 of them the day 0
2000 to 2026: 0 of 9862 days wrong, 0 of them the day 0
SEEN
cmp found expected
