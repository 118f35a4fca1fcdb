#!/bin/sh
# PyPI dt-suntime 1.0.0 gives for any day in Vietnam the sunrise of the next day, so that the sun rises after it has set
# and it is never daytime.
#
# `get_local_sunrise_time(day, local_time_zone=...)` computes the time of day in UTC and puts the date before it that
# was asked for. In Vietnam the sun rises at about 22:40 UTC of the day before. The 22:40 of the same date is converted
# to local time, and is the morning of the next day; sunset, about 11:00 UTC, is right. So `sunrise < now < sunset` is
# false all day, every day, at all places where it dawns before midnight UTC, as in East Asia; in America sunset is a
# day early instead. Nothing in the documentation says that the date is one of UTC, and the time zone of a datetime
# that is passed is ignored as well. PyPI astral 3.2 gives both of one local day.
#
# A pump that shall run on solar power by day never runs, and the street lamps of a village burn all day. Take a day
# off a sunrise that is later than the sunset. The package is a fork of suntime, where this is issue 16 (closed); we
# found no issue about the fork.
#
# Output seen, on 2026-11-30 (Đồng Tháp, UTC+7):
#   2026-06-21: dt-suntime 2026-06-22 05:37 to 2026-06-21 18:21, astral 2026-06-21 05:37 to 2026-06-21 18:21
#   2026-12-21: dt-suntime 2026-12-22 06:10 to 2026-12-21 17:41, astral 2026-12-21 06:10 to 2026-12-21 17:40
#   2026: the sun rises after it sets on 365 of 365 days by dt-suntime, on 0 by astral
#   daytime at noon: dt-suntime on 0 days, astral on 365
#   in New York, 2026-06-21: sunset by dt-suntime 2026-06-20 20:30, by astral 2026-06-21 20:30
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check dt-suntime==1.0.0 astral==3.2
cat > days.py << 'PY'
from datetime import date, datetime, time, timedelta, timezone

from astral import Observer
from astral.sun import sunrise, sunset
from suntime import Sun

VIETNAM, PLACE = timezone(timedelta(hours=7)), (10.46, 105.63)

def dt_suntime(day):
    sun = Sun(*PLACE)
    return (sun.get_local_sunrise_time(day, local_time_zone=VIETNAM),
            sun.get_local_sunset_time(day, local_time_zone=VIETNAM))

def astral(day):
    observer = Observer(*PLACE)
    return sunrise(observer, day, tzinfo=VIETNAM), sunset(observer, day, tzinfo=VIETNAM)

def shown(both):
    return " to ".join(f"{moment:%Y-%m-%d %H:%M}" for moment in both)

for day in date(2026, 6, 21), date(2026, 12, 21):
    print(f"{day}: dt-suntime {shown(dt_suntime(day))}, astral {shown(astral(day))}")
days = [date(2026, 1, 1) + timedelta(n) for n in range(365)]
turned, light = {}, {}
for tool in dt_suntime, astral:
    spans = [(datetime.combine(day, time(12), VIETNAM), *tool(day)) for day in days]
    turned[tool] = sum(up > down for _, up, down in spans)
    light[tool] = sum(up < noon < down for noon, up, down in spans)
print(f"2026: the sun rises after it sets on {turned[dt_suntime]} of {len(days)} days by dt-suntime, on {turned[astral]} "
      "by astral")
print(f"daytime at noon: dt-suntime on {light[dt_suntime]} days, astral on {light[astral]}")
day, zone, place = date(2026, 6, 21), timezone(timedelta(hours=-4)), (40.71, -74.01)
by_both = Sun(*place).get_local_sunset_time(day, local_time_zone=zone), sunset(Observer(*place), day, tzinfo=zone)
print(f"in New York, {day}: sunset by dt-suntime {by_both[0]:%Y-%m-%d %H:%M}, by astral {by_both[1]:%Y-%m-%d %H:%M}")
PY
venv/bin/python days.py | tee found
cat > expected << 'SEEN'
2026-06-21: dt-suntime 2026-06-22 05:37 to 2026-06-21 18:21, astral 2026-06-21 05:37 to 2026-06-21 18:21
2026-12-21: dt-suntime 2026-12-22 06:10 to 2026-12-21 17:41, astral 2026-12-21 06:10 to 2026-12-21 17:40
2026: the sun rises after it sets on 365 of 365 days by dt-suntime, on 0 by astral
daytime at noon: dt-suntime on 0 days, astral on 365
in New York, 2026-06-21: sunset by dt-suntime 2026-06-20 20:30, by astral 2026-06-21 20:30
SEEN
cmp found expected
