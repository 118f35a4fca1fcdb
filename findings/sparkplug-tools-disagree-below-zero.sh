#!/bin/sh
# npm sparkplug-payload 1.0.3 (Eclipse Tahu's), PyPI pysparkplug 0.6.1 and mqtt-spb-wrapper 2.1.2: a water level of
# -35 cm that one of them writes as Int16 or Int8 is 65501 or an error for another.
#
# Sparkplug B puts small signed numbers into an unsigned field of 32 bits, and does not define how wide a negative
# number is written. JavaScript's package writes 32 bits, FFFFFFDD, and expects 32 bits when it reads; the two Python
# packages write the 16 or 8 bits of the type, FFDD. So Node reads 65501 from a Python node without an error, while
# pysparkplug raises OverflowError for Node's value (pysparkplug issue 26, open); mqtt-spb-wrapper reads both. Int32
# is -35 everywhere. We found no issue about Node's side.
#
# In a tidal canal a gauge is often below its zero mark. Declare Int32 or Float, whatever the width of the sensor's
# register.
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-29:
#   Int16 of Node, ddffffff0f: Node -35, pysparkplug OverflowError, mqtt-spb-wrapper -35
#   Int16 of pysparkplug, ddff03: Node 65501, pysparkplug -35, mqtt-spb-wrapper -35
#   Int16 of mqtt-spb-wrapper, ddff03: Node 65501, pysparkplug -35, mqtt-spb-wrapper -35
#   Int32 of Node, ddffffff0f: Node -35, pysparkplug -35, mqtt-spb-wrapper -35
#   Int32 of pysparkplug, ddffffff0f: Node -35, pysparkplug -35, mqtt-spb-wrapper -35
#   Int32 of mqtt-spb-wrapper, ddffffff0f: Node -35, pysparkplug -35, mqtt-spb-wrapper -35
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . sparkplug-payload@1.0.3
for one in pysparkplug mqtt-spb-wrapper; do # they require different versions of protobuf
  python3 -m venv $one
done
pysparkplug/bin/pip install -q --disable-pip-version-check pysparkplug==0.6.1
mqtt-spb-wrapper/bin/pip install -q --disable-pip-version-check mqtt-spb-wrapper==2.1.2
cat > node.js << 'JS'
const { encodePayload, decodePayload } = require("sparkplug-payload").get("spBv1.0");
const [what, type] = process.argv.slice(2);
if (what === "write") {
  const payload = { timestamp: 1, metrics: [{ name: "level", timestamp: 1, type, value: -35 }], seq: 0 };
  console.log(Buffer.from(encodePayload(payload)).toString("hex"));
} else console.log(decodePayload(Buffer.from(what, "hex")).metrics[0].value);
JS
cat > pysparkplug.py.txt << 'PY'
import sys

from pysparkplug import DataType, Metric
from pysparkplug._protobuf import Payload

what, *kind = sys.argv[1:]
payload = Payload()
if what == "write":
    payload.timestamp = 1
    level = Metric(timestamp=1, name="level", datatype=DataType[kind[0].upper()], value=-35)
    payload.metrics.append(level.to_pb(include_dtype=True))
    print(payload.SerializeToString().hex())
else:
    payload.ParseFromString(bytes.fromhex(what))
    try:
        print(Metric.from_pb(payload.metrics[0]).value)
    except OverflowError as error:
        print(type(error).__name__)
PY
cat > mqtt-spb-wrapper.py.txt << 'PY'
import sys

from mqtt_spb_wrapper import MetricDataType, MqttSpbEntityDevice, SpbPayloadParser

what, *kind = sys.argv[1:]
if what == "write":
    device = MqttSpbEntityDevice("field", "gateway", "gauge")
    device.data.set_value("level", -35, timestamp=1, spb_data_type=getattr(MetricDataType, kind[0]))
    print(bytes(device.serialize_payload_data()).hex())
else:
    print(SpbPayloadParser().parse_payload(bytes.fromhex(what))["metrics"][0]["value"])
PY
run() {
  case $1 in
    Node) node node.js "$2" "${3-}" ;;
    *) "$1/bin/python" "$1.py.txt" "$2" "${3-}" ;;
  esac
}
for type in Int16 Int32; do
  for writer in Node pysparkplug mqtt-spb-wrapper; do
    sent=$(run $writer write $type)
    field=$(echo "$sent" | sed 's/.*50\(dd[0-9a-f]*\)18.*/\1/; s/.*50\(dd[0-9a-f]*\)$/\1/') # int_value is field 10
    printf '%s of %s, %s:' $type $writer "$field"
    for reader in Node pysparkplug mqtt-spb-wrapper; do
      printf ' %s %s%s' $reader "$(run $reader "$sent")" "$([ $reader = mqtt-spb-wrapper ] || echo ,)"
    done
    echo
  done
done | tee found
cat > expected << 'SEEN'
Int16 of Node, ddffffff0f: Node -35, pysparkplug OverflowError, mqtt-spb-wrapper -35
Int16 of pysparkplug, ddff03: Node 65501, pysparkplug -35, mqtt-spb-wrapper -35
Int16 of mqtt-spb-wrapper, ddff03: Node 65501, pysparkplug -35, mqtt-spb-wrapper -35
Int32 of Node, ddffffff0f: Node -35, pysparkplug -35, mqtt-spb-wrapper -35
Int32 of pysparkplug, ddffffff0f: Node -35, pysparkplug -35, mqtt-spb-wrapper -35
Int32 of mqtt-spb-wrapper, ddffffff0f: Node -35, pysparkplug -35, mqtt-spb-wrapper -35
SEEN
cmp found expected
