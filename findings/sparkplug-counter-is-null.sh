#!/bin/sh
# npm sparkplug-payload 1.0.3 (Eclipse Tahu's) reads null for a counter, UInt32, that PyPI pysparkplug 0.6.1 or
# mqtt-spb-wrapper 2.1.2 sent, and for a battery of 87 per cent from esio-spb-builder 0.1.0.
#
# A metric of Sparkplug B names its type, and has its value in one of several fields. By the specification (3.0.0,
# chapter 6, "Datatype Details"), Int8 to Int32 and UInt8 to UInt32 go into the 32-bit field, Int64 and UInt64 into
# the 64-bit field. Tahu's Node package writes UInt32 into the 64-bit field and looks for it only there; pysparkplug
# and mqtt-spb-wrapper follow the specification. esio-spb-builder chooses by the sign: Int64 goes into 32 bits (for a
# value that needs more, or below zero, it raises ValueError), UInt8 into 64. Node finds the field of the type empty
# and returns null without an error; the two Python packages read whichever field is filled. With esio, `bdSeq` is
# null too: an Int64 that it adds itself, by which a host knows whether a late will belongs to this session.
#
# The pulses of a rain gauge, a water meter or a pump are unsigned 32-bit numbers in nearly every register. Declare
# UInt64 or Double for them. (UInt32 is known upstream: eclipse-tahu/tahu issue 397, open. We found none about
# esio-spb-builder.)
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-30:
#   UInt8 87 of Node: Node 87, pysparkplug 87, mqtt-spb-wrapper 87
#   UInt8 87 of pysparkplug: Node 87, pysparkplug 87, mqtt-spb-wrapper 87
#   UInt8 87 of mqtt-spb-wrapper: Node 87, pysparkplug 87, mqtt-spb-wrapper 87
#   UInt8 87 of esio-spb-builder: Node null, pysparkplug 87, mqtt-spb-wrapper 87
#   UInt32 70000 of Node: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
#   UInt32 70000 of pysparkplug: Node null, pysparkplug 70000, mqtt-spb-wrapper 70000
#   UInt32 70000 of mqtt-spb-wrapper: Node null, pysparkplug 70000, mqtt-spb-wrapper 70000
#   UInt32 70000 of esio-spb-builder: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
#   Int64 70000 of Node: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
#   Int64 70000 of pysparkplug: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
#   Int64 70000 of mqtt-spb-wrapper: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
#   Int64 70000 of esio-spb-builder: Node null, pysparkplug 70000, mqtt-spb-wrapper 70000
#   UInt64 70000 of Node: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
#   UInt64 70000 of pysparkplug: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
#   UInt64 70000 of mqtt-spb-wrapper: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
#   UInt64 70000 of esio-spb-builder: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . sparkplug-payload@1.0.3
for one in pysparkplug mqtt-spb-wrapper esio-spb-builder; do # each wants its own protobuf
  python3 -m venv $one
done
pysparkplug/bin/pip install -q --disable-pip-version-check pysparkplug==0.6.1
mqtt-spb-wrapper/bin/pip install -q --disable-pip-version-check mqtt-spb-wrapper==2.1.2
esio-spb-builder/bin/pip install -q --disable-pip-version-check esio-spb-builder==0.1.0
cat > node.js << 'JS'
const { encodePayload, decodePayload } = require("sparkplug-payload").get("spBv1.0");
const [what, type, value] = process.argv.slice(2);
if (what === "write") {
  const metrics = [{ name: "count", timestamp: 1, type, value: Number(value) }];
  console.log(Buffer.from(encodePayload({ timestamp: 1, metrics, seq: 0 })).toString("hex"));
} else {
  const { metrics } = decodePayload(Buffer.from(what, "hex"));
  console.log(String(metrics.find(({ name }) => name === "count").value));
}
JS
cat > pysparkplug.py.txt << 'PY'
import sys

from pysparkplug import DataType, Metric
from pysparkplug._protobuf import Payload

what, *more = sys.argv[1:]
payload = Payload()
if what == "write":
    kind, value = more
    payload.timestamp = 1
    count = Metric(timestamp=1, name="count", datatype=DataType[kind.upper()], value=int(value))
    payload.metrics.append(count.to_pb(include_dtype=True))
    print(payload.SerializeToString().hex())
else:
    payload.ParseFromString(bytes.fromhex(what))
    (count,) = [one for one in payload.metrics if one.name == "count"]
    print(Metric.from_pb(count).value)
PY
cat > mqtt-spb-wrapper.py.txt << 'PY'
import sys

from mqtt_spb_wrapper import MetricDataType, MqttSpbEntityDevice, SpbPayloadParser

what, *more = sys.argv[1:]
if what == "write":
    kind, value = more
    device = MqttSpbEntityDevice("field", "gateway", "meter")
    device.data.set_value("count", int(value), timestamp=1, spb_data_type=getattr(MetricDataType, kind))
    print(bytes(device.serialize_payload_data()).hex())
else:
    metrics = SpbPayloadParser().parse_payload(bytes.fromhex(what))["metrics"]
    print(*[one["value"] for one in metrics if one["name"] == "count"])
PY
cat > esio-spb-builder.py.txt << 'PY'
import sys

from esio_spb_builder import EdgeNodeFactory, SpBConfigurationManager

_, kind, value = sys.argv[1:]
config = SpBConfigurationManager()
config.add_group("field", "")
count = {"name": "count", "data_type": kind, "value": int(value)}
config.add_node(group_id="field", node_id="gateway", description="", metrics=[count])
print(bytes(EdgeNodeFactory(config).create_edge_node("field", "gateway").birth_certificate().serialize()).hex())
PY
run() {
  case $1 in
    Node) node node.js "$2" "${3-}" "${4-}" ;;
    *) "$1/bin/python" "$1.py.txt" "$2" "${3-}" "${4-}" ;;
  esac
}
for metric in "UInt8 87" "UInt32 70000" "Int64 70000" "UInt64 70000"; do
  for writer in Node pysparkplug mqtt-spb-wrapper esio-spb-builder; do
    sent=$(run $writer write $metric)
    printf '%s of %s:' "$metric" $writer
    for reader in Node pysparkplug mqtt-spb-wrapper; do
      printf ' %s %s%s' $reader "$(run $reader "$sent")" "$([ $reader = mqtt-spb-wrapper ] || echo ,)"
    done
    echo
  done
done | tee found
cat > expected << 'SEEN'
UInt8 87 of Node: Node 87, pysparkplug 87, mqtt-spb-wrapper 87
UInt8 87 of pysparkplug: Node 87, pysparkplug 87, mqtt-spb-wrapper 87
UInt8 87 of mqtt-spb-wrapper: Node 87, pysparkplug 87, mqtt-spb-wrapper 87
UInt8 87 of esio-spb-builder: Node null, pysparkplug 87, mqtt-spb-wrapper 87
UInt32 70000 of Node: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
UInt32 70000 of pysparkplug: Node null, pysparkplug 70000, mqtt-spb-wrapper 70000
UInt32 70000 of mqtt-spb-wrapper: Node null, pysparkplug 70000, mqtt-spb-wrapper 70000
UInt32 70000 of esio-spb-builder: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
Int64 70000 of Node: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
Int64 70000 of pysparkplug: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
Int64 70000 of mqtt-spb-wrapper: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
Int64 70000 of esio-spb-builder: Node null, pysparkplug 70000, mqtt-spb-wrapper 70000
UInt64 70000 of Node: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
UInt64 70000 of pysparkplug: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
UInt64 70000 of mqtt-spb-wrapper: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
UInt64 70000 of esio-spb-builder: Node 70000, pysparkplug 70000, mqtt-spb-wrapper 70000
SEEN
cmp found expected
