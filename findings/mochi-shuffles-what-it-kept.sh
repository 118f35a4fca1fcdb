#!/bin/sh
# Go github.com/mochi-mqtt/server/v2 v2.7.9: what came for a subscriber while it was away is sent in a random order, so
# that the last level of the water it hears is not the last one.
#
# MQTT (4.6 in versions 3.1.1 and 5) demands that messages of one topic and QoS reach a subscriber in the order in
# which a client sent them; so the last one heard is the newest. This broker keeps the messages of a session without
# their order and sorts them by the second in which they came. Those of one second come in any order, other than the
# time before. All of them are marked as sent again (DUP), though none was sent before (3.3.1.1), so that a reader that
# takes the mark as a reason to look for a copy finds none. Live messages are in order, and unmarked.
#
# A display that shows the last value, or a sluice that obeys the last order, has a wrong one after a loss of the
# network, until the next message. Put the time into the payload and compare it. We found no issue upstream.
#
# Needs Go and python3-venv.
#
# Output seen, on 2026-11-30:
#   sent while the display is there: 20 came, in order: True, marked as sent again: 0
#   sent while it is away, in one burst: 20 came, in order: False, marked as sent again: 20
#   the same five times: the newest message was the last one at most twice: True
set -eu
work=$(mktemp -d)
broker=
trap 'test -z "$broker" || kill "$broker"; rm -rf "$work"' EXIT
cd "$work"
mkdir broker
cat > broker/go.mod << 'MOD'
module broker
go 1.24
require github.com/mochi-mqtt/server/v2 v2.7.9
MOD
cat > broker/main.go << 'GO'
package main

import (
	"io"
	"log/slog"
	"os"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

func main() {
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	server.AddHook(new(auth.AllowHook), nil)
	server.AddListener(listeners.NewTCP(listeners.Config{ID: "tcp", Address: "127.0.0.1:" + os.Args[1]}))
	server.Serve()
	select {}
}
GO
(cd broker && GOFLAGS=-mod=mod go build -o ../mochi . 2> log || { cat log >&2; false; })
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check paho-mqtt==2.1.0
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
./mochi "$port" &
broker=$!
cat > away.py << 'PY'
import sys
import threading
import time

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

SENT = [str(n) for n in range(20)]

def connected(name, heard=None):
    client, came = Client(CallbackAPIVersion.VERSION2, name, heard is None, protocol=MQTTv311), threading.Event()
    client.on_connect = lambda *of: came.set()
    if heard is not None:
        client.on_message = lambda client, data, message: heard.append((message.payload.decode(), message.dup))
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.loop_start()
    assert came.wait(10)
    return client

def left(client):
    client.disconnect()
    client.loop_stop()

def burst():
    for sent in [gauge.publish("level", n, 1) for n in SENT]:
        sent.wait_for_publish(10)

def settled(heard):
    for _ in range(100):
        if len(heard) >= len(SENT):
            break
        time.sleep(0.1)

def told(case, heard):
    values = [value for value, _ in heard]
    print(f"{case}: {len(heard)} came, in order: {values == SENT}, marked as sent again: {sum(dup for _, dup in heard)}")

def after_a_burst_away():
    heard = []
    burst()
    display = connected("display", heard)
    settled(heard)
    left(display)
    return heard

time.sleep(1)
gauge, heard, ready = connected("gauge"), [], threading.Event()
display = connected("display", heard)
display.on_subscribe = lambda *of: ready.set()
display.subscribe("level", 1)
assert ready.wait(10)
burst()
settled(heard)
told("sent while the display is there", heard)
left(display)
told("sent while it is away, in one burst", after_a_burst_away())
last = [after_a_burst_away()[-1][0] for _ in range(5)]
print("the same five times: the newest message was the last one at most twice:", last.count(SENT[-1]) <= 2)
PY
venv/bin/python away.py "$port" | tee found
cat > expected << 'SEEN'
sent while the display is there: 20 came, in order: True, marked as sent again: 0
sent while it is away, in one burst: 20 came, in order: False, marked as sent again: 20
the same five times: the newest message was the last one at most twice: True
SEEN
cmp found expected
