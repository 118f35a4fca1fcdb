"""Fakes at the pipeline's ports that fail both ways, and a pipeline between them."""

import json
import threading
from collections import deque
from contextlib import contextmanager

from devices.contract.reading import Device
from gateway.ingest.batch import split_memory
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.spoolfile import SpoolFull
from gateway.stores.points import Point
from gateway.stores.store import RejectPoints, RetryLater

NOW = 1_795_230_000_000
MINUTE = 60_000
DEVICES = {name: Device("p", "c", name, "soil-probe", simulated=False) for name in ("d1", "d2", "d3")}
DEVICES["notebook"] = Device("p", "c", "notebook", "diary", simulated=False)


class FakeStore:
    """Keeps points as InfluxDB does. `plan`: how the next writes fail; `refuses`: which points are bad."""

    def __init__(self, plan=(), refuses=lambda point: False):
        self.plan = deque(plan)
        self.refuses = refuses
        self.held = {}
        self.writes = 0

    def write(self, points):
        self.writes += 1
        failure = self.plan.popleft() if self.plan else ""
        if failure == "nothing stored":
            raise RetryLater("store.silent", error="down")
        bad = {}
        for place, point in enumerate(points):
            if failure == "half stored" and place >= len(points) // 2:
                break
            if self.refuses(point):
                bad[place] = "the store does not want it"
                continue
            self.held.setdefault((point.measurement, point.tags, point.time), {}).update(point.fields)
        if failure in ("half stored", "stored"):
            raise RetryLater("store.silent", error="the answer was lost", alarm=True)
        if bad:
            raise RejectPoints(bad)

    def series(self, measurement, where, start, stop, limit, **_):
        rows = [
            Point(name, tags, dict(fields), time)
            for (name, tags, time), fields in self.held.items()
            if name == measurement and start <= time < stop and where.items() <= dict(tags).items()
        ]
        return sorted(rows, key=lambda point: -point.time)[:limit]

    def values(self, measurement="telemetry"):
        return sorted(
            fields["soil_moisture"] for (name, _, _), fields in self.held.items() if name == measurement
        )


class FakeReceiver:
    """A receiver that hands out batches, notes acks before their spooling, and keeps what is published."""

    def __init__(self, spool, batches=()):
        self.spool = spool
        self.batches = deque(batches)
        self.acked = []
        self.early = []
        self.sent = []
        self.taken = 0

    def take(self, limit, wait):
        if not self.batches:
            threading.Event().wait(wait)
            return []
        batch = self.batches.popleft()
        if len(batch) > limit:
            self.batches.appendleft(batch[limit:])
        self.taken += len(batch[:limit])
        return batch[:limit]

    def ack(self, messages):
        if self.spool.books().received < self.taken:
            self.early.extend(messages)
        self.acked.extend(message.mid for message in messages)

    def publish(self, topic, payload):
        self.sent.append((topic, json.loads(payload)))


class FullSpool:
    """A real spool whose disk is full for the first calls."""

    def __init__(self, spool, appends=0, settles=0):
        self._spool, self._appends, self._settles = spool, appends, settles

    def __getattr__(self, name):
        return getattr(self._spool, name)

    def append(self, messages):
        if self._appends:
            self._appends -= 1
            raise SpoolFull("spool.unwritable", path="spool.sqlite", why="no space left")
        return self._spool.append(messages)

    def settle(self, segment, outcome):
        if self._settles:
            self._settles -= 1
            raise SpoolFull("spool.unwritable", path="spool.sqlite", why="no space left")
        self._spool.settle(segment, outcome)


def telemetry(value, device="d1", seq=None, arrival=None, **more):
    seq = value if seq is None else seq
    body = {"values": {"soil_moisture": value}, "seq": seq, "boot": "b", "ts": NOW + seq * MINUTE} | more
    payload = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
    return Message(f"hoiquan/v1/p/c/{device}/telemetry", payload, arrival or NOW + seq * MINUTE)


def deliveries(messages):
    return [message._replace(mid=mid, epoch=1) for mid, message in enumerate(messages, 1)]


class NeverSettles:
    def __init__(self, spool):
        self._spool = spool

    def __getattr__(self, name):
        return getattr(self._spool, name)

    def settle(self, segment, outcome):
        pass


def build(spool, store, batches=(), diary=None, lookup=DEVICES.get):
    receiver = FakeReceiver(spool, batches)
    keeper = diary or (lambda events: ())
    return Pipeline(
        receiver, spool, Decoder("p", lookup, split_memory(spool.seen())[0]), store, keeper
    ), receiver


@contextmanager
def running(pipeline):
    pipeline.start()
    try:
        yield
    finally:
        pipeline.stop()
    assert pipeline.failed is None


def drain(pipeline, spool):
    """Deliver by hand, without threads, until the spool is empty."""
    while segment := spool.pending(10):
        before = segment.ids
        pipeline.deliver(pipeline.understand(segment))
        after = spool.pending(10)
        assert after is None or after.ids != before


def settled(spool, received):
    books = spool.books()
    return books.received == received and books.spooled == 0
