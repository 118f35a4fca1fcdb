"""kill -9 of the gateway at any moment: every acknowledged message is in the store, and once."""

import json
import os
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from contextlib import closing

import pytest
from sqlalchemy import Engine, event

from devices.access.registry import Registry
from devices.pilots.pilot import load
from gateway.ingest.spool import Spool
from tests.system.running import (
    SLOWER,
    Gateway,
    Mosquitto,
    Publisher,
    Running,
    until,
)

SEED = random.randrange(2**32)
KILLS = int(os.environ.get("HOIQUAN_TEST_KILLS", "10"))  # 100 take three minutes
RATE = 500  # messages a second
PLACE = "hoiquan/v1/dong-thap/tam-que"
SIMULATED = ["tam-que-soil-probe-01", "tam-que-soil-probe-02", "tam-que-weather-station-01"]
NUMBERED = ["real-1", "real-2", *SIMULATED]  # boot, seq and a clock
UNTIMED = ["real-3"]  # boot and seq, no clock
CLOCKLESS = ["real-4"]  # values alone
STEP = 1000  # the n-th message of a device has the value n / STEP


@pytest.fixture
def broker(tmp_path):
    running = Mosquitto(tmp_path / "broker")
    yield running
    running.stop()


@pytest.fixture
def folder(tmp_path):
    """A data folder with the real devices enrolled."""
    registry = Registry(tmp_path / "data" / "registry.sqlite", load("dong-thap"))
    for device in ("real-1", "real-2", *UNTIMED, *CLOCKLESS):
        registry.enroll("tam-que", "soil-probe", device)
    return tmp_path


@pytest.fixture
def gateway(folder, broker):
    started = Gateway(folder / "gateway.log", {"HOIQUAN_MQTT": broker.url, "HOIQUAN_GATEWAY_PASSWORD": "x"})
    try:
        until("the gateway's subscription", 30, started.connected)
        yield started
    finally:
        started.running.stop()


def stored(folder):
    """Device → message number → how often its value is in the store."""
    with closing(sqlite3.connect(f"file:{folder / 'data' / 'store.sqlite'}?mode=ro", uri=True)) as db:
        rows = db.execute(
            "SELECT series.tags, soil_moisture FROM telemetry JOIN series ON series.id = telemetry.series"
        ).fetchall()
    found = {}
    for tags, value in rows:
        device = dict(line.split("=", 1) for line in tags.split("\n"))["device"]
        found.setdefault(device, Counter())[round(value * STEP)] += 1
    return found


def books(folder):
    with closing(Spool(folder / "data" / "gateway" / "spool.sqlite")) as spool:
        return spool.books()


def settled(folder, messages, seconds):
    """The books, once so many different messages were received and none of them is spooled any more."""
    path = folder / "data" / "gateway" / "spool.sqlite"
    deadline = time.monotonic() + seconds * SLOWER
    while True:
        found = books(folder) if path.exists() else None
        if found and found.received - found.duplicate >= messages and not found.spooled:
            return found
        if time.monotonic() > deadline:  # the caller names missing rows better than a failure here could
            return found
        time.sleep(0.1)


class Stream(threading.Thread):
    """Publishes RATE messages a second over all devices until told to stop."""

    def __init__(self, port):
        super().__init__()
        self.publisher = Publisher(port, "stream")
        self.sent = Counter()
        self.halt = threading.Event()
        self._at = {}

    def run(self):
        devices = NUMBERED + UNTIMED + CLOCKLESS
        began, count = time.monotonic(), 0
        while not self.halt.is_set():
            while count < (time.monotonic() - began) * RATE:
                self.send(devices[count % len(devices)])
                count += 1
            self.halt.wait(0.01)

    def send(self, device):
        self.sent[device] += 1
        number = self.sent[device]
        message = {"values": {"soil_moisture": number / STEP}}
        if device not in CLOCKLESS:
            message |= {"boot": "b1", "seq": number}
        if device in NUMBERED:
            self._at[device] = max(time.time_ns() // 1_000_000, self._at.get(device, 0) + 1)
            message["ts"] = self._at[device]
        self.publisher.publish(f"{PLACE}/{device}/telemetry", json.dumps(message))


def wrong(sent, found):
    """Device → its missing, doubled and foreign values."""
    result = {}
    for device, count in sent.items():
        rows = found.get(device, Counter())
        missing = [n for n in range(1, count + 1) if n not in rows]
        doubled = [n for n, times in rows.items() if times > 1]
        foreign = [n for n in rows if not 1 <= n <= count]
        if missing or doubled or foreign:
            result[device] = {"sent": count, "missing": missing[:20], "doubled": doubled[:20],
                              "foreign": foreign[:20]}  # fmt: skip
    return result


def test_kills_under_load_lose_nothing_and_double_nothing(folder, broker, gateway):
    moments = random.Random(SEED)
    stream = Stream(broker.port)
    stream.start()
    began = time.monotonic()
    try:
        for _ in range(KILLS):
            # the other kills hit a gateway that is still working off its queue
            if moments.random() < 0.5:
                until("the gateway's connection", 30, gateway.connected)
            time.sleep(moments.uniform(0.0, 1.6))  # the random part of the test
            gateway.kill()
            gateway.start()
    finally:
        stream.halt.set()
        stream.join()
    stream.publisher.all_acknowledged()
    stream.publisher.close()
    total = sum(stream.sent.values())
    end = settled(folder, total, 30)
    seconds = time.monotonic() - began
    where = f"seed {SEED}, {total} messages in {seconds:.0f} s, {end}"
    assert total > RATE * 5, where
    bad = wrong(stream.sent, stored(folder))
    if stream.publisher.connections > 1:
        # On a machine that starves it the stream itself may reconnect and publish unacknowledged messages
        # again. To the broker these are new messages, and without number and clock they are new readings.
        resent = sum(len(bad[device]["doubled"]) for device in CLOCKLESS if device in bad)
        bad = {device: what for device, what in bad.items() if device not in CLOCKLESS or what["missing"]}
        where = f"{where}, the stream reconnected"
        total += resent
    assert not bad, f"{where}: {bad}"
    assert end.balanced, where
    assert end.quarantined == 0, where
    assert end.stored == total, where
    assert "Traceback" not in gateway.running.text(), gateway.running.text()


KILLED_BEFORE_THE_ACK = """
import os, sys, time
from gateway.intake.receive import Receiver
from gateway.ingest.spool import Spool
from pathlib import Path
url, folder, wanted, keep = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "keep"
spool = Spool(folder / "gateway" / "spool.sqlite")
receiver = Receiver(url, "gateway", "x", 5)
receiver.start()
taken = 0
while taken < wanted:
    messages = receiver.take(2000, 0.2)
    taken += len(messages)
    if messages and keep:
        spool.append(messages)
os._exit(9)
"""


def taken_but_not_acknowledged(folder, broker, count, *, spooled):
    """Run a gateway that takes `count` messages, spools them or not, and dies before its acks are sent."""
    Running(
        folder / "killed.log",
        [sys.executable, "-c", KILLED_BEFORE_THE_ACK, broker.url, str(folder / "data"), str(count),
         "keep" if spooled else "drop"],
    ).process.wait(20 * SLOWER)  # fmt: skip


@pytest.mark.parametrize("spooled", [True, False], ids=["after fsync", "before fsync"])
def test_a_kill_just_before_the_acks_of_a_stream_without_clock(folder, broker, gateway, spooled):
    device, count = CLOCKLESS[0], 400  # as many as arrive at once after a minute's outage
    gateway.kill()
    publisher = Publisher(broker.port, "node")
    for number in range(1, count + 1):
        publisher.publish(
            f"{PLACE}/{device}/telemetry", json.dumps({"values": {"soil_moisture": number / STEP}})
        )
    publisher.all_acknowledged()
    taken_but_not_acknowledged(folder, broker, count, spooled=spooled)
    gateway.start()
    publisher.publish(f"{PLACE}/real-1/telemetry", '{"boot":"b","seq":1,"values":{"soil_moisture":0.001}}')
    publisher.close()
    end = settled(folder, count + 1, 30)
    bad = wrong({device: count}, stored(folder))
    assert not bad, f"{end}: {bad}"
    assert (end.stored, end.duplicate) == (count + 1, count if spooled else 0)
    assert end.balanced


@pytest.mark.parametrize("spooled", [True, False], ids=["after fsync", "before fsync"])
def test_a_sensor_that_says_the_same_again_and_again_is_heard_each_time(folder, broker, gateway, spooled):
    topic, same = f"{PLACE}/{CLOCKLESS[0]}/telemetry", '{"values":{"soil_moisture":0.001}}'
    publisher = Publisher(broker.port, "node")
    for _ in range(3):
        publisher.publish(topic, same)
    assert settled(folder, 3, 30).stored == 3
    gateway.kill()
    for _ in range(5):
        publisher.publish(topic, same)
    publisher.all_acknowledged()
    taken_but_not_acknowledged(folder, broker, 5, spooled=spooled)
    gateway.start()
    publisher.publish(f"{PLACE}/real-1/telemetry", '{"boot":"b","seq":1,"values":{"soil_moisture":0.002}}')
    publisher.close()
    end = settled(folder, 9, 30)
    assert stored(folder)[CLOCKLESS[0]] == {1: 8}, end
    assert end.balanced


def test_a_device_is_known_while_another_thread_reads_the_registry(folder):
    # the gateway's clerk and its pipeline query at the same moment right after the start
    reading = threading.Event()

    def slow(*_):
        reading.set()
        time.sleep(0.3)  # as long as a slow disk or a PostgreSQL over the network takes

    registry = Registry(folder / "data" / "registry.sqlite", load("dong-thap"))
    event.listen(Engine, "before_cursor_execute", slow)
    clerk = threading.Thread(target=registry.devices)
    try:
        clerk.start()
        assert reading.wait(5)
        assert registry.lookup("real-1") is not None
    finally:
        clerk.join()
        event.remove(Engine, "before_cursor_execute", slow)
