"""Links over a real Mosquitto: wills, memory over an outage, refusals, storms, commands and their results."""

import json
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from devices.broker_url import leave
from devices.contract.reading import Device
from devices.credentials import hash_password, simulated_password
from devices.pilots.pilot import load
from devices.texts import Misuse
from sim.nodes.control import Control
from sim.nodes.telemetry import encode_reading
from sim.physics.actions import Actions
from sim.publish import Links, loop
from sim.publish.session import WINDOW
from sim.run import Commands, Live, fleet
from tests import servers
from tests.loopback import free_port

PILOT = load("dong-thap")
PLACE = "thuan-tan"
PUMP = PILOT.fleet["thuan-tan-pump-controller-01"]
PROBE = PILOT.fleet["thuan-tan-soil-probe-01"]


@contextmanager
def listening(broker, topic="#"):
    """Yields messages as they arrive: (topic, payload, retained)."""
    heard, ready = [], threading.Event()
    name = f"listener-{time.monotonic_ns()}"  # a session of its own, kept while the broker is down
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    client.on_connect = lambda *_: client.subscribe(topic, qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = lambda _, __, m: heard.append((m.topic, bytes(m.payload), m.retain))
    client.reconnect_delay_set(1, 1)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert ready.wait(servers.PATIENCE)
    try:
        yield heard, client
    finally:
        leave(client)


def links(broker, devices, obey=None, **how):
    return Links(broker.url, "secret", devices, scenario=False, obey=obey, **how)


def served(mine, condition, what):
    """Run the links until the condition holds."""

    def look():
        mine.serve(0.02)
        return condition()

    servers.until(look, what)


def crowd(count, place=PLACE):
    return [Device("dong-thap", place, f"many-{n:04}", "soil-probe", True) for n in range(count)]


def states(heard):
    """The last state of each device."""
    return {topic.split("/")[4]: json.loads(p)["state"] for topic, p, _ in heard if topic.endswith("/status")}


def test_the_last_will_says_offline(mosquitto):
    with listening(mosquitto, f"hoiquan/v1/dong-thap/{PLACE}/{PROBE.device}/#") as (heard, _):
        mine = links(mosquitto, [PROBE])
        link = mine.open(PROBE)
        served(mine, lambda: heard, "online")
        link.sock.shutdown(socket.SHUT_RDWR)  # a power cut: no DISCONNECT
        served(mine, lambda: any(b"offline" in payload for _, payload, _ in heard), "the will")
        served(mine, lambda: json.loads(heard[-1][1]) == {"state": "online"}, "it connects again")
        assert mine.close(servers.PATIENCE)
        servers.until(lambda: json.loads(heard[-1][1]) == {"state": "offline"}, "goodbye")


FLEET = """
import sys
from devices.contract.reading import Device
from sim.publish import Links
devices = [Device("dong-thap", "killed", f"many-{n:04}", "soil-probe", True) for n in range(200)]
links = Links(sys.argv[1], "secret", devices, scenario=False)
for device in devices:
    links.open(device)
while True:
    links.serve(1)
"""


def test_a_fleet_that_is_killed_leaves_a_will_of_each_device(mosquitto):
    with listening(mosquitto, "hoiquan/v1/dong-thap/killed/+/status") as (heard, _):
        there = Path(__file__).parents[3]
        process = subprocess.Popen([sys.executable, "-c", FLEET, mosquitto.url], cwd=there)
        try:
            servers.until(lambda: list(states(heard).values()).count("online") == 200, "all are there")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        servers.until(lambda: list(states(heard).values()).count("offline") == 200, "all wills")


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
                    served(mine, lambda: mine.open(PROBE).connected and not mine.waiting, "the first")
                    broker.stop()
                if number == 120:
                    assert mine.waiting >= 100
                    broker.start()
                mine.publish(PROBE, "telemetry", encode_reading(reading))
            served(mine, lambda: len({p for _, p, _ in heard}) == len(readings), "all of them")
            assert mine.close(servers.PATIENCE)
        times = list(dict.fromkeys(json.loads(payload)["ts"] for _, payload, _ in heard))
        assert times == [reading.time for reading in readings]


def test_what_a_killed_broker_had_not_acknowledged_comes_once_and_in_order():
    devices, each = crowd(30), 200
    topic = "hoiquan/v1/+/+/+/telemetry"
    with servers.mosquitto("allow_anonymous true", "max_queued_messages 0") as broker:
        mine = links(broker, devices)
        nodes = {device.device: mine.open(device) for device in devices}
        with listening(broker, topic) as (heard, _):
            served(mine, lambda: all(node.connected for node in nodes.values()), "all are there")
            for number in range(each):
                for device in devices:
                    mine.publish(device, "telemetry", b"%d" % number)
                if number == each // 2:
                    served(mine, lambda: len(heard) > 100, "some came")
                    broker.kill()
            served(mine, lambda: not any(node.connected for node in nodes.values()), "they noticed")
            before = Counter((topic, payload) for topic, payload, _ in heard)
        assert max(before.values()) == 1
        waiting = {name: node.session.waiting for name, node in nodes.items()}
        assert min(waiting.values()) >= each // 2 - 1
        broker.start()
        with listening(broker, topic) as (heard, _):
            served(mine, lambda: not mine.waiting, "the rest")
            assert mine.close(servers.PATIENCE)
            servers.until(lambda: len(heard) >= sum(waiting.values()), "it is heard")
            for name, count in waiting.items():
                came = [int(payload) for topic, payload, _ in heard if f"/{name}/" in topic]
                assert came == list(range(each - count, each))
            twice = before & Counter((topic, payload) for topic, payload, _ in heard)
        assert twice.total() <= WINDOW * len(devices), "only what was in flight"


def test_a_command_goes_round(mosquitto):
    actions, commands, stop = Actions(), Commands(), threading.Event()
    nodes = [n for n in fleet(1, PILOT, actions=actions) if n.device.community == PLACE]
    mine = links(
        mosquitto, [n.device for n in nodes], lambda device, payload: commands.put((device, payload))
    )
    for node in nodes:
        mine.open(node.device)
    served(mine, lambda: not mine.waiting and mine.open(PUMP).connected, "all are there")
    now = time.time_ns() // 1_000_000
    live = Live(1, PILOT, nodes, now, mine.publish, (), control=(Control(actions, nodes), commands))
    loop = threading.Thread(target=live.run, args=(1.0, None, stop, mine))
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
            mine.close(servers.PATIENCE)
    (action,) = actions.of(PLACE)
    assert now <= action.start <= time.time_ns() // 1_000_000
    assert action.stop == now + 3_600_000


def test_each_of_many_devices_has_its_own_connection_and_none_has_a_thread(mosquitto):
    devices, before = crowd(600), set(threading.enumerate())
    with listening(mosquitto, "hoiquan/v1/dong-thap/+/+/telemetry") as (heard, _):
        mine = links(mosquitto, devices)
        for device in devices:
            mine.publish(device, "telemetry", b'{"values":{"soil_moisture":30}}')
        served(mine, lambda: len(heard) == len(devices), "one of each")
        assert len(set(threading.enumerate()) - before) == 1, "the listener's"
        assert all(mine.open(device).connected for device in devices)
        assert mine.close(servers.PATIENCE)
    assert {topic.split("/")[4] for topic, *_ in heard} == {device.device for device in devices}


def test_a_full_memory_loses_the_newest_and_says_so(caplog):
    mine = Links(f"mqtt://127.0.0.1:{free_port()}", "secret", [PROBE], scenario=False)
    for number in range(2100):
        mine.publish(PROBE, "telemetry", b"%d" % number)
    assert mine.waiting == 2016
    assert caplog.text.count("memory is full") == 1
    assert not mine.close(0)


def test_a_device_that_the_broker_refuses_is_named_once_and_connects_when_it_has_an_account(caplog):
    good, bad = crowd(2)
    with servers.mosquitto("allow_anonymous true") as broker:
        accounts = broker.folder / "passwords"
        known = [f"{good.device}:{hash_password(simulated_password('secret', good.device))}"]
        accounts.write_text("\n".join([*known, ""]))
        configuration = broker.folder / "mosquitto.conf"
        text = configuration.read_text().replace("allow_anonymous true", f"password_file {accounts}")
        configuration.write_text(text)
        broker.stop()
        broker.start()
        mine = links(broker, [good, bad])
        for device in (good, bad):
            mine.publish(device, "telemetry", b"kept")
        served(mine, lambda: "refuses" in caplog.text and mine.open(good).connected, "one is refused")
        served(mine, lambda: mine.waiting == 1, "the other is served")
        served(mine, lambda: mine.open(bad).failures > 1, "it is tried again")
        assert re.findall(r"(\S+): the broker refuses the connection: (.*)", caplog.text) == [
            (bad.device, "not authorised")
        ]
        known.append(f"{bad.device}:{hash_password(simulated_password('secret', bad.device))}")
        accounts.write_text("\n".join([*known, ""]))
        broker.reload()
        served(mine, lambda: not mine.waiting and mine.open(bad).connected, "it has an account now")
        assert mine.close(servers.PATIENCE)


def test_a_broker_that_says_nothing_any_more_is_left_and_found_again(monkeypatch):
    monkeypatch.setattr(loop, "QUIET", 0.3)
    with servers.mosquitto("allow_anonymous true") as broker:
        with listening(broker, "hoiquan/v1/+/+/+/telemetry") as (heard, _):
            mine = links(broker, [PROBE])
            link = mine.open(PROBE)
            served(mine, lambda: link.connected and not mine.waiting, "it is there")
            broker.freeze()
            mine.publish(PROBE, "telemetry", b"meanwhile")
            served(mine, lambda: not link.connected, "it gives up")
            broker.thaw()
            served(mine, lambda: link.connected and not mine.waiting, "it is there again")
            assert mine.close(servers.PATIENCE)
            servers.until(lambda: heard, "what was said meanwhile")
        assert {payload for _, payload, _ in heard} == {b"meanwhile"}


@pytest.mark.parametrize("jitter", [0.0, 0.5])
def test_a_mast_takes_its_nodes_away_and_they_come_back_together(mosquitto, jitter):
    nodes = crowd(40, f"mast-{jitter * 10:.0f}")
    devices, others = nodes[:30], nodes[30:]
    with listening(mosquitto, f"hoiquan/v1/dong-thap/{nodes[0].community}/+/status") as (heard, _):
        mine = links(mosquitto, nodes, jitter=jitter)
        for device in nodes:
            mine.open(device)
        served(mine, lambda: list(states(heard).values()).count("online") == 40, "all are there")
        mine.cut(devices)
        for device in devices:
            mine.publish(device, "telemetry", b"kept")
        served(mine, lambda: list(states(heard).values()).count("offline") == 30, "the wills")
        assert all(mine.open(device).connected for device in others)
        assert not any(mine.open(device).connected for device in devices)
        assert mine.waiting == 30
        mine.restore(devices)
        served(mine, lambda: list(states(heard).values()).count("online") == 40, "all are back")
        served(mine, lambda: not mine.waiting, "what was kept is acknowledged")
        assert mine.close(servers.PATIENCE)


def test_a_storm_gives_nobody_back_whom_something_else_keeps_away(mosquitto):
    """One node was stolen while connected, one before it ever was; a third had only the storm."""
    stolen, never, other = nodes = crowd(3, "stolen")
    with listening(mosquitto, "hoiquan/v1/dong-thap/stolen/+/status") as (heard, _):
        mine = links(mosquitto, nodes)
        links_of = [mine.open(stolen), mine.open(other)]
        served(mine, lambda: all(link.connected for link in links_of), "both are there")
        mine.cut([stolen])
        mine.cut([never])
        mine.cut(nodes)
        links_of.insert(1, mine.open(never))
        mine.restore(nodes)
        served(mine, lambda: states(heard).get(other.device) == "online" and links_of[2].connected, "a storm")
        for _ in range(20):
            mine.serve(0.02)
        assert [link.connected for link in links_of] == [False, False, True]
        mine.restore([stolen, never])
        served(mine, lambda: all(link.connected for link in links_of), "all are back")
        assert mine.close(servers.PATIENCE)


def test_more_devices_than_files_may_be_opened_is_told_before_anything_is_connected(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    with pytest.raises(Misuse, match=r"2000 .*1024"):
        Links("mqtt://127.0.0.1:1", "secret", crowd(2000), scenario=False)


def test_the_process_is_allowed_the_files_that_it_needs():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        mine = Links("mqtt://127.0.0.1:1", "secret", crowd(300), scenario=False)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 300
        mine.close(0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture(scope="module")
def mosquitto():
    with servers.mosquitto("allow_anonymous true", "max_queued_messages 0") as broker:
        yield broker
