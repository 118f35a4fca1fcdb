#!/bin/sh
# PyPI pyngsi 2.1.10 sends a reading of 08:00 in Viet Nam as one of 08:00 UTC, seven hours too late, although the time
# that it is given says +07:00.
#
# A DateTime of NGSI is ISO 8601 with its zone, and Z means UTC (FIWARE-NGSI v2, "Special Attribute Types"). For a
# datetime, `DataModel.add` writes its day and hour as they stand, with a Z behind; `datetime_to_iso8601` of
# pyngsi.utils.iso8601 does the same. For a datetime without a zone it must assume something, but one with a zone is one
# certain moment. A comment in the code says that the value must be in UTC; the README does not, and there is no error.
# PyPI ngsildclient 0.5.2 converts the same datetime.
#
# A broker then has readings of the future: for seven hours the newest level is one that is still to come, and a tide
# comes in when it goes out. Convert first: `.astimezone(timezone.utc)`.
#
# Output seen, on 2026-11-30:
#   given: 2026-11-30T08:00:00+07:00
#   pyngsi: 2026-11-30T08:00:00Z, 7:00:00 off
#   pyngsi, converted before: 2026-11-30T01:00:00Z, 0:00:00 off
#   pyngsi.utils.iso8601.datetime_to_iso8601: 2026-11-30T08:00:00Z, 7:00:00 off
#   ngsildclient: 2026-11-30T01:00:00Z, 0:00:00 off
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check ngsildclient==0.5.2
venv/bin/pip install -q --disable-pip-version-check --no-deps pyngsi==2.1.10 # its module ngsi needs only geojson, which is there
cat > moment.py << 'PY'
from datetime import datetime

READ = datetime.fromisoformat("2026-11-30T08:00:00+07:00")

def tell(name, sent):
    print(f"{name}: {sent}, {datetime.fromisoformat(sent.replace('Z', '+00:00')) - READ} off")
PY
cat > with-pyngsi.py << 'PY'
from datetime import timezone

from moment import READ, tell
from pyngsi.ngsi import DataModel
from pyngsi.utils.iso8601 import datetime_to_iso8601

print("given:", READ.isoformat())
for name, time in (("pyngsi", READ), ("pyngsi, converted before", READ.astimezone(timezone.utc))):
    gauge = DataModel("gauge", "WaterLevel")
    gauge.add("dateObserved", time)
    tell(name, gauge["dateObserved"]["value"])
tell("pyngsi.utils.iso8601.datetime_to_iso8601", datetime_to_iso8601(READ))
PY
cat > with-ngsildclient.py << 'PY'
from moment import READ, tell
from ngsildclient import Entity

gauge = Entity("WaterLevel", "gauge")
gauge.prop("level", 1.2, observedat=READ)
tell("ngsildclient", gauge.to_dict()["level"]["observedAt"])
PY
{
  venv/bin/python with-pyngsi.py
  venv/bin/python with-ngsildclient.py
} | tee found
cat > expected << 'SEEN'
given: 2026-11-30T08:00:00+07:00
pyngsi: 2026-11-30T08:00:00Z, 7:00:00 off
pyngsi, converted before: 2026-11-30T01:00:00Z, 0:00:00 off
pyngsi.utils.iso8601.datetime_to_iso8601: 2026-11-30T08:00:00Z, 7:00:00 off
ngsildclient: 2026-11-30T01:00:00Z, 0:00:00 off
SEEN
cmp found expected
