#!/bin/sh
# npm lpp-node-extended 2.0.0 reads air of 80 per cent humidity as -1.92, and sunlight of 40,000 lux as -25,536;
# @crapougnax/cayennelpp 1.2.0 has the same sunlight below zero.
#
# Cayenne LPP has humidity in one byte without a sign, in half per cents, and illuminance in two bytes without a sign
# (Cayenne's table of data types: 104, "0.5 % unsigned"; 101, "1 Lux unsigned"). lpp-node-extended takes the byte as
# signed and divides it by 50: 60 per cent (120) is 2.4, and from 64 per cent on all values are below zero; the air of
# the delta is seldom drier. Presence (102) is undefined. Temperature and analogue values are right. Both
# packages take illuminance as signed, so daylight from 32,768 lux on is negative. Neither raises an error. npm
# cayenne-lpp 1.0.2 reads all of them correctly.
#
# A dryer or a mushroom house that is controlled by this number never sees moist air, and a filter for values out of
# range removes the noon of every day. We found no issue about these packages (The Things Network's decoder once had the
# same error with humidity: TheThingsArchive/ttn issue 597, closed).
#
# Needs node and npm.
#
# Output seen, on 2026-11-30 (humidity of 60, 80 and 100 %; 30,000 and 40,000 lux; 30 °C):
#   lpp-node-extended: 2.4 -1.92 -1.12 30000 -25536 30
#   @crapougnax/cayennelpp: 60 80 100 30000 -25536 30
#   cayenne-lpp: 60 80 100 30000 40000 30
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . lpp-node-extended@2.0.0 \
  @crapougnax/cayennelpp@1.2.0 cayenne-lpp@1.0.2
cat > read.js << 'JS'
const frame = Buffer.from("016878" + "0268a0" + "0368c8" + "04657530" + "05659c40" + "0667012c", "hex");
console.log("lpp-node-extended:", ...require("lpp-node-extended").decode(frame).map(({ data }) => data));
const { LPPDecoder } = require("@crapougnax/cayennelpp/lib/decoder");
const channels = new LPPDecoder(frame).getChannels();
console.log("@crapougnax/cayennelpp:", ...Object.values(channels).flatMap(Object.values));
console.log("cayenne-lpp:", ...require("cayenne-lpp").decoder.decode(frame).flatMap(Object.values));
JS
node read.js | tee found
cat > expected << 'SEEN'
lpp-node-extended: 2.4 -1.92 -1.12 30000 -25536 30
@crapougnax/cayennelpp: 60 80 100 30000 -25536 30
cayenne-lpp: 60 80 100 30000 40000 30
SEEN
cmp found expected
