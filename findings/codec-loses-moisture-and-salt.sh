#!/bin/sh
# npm @intelligent-farming/lorawan-codec-normalization 0.2.2 reads only the temperature of Milesight's soil probe
# EM500-SMTC with today's firmware, no moisture and no salt; and it reads a probe that does not answer as very salty
# soil.
#
# The probe once sent moisture in one byte of half per cents (channel 04, type 68). It now sends two bytes of
# hundredths (04 CA; Milesight's page and decoder for it, em-series/em500-smtc in Milesight-IoT/SensorDecoders, have
# both). The codec knows only the old form and stops at an unknown type, so it loses the moisture and the conductivity
# behind it, and returns the rest as a good reading. Its codec of the EM500-SMT does the same. Milesight also sends
# FFFF if the probe cannot be read, and FFFD if a value is out of range; the codec takes these for numbers: 65.535
# dS/m, or -0.1 °C.
#
# A dashboard then shows a probe that is alive and lacks two of its three lines, and a controller that goes by
# conductivity shuts the water off because of a loose cable. Use Milesight's decoder and rename its fields, and refuse
# soil temperatures below zero where readings arrive: for the temperature that decoder compares a signed number with
# 65535, so -0.1 passes there too. We found no issue upstream.
#
# Needs node and npm.
#
# Output seen, on 2026-11-30:
#   28.1 °C, moisture, 240 µS/cm as once sent: {"temperature":28.1,"moisture":57.5,"ec":0.24}
#   28.1 °C, moisture, 240 µS/cm as sent now (Milesight's example): {"temperature":28.1}
#   the same, by the codec of the EM500-SMT: {"temperature":28.1}
#   the probe cannot be read: {"temperature":-0.1,"moisture":57.5,"ec":65.535}
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @intelligent-farming/lorawan-codec-normalization@0.2.2
cat > decode.js << 'JS'
const { codecScript } = require("@intelligent-farming/lorawan-codec-normalization");
const vm = require("vm");
function soil(device, hex) {
  const codec = vm.createContext({ input: { fPort: 85, bytes: [...Buffer.from(hex, "hex")] } });
  vm.runInContext(codecScript("milesight-iot", device), codec);
  return JSON.stringify(vm.runInContext("decodeUplink(input).data.soil", codec));
}
for (const [name, device, hex] of [
  ["28.1 °C, moisture, 240 µS/cm as once sent", "em500-smtc", "017564 03671901 046873 057FF000"],
  ["28.1 °C, moisture, 240 µS/cm as sent now (Milesight's example)", "em500-smtc", "017564 03671901 04CA7300 057FF000"],
  ["the same, by the codec of the EM500-SMT", "em500-smt", "017564 03671901 04CA7300 057FF000"],
  ["the probe cannot be read", "em500-smtc", "017564 0367FFFF 046873 057FFFFF"],
]) {
  console.log(`${name}: ${soil(device, hex.replace(/ /g, ""))}`);
}
JS
node decode.js | tee found
cat > expected << 'SEEN'
28.1 °C, moisture, 240 µS/cm as once sent: {"temperature":28.1,"moisture":57.5,"ec":0.24}
28.1 °C, moisture, 240 µS/cm as sent now (Milesight's example): {"temperature":28.1}
the same, by the codec of the EM500-SMT: {"temperature":28.1}
the probe cannot be read: {"temperature":-0.1,"moisture":57.5,"ec":65.535}
SEEN
cmp found expected
