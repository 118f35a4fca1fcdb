"""Only a diary may write diary events: at a Mosquitto as deploy/mosquitto runs it, and the embedded one."""

import json
import time

import pytest

from devices.credentials import simulated_password
from devices.pilots.pilot import load
from tests.system.parties import SECRETS, TOPIC, Village
from tests.system.running import SLOWER, done, until

HARVEST = json.dumps(
    {"event": "harvest", "id": "by-a-probe", "ts": "2026-11-27T10:00:00+07:00", "plot": "plot-1",
     "crop": "mango", "quantity_kg": 123}
).encode()  # fmt: skip
SOON = 2  # seconds


@pytest.fixture(
    scope="module",
    params=[(False, 4), (False, 5), (True, 4)],
    ids=["mosquitto, MQTT 3.1.1", "mosquitto, MQTT 5", "embedded"],
)
def village(request, tmp_path_factory):
    embedded, version = request.param
    made = Village(tmp_path_factory.mktemp("village"), embedded)
    made.version = version
    yield made
    made.broker.stop()


@pytest.fixture
def gateway(village):
    listening = village.client("gateway", SECRETS["HOIQUAN_GATEWAY_PASSWORD"], hears=["hoiquan/#"])
    yield listening
    listening.close()


def party(village, user, password=""):
    found = village.client(user, password)
    assert found.let_in
    return found


def shut_out(village, user):
    knocking = village.client(user)
    knocking.close()
    return not knocking.let_in


def heard(gateway, *topics):
    until("the gateway hears it", 10, lambda: set(topics) <= set(gateway.heard))


def test_a_probe_gets_no_diary_event_through(village, gateway):
    """Neither from a thief of an enrolled probe's password, nor from a simulated probe's own program."""
    probe = "probe"
    village.enroll(probe)
    played = next(name for name, one in load("dong-thap").fleet.items() if one.community == "tam-que")
    secret = simulated_password(SECRETS["HOIQUAN_SIMULATOR_SECRET"], played)
    for user, password in ((probe, ""), (played, secret)):
        thief = party(village, user, password)
        taken = [thief.publish(TOPIC.format(name, "diary"), HARVEST) for name in (user, "tam-que-diary-01")]
        assert village.version == 4 or not any(taken), "MQTT 5 has a word for it"
        assert thief.publish(TOPIC.format(user, "telemetry"))
        heard(gateway, TOPIC.format(user, "telemetry"))  # and everything before it has arrived, too
        thief.close()
    assert not [topic for topic in gateway.heard if topic.endswith("/diary")]


def test_a_diary_enrolled_at_a_running_broker_writes_at_once_and_not_when_revoked(village, gateway):
    keeper, other = "keeper", "other"
    village.enroll(other, model="diary")
    staying = party(village, other)
    village.enroll(keeper, model="diary")
    began = time.monotonic()  # from now on the diary's owner has a password
    writing = party(village, keeper)
    assert writing.publish(TOPIC.format(keeper, "diary"), HARVEST)
    heard(gateway, TOPIC.format(keeper, "diary"))
    assert time.monotonic() - began < SOON * SLOWER
    assert not staying.lost.is_set()

    for foreign in (TOPIC.format(other, "diary"), TOPIC.format("tam-que-diary-01", "diary")):
        writing.publish(foreign, HARVEST)
    village.revoke(keeper)
    until("its connection is cut", 10, writing.lost.is_set)
    writing.close()
    until("it stays outside", SOON, lambda: shut_out(village, keeper))
    gateway.heard.clear()
    assert staying.publish(TOPIC.format(other, "diary"), HARVEST)
    heard(gateway, TOPIC.format(other, "diary"))
    assert gateway.heard.count(TOPIC.format(other, "diary")) == 1
    assert not staying.lost.is_set()
    staying.close()


def test_one_that_comes_back_as_a_probe_keeps_no_diary_any_more(village, gateway):
    name = "changed"
    village.enroll(name, model="diary")
    village.revoke(name)
    village.enroll(name, model="soil-probe")
    probe = party(village, name)
    probe.publish(TOPIC.format(name, "diary"), HARVEST)
    assert probe.publish(TOPIC.format(name, "telemetry"))
    heard(gateway, TOPIC.format(name, "telemetry"))
    assert TOPIC.format(name, "diary") not in gateway.heard
    probe.close()


def test_a_simulated_diary_writes_and_sends_no_telemetry_at_the_embedded_broker(village, gateway):
    name = "tam-que-diary-01"
    keeper = party(village, name, simulated_password(SECRETS["HOIQUAN_SIMULATOR_SECRET"], name))
    keeper.publish(TOPIC.format(name, "telemetry"), b'{"values":{"soil_moisture":31.5}}')
    assert keeper.publish(TOPIC.format(name, "diary"), HARVEST)
    heard(gateway, TOPIC.format(name, "diary"))
    # Mosquitto's rules are patterns and let this pass; the gateway refuses it, and answers so
    assert (TOPIC.format(name, "telemetry") in gateway.heard) == (
        "HOIQUAN_MOSQUITTO_PASSWORDS" in village.settings
    )
    keeper.close()


def test_the_command_enrols_one_and_names_the_page(village, gateway):
    given = ["--community", "tam-que", "--model", "diary", "--id", "by-command", "--json"]
    shown = json.loads(done(village.hoiquan("device", "enroll", *given)))
    assert shown["page"] == "http://localhost:8080/diary"
    keeper = village.client(shown["user"], shown["password"])
    assert keeper.publish(shown["topic"], HARVEST)
    heard(gateway, TOPIC.format("by-command", "diary"))
    keeper.close()
