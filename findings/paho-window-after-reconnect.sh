#!/bin/sh
# paho-mqtt 2.2.0 (Python): after a reconnection all messages queued behind the in-flight window are sent at once.
#
# `max_inflight_messages_set(20)` (20 is also the default) limits how many messages of QoS 1 may be part way through
# their flow at once; further messages wait. On one connection that holds. After the broker was away it does not: of
# 300 waiting messages all 300 are sent before the first is acknowledged, since the client does not count those that
# it marks for resending. A broker or gateway that limits each sender to a window, as brokers do at MQTT 5 with a
# Receive Maximum, gets the burst of a whole outage, and after one more cut the whole burst again. A node that keeps
# hours of readings should hold them itself, and publish the next one when the last is acknowledged.
#
# Needs python3-venv. The broker here is a few lines that acknowledge nothing and count, so that no other program's
# limits show.
#
# Output seen, on 2026-11-29:
#   connected from the start: 20 of 300 sent without an acknowledgement
#   connected again after the broker was away: 300 of 300 sent without an acknowledgement
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q paho-mqtt==2.2.0
cat > count.py <<'PY'
import os
import socket
import sys
import threading
import time

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

MANY = 300


class Silent:
    """Says welcome to whoever connects, acknowledges nothing, and counts what is published."""

    def __init__(self):
        self.published = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        self._guest = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            self._guest, _ = self._door.accept()
            self.published = 0
            threading.Thread(target=self._read, args=(self._guest,), daemon=True).start()

    def _read(self, guest):
        stream = guest.makefile("rb")
        try:
            while kind := stream.read(1):
                size = shift = 0
                while True:
                    byte = stream.read(1)[0]
                    size |= (byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80:
                        break
                stream.read(size)
                if kind[0] >> 4 == 1:
                    guest.sendall(b"\x20\x02\x00\x00")
                self.published += kind[0] >> 4 == 3
        except OSError:
            pass

    def hang_up(self):
        self._guest.shutdown(socket.SHUT_RDWR)
        self._guest.close()


def settled(broker):
    before = -1
    while broker.published != before:
        before = broker.published
        time.sleep(1)
    return before


def client(broker, name):
    made = Client(CallbackAPIVersion.VERSION2, name)
    made.max_inflight_messages_set(20)
    made.reconnect_delay_set(1, 1)
    made.connect("127.0.0.1", broker.port)
    made.loop_start()
    while not made.is_connected():
        time.sleep(0.05)
    return made


broker = Silent()
one = client(broker, "one")
for number in range(MANY):
    one.publish("t", str(number), 1)
first = settled(broker)
print(f"connected from the start: {first} of {MANY} sent without an acknowledgement")
broker.hang_up()
while one.is_connected():
    time.sleep(0.05)
while not one.is_connected():
    time.sleep(0.05)
again = settled(broker)
print(f"connected again after the broker was away: {again} of {MANY} sent without an acknowledgement")
sys.stdout.flush()
os._exit(0 if (first, again) == (20, MANY) else 1)
PY
venv/bin/python count.py
