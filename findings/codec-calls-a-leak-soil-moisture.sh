#!/bin/sh
# npm @intelligent-farming/lorawan-codec-normalization 0.2.2: the codec of Tektelic's Smart Room Sensor (base) gives
# the state of a leak detector as `soil.moisture` in per cent, so that a wet floor has 255 %.
#
# Channel 0x09, type 0x00 of that device is one byte: 0x00 dry, 0xFF wet (the maker's technical reference calls it
# "moisture"; the device stands on a floor). In a ChirpStack device profile the codec answers like a soil probe: dry
# is 0 % soil moisture, in range and believable; wet is 255 %, which the package's own vocabulary (percentage, at most
# 100) forbids. Do not water by the soil moisture of an indoor device.
#
# Needs node and npm.
#
# Output seen, on 2026-11-28:
#   dry: {"soil":{"moisture":0},"make":"tektelic","model":"t000489x-smart-room-base"}
#   wet: {"soil":{"moisture":255},"make":"tektelic","model":"t000489x-smart-room-base"}
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @intelligent-farming/lorawan-codec-normalization@0.2.2 > /dev/null
tar xzf ./*.tgz
cat > look.js <<'JS'
const fs = require("fs"), vm = require("vm");
const codec = vm.createContext({});
vm.runInContext(fs.readFileSync("package/codecs/tektelic/t000489x-smart-room-base/codec.js", "utf8"), codec);
for (const [name, state] of [["dry", 0], ["wet", 255]]) {
  codec.input = { fPort: 10, bytes: [0x09, 0x00, state] };
  console.log(`${name}: ${JSON.stringify(vm.runInContext("decodeUplink(input).data", codec))}`);
}
JS
node look.js | tee said
grep -q '^dry: {"soil":{"moisture":0}' said
grep -q '^wet: {"soil":{"moisture":255}' said
