"""`hoiquan simulate`: one seed gives one province, however it is played."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from devices.access.authority import prepare
from devices.access.mosquitto import write_passwords
from devices.access.registry import Registry
from devices.credentials import hash_password
from devices.pilots.pilot import load
from tests.system.running import (
    SLOWER,
    Mosquitto,
    Publisher,
    Running,
    command,
    done,
    hoiquan,
    one_line,
    until,
)

START, MIDDLE, END = "2026-11-20T00:00:00Z", "2026-11-20T06:00:00Z", "2026-11-20T12:00:00Z"
# a day and a half, so that it contains diaries of several communities
RUNS = {
    "whole": ("--history", "24h", "--start", MIDDLE, "--until", END),
    "again": ("--history", "24h", "--start", MIDDLE, "--until", END),
    **{
        f"shard-{n}": ("--history", "24h", "--start", MIDDLE, "--until", END, "--shard", f"{n}/3")
        for n in (1, 2, 3)
    },
    "other seed": ("--history", "24h", "--start", MIDDLE, "--until", END, "--seed", "8"),
    "live": ("--start", START, "--until", END),
    "history": ("--history", "12h", "--start", END, "--until", END),
}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The bytes that each run wrote."""
    folder = tmp_path_factory.mktemp("simulate")

    def play(name):
        out = folder / f"{name}.ndjson"
        done(hoiquan(folder, "simulate", "--out", str(out), "--speed", "0", "--seed", "7", *RUNS[name]))
        return out.read_bytes()

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(RUNS, pool.map(play, RUNS), strict=True))


def lines(data):
    return data.splitlines()


def test_the_same_seed_gives_the_same_bytes(played):
    assert len(lines(played["whole"])) > 5_000
    assert played["whole"] == played["again"]
    assert played["whole"] != played["other seed"]


def test_shards_together_are_the_whole(played):
    parts = [line for n in (1, 2, 3) for line in lines(played[f"shard-{n}"])]
    whole, shards = Counter(lines(played["whole"])), Counter(parts)
    assert not whole - shards, f"in no shard: {list(whole - shards)[:3]}"
    assert not shards - whole, f"in too many shards: {list(shards - whole)[:3]}"
    assert sorted(parts) == sorted(lines(played["whole"]))


def test_history_and_live_agree(played):
    live, history = Counter(lines(played["live"])), Counter(lines(played["history"]))
    assert not live - history, f"live alone: {list(live - history)[:3]}"
    assert not history - live, f"history alone: {list(history - live)[:3]}"


def test_every_line_is_a_message_of_the_contract(played):
    kinds = Counter()
    for line in lines(played["whole"]):
        message = json.loads(line)
        kinds[message["topic"].rpartition("/")[2]] += 1
        assert message["topic"].startswith("hoiquan/v1/dong-thap/")
    assert set(kinds) == {"telemetry", "diary"}


def test_nothing_is_lost_where_history_ends_and_live_begins(played, tmp_path):
    # history is everything before --start, so live begins with it: also exactly at a node's tick
    first = json.loads(next(line for line in lines(played["live"]) if b"/telemetry" in line))
    tick = first["payload"]["ts"]
    moment = f"2026-11-20T{tick // 3_600_000 % 24:02}:{tick // 60_000 % 60:02}:{tick % 60_000 / 1000:06.3f}Z"
    until = "2026-11-20T01:00:00Z"
    words = ("--history", "1h", "--start", moment, "--until", until, "--speed", "0", "--seed", "7")
    done(hoiquan(tmp_path, "simulate", "--out", "out.ndjson", *words))
    times = [
        message["payload"]["ts"]
        for message in map(json.loads, lines((tmp_path / "out.ndjson").read_bytes()))
        if message["topic"] == first["topic"]
    ]
    assert times.count(tick) == 1
    assert {after - before for before, after in pairwise(times)} == {600_000}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--history", "long", "--out", "o"), "long"),
        (("--start", "yesterday", "--out", "o"), "yesterday"),
        (("--until", "2026-11-20", "--out", "o"), "2026-11-20"),
        (("--shard", "4/3", "--out", "o"), "4/3"),
        (("--speed", "-1", "--out", "o", "--until", START), "speed"),
        (("--mqtt", "http://127.0.0.1:1", "--until", START), "http://127.0.0.1:1"),
        (("--pilot", "nowhere", "--out", "o"), "nowhere"),
        (("--storm", "0m", "--mqtt", "mqtt://127.0.0.1:1"), "--storm '0m'"),
        (("--jitter", "nan", "--out", "o"), "--jitter NaN"),
        (("--storm", "30m", "--out", "o", "--until", START), "--storm ngắt"),
        (("--jitter", "5", "--out", "o", "--until", START), "--jitter ngắt"),
        ((), "--out"),
    ],
    ids=[
        "history",
        "start",
        "until",
        "shard",
        "speed",
        "broker",
        "pilot",
        "storm",
        "jitter",
        "storm of nothing",
        "jitter of nothing",
        "no output",
    ],
)
def test_a_mistake_is_one_line(tmp_path, words, named):
    assert named in one_line(hoiquan(tmp_path, "simulate", *words, seconds=10), 2)


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    assert "/nowhere/o" in one_line(hoiquan(tmp_path, "simulate", "--out", "/nowhere/o"), 2)


def test_a_fleet_that_the_broker_refuses_still_ends_at_once(tmp_path):
    (tmp_path / "passwords").write_text(f"somebody:{hash_password('else')}\n")
    broker = Mosquitto(tmp_path / "broker", tmp_path / "passwords")
    fleet = Running(tmp_path / "fleet.log", command("simulate", "--mqtt", broker.url))
    try:
        until("a refusal", 15, lambda: "refuses" in fleet.text())
        began = time.monotonic()
        assert fleet.stop(seconds=8) == 0
        assert time.monotonic() - began < 5 * SLOWER
    finally:
        fleet.stop()
        broker.stop()


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A Mosquitto as deploy/mosquitto runs it, which knows the simulated nodes; and its CA."""
    folder = tmp_path_factory.mktemp("secure")
    registry = Registry(folder / "registry.sqlite", load("dong-thap"))
    write_passwords(folder / "passwords", registry, "the gateway's", "the secret")
    broker = Mosquitto(folder / "broker", folder / "passwords", deployed=True)
    yield broker, folder / "broker" / "ca" / "ca.pem"
    broker.stop()


def test_over_tls_the_brokers_certificate_must_be_of_our_ca(tmp_path, secure):
    broker, ca = secure
    hearer = Publisher(broker.port, "gateway", "the gateway's", hears="hoiquan/#")
    words = ("--mqtt", f"mqtts://localhost:{broker.tls_port}", "--start", START, "--speed", "600")
    ours = {"HOIQUAN_SIMULATOR_SECRET": "the secret", "HOIQUAN_MQTT_CA": str(ca)}
    fleet = Running(tmp_path / "fleet.log", command("simulate", *words), **ours)
    try:
        until("readings", 30, lambda: any(topic.endswith("/telemetry") for topic, _ in hearer.heard))
    finally:
        assert fleet.stop() == 0, fleet.text()
        hearer.close()
    prepare(tmp_path / "ca", tmp_path, ["localhost"])  # another village's CA
    other = ours | {"HOIQUAN_MQTT_CA": str(tmp_path / "ca" / "ca.pem")}
    fleet = Running(tmp_path / "other.log", command("simulate", *words), **other)
    try:
        until("the reason", 30, lambda: "certificate verify failed" in fleet.text())
        assert fleet.text().count("no way to the broker") == 1, "once, not for each node"
    finally:
        assert fleet.stop() == 0, fleet.text()


def test_a_storm_takes_a_place_away_and_gives_it_back(tmp_path, secure):
    broker, _ = secure
    hearer = Publisher(broker.port, "gateway", "the gateway's", hears="hoiquan/v1/+/+/+/status")
    words = ("--mqtt", broker.url, "--start", START, "--speed", "300", "--storm", "10m", "--jitter", "1")
    fleet = Running(
        tmp_path / "fleet.log", command("simulate", *words), HOIQUAN_SIMULATOR_SECRET="the secret"
    )

    def back():
        """The places whose node was away and is online again."""
        said = {}
        for topic, payload in list(hearer.heard):
            said.setdefault(topic, []).append(json.loads(payload)["state"])
        return {
            t.split("/")[3] for t, states in said.items() if states[-3:] == ["online", "offline", "online"]
        }

    try:
        until("a place that is back", 60, back)
    finally:
        assert fleet.stop() == 0, fleet.text()
        hearer.close()


def test_tls_without_a_port_goes_to_8883(tmp_path):
    fleet = Running(tmp_path / "fleet.log", command("simulate", "--mqtt", "mqtts://127.0.0.1"))
    try:  # no server there has a certificate that this machine trusts for that address
        until("where it went", 30, lambda: "no way to the broker at 127.0.0.1:8883" in fleet.text())
    finally:
        assert fleet.stop() == 0, fleet.text()


@pytest.mark.parametrize("content", [None, "no certificate"], ids=["missing", "something else"])
def test_a_ca_that_is_none_is_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    words = ("simulate", "--mqtt", "mqtts://127.0.0.1", "--until", START)
    said = one_line(hoiquan(tmp_path, *words, HOIQUAN_MQTT_CA="ca.pem"), 2)
    assert said.startswith("hoiquan: HOIQUAN_MQTT_CA chỉ tới ca.pem")
