#!/bin/sh
# PyPI ngsildclient 0.5.2 gives today's observations the time at which the program was started, perhaps weeks ago.
#
# NGSI-LD's data models have a property `dateObserved`, and `Entity.obs()`, "a helper method to set the frequently
# used dateObserved property", sets it. Its time may be omitted, and a user then expects the present time. But the
# default is `iso8601.utcnow()` in the function's definition, which Python evaluates once, when the module is loaded.
# `tprop(name)` and `mktprop(name)` have the same default. An agent that keeps running and makes an entity of every
# reading gives all of them the same time.
#
# The time is right in every test and on the day of the start. Later, a broker that keeps history (temporal interface)
# has one moment with only the last value, or thousands of values of one moment, and a check for stale readings warns
# although all is well. Besides, `observedAt` keeps only whole seconds: 06:30:00.250 and 06:30:00.750 become one
# moment. Pass the time in every call. We found no issue upstream.
#
# Output seen, on 2026-11-30:
#   obs() three seconds after the import: 3 seconds old
#   tprop("dateObserved") likewise: 3 seconds old
#   with a time of its own: 0 seconds old
#   observedAt of 06:30:00.250 and 06:30:00.750: 2026-11-29T06:30:00Z 2026-11-29T06:30:00Z
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check ngsildclient==0.5.2
cat > observe.py << 'PY'
import time
from datetime import UTC, datetime, timedelta

from ngsildclient import Entity

IMPORTED = datetime.now(UTC)

def gauge():
    return Entity("WaterLevelObserved", "gauge", ctx="https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld")

def age(entity):
    seen = datetime.fromisoformat(entity.to_dict()["dateObserved"]["value"]["@value"])
    return f"{min(3, int((now - seen).total_seconds()))} seconds old"

now = IMPORTED + timedelta(seconds=3)
time.sleep(3)
print("obs() three seconds after the import:", age(gauge().obs()))
print('tprop("dateObserved") likewise:', age(gauge().tprop("dateObserved")))
print("with a time of its own:", age(gauge().obs(now)))
times = []
for milliseconds in (250, 750):
    moment = datetime(2026, 11, 29, 6, 30, 0, milliseconds * 1000, tzinfo=UTC)
    times.append(gauge().prop("level", 1.2, observedat=moment).to_dict()["level"]["observedAt"])
print("observedAt of 06:30:00.250 and 06:30:00.750:", *times)
PY
venv/bin/python observe.py | tee found
cat > expected << 'SEEN'
obs() three seconds after the import: 3 seconds old
tprop("dateObserved") likewise: 3 seconds old
with a time of its own: 0 seconds old
observedAt of 06:30:00.250 and 06:30:00.750: 2026-11-29T06:30:00Z 2026-11-29T06:30:00Z
SEEN
cmp found expected
