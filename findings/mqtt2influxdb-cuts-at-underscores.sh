#!/bin/sh
# PyPI mqtt2influxdb 2.0.6 (HARDWARIO): a field that is computed from `soil_moisture` is never stored, or is another's.
#
# The bridge takes from a message what its configuration says: `$.payload.soil_moisture` as it is, or reckoned with,
# `= $.payload.soil_moisture / 10` ("Mathematical expressions for computed fields"). For the reckoning it makes names
# without points out of the paths, each point an underscore, and turns them back: every underscore becomes a point, so
# it looks for `$.payload.soil.moisture`. Without a reckoning the same path is found. `--test` says that the configuration
# is valid. Each message then leaves two lines of error in the log and is stored without the field; and where a device
# does send an object `soil` with a `moisture` beside (another probe, say), that one's value is stored, and nothing told.
#
# Names with underscores are what JSON of sensors mostly has. Store the value as it is and reckon in the query, or
# have the device name it in one word. (With today's influxdb3-python the bridge wants `http://` before the host, which
# its README has without.) We found no issue upstream.
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
