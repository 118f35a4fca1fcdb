#!/bin/sh
# PyPI mqtt2influxdb 2.0.6 (HARDWARIO) never stores a field computed from `soil_moisture`, or stores another value for
# it.
#
# The bridge's configuration names the values of a message: `$.payload.soil_moisture` as it is, or computed, `=
# $.payload.soil_moisture / 10` ("Mathematical expressions for computed fields"). For a computation it turns each path
# into a name in which every point is an underscore, and then turns every underscore back into a point, so that it
# looks for `$.payload.soil.moisture`. Without a computation it finds the same path. `--test` reports that the
# configuration is valid. Each message then leaves two lines of error in the log, and is stored without the field. If
# a device does send an object `soil` with a `moisture` as well (another probe, for example), that value is stored
# without any error.
#
# Most names in the JSON of sensors have underscores. Store the value as it is and compute in the query, or let the
# device send a name of one word. (With today's influxdb3-python the bridge needs `http://` before the host, which its
# README omits.) We found no issue upstream.
#
# Output seen, on 2026-11-30:
#   Configuration file is valid.
#   {"soil_moisture": 315, "ph": 68}
#     stored: soil,node=a ph=6.8,raw=315i
#   {"soil_moisture": 315, "ph": 68, "soil": {"moisture": 70}}
#     stored: soil,node=a ph=6.8,raw=315i,soil_moisture=7
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check mqtt2influxdb==2.0.6 influxdb3-python==0.21.0
cat > bridge.yml << 'YAML'
mqtt: {host: localhost, port: 1883}
influxdb: {host: "http://localhost", token: none, org: field, bucket: readings}
points:
  - measurement: soil
    topic: field/+/telemetry
    fields:
      raw: $.payload.soil_moisture
      soil_moisture: = $.payload.soil_moisture / 10
      ph: = $.payload.ph / 10
    tags:
      node: $.topic[1]
YAML
cat > take.py << 'PY'
import json
import logging
from types import SimpleNamespace

from mqtt2influxdb import Mqtt2InfluxDB, load_config

class Store:
    def write(self, point, database):
        print("  stored:", point.to_line_protocol().rpartition(" ")[0])

logging.disable(logging.CRITICAL)
with open("bridge.yml") as file:
    bridge = Mqtt2InfluxDB(load_config(file))
bridge._influxdb = Store() # instead of a server; and messages come from here instead of a broker
for payload in ({"soil_moisture": 315, "ph": 68}, {"soil_moisture": 315, "ph": 68, "soil": {"moisture": 70}}):
    text = json.dumps(payload)
    print(text)
    bridge._on_mqtt_message(None, None, SimpleNamespace(topic="field/a/telemetry", payload=text.encode(), qos=1))
PY
{
  venv/bin/mqtt2influxdb --config bridge.yml --test
  venv/bin/python take.py
} | tee found
cat > expected << 'SEEN'
Configuration file is valid.
{"soil_moisture": 315, "ph": 68}
  stored: soil,node=a ph=6.8,raw=315i
{"soil_moisture": 315, "ph": 68, "soil": {"moisture": 70}}
  stored: soil,node=a ph=6.8,raw=315i,soil_moisture=7
SEEN
cmp found expected
