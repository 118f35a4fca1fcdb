"""Commands over real brokers, beside a whole gateway: every answer is recorded, whenever it arrives."""

import json
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from types import SimpleNamespace

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import SecretStr

from devices.access.registry import Registry
from devices.broker_url import leave
from devices.credentials import simulated_password
from devices.pilots.pilot import load
from gateway.control.client import NotHeard
from gateway.control.dispatch import NotSent, dispatch
from gateway.control.ledger import Ledger
from gateway.ingest.spool import Spool
from gateway.instance import files
from sim.nodes.control import Control
from sim.physics.actions import Actions
from sim.publish import Links
from sim.run import fleet
from tests.gateway.embedded import amqtt
from tests.gateway.running import gateway, settings
from tests.servers import PATIENCE, mosquitto, until

PILOT = load("dong-thap")
PUMP = PILOT.fleet["thuan-tan-pump-controller-01"]
OTHER = PILOT.fleet["tam-que-pump-controller-01"]
MINUTES = 10.0


@pytest.fixture
def broker():
    """As in deploy/mosquitto, an account has one connection at a time."""
    with mosquitto("allow_anonymous true", "use_username_as_clientid true") as server:
        yield server


@pytest.fixture
def given(broker, tmp_path):
    return settings(broker, tmp_path, operator_password=SecretStr("x"))


def order(given, device=PUMP.device, actuator="pump", value=1.0, minutes=MINUTES, wait=PATIENCE):
    end = time.time_ns() // 1_000_000 + round(minutes * 60_000)
    registry, ledger = Registry(given.registry_url, PILOT), Ledger(given.registry_url)
    return dispatch(given, registry, ledger, device, actuator, value, end, "an officer", wait)


def recorded(given, one):
    return Ledger(given.registry_url).entry(one.id)


def books(given):
    with closing(Spool.to_read(files(given.data, given.instance).spool)) as spool:
        return spool.books()


class Actuator:
    """A device with an actuator: keeps the orders that arrive, and sends what `answers` returns."""

    def __init__(self, port, device=PUMP, answers=lambda order: [{"id": order["id"], "ok": True}]):
        self.orders, self._answers, self._ready = [], answers, threading.Event()
        here = f"hoiquan/v1/{device.pilot}/{device.community}/{device.device}"
        self._result = f"{here}/result"
        self.client = Client(CallbackAPIVersion.VERSION2, device.device)
        self.client.username_pw_set(device.device, simulated_password("x", device.device))
        self.client.on_connect = lambda client, *_: client.subscribe(
            [(f"{here}/command", 1), (f"{here}/rejected", 0)]
        )
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.refusals = []
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._ready.wait(PATIENCE)

    def _hear(self, _, __, message):
        heard = json.loads(message.payload)
        if message.topic.endswith("/rejected"):
            self.refusals.append(heard["reason"])
            return
        self.orders.append(heard)
        for answer in self._answers(heard):
            self.client.publish(self._result, json.dumps(answer), 1)

    def say(self, answer):
        self.client.publish(self._result, json.dumps(answer), 1).wait_for_publish(PATIENCE)

    def measure(self):
        telemetry = self._result.replace("/result", "/telemetry")
        self.client.publish(telemetry, '{"values":{"pump_state":1}}', 1).wait_for_publish(PATIENCE)

    def close(self):
        leave(self.client)


@contextmanager
def actuator(port, *more):
    made = Actuator(port, *more)
    try:
        yield made
    finally:
        made.close()


def silent(_):
    return ()


def test_an_answer_after_the_wait_is_recorded(broker, given):
    with gateway(given), actuator(broker.port, PUMP, silent) as pump:
        one = order(given, wait=0.1)
        assert (one.answered, one.ok, one.error) == (None, None, None)
        until(lambda: pump.orders, "it heard of it")
        pump.say({"id": one.id, "ok": False, "error": "không có nước"})
        until(lambda: recorded(given, one).answered, "it is written down")
        late = recorded(given, one)
        assert (late.ok, late.error) == (False, "không có nước") and late.answered >= late.sent


def test_an_answer_while_no_gateway_is_there_is_recorded_by_the_next(broker, given):
    with gateway(given):
        pass  # from now on the broker queues messages for the gateway
    with actuator(broker.port, PUMP, silent) as pump:
        one = order(given, wait=0.1)
        until(lambda: pump.orders, "it heard of it")
        pump.say({"id": one.id, "ok": True})
    assert recorded(given, one).answered is None
    with gateway(given):
        until(lambda: recorded(given, one).ok, "it is written down")


@pytest.fixture(params=["mosquitto", "amqtt"])
def either(request, tmp_path):
    """Each broker that gives an account one connection: its port, and settings for it."""
    if request.param == "mosquitto":
        there = request.getfixturevalue("broker")
        yield there.port, request.getfixturevalue("given")
        return
    with amqtt(tmp_path / "data") as port:
        there = SimpleNamespace(url=f"mqtt://127.0.0.1:{port}")
        more = {"operator_password": SecretStr("x"), "mqtt_version": 4}
        made = settings(there, tmp_path, **more)
        yield port, made.model_copy(update={"gateway_password": SecretStr("pw")})


def test_of_many_at_once_each_gets_its_own_answer(either):
    port, given = either
    with gateway(given), actuator(port, PUMP, named) as one, actuator(port, OTHER, named) as other:
        wanted = [(device, value / 10) for value in range(4) for device in (PUMP.device, OTHER.device)]
        with ThreadPoolExecutor(len(wanted)) as pool:
            done = list(pool.map(lambda each: order(given, each[0], value=each[1]), wanted))
        assert [(entry.device, entry.set) for entry in done] == wanted
        assert [(entry.ok, entry.error) for entry in done] == [(True, f"{value:g}") for _, value in wanted]
        heard = {each["id"] for each in one.orders + other.orders}
        assert heard == {entry.id for entry in done}


def named(order):
    yield {"id": order["id"], "ok": True, "error": f"{order['set']:g}"}


def test_a_device_that_answers_twice_is_taken_at_its_first_word(broker, given):
    def twice(order):
        yield {"id": order["id"], "ok": True}
        yield {"id": order["id"], "ok": False, "error": "changed its mind"}

    with gateway(given), actuator(broker.port, PUMP, twice) as pump:
        assert order(given).ok
        until(lambda: books(given).duplicate == 1, "its second is known")
        assert books(given).quarantined == 0 and pump.refusals == []
    assert Ledger(given.registry_url).entries(9)[0].ok


def test_an_answer_to_nobodys_command_is_refused_with_a_reason(broker, given):
    with gateway(given), actuator(broker.port, PUMP, silent) as pump, actuator(broker.port, OTHER) as other:
        one = order(given, wait=0.1)
        for answer in ({"id": one.id, "ok": True}, {"id": "c-1", "ok": True}, {"ok": True}, 7):
            other.say(answer)
        reasons = ["unknown_command", "unknown_command", "bad_result", "bad_result"]
        until(lambda: len(other.refusals) == len(reasons), "all are refused")
        assert sorted(other.refusals) == sorted(reasons)
        # the answer to a command that the device could not read
        other.say({"id": None, "ok": False, "error": "what was that?"})
        pump.say({"id": one.id, "ok": True})
        until(lambda: recorded(given, one).ok, "and the right one is taken")
        assert books(given).quarantined == len(reasons)


@contextmanager
def held(path):
    """Hold the write lock of this SQLite file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


def test_an_answer_is_recorded_while_the_store_takes_nothing(broker, given):
    with gateway(given), actuator(broker.port) as pump:
        with held(given.data / "store.sqlite"):
            pump.measure()
            until(lambda: books(given).spooled == 1, "the reading waits")
            assert order(given).ok
            until(lambda: books(given).spooled == 1, "the answer is settled too, and the reading still waits")
        until(lambda: not books(given).spooled, "the reading is stored")
        assert books(given).stored == books(given).received


def test_readings_are_stored_while_the_ledger_takes_no_answer(broker, given):
    with gateway(given), actuator(broker.port, PUMP, silent) as pump:
        one = order(given, wait=0.1)
        until(lambda: pump.orders, "it heard of it")
        with held(given.data / "registry.sqlite"):
            pump.say({"id": one.id, "ok": True})
            until(lambda: books(given).spooled == 1, "the answer is on disk")
            before = books(given).stored
            pump.measure()
            until(lambda: books(given).stored == before + 1, "the reading is stored")
            assert recorded(given, one).answered is None and books(given).spooled == 1
        until(lambda: recorded(given, one).ok, "it is written down")


# -- a simulated node --------------------------------------------------------------------------------


@pytest.fixture
def node(broker):
    """A simulated pump that obeys; yields its clock, of which `ahead` is milliseconds."""
    actions, clock = Actions(), {"ahead": 0}
    nodes = [node for node in fleet(3, PILOT, actions=actions) if node.device == PUMP]
    control = Control(actions, nodes)

    def obey(device, payload):
        now = time.time_ns() // 1_000_000 + clock["ahead"]
        links.publish(PUMP, "result", control.answer(device, payload, now))

    links, over = Links(broker.url, "s", [PUMP], scenario=False, obey=obey), threading.Event()
    made = links.open(PUMP)

    def play():
        while not over.is_set():
            links.serve(0.05)
        links.close(5)

    playing = threading.Thread(target=play)
    playing.start()
    try:
        until(lambda: made.connected and not links.waiting, "the node is there")
        yield clock
    finally:
        over.set()
        playing.join()


def test_a_simulated_pump_obeys_and_refuses_what_comes_late(node, given):
    with gateway(given):
        until(lambda: order(given, wait=2).ok, "it is done")
        entry = Ledger(given.registry_url).entries(1)[0]
        assert (entry.device, entry.actuator, entry.set, entry.by) == (PUMP.device, "pump", 1.0, "an officer")
        assert entry.answered >= entry.sent
        node["ahead"] = round((MINUTES + 10) * 60_000)  # the order arrives after its ten minutes
        late = order(given)
        assert late.ok is False and "passed" in late.error


# -- orders that are not sent, and orders that nobody answers -------------------------------------------


def test_what_nobody_can_do_is_not_sent(given):
    for device, actuator, value, minutes, said in (
        ("nobody", "pump", 1, 10, "nobody"), (PUMP.device, "aerator", 1, 10, "pump"),
        ("tam-que-soil-probe-01", "pump", 1, 10, "no actuator"), (PUMP.device, "pump", 2, 10, "0 .off"),
        (PUMP.device, "pump", 1, -1, "after now"), (PUMP.device, "pump", 1, 60 * 24 * 32, "31 days"),
    ):  # fmt: skip
        with pytest.raises(NotSent, match=said):
            order(given, device, actuator, value, minutes)
    assert Ledger(given.registry_url).entries(50) == []


def test_silence_is_recorded_too(given):
    one = order(given, wait=0.3)
    assert one == recorded(given, one) and (one.answered, one.ok) == (None, None)


def test_a_command_that_the_broker_does_not_take_is_told_and_recorded(broker, given, monkeypatch):
    monkeypatch.setattr("gateway.control.dispatch.PATIENCE", 0.5)
    write = Ledger.sent

    def sent(self, entry):
        write(self, entry)
        broker.freeze()

    monkeypatch.setattr(Ledger, "sent", sent)
    try:
        with pytest.raises(NotHeard, match="no PUBACK"):
            order(given)
    finally:
        broker.thaw()
    assert [one.answered for one in Ledger(given.registry_url).entries(9)] == [None]


def test_without_the_operators_password_nothing_is_sent(given):
    with pytest.raises(NotHeard, match="HOIQUAN_OPERATOR_PASSWORD"):
        order(given.model_copy(update={"operator_password": SecretStr("")}))
    assert Ledger(given.registry_url).entries(9) == []
