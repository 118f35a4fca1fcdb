"""Mosquitto, the InfluxDB engine and a gateway between them; and a fleet that counts its messages."""

import json
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from itertools import pairwise

import pytest

from devices.pilots.pilot import load
from gateway.ingest.spool import Spool
from tests.system.running import BUCKET, SLOWER, Influx, Mosquitto, Publisher, Running, command, until

PILOT = load("dong-thap")
DEVICES = [d for d in PILOT.fleet.values() if d.model == "soil-probe"][:20]
STEP = 1000  # the n-th message of a device has the value n / STEP


class Ingest:
    """Mosquitto, the InfluxDB engine behind nginx, and a gateway between them."""

    def __init__(self, folder, broker=None):
        self.folder = folder
        self.influx = Influx(folder / "influx")
        self.broker = broker or Mosquitto(folder / "broker", autosave=1)
        self.log = folder / "gateway.log"
        self.settings = {
            "HOIQUAN_INFLUX_URL": self.influx.url, "HOIQUAN_INFLUX_TOKEN": self.influx.token,
            "HOIQUAN_INFLUX_BUCKET": BUCKET, "HOIQUAN_GATEWAY_PASSWORD": "x",
            "HOIQUAN_MQTT": self.broker.url,
        }  # fmt: skip
        self.gateway = None

    def start(self, **more):
        before = self.connections()
        self.gateway = Running(self.log, command("gateway"), **self.settings, **more)
        until("the gateway's subscription", 30, lambda: self.connections() > before)

    def connections(self):
        """How often a gateway has connected to the broker."""
        return self.text().count("connected to")

    def text(self):
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def kill(self):
        self.gateway.process.kill()
        self.gateway.process.wait()

    def stop(self):
        if self.gateway is not None:
            self.gateway.stop()
        self.broker.stop()
        self.influx.stop()

    def books(self):
        path = self.folder / "data" / "gateway" / "spool.sqlite"
        with closing(Spool(path)) as spool:
            return spool.books()

    def settled(self, seconds=60):
        """The books, once nothing is spooled and they no longer change."""
        last = None
        deadline = time.monotonic() + seconds * SLOWER
        while time.monotonic() < deadline:
            found = self.books()
            if not found.spooled and found == last:
                return found
            last = found
            time.sleep(0.5)
        pytest.fail(f"still on the way after {seconds * SLOWER} s: {last}")

    def stored(self):
        """Device → numbers of the messages whose value is in the store."""
        found = {}
        for series in self.influx.query("SELECT soil_moisture FROM telemetry GROUP BY device"):
            rows = Counter(round(value * STEP) for _, value in series["values"] if value is not None)
            found[series["tags"]["device"]] = rows
        return found

    def missing(self):
        """How many numbers never arrived, as the gateway counts them."""
        with closing(sqlite3.connect(self.folder / "data" / "gateway" / "spool.sqlite")) as db:
            states = [json.loads(text.split("\n")[0]) for (text,) in db.execute("SELECT state FROM seen")]
        return sum(
            later[0] - earlier[1] - 1
            for state in states
            for ranges in state["boots"].values()
            for earlier, later in pairwise(ranges)
        )


class Fleet(threading.Thread):
    """Twenty numbered nodes over one connection; counts the messages that the broker acknowledged."""

    def __init__(self, port, rate=400):
        super().__init__()
        self.publisher = Publisher(port, "fleet")
        self.sent = Counter()
        self.halt = threading.Event()
        self._rate = rate
        self._began = time.time_ns() // 1_000_000

    def run(self):
        began, count = time.monotonic(), 0
        while not self.halt.is_set():
            while count < (time.monotonic() - began) * self._rate:
                self.send(DEVICES[count % len(DEVICES)])
                count += 1
            self.halt.wait(0.01)

    def send(self, device, time_ms=None):
        self.sent[device.device] += 1
        number = self.sent[device.device]
        message = {"ts": (self._began if time_ms is None else time_ms) + number, "seq": number, "boot": "b",
                   "values": {"soil_moisture": number / STEP}}  # fmt: skip
        topic = f"hoiquan/v1/dong-thap/{device.community}/{device.device}/telemetry"
        self.publisher.publish(topic, json.dumps(message))

    def finish(self, seconds=60):
        self.halt.set()
        if self.is_alive():
            self.join()
        self.publisher.all_acknowledged(seconds)
        self.publisher.close()
