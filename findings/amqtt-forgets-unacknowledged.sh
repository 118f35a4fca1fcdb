#!/bin/sh
# amqtt 0.12.1 does not resend the unacknowledged messages of a persistent session after a reconnection.
#
# MQTT 3.1.1, 4.4: a client that reconnects with clean session 0 gets every QoS 1 message again that it has not
# acknowledged. Here a subscriber is sent two messages: it disconnects before it acknowledges the first, and the
# second is sent while it is away. It returns to the same session, which the broker reports as present, and gets the
# second message but not the first. Mosquitto 2 sends both. With amqtt, a gateway that acknowledges only messages on
# disk loses those that it held when it was killed.
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
    made.username_pw_set(name)  # amqtt keeps no session of a client without a user name
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
