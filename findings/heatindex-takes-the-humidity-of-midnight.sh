#!/bin/sh
# PyPI mpg-heatindex 0.2.3 computes the heat of an afternoon in the Mekong delta with the humidity of seven in the
# morning: 53 degrees where 39 are right.
#
# It asks Open-Meteo for the current weather and for hourly humidity, in one request, and joins the current temperature
# with the first hour. Open-Meteo's documentation of the forecast says that the hours begin at 0:00 of today, and that
# the time zone is GMT if none is asked for, and none is. So the humidity is that of midnight in London, which is 7:00
# in Vietnam, near the most humid moment of the day, at any hour of asking. (`current_weather` has its own time, by
# which the hour could be found.)
#
# The equation itself (Rothfusz, National Weather Service SR 90-23) is right where it is valid; but the Service uses it
# only from about 80 degrees Fahrenheit, and a simpler one below. The package uses it always: a cool dry morning of 20
# degrees comes out as 25. PyPI meteocalc 1.1.0 has both equations.
#
# The Service calls 39 degrees "extreme caution", 53 "extreme danger": people in the fields would be warned every sunny
# afternoon, and stop to listen. Use meteocalc with two values of one time. We found no issue upstream.
#
# Output seen, on 2026-11-30 (an invented answer of the form that Open-Meteo documents):
#   asked at 14:00 in Vietnam: 33 °C and 89 % (07:00), heat index 53.0
#   meteocalc, 33 °C and 59 % (14:00): 39.2
#   20 °C and 40 %: mpg-heatindex 25.2, meteocalc 19.1
#   24 °C and 95 %: mpg-heatindex 23.1, meteocalc 24.9
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check mpg-heatindex==0.2.3 meteocalc==1.1.0
cat > heat.py << 'PY'
from urllib.parse import parse_qs, urlsplit

import requests
from heat_package import index
from meteocalc import Temp, heat_index

HUMIDITY = [89, 85, 79, 73, 68, 64, 61, 59, 60, 63, 68, 73, 78, 81, 83, 85, 87, 88, 90, 91, 92, 93, 93, 91] # by GMT
asked = []

class Answer:
    status_code = 200

    def raise_for_status(self):
        pass

    def json(self):
        hours = [f"2026-04-15T{hour:02}:00" for hour in range(24)]
        return {
            "utc_offset_seconds": 0, "timezone": "GMT",
            "current_weather": {"time": hours[7], "temperature": 33.0},
            "hourly": {"time": hours, "relativehumidity_2m": HUMIDITY},
        }

def get(url, timeout):
    asked.append(parse_qs(urlsplit(url).query))
    return Answer()

def meteocalc(temperature, humidity):
    return f"{heat_index(Temp(temperature, 'c'), humidity).c:.1f}"

requests.get = get # nothing goes out
temperature, humidity = index.getPublicAPIDATA(10.46, 105.63)
assert "timezone" not in asked[0]
hour = f"{(HUMIDITY.index(humidity) + 7) % 24:02}:00"
found = index.headIndexEquation(temperature, humidity)
print(f"asked at 14:00 in Vietnam: {temperature:.0f} °C and {humidity} % ({hour}), heat index {found:.1f}")
print(f"meteocalc, 33 °C and {HUMIDITY[7]} % (14:00): {meteocalc(33, HUMIDITY[7])}")
for temperature, humidity in (20, 40), (24, 95):
    found = index.headIndexEquation(temperature, humidity)
    print(f"{temperature} °C and {humidity} %: mpg-heatindex {found:.1f}, meteocalc {meteocalc(temperature, humidity)}")
PY
venv/bin/python heat.py | tee found
cat > expected << 'SEEN'
asked at 14:00 in Vietnam: 33 °C and 89 % (07:00), heat index 53.0
meteocalc, 33 °C and 59 % (14:00): 39.2
20 °C and 40 %: mpg-heatindex 25.2, meteocalc 19.1
24 °C and 95 %: mpg-heatindex 23.1, meteocalc 24.9
SEEN
cmp found expected
