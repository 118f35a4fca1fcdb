#!/bin/sh
# npm influxdb-lite 1.1.0 (and its older twin influxdb-v1 1.0.4): its command writes a pump that is off as one that is
# on.
#
# `influxdb-lite insert … --fields running=false` sends `running=true`: the command makes Boolean("false"), and in
# JavaScript every text but the empty one is true. So no false can be written from a script or a timer. A field
# without a value (a sensor that did not answer, in a shell script) becomes the number 0, a reading like any other,
# and a value with an equals sign in it ends there. The functions of the package, called from JavaScript, write false
# as false and an empty text as an empty text.
#
# Whoever reports a pump, a door or a sluice by a shell script sees it running or open all the time. Send the line
# with any HTTP client instead. We found no issue upstream.
#
# Needs node and npm.
#
# Output seen, on 2026-11-30:
#   influxdb-lite insert running=true: pump running=true
#   influxdb-lite insert running=false: pump running=true
#   influxdb-lite insert level=: pump level=0
#   influxdb-lite insert note=pH=7: pump note="pH"
#   influxdb-v1 insert running=false: pump running=true
#   write({ running: false, note: "" }): pump running=false,note=""
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . influxdb-lite@1.1.0 influxdb-v1@1.0.4
cat > pump.mjs << 'JS'
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { promisify } from "node:util";
import influx from "influxdb-lite";

let told = "";
const store = createServer(async (request, response) => {
  told = "";
  for await (const part of request) told += part;
  response.writeHead(204).end();
}).listen(0, "127.0.0.1");
await once(store, "listening");
const url = `http://127.0.0.1:${store.address().port}`;
for (const [tool, field] of [["influxdb-lite", "running=true"], ["influxdb-lite", "running=false"],
  ["influxdb-lite", "level="], ["influxdb-lite", "note=pH=7"], ["influxdb-v1", "running=false"]]) {
  await promisify(execFile)(`node_modules/.bin/${tool}`,
    ["insert", "--url", url, "--db", "field", "--measurement", "pump", "--fields", field]);
  console.log(`${tool} insert ${field}: ${told}`);
}
await influx.write({ url, db: "field" }, [{ measurement: "pump", fields: { running: false, note: "" } }]);
console.log(`write({ running: false, note: "" }): ${told}`);
process.exit();
JS
node pump.mjs | tee found
cat > expected << 'SEEN'
influxdb-lite insert running=true: pump running=true
influxdb-lite insert running=false: pump running=true
influxdb-lite insert level=: pump level=0
influxdb-lite insert note=pH=7: pump note="pH"
influxdb-v1 insert running=false: pump running=true
write({ running: false, note: "" }): pump running=false,note=""
SEEN
cmp found expected
