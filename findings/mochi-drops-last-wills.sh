#!/bin/sh
# Go github.com/mochi-mqtt/server/v2 v2.7.9: a client that says goodbye with the reason "disconnect with will message"
# gets its will dropped, and wills that are published have lost their properties.
#
# A client leaves a will with the broker; it tells the others that the client is gone. MQTT 5 (3.1.2.5) has it deleted
# only by a goodbye with reason 0x00. With reason 0x04 (3.14.2.1) the client ends the connection in good order and
# asks for its will all the same. This broker sends nothing then, and no error. A will has the properties of any
# message (3.1.3.2): payload format, content type, expiry, response topic, correlation data. They arrive with an
# ordinary message; of a will only user properties do, and the expiry is another one: with a delay of 1 s the message
# is left with 1 s, and a session whose client is away for that long never gets it.
#
# A will is how a dashboard learns that a gauge or siren is dead. One that leaves with 0x04, on low battery for
# instance, stays "online" for ever; a reader that goes by the content type discards the others. Publish the state
# yourself before leaving, and put into the payload what readers need. We found no issue upstream.
#
# Needs Go and python3-venv.
#
# Output seen, on 2026-11-30:
#   connection lost: published, content type None, expiry 86400
#   connection lost, delay 1 s: published, content type None, expiry 1
#   goodbye with reason 0x04: nothing in 5 s
#   an ordinary message: published, content type text/plain, expiry 3600
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
cat > will.py << 'PY'
import sys
import threading
import time

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

def described(kind):
    described = Properties(kind)
    described.ContentType, described.MessageExpiryInterval = "text/plain", 3600
    return described

def connected(name, delay=None):
    client, came = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTv5), threading.Event()
    client.on_connect = lambda *of: came.set()
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = 60
    if delay is not None:
        will = described(PacketTypes.WILLMESSAGE)
        will.WillDelayInterval = delay
        client.will_set(f"state/{name}", "gone", 1, properties=will)
    client.connect("127.0.0.1", int(sys.argv[1]), properties=session)
    client.loop_start()
    assert came.wait(10)
    return client

def lost(client):
    client.loop_stop()
    client._sock_close()

def told(case):
    if came.wait(5):
        seen = came.message.properties
        print(f"{case}: published, content type {getattr(seen, 'ContentType', None)}, ", end="")
        print(f"expiry {seen.MessageExpiryInterval}")
    else:
        print(f"{case}: nothing in 5 s")
    came.clear()

def heard(client, data, message):
    came.message = message
    came.set()

time.sleep(1)
came, ready = threading.Event(), threading.Event()
display = connected("display")
display.on_message = heard
display.on_subscribe = lambda *of: ready.set()
display.subscribe("state/#", 1)
assert ready.wait(10)
lost(connected("a", 0))
told("connection lost")
lost(connected("b", 1))
told("connection lost, delay 1 s")
connected("c", 0).disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))
told("goodbye with reason 0x04")
connected("d").publish("state/d", "gone", 1, properties=described(PacketTypes.PUBLISH))
told("an ordinary message")
PY
venv/bin/python will.py "$port" | tee found
cat > expected << 'SEEN'
connection lost: published, content type None, expiry 86400
connection lost, delay 1 s: published, content type None, expiry 1
goodbye with reason 0x04: nothing in 5 s
an ordinary message: published, content type text/plain, expiry 3600
SEEN
cmp found expected
