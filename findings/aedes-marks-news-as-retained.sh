#!/bin/sh
# npm aedes 1.2.0: a flood alarm that was kept for a siren while it was away comes with the mark of an old, retained
# message; if the siren is there, the same alarm comes without.
#
# MQTT 3.1.1, 3.3.1.3: the RETAIN flag is 1 on a message that a client gets because it has just subscribed, so that it
# can tell the old state from news. On a message for a subscription that it has already, the flag is 0, whatever the
# sender had set [MQTT-3.3.1-9]. A persistent session keeps its subscription, and what was sent meanwhile is news to
# it. aedes clears the flag for those who are connected only; what it keeps for the others is sent with the flag as
# the sender set it, although no subscription was made.
#
# Programs that must not act on old state, a siren or a counter of alarms, skip messages with the flag, as they are
# meant to. On this broker such a program misses each alarm that the sender wants retained and that falls into a loss
# of the network. Compare the time in the payload instead of the flag. We found no issue about the flag; that
# messages sent again are not marked (DUP) and that the QoS of overlapping subscriptions is the last one's are issues
# 601 and 1074 (both open).
#
# Needs node and npm.
#
# Output seen, on 2026-11-30:
#   sent while the siren is there: 1.2 m, retain false
#   sent while it is away: 4.5 m, retain true
#   a new subscriber: 4.5 m, retain true
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . aedes@1.2.0 mqtt@5.16.0
cat > away.mjs << 'JS'
import { once } from "node:events";
import net from "node:net";
import { Aedes } from "aedes";
import mqtt from "mqtt";

const server = net.createServer((await Aedes.createBroker()).handle).listen(0, "127.0.0.1");
await once(server, "listening");
async function connected(clientId, clean = false) {
  const client = mqtt.connect(`mqtt://127.0.0.1:${server.address().port}`, { clientId, clean, protocolVersion: 4 });
  client.first = new Promise((heard) => client.on("message", (topic, payload, packet) => heard({ payload, packet })));
  await once(client, "connect");
  return client;
}
async function show(when, client) {
  const { payload, packet } = await client.first;
  console.log(`${when}: ${payload}, retain ${packet.retain}`);
  await client.endAsync();
}
const gauge = await connected("gauge", true);
const say = (level) => gauge.publishAsync("level", level, { qos: 1, retain: true });
const siren = await connected("siren");
await siren.subscribeAsync("level", { qos: 1 });
await say("1.2 m");
await show("sent while the siren is there", siren);
await say("4.5 m");
await show("sent while it is away", await connected("siren"));
const other = await connected("other", true);
await other.subscribeAsync("level", { qos: 1 });
await show("a new subscriber", other);
process.exit();
JS
node away.mjs | tee found
cat > expected << 'SEEN'
sent while the siren is there: 1.2 m, retain false
sent while it is away: 4.5 m, retain true
a new subscriber: 4.5 m, retain true
SEEN
cmp found expected
