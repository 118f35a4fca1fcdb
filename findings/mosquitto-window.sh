#!/bin/sh
# Mosquitto 2.0.11-1.2+deb12u2 (Debian 12): in a resumed session each acknowledgement releases a whole window of
# queued messages.
#
# MQTT 5 (4.9) lets a broker have Receive Maximum messages of QoS 1 unacknowledged, and mosquitto.conf(5) says the
# same of max_inflight_messages for 3.1.1. With 1,000 messages queued and a window of 100, the broker first sends 100,
# which is right. After 5 are acknowledged it should send 5 more; it sends 500. So a window limits nothing where the
# queue is long: the receiver must leave its connection unread when it has enough, or hold the whole queue in memory.
# (Reported upstream for bridges: eclipse-mosquitto/mosquitto issue 2301, open.)
#
# Needs Debian 12, its package lists (apt-get update) and python3-venv.
#
# Output seen, on 2026-11-29:
#   MQTT 5, Receive Maximum 100: 100 sent; 5 acknowledged, 500 more sent
#   MQTT 3.1.1, max_inflight_messages 20: 20 sent; 5 acknowledged, 100 more sent
set -eu
work=$(mktemp -d)
trap 'kill "$broker" 2> /dev/null || true; rm -rf "$work"' EXIT
broker=
cd "$work"
apt-get download -qq mosquitto=2.0.11-1.2+deb12u2 libmosquitto1=2.0.11-1.2+deb12u2 libwebsockets17=4.1.6-3 \
  libdlt2=2.18.8-6 libcjson1=1.7.15-1+deb12u4 libev4=1:4.33-1 libuv1=1.44.2-1+deb12u1
for deb in *.deb; do dpkg -x "$deb" root; done
LD_LIBRARY_PATH=$(find "$work/root/usr/lib" -maxdepth 1 -type d -name '*-linux-gnu*' | head -n 1)
export LD_LIBRARY_PATH
python3 -m venv venv
venv/bin/pip install -q paho-mqtt==2.1.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' "listener $port 127.0.0.1" 'allow_anonymous true' 'max_inflight_messages 20' "user $(id -un)" > conf
root/usr/sbin/mosquitto -c conf 2> said &
broker=$!
sleep 1
cat > count.py <<'PYTHON'
import sys
import time

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTv5, MQTTv311
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PORT, WAITING, ACKNOWLEDGED = int(sys.argv[1]), 1_000, 5


def reader(version, window):
    if version == MQTTv5:
        client = Client(CallbackAPIVersion.VERSION2, client_id="v5", protocol=version, manual_ack=True)
        wanted = Properties(PacketTypes.CONNECT)
        wanted.SessionExpiryInterval, wanted.ReceiveMaximum = 600, window
        how = {"clean_start": False, "properties": wanted}
    else:
        client = Client(CallbackAPIVersion.VERSION2, "v311", clean_session=False, manual_ack=True)
        how = {}
    came = []
    client.on_message = lambda _client, _data, message: came.append(message.mid)
    client.connect("127.0.0.1", PORT, **how)
    client.loop_start()
    return client, came


def end(client):
    client.disconnect()
    client.loop_stop()


def look(name, version, window):
    client, _ = reader(version, window)
    client.subscribe("gauge/level", 1)
    time.sleep(1)
    end(client)
    sender = Client(CallbackAPIVersion.VERSION2)
    sender.connect("127.0.0.1", PORT)
    sender.loop_start()
    for number in range(WAITING):
        sent = sender.publish("gauge/level", b"%d" % number, qos=1)
    sent.wait_for_publish(30)
    end(sender)
    client, came = reader(version, window)
    time.sleep(2)
    first = len(came)
    for mid in came[:ACKNOWLEDGED]:
        client.ack(mid, 1)
    time.sleep(2)
    more = len(came) - first
    end(client)
    print(f"{name}: {first} sent; {ACKNOWLEDGED} acknowledged, {more} more sent")
    return (first, more) == (window, ACKNOWLEDGED * window)


seen = [
    look("MQTT 5, Receive Maximum 100", MQTTv5, 100),
    look("MQTT 3.1.1, max_inflight_messages 20", MQTTv311, 20),
]
sys.exit(not all(seen))
PYTHON
venv/bin/python count.py "$port"
