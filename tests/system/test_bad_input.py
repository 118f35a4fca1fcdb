"""Whatever a device sends: one clear line, quarantine, an answer, and the next message is stored."""

import json
from contextlib import closing

import pytest

from devices import credentials
from devices.access.registry import Registry
from devices.pilots.pilot import load
from devices.texts import text
from gateway.ingest.spool import Spool
from gateway.stores.sqlite import SqliteStore
from tests.loopback import answers, free_port
from tests.system.running import Mosquitto, Publisher, Running, command, done, hoiquan, until

NODE, OTHER = "hoiquan/v1/dong-thap/tam-que/my-esp32", "hoiquan/v1/dong-thap/canh-tan/my-esp32"
ABROAD = "hoiquan/v1/quang-tri/tam-que/my-esp32"
MARKED = "hoiquan/v1/dong-thap/Tam-Que/my-esp32"
STRANGER = "hoiquan/v1/dong-thap/tam-que/nobody"
NOTEBOOK = "hoiquan/v1/dong-thap/tam-que/notebook"
HARVEST = (
    '{"event":"harvest","id":"by-a-probe","ts":"2026-11-27T10:00:00+07:00","plot":"plot-1",'
    '"crop":"mango","quantity_kg":123}'
)


def values(text):
    return f'{{"values":{{"soil_moisture":{text}}}}}'


# name, topic of the device, kind, payload, reason, and what the English answer must name (None: no answer)
CASES = [
    ("not JSON", NODE, "telemetry", b"soil_moisture=31.5", "not_json", "JSON"),
    ("not even text", NODE, "telemetry", b"\xff\xfe\x00\x81", "not_json", "JSON"),
    ("nothing", NODE, "telemetry", b"", "not_json", "JSON"),
    ("a number alone", NODE, "telemetry", b"31.5", "not_object", "JSON"),
    ("deep nesting", NODE, "telemetry", b"[" * 16_000, "not_json", "JSON"),
    ("NaN", NODE, "telemetry", values("NaN"), "not_finite", "soil_moisture"),
    ("infinity", NODE, "telemetry", values("1e999"), "not_finite", "soil_moisture"),
    ("2**70", NODE, "telemetry", values(2**70), "too_big", "soil_moisture"),
    ("text for a number", NODE, "telemetry", values('"31.5"'), "not_a_number", "soil_moisture"),
    ("true for a number", NODE, "telemetry", values("true"), "not_a_number", "soil_moisture"),
    ("seq of 2**70", NODE, "telemetry", f'{{"seq":{2**70},"values":{{"co2":400}}}}', "bad_seq", "seq"),
    ("unknown signal", NODE, "telemetry", '{"values":{"luck":7}}', "unknown_signal", "luck"),
    ("a name twice", NODE, "telemetry", '{"values":{"co2":1,"co2":2}}', "repeated_name", "co2"),
    ("a time without a zone", NODE, "telemetry", '{"ts":"2026-11-21T10:00:00","values":{"co2":400}}',
     "bad_time", "ts"),
    ("no values", NODE, "telemetry", '{"values":{}}', "no_values", "values"),
    ("20 KB", NODE, "telemetry", values("1" + " " * 20_000), "too_large", "16384"),
    ("a line break in a name", NODE, "telemetry", '{"values":{"a\\nrefused: b":1}}', "unknown_signal", "a"),
    ("a status without a state", NODE, "status", "{}", "bad_status", ""),
    ("a diary without an event", NOTEBOOK, "diary", "{}", "bad_diary", ""),
    ("a probe's harvest", NODE, "diary", HARVEST, "wrong_model", "device enroll --model diary"),
    ("a diary's reading", NOTEBOOK, "telemetry", values(1), "diary_measures", "notebook"),
    ("null for all values", NODE, "telemetry", '{"values":null}', "values_null", "null"),
    ("a C string with its end", NODE, "telemetry", values("31.5").encode() + b"\0", "nul_byte", "strlen"),
    ("seconds with a fraction", NODE, "telemetry", '{"ts":1795833783.5,"values":{"co2":400}}',
     "time_in_seconds", "1795833783.5"),
    ("another community", OTHER, "telemetry", values(1), "foreign_topic", "canh-tan"),
    ("another pilot", ABROAD, "telemetry", values(1), "foreign_topic", "quang-tri"),
    ("capitals in a community", MARKED, "telemetry", values(1), "bad_topic", "Tam-Que"),
    ("nobody's id", STRANGER, "telemetry", values(1), "unknown_device", "nobody"),
    ("a bad id", "hoiquan/v1/dong-thap/tam-que/My_ESP32", "telemetry", values(1), "bad_topic", None),
    ("a short topic", "hoiquan/v1/tam-que", "telemetry", values(1), "bad_topic", None),
    ("an unknown kind", NODE, "gossip", values(1), "bad_topic", None),
]  # fmt: skip


def enrolled(folder, device="my-esp32", model="soil-probe"):
    return Registry(folder / "data" / "registry.sqlite", load("dong-thap")).enroll("tam-que", model, device)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    running = Mosquitto(tmp_path_factory.mktemp("broker"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, broker):
    folder = tmp_path_factory.mktemp("gateway")
    enrolled(folder)
    enrolled(folder, "notebook", "diary")
    running = Running(
        folder / "gateway.log", command("gateway"), HOIQUAN_MQTT=broker.url, HOIQUAN_GATEWAY_PASSWORD="x"
    )
    until("the gateway's connection", 20, lambda: "connected to" in running.text())
    yield running
    running.stop()


@pytest.fixture
def node(broker):
    # without accounts, so that the test can send what a broken or hostile broker would pass on
    publisher = Publisher(broker.port, "node", hears="hoiquan/#")
    yield publisher
    publisher.close()


def quarantined(folder):
    with closing(Spool(folder / "data" / "gateway" / "spool.sqlite")) as spool:
        return spool.quarantined(1000)


def books(folder):
    with closing(Spool(folder / "data" / "gateway" / "spool.sqlite")) as spool:
        return spool.books()


def settled(folder, received):
    """The books, once so many messages were received and none of them is spooled any more."""
    found = books(folder)
    return found if found.received >= received and not found.spooled else None


def latest(folder, device, signal):
    """The newest value of a device's signal in the store."""
    with closing(SqliteStore(folder / "data" / "store.sqlite")) as store:
        for found in store.latest("telemetry", {"device": device}, 0):
            if signal in found.fields:
                return found.fields[signal][1]
    return None


def answered(node, device, reason):
    """The answers for that reason on the device's `rejected` topic."""
    said = [json.loads(payload) for topic, payload in node.heard if topic == f"{device}/rejected"]
    return [answer for answer in said if answer["reason"] == reason]


@pytest.mark.parametrize(
    ("number", "topic", "kind", "payload", "reason", "names"),
    [(number, *case[1:]) for number, case in enumerate(CASES)],
    ids=[case[0] for case in CASES],
)
def test_bad_input_is_refused_told_and_followed_by_good(
    gateway, node, number, topic, kind, payload, reason, names
):
    folder, before, said = gateway.log.parent, books(gateway.log.parent), len(gateway.text())
    good = 20 + number / 100
    node.publish(f"{topic}/{kind}", payload)
    node.publish(f"{NODE}/telemetry", values(good))
    until("the good message after it", 15, lambda: latest(folder, "my-esp32", "soil_moisture") == good)
    after = until("settled books", 15, lambda: settled(folder, before.received + 2))
    row = quarantined(folder)[0]
    sent = payload if isinstance(payload, bytes) else payload.encode()
    assert (row.reason, row.topic, row.size) == (reason, f"{topic}/{kind}", len(sent))
    assert row.payload == sent[:16384]
    assert (after.quarantined - before.quarantined, after.stored - before.stored) == (1, 1)
    assert after.balanced
    until("a line in the log", 15, lambda: len(gateway.text()) > said)
    lines = gateway.text()[said:].splitlines()
    assert len(lines) == 1, lines
    assert "refused" in lines[0]
    if names is None:
        return
    # the device is known by its id: the answer goes to its own topic, not to the one it wrongly used
    own = NODE if topic in (OTHER, ABROAD, MARKED) else topic
    answers = until(f"an answer on {own}/rejected", 15, lambda: answered(node, own, reason))
    assert len(answers) == 1
    assert names in answers[0]["en"]
    assert names in answers[0]["vi"]
    assert answers[0]["en"].isascii()
    assert not answers[0]["vi"].isascii()


def test_the_quarantine_is_listed_shown_and_replayed(gateway, node):
    folder = gateway.log.parent
    node.publish("hoiquan/v1/dong-thap/tam-que/late-one/telemetry", values(44.25))
    row = until(
        "a refusal", 15, lambda: [r for r in quarantined(folder) if r.topic.endswith("late-one/telemetry")]
    )[0]
    listed = json.loads(done(hoiquan(folder, "quarantine", "list", "--json")))
    mine = next(entry for entry in listed if entry["id"] == row.id)
    assert mine["reason"] == "unknown_device"
    assert "late-one" in mine["vi"]
    assert "late-one" in mine["en"]
    assert json.loads(done(hoiquan(folder, "quarantine", "show", str(row.id))))["payload"] == values(44.25)
    shown = done(hoiquan(folder, "quarantine", "list"))
    assert text("quarantine.reason", "vi") in shown
    assert "…" not in shown, "whose it is stands near the end of a topic"
    assert text("quarantine.reason", "en") in done(hoiquan(folder, "quarantine", "list", "--lang", "en"))
    enrolled(folder, "late-one")
    assert text("quarantine.again", "vi", count=1) in done(
        hoiquan(folder, "quarantine", "replay", str(row.id))
    )
    until("the replayed reading", 15, lambda: latest(folder, "late-one", "soil_moisture") == 44.25)
    assert books(folder).balanced


def test_a_hostile_name_is_shown_and_not_obeyed(gateway, node):
    folder = gateway.log.parent
    node.publish(f"{NODE}/telemetry", '{"values":{"[/b]:skull:\\u001b[2J":1}}')
    until("the refusal", 15, lambda: [row for row in quarantined(folder) if "[/b]" in row.field])
    answer = until(
        "an answer",
        15,
        lambda: [said for topic, said in node.heard if topic.endswith("rejected") and b"[/b]" in said],
    )[0]
    for said in (done(hoiquan(folder, "quarantine", "list")), gateway.text(), json.loads(answer)["vi"]):
        assert "\x1b" not in said
    assert "[/b]" in "".join(done(hoiquan(folder, "quarantine", "list")).split())


def test_nothing_ever_was_a_traceback(gateway):
    assert "Traceback" not in gateway.text()
    assert not gateway.ended()


def test_a_megabyte_over_the_embedded_broker(tmp_path):
    password, port = enrolled(tmp_path), free_port()
    settings = credentials.environment(tmp_path / "data") | {"HOIQUAN_MQTT_VERSION": "4"}
    settings |= {"HOIQUAN_MQTT": f"mqtt://127.0.0.1:{port}"}
    broker = Running(tmp_path / "broker.log", command("broker", "--port", str(port)), **settings)
    gateway = Running(tmp_path / "gateway.log", command("gateway"), **settings)
    try:
        until("the embedded broker", 15, lambda: answers(port))
        until("the gateway's subscription", 15, (tmp_path / "data" / "gateway" / "alive").exists)
        node = Publisher(port, "my-esp32", password, hears=f"{NODE}/rejected")
        assert not node.refused
        node.publish(f"{NODE}/telemetry", b"x" * 2**20)
        node.publish(f"{NODE}/telemetry", values(31.5))
        until("the next reading", 10, lambda: latest(tmp_path, "my-esp32", "soil_moisture") == 31.5)
        (row,) = until("the refusal", 10, lambda: quarantined(tmp_path))
        assert (row.reason, row.size, row.payload) == ("too_large", 2**20, b"x" * 16384)
        (_, answer), *more = until("an answer", 15, lambda: node.heard)
        assert json.loads(answer)["reason"] == "too_large"
        assert not more
        node.all_acknowledged()
        assert node.connected()
        node.close()
    finally:
        ends = [running.stop() for running in (gateway, broker)]
    assert ends == [0, 0]
    assert "Traceback" not in gateway.text() + broker.text(), gateway.text() + broker.text()
