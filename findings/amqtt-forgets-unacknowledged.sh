#!/bin/sh
# amqtt 0.12.1: what a persistent session has not acknowledged is not sent again after a reconnection.
#
# MQTT 3.1.1, 4.4: a client that comes back with clean session 0 gets every QoS 1 message that it has not
# acknowledged once more. Here a subscriber leaves before it acknowledges the first of two messages and comes
# back to the same session, which the broker says is there; the second message comes, sent while it was away,
# and the first does not. Mosquitto 2 sends both. A gateway that acknowledges only what is on disk loses with
# this broker what it held when it was killed.
#
# Output seen, on 2026-11-28:
#   session present: True
#   after the return: ['second']
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q "amqtt==0.12.1" "paho-mqtt==2.1.0"
cat > "$work/try.py" <<'PY'
import asyncio
import logging
import socket
import threading
import time

from amqtt.broker import Broker
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

logging.disable(logging.CRITICAL)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]


def serve():
    async def run():
        await Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False}},
            }
        ).start()
        await asyncio.sleep(60)

    asyncio.run(run())


def client(name, clean):
    made = Client(CallbackAPIVersion.VERSION2, name, clean, protocol=MQTTv311, manual_ack=not clean)
    made.username_pw_set(name)  # amqtt keeps no session of those who do not say who they are
    return made


def connected(one, **on):
    came = threading.Event()
    flags = []
    one.on_connect = lambda c, u, f, r, p: (flags.append(f.session_present), came.set())
    one.connect("127.0.0.1", port)
    one.loop_start()
    assert came.wait(10)
    return flags[0]


threading.Thread(target=serve, daemon=True).start()
time.sleep(2)
heard = []
first = client("keeper", False)
first.on_message = lambda c, u, m: heard.append(m.payload.decode())
subscribed = threading.Event()
first.on_subscribe = lambda *a: subscribed.set()
connected(first)
first.subscribe("field/+", 1)
assert subscribed.wait(10)
sender = client("sender", True)
connected(sender)
sender.publish("field/a", "first", 1).wait_for_publish(10)
time.sleep(1)
assert heard == ["first"]
first.disconnect()
first.loop_stop()
sender.publish("field/a", "second", 1).wait_for_publish(10)
time.sleep(1)
heard.clear()
again = client("keeper", False)
again.on_message = lambda c, u, m: heard.append(m.payload.decode())
print("session present:", connected(again))
time.sleep(8)
print("after the return:", heard)
PY
"$work/venv/bin/python" "$work/try.py" | tee "$work/said"
grep -qx "session present: True" "$work/said"
grep -qx "after the return: \['second'\]" "$work/said"
