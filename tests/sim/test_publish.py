"""Links over a real Mosquitto: last will, memory over an outage, commands there and results back."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from devices.contract.reading import Device
from devices.pilots.pilot import load
from sim.nodes.control import Control
from sim.nodes.telemetry import encode_reading
from sim.physics.actions import Actions
from sim.publish import OWN_LINKS, SHARED, Links
from sim.run import Commands, Live, fleet
from tests import servers
from tests.loopback import free_port

PILOT = load("dong-thap")
PLACE = "thuan-tan"
PUMP = PILOT.fleet["thuan-tan-pump-controller-01"]
PROBE = PILOT.fleet["thuan-tan-soil-probe-01"]


@contextmanager
def listening(broker, topic="#"):
    """Messages as they come: (topic, payload, retained)."""
    heard, ready = [], threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _, __, m: heard.append((m.topic, bytes(m.payload), m.retain))
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert ready.wait(5)
    try:
        yield heard, client
    finally:
        client.disconnect()
        client.loop_stop()


def links(broker, devices, obey=None):
    return Links(broker.url, "secret", devices, "simulator-1", scenario=False, obey=obey)


def test_the_last_will_says_offline(mosquitto):
    with listening(mosquitto, f"hoiquan/v1/dong-thap/{PLACE}/{PROBE.device}/#") as (heard, _):
        mine = links(mosquitto, [PROBE])
        link = mine.open(PROBE)
        servers.until(lambda: heard, "online")
        link._client._sock.shutdown(socket.SHUT_RDWR)  # a power cut: no DISCONNECT
        servers.until(lambda: any(b"offline" in payload for _, payload, _ in heard), "the will")
        servers.until(lambda: json.loads(heard[-1][1]) == {"state": "online"}, "it connects again")
        assert mine.close(2)
        servers.until(lambda: json.loads(heard[-1][1]) == {"state": "offline"}, "goodbye")


def test_what_an_outage_of_the_broker_held_up_comes_with_its_own_time_in_order():
    with servers.mosquitto(
        "allow_anonymous true", "persistence true", "persistence_location {folder}/"
    ) as broker:
        node = next(n for n in fleet(1, PILOT) if n.device == PROBE)
        start = node.ticks.after(1_790_000_000_000)
        readings = list(node.readings(start, start + 86_400_000))
        with listening(broker, "hoiquan/v1/+/+/+/telemetry") as (heard, _):
            mine = links(broker, [PROBE])
            for number, reading in enumerate(readings):
                if number == 20:
                    servers.until(lambda: not mine.waiting, "the first are acknowledged")
                    broker.stop()
                if number == 120:
                    assert mine.waiting >= 100
                    broker.start()
                mine.publish(PROBE, "telemetry", encode_reading(reading))
            servers.until(lambda: len({p for _, p, _ in heard}) == len(readings), "all of them")
            assert mine.close(5)
        times = list(dict.fromkeys(json.loads(payload)["ts"] for _, payload, _ in heard))
        assert times == [reading.time for reading in readings]


def test_a_command_goes_round(mosquitto):
    actions, commands, stop = Actions(), Commands(), threading.Event()
    nodes = [n for n in fleet(1, PILOT, actions=actions) if n.device.community == PLACE]
    mine = links(
        mosquitto, [n.device for n in nodes], lambda device, payload: commands.put((device, payload))
    )
    for node in nodes:
        mine.open(node.device)
    now = time.time_ns() // 1_000_000
    live = Live(1, PILOT, nodes, now, mine.publish, (), control=(Control(actions, nodes), commands))
    loop = threading.Thread(target=live.run, args=(1.0, None, stop))
    base = f"hoiquan/v1/dong-thap/{PLACE}/{PUMP.device}"
    with listening(mosquitto, f"{base}/#") as (heard, client):
        servers.until(lambda: heard, "the pump is online")
        loop.start()
        order = {"id": "r1", "actuator": "pump", "set": 1, "until": now + 3_600_000}

        def results():
            return [json.loads(payload) for topic, payload, _ in heard if topic == f"{base}/result"]

        def say(payload):
            before = len(results())
            client.publish(f"{base}/command", payload, qos=1)
            servers.until(lambda: len(results()) > before, "an answer")
            return results()[-1]

        try:
            assert say(json.dumps(order)) == {"id": "r1", "ok": True, "error": None}
            assert say(json.dumps(order)) == {"id": "r1", "ok": True, "error": None}
            assert not say(json.dumps(order | {"id": "r2", "until": now - 1}))["ok"]
            assert say(b"{bad")["id"] is None
        finally:
            stop.set()
            loop.join()
            mine.close(2)
    (action,) = actions.of(PLACE)
    assert now <= action.start < now + 20_000
    assert action.stop == now + 3_600_000


def test_many_devices_share_connections(mosquitto):
    devices = [Device("dong-thap", PLACE, f"many-{n:04}", "soil-probe", True) for n in range(OWN_LINKS + 1)]
    with listening(mosquitto, "hoiquan/v1/dong-thap/+/+/telemetry") as (heard, _):
        before = threading.active_count()
        mine = links(mosquitto, devices)
        for device in devices:
            mine.publish(device, "telemetry", b'{"values":{"soil_moisture":30}}')
        assert threading.active_count() - before == -(-len(devices) // SHARED)
        servers.until(lambda: len(heard) == len(devices), "one of each")
        assert mine.close(10)
    assert {topic.split("/")[4] for topic, *_ in heard} == {device.device for device in devices}


def test_a_full_memory_loses_the_newest_and_says_so(caplog):
    mine = Links(f"mqtt://127.0.0.1:{free_port()}", "secret", [PROBE], "s", scenario=False)
    for number in range(2100):
        mine.publish(PROBE, "telemetry", b"%d" % number)
    assert mine.waiting == 2016
    assert "memory is full" in caplog.text
    assert not mine.close(0)


@pytest.fixture(scope="module")
def mosquitto():
    with servers.mosquitto("allow_anonymous true") as broker:
        yield broker
