"""The embedded broker admits the same accounts to the same topics as deploy/mosquitto does."""

import asyncio
import threading

import pytest
from amqtt.contexts import Action, BaseContext
from amqtt.errors import AMQTTError
from amqtt.session import Session
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from devices.access.registry import Registry
from devices.broker_url import leave
from devices.credentials import gateway_accounts, reader_accounts, simulated_password
from devices.pilots.pilot import load
from gateway.brokers import embedded
from gateway.brokers.access import Access, Accounts, Rules
from tests.loopback import free_port
from tests.servers import until

PILOT = load("dong-thap")
NODE = next(iter(PILOT.fleet))
OWN = "hoiquan/v1/dong-thap/tam-que/my-esp32/"


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry.sqlite", PILOT)


@pytest.fixture
def access(tmp_path):
    registry = str(tmp_path / "registry.sqlite")
    return Access("dong-thap", registry, "the gateway's", "a secret", "the reader's", "the operator's")


def context(access):
    made = BaseContext()
    made.config = access
    return made


def session(name, password="", client_id=None):
    made = Session()
    made.username, made.password, made.client_id = name, password, client_id or name
    return made


@pytest.fixture
def let_in(access):
    accounts = Accounts(context(access))
    return lambda *given: bool(asyncio.run(accounts.authenticate(session=session(*given))))


def test_only_those_with_their_password_get_in(registry, let_in):
    password = registry.enroll("tam-que", "soil-probe", "my-esp32")
    for account in gateway_accounts():
        assert let_in(account, "the gateway's")
        assert not let_in(account, password)
    assert not let_in("gateway-9", "the gateway's")
    assert let_in("my-esp32", password)
    assert let_in(NODE, simulated_password("a secret", NODE))
    for name, wrong in (
        ("gateway", ""), ("gateway", password), ("my-esp32", "the gateway's"), ("my-esp32", ""),
        (NODE, password), ("nobody", password), ("", ""), (None, None), (None, password),
    ):  # fmt: skip
        assert not let_in(name, wrong), name
    registry.revoke("my-esp32")
    until(lambda: not let_in("my-esp32", password), "the broker sees the revocation")


def test_reader_and_operator_have_passwords_of_their_own(registry, let_in):
    for account in reader_accounts():
        assert let_in(account, "the reader's")
    assert not let_in("reader-2", "the operator's")
    assert let_in("operator", "the operator's")
    assert not let_in("reader", "the operator's")
    assert not let_in("operator", "the gateway's")


def test_a_gateway_without_a_password_is_open_to_nobody(registry, access):
    access.gateway_password = access.simulator_secret = ""
    accounts = Accounts(context(access))
    for password in ("", None):
        assert not asyncio.run(accounts.authenticate(session=session("gateway", password)))


@pytest.fixture
def may(registry, access):
    registry.enroll("tam-que", "soil-probe", "my-esp32")
    registry.enroll("tam-que", "diary", "notebook")
    rules = Rules(context(access))

    def ask(name, topic, action):
        given = session(name) if name else None
        return bool(asyncio.run(rules.topic_filtering(session=given, topic=topic, action=action)))

    return ask


def test_only_a_diary_writes_a_diary_and_it_measures_nothing(may):
    noted = OWN.replace("my-esp32", "notebook")
    assert may("notebook", noted + "diary", Action.PUBLISH)
    assert not may("notebook", noted + "telemetry", Action.PUBLISH)
    assert may("notebook", noted + "status", Action.PUBLISH)
    assert not may("my-esp32", OWN + "diary", Action.PUBLISH)
    assert not may("notebook", OWN + "diary", Action.PUBLISH)
    played, keeper = f"hoiquan/v1/dong-thap/{PILOT.fleet[NODE].community}/", PILOT.fleet[NODE].community
    assert not may(NODE, f"{played}{NODE}/diary", Action.PUBLISH)
    assert may(f"{keeper}-diary-01", f"{played}{keeper}-diary-01/diary", Action.PUBLISH)
    assert not may(f"{keeper}-diary-01", f"{played}{keeper}-diary-01/telemetry", Action.PUBLISH)


@pytest.mark.parametrize("kind", ["telemetry", "status", "result"])
def test_a_device_publishes_on_its_own_topics(may, kind):
    assert may("my-esp32", OWN + kind, Action.PUBLISH)
    assert not may("my-esp32", OWN + kind, Action.SUBSCRIBE)


@pytest.mark.parametrize("kind", ["command", "rejected"])
def test_a_device_hears_what_is_for_it(may, kind):
    assert may("my-esp32", OWN + kind, Action.SUBSCRIBE)
    assert may("my-esp32", OWN + kind, Action.RECEIVE)
    assert not may("my-esp32", OWN + kind, Action.PUBLISH)


@pytest.mark.parametrize(
    "topic",
    [
        "#", "hoiquan/#", "+/+/+/+/+/+", OWN + "#", OWN + "+", OWN, OWN + "telemetry/x", "$SYS/#", "",
        OWN.replace("my-esp32", NODE) + "telemetry", OWN.replace("tam-que", "canh-tan") + "telemetry",
        OWN.replace("my-esp32", "+") + "command", "$share/g/" + OWN + "command",
        "hoiquan-gateway/v1/gateway/heartbeat", "hoiquan-gateway/#", "application/1/device/2/event/up",
        "application/#",
    ],
)  # fmt: skip
def test_a_device_has_no_business_elsewhere(may, topic):
    for action in (Action.PUBLISH, Action.SUBSCRIBE, Action.RECEIVE):
        assert not may("my-esp32", topic, action)


def test_to_read_and_to_command_are_separate_rights(may):
    for topic in (OWN + "telemetry", OWN + "#", "hoiquan/#", OWN + "result"):
        for account in reader_accounts():
            assert may(account, topic, Action.SUBSCRIBE)
    for topic in (OWN + "telemetry", OWN + "command", "hoiquan-gateway/v1/gateway/heartbeat"):
        for account in reader_accounts():
            assert not may(account, topic, Action.PUBLISH)
    assert not may("reader", "hoiquan-gateway/#", Action.SUBSCRIBE)
    assert may("operator", OWN + "command", Action.PUBLISH)
    for topic in (OWN + "telemetry", OWN + "result", "hoiquan/v1/command"):
        assert not may("operator", topic, Action.PUBLISH)
    for topic in (OWN + "telemetry", "hoiquan/v1/+/+/+/result", OWN + "command", "hoiquan/#", "#"):
        for action in (Action.SUBSCRIBE, Action.RECEIVE):
            assert not may("operator", topic, action)


def test_the_gateway_may_do_everything_and_a_stranger_nothing(may):
    for action in (Action.PUBLISH, Action.SUBSCRIBE, Action.RECEIVE):
        for account in gateway_accounts():
            assert may(account, "hoiquan/#", action)
            assert may(account, f"hoiquan-gateway/v1/{account}/heartbeat", action)
        assert not may("nobody", OWN + "telemetry", action)
        assert not may(None, OWN + "telemetry", action)


def test_a_revoked_device_is_cut_off_though_the_registry_was_away_at_first(tmp_path, access, monkeypatch):
    monkeypatch.setattr(embedded, "LOOK_EVERY", 0.05)
    path, port, stop = tmp_path / "registry.sqlite", free_port(), threading.Event()
    registry = Registry(path, PILOT)
    client = Client(CallbackAPIVersion.VERSION2, "my-esp32")
    client.username_pw_set("my-esp32", registry.enroll("tam-que", "soil-probe", "my-esp32"))
    away = path.rename(path.with_name("away"))
    path.symlink_to(tmp_path)  # a folder, as if its disk were not mounted
    looks, hashes = [], Registry.hashes

    def look(one):
        looks.append(one)
        if len(looks) == 1:
            raise AMQTTError("it stumbles")
        return hashes(one)

    monkeypatch.setattr(Registry, "hashes", look)
    broker = threading.Thread(
        target=asyncio.run, args=(embedded.serve("127.0.0.1", port, access, stop),), daemon=True
    )
    broker.start()
    subscribed = threading.Event()
    hears = Client(CallbackAPIVersion.VERSION2, "gateway", clean_session=False)
    hears.username_pw_set("gateway", "the gateway's")
    hears.on_subscribe = lambda *_: subscribed.set()
    client.on_disconnect = lambda *_: client.disconnect()  # paho would come back
    try:
        until(lambda: len(looks) > 1, "it has looked in vain")
        away.replace(path)  # in one step: where there is no file, the broker would make an empty one
        hears.connect("127.0.0.1", port)
        hears.loop_start()
        until(hears.is_connected, "a device is let in only where a gateway hears it")
        hears.subscribe("hoiquan/#", 1)
        assert subscribed.wait(10)
        client.connect("127.0.0.1", port)
        client.loop_start()
        until(client.is_connected, "it is let in")
        registry.revoke("my-esp32")
        until(lambda: not client.is_connected(), "it is cut off")
    finally:
        for one in (client, hears):
            leave(one)
        stop.set()
        broker.join(10)
