"""The loops, with fakes at the ports that fail both ways: nothing lost, nothing twice, nothing early."""

import json
import logging
import threading
from collections import deque
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.reading import Device
from gateway import pipeline as pipeline_module
from gateway.decode import Decoder
from gateway.pipeline import Pipeline, split_memory
from gateway.spool import Message, Spool, SpoolFull
from gateway.store import RejectPoints, RetryLater
from tests.servers import PATIENCE, until

NOW = 1_795_230_000_000
MINUTE = 60_000
DEVICES = {name: Device("p", "c", name, "soil-probe", simulated=False) for name in ("d1", "d2", "d3")}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(pipeline_module, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(pipeline_module, "LONGEST_DELAY", 0.01)
    monkeypatch.setattr(pipeline_module, "WAIT", 0.01)
    logging.getLogger("gateway.pipeline").setLevel(logging.CRITICAL)


class FakeStore:
    """Keeps points as InfluxDB does. `plan` says how the next writes fail; `refuses` which points are bad."""

    def __init__(self, plan=(), refuses=lambda point: False):
        self.plan = deque(plan)
        self.refuses = refuses
        self.held = {}
        self.writes = 0

    def write(self, points):
        self.writes += 1
        failure = self.plan.popleft() if self.plan else ""
        if failure == "nothing stored":
            raise RetryLater("down")
        bad = {}
        for place, point in enumerate(points):
            if failure == "half stored" and place >= len(points) // 2:
                break
            if self.refuses(point):
                bad[place] = "the store does not want it"
                continue
            self.held.setdefault((point.measurement, point.tags, point.time), {}).update(point.fields)
        if failure in ("half stored", "stored"):
            raise RetryLater("the answer was lost", alarm=True)
        if bad:
            raise RejectPoints(bad)

    def values(self, measurement="telemetry"):
        return sorted(
            fields["soil_moisture"] for (name, _, _), fields in self.held.items() if name == measurement
        )


class FakeReceiver:
    """A broker that hands out deliveries, checks each ack, and keeps what is sent down."""

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
            raise SpoolFull("no space left")
        return self._spool.append(messages)

    def settle(self, segment, outcome):
        if self._settles:
            self._settles -= 1
            raise SpoolFull("no space left")
        self._spool.settle(segment, outcome)


def telemetry(value, device="d1", seq=None, arrival=None, **more):
    seq = value if seq is None else seq
    body = {"values": {"soil_moisture": value}, "seq": seq, "boot": "b", "ts": NOW + seq * MINUTE} | more
    payload = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
    return Message(f"hoiquan/v1/p/c/{device}/telemetry", payload, arrival or NOW + seq * MINUTE)


def deliveries(messages):
    return [message._replace(mid=mid, epoch=1) for mid, message in enumerate(messages, 1)]


@pytest.fixture
def spool(tmp_path):
    made = Spool(tmp_path / "spool.sqlite")
    yield made
    made.close()


def build(spool, store, batches=(), diary=None, lookup=DEVICES.get):
    receiver = FakeReceiver(spool, batches)
    keeper = diary or (lambda events: None)
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


# -- the whole way


@pytest.mark.parametrize(
    "plan", [[], ["nothing stored"] * 3, ["stored"] * 3, ["half stored", "stored", "nothing stored"]]
)
def test_every_message_is_stored_once_however_the_store_fails(spool, plan):
    messages = [telemetry(n, f"d{n % 3 + 1}") for n in range(30)]
    store = FakeStore(plan)
    pipeline, receiver = build(spool, store, [deliveries(messages[:7]), deliveries(messages[7:])])
    with running(pipeline):
        until(lambda: settled(spool, 30), "all is delivered")
    assert store.values() == list(range(30))
    assert store.writes >= len(plan) + 1
    assert sorted(receiver.acked) == sorted([*range(1, 8), *range(1, 24)])
    assert receiver.early == []
    books = spool.books()
    assert (books.stored, books.duplicate, books.quarantined) == (30, 0, 0)
    assert pipeline.trouble == ""


def test_nothing_is_acknowledged_before_it_is_on_disk(spool):
    full = FullSpool(spool, appends=5)
    messages = [telemetry(n) for n in range(4)]
    pipeline, receiver = build(full, FakeStore(), [deliveries(messages)])
    with running(pipeline):
        until(lambda: settled(spool, 4), "all is delivered")
    assert receiver.acked == [1, 2, 3, 4]
    assert receiver.early == []


def test_while_the_disk_is_full_nothing_is_acknowledged_and_it_is_said(spool):
    full = FullSpool(spool, appends=10**9)
    pipeline, receiver = build(full, FakeStore(), [deliveries([telemetry(1)])])
    with running(pipeline):
        until(lambda: pipeline.trouble, "it says so")
        assert "no space" in pipeline.trouble
    assert receiver.acked == []


def test_a_disk_that_is_full_while_settling_stores_nothing_twice(spool):
    store = FakeStore()
    pipeline, _ = build(FullSpool(spool, settles=3), store, [deliveries([telemetry(n) for n in range(4)])])
    with running(pipeline):
        until(lambda: settled(spool, 4), "all is delivered")
    assert store.values() == [0, 1, 2, 3]
    assert spool.books().stored == 4
    assert spool.books().balanced


def test_stop_ends_promptly_with_a_store_that_is_down_and_loses_nothing(spool, tmp_path):
    store = FakeStore(["nothing stored"] * 10_000)
    pipeline, receiver = build(spool, store, [deliveries([telemetry(n) for n in range(5)])])
    pipeline.start()
    until(lambda: pipeline.trouble and receiver.acked, "it tries in vain")
    stopper = threading.Thread(target=pipeline.stop)
    stopper.start()
    stopper.join(PATIENCE)
    assert not stopper.is_alive()
    assert spool.books().spooled == 5
    again, _ = build(spool, store := FakeStore())
    with running(again):
        until(lambda: settled(spool, 5), "the next start delivers it")
    assert store.values() == [0, 1, 2, 3, 4]
    assert spool.books().duplicate == 0


def test_a_redelivery_by_the_broker_is_booked_and_not_stored(spool):
    messages = [telemetry(n) for n in range(5)]
    again = [message._replace(dup=True, arrival=message.arrival + 99) for message in messages]
    store = FakeStore()
    pipeline, receiver = build(spool, store, [deliveries(messages), deliveries(again)])
    with running(pipeline):
        until(lambda: settled(spool, 10), "all is delivered")
    assert store.values() == [0, 1, 2, 3, 4]
    assert len(receiver.acked) == 10, "or it would come for ever"
    assert (spool.books().stored, spool.books().duplicate) == (5, 5)


FAILURES = st.lists(st.sampled_from(["nothing stored", "half stored", "stored"]), max_size=6)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 20), max_size=40), FAILURES, st.integers(1, 10), st.sets(st.integers(0, 20)))
def test_any_order_with_repetitions_failures_and_kills(tmp_path_factory, order, plan, size, kills):
    """A kill here is: the store took the points, and the segment was never settled."""
    spool = Spool(tmp_path_factory.mktemp("spool") / "spool.sqlite")
    store = FakeStore(plan)
    messages = [telemetry(n) for n in order]
    for at in range(0, len(messages), size):
        spool.append(messages[at : at + size])
    step = 0
    while segment := spool.pending(5):
        if step in kills:
            killed = Pipeline(
                FakeReceiver(spool),
                NeverSettles(spool),
                Decoder("p", DEVICES.get, split_memory(spool.seen())[0]),
                store,
                print,
            )
            killed.deliver(killed.understand(segment))
        survivor, _ = build(spool, store)
        survivor.deliver(survivor.understand(segment))
        step += 1
    assert store.values() == sorted(set(order))
    books = spool.books()
    assert books.balanced
    assert (books.stored, books.duplicate) == (len(set(order)), len(order) - len(set(order)))
    spool.close()


class NeverSettles:
    def __init__(self, spool):
        self._spool = spool

    def settle(self, segment, outcome):
        pass


# -- refused


def test_exactly_the_refused_messages_are_quarantined_and_told(spool):
    messages = [telemetry(n) for n in range(10)]
    messages[3] = messages[3]._replace(payload=b"rubbish")
    store = FakeStore(refuses=lambda point: point.fields.get("soil_moisture") in (5, 8))
    pipeline, receiver = build(spool, store, [deliveries(messages)])
    with running(pipeline):
        until(lambda: settled(spool, 10) and len(receiver.sent) == 3, "all is delivered")
    assert store.values() == [0, 1, 2, 4, 6, 7, 9]
    assert {(row.payload, row.reason) for row in spool.quarantined()} == {
        (b"rubbish", "not_json"),
        (messages[5].payload, "store_refused"),
        (messages[8].payload, "store_refused"),
    }
    books = spool.books()
    assert (books.stored, books.duplicate, books.quarantined) == (7, 0, 3)
    assert len(receiver.acked) == 10
    for topic, answer in receiver.sent:
        assert topic == "hoiquan/v1/p/c/d1/rejected"
        assert answer["reason"] in ("not_json", "store_refused")
        assert answer["vi"] and answer["en"] and answer["vi"] != answer["en"]


def test_a_refusal_after_a_failed_try_is_filed_once(spool):
    store = FakeStore(
        ["stored", "nothing stored"], refuses=lambda point: point.fields.get("soil_moisture") == 1
    )
    pipeline, _ = build(spool, store)
    spool.append([telemetry(n) for n in range(3)])
    drain(pipeline, spool)
    assert store.values() == [0, 2]
    assert [row.reason for row in spool.quarantined()] == ["store_refused"]
    assert (spool.books().stored, spool.books().quarantined) == (2, 1)


def test_nobody_is_told_where_the_topic_names_nobody(spool):
    pipeline, receiver = build(spool, FakeStore())
    spool.append([Message("hoiquan/\ufffd/#", b"x", NOW), Message("", b"x", NOW)])
    drain(pipeline, spool)
    assert receiver.sent == []
    assert spool.books().quarantined == 2


def test_a_value_out_of_range_is_stored_apart_and_not_refused(spool):
    pipeline, receiver = build(spool, store := FakeStore())
    spool.append([telemetry(5), telemetry(99, seq=6)])
    drain(pipeline, spool)
    assert store.values() == [5]
    ((_, where, time),) = [key for key in store.held if key[0] == "telemetry_flagged"]
    assert store.held["telemetry_flagged", where, time] == {"value": 99.0, "flag": 4}
    assert dict(where)["signal"] == "soil_moisture"
    assert dict(where)["reason"] == "gross_range"
    assert spool.books().stored == 2
    assert receiver.sent == []


# -- another try of what was refused


def release_all(spool):
    return spool.release([row.id for row in spool.quarantined()])


def test_a_device_enrolled_later_gets_its_messages_stored_by_a_replay(spool):
    known = {}
    pipeline, _ = build(spool, store := FakeStore(), lookup=known.get)
    spool.append([telemetry(1), telemetry(2)])
    drain(pipeline, spool)
    assert store.values() == []
    known.update(DEVICES)
    assert release_all(spool) == 2
    drain(pipeline, spool)
    assert store.values() == [1, 2]
    assert spool.books().stored == 2


@pytest.mark.parametrize("more", [{}, {"boot": None}], ids=["known by number", "known by its bytes"])
def test_what_the_store_refused_is_stored_by_a_replay_after_the_mend(spool, more):
    store = FakeStore(refuses=lambda point: True)
    pipeline, _ = build(spool, store)
    spool.append([telemetry(1, **more)])
    drain(pipeline, spool)
    assert spool.books().quarantined == 1
    store.refuses = lambda point: False  # mended
    assert release_all(spool) == 1
    again, _ = build(spool, store)  # and started again
    drain(again, spool)
    assert store.values() == [1]
    books = spool.books()
    assert (books.stored, books.duplicate, books.quarantined) == (1, 0, 0)


def test_a_replay_without_a_clock_keeps_the_time_of_its_arrival(spool):
    known = {}
    pipeline, _ = build(spool, store := FakeStore(), lookup=known.get)
    plain = {"seq": 0, "ts": None, "boot": None}
    spool.append([telemetry(1, arrival=NOW, **plain)])
    drain(pipeline, spool)
    known.update(DEVICES)
    spool.append([telemetry(2, arrival=NOW + 60 * MINUTE, **plain)])
    drain(pipeline, spool)
    release_all(spool)
    drain(pipeline, spool)
    times = {fields["soil_moisture"]: time for (_, _, time), fields in store.held.items()}
    assert times == {1.0: NOW, 2.0: NOW + 60 * MINUTE}


def test_a_replayed_burst_without_a_clock_keeps_every_message(spool):
    """Several messages of a device that nobody knew yet may have come in one millisecond."""
    known = {}
    pipeline, _ = build(spool, store := FakeStore(), lookup=known.get)
    spool.append([telemetry(value, seq=0, ts=None, boot=None, arrival=NOW) for value in range(5)])
    drain(pipeline, spool)
    known.update(DEVICES)
    assert release_all(spool) == 5
    drain(pipeline, spool)
    assert store.values() == [0, 1, 2, 3, 4]
    assert all(NOW <= time < NOW + 1000 for _, _, time in store.held)


# -- diary and states


def diary(number):
    event = {
        "id": f"h{number}",
        "ts": "2026-11-20T03:00:00Z",
        "plot": "a",
        "crop": "mango",
        "event": "harvest",
        "quantity_kg": 10,
    }
    return Message("hoiquan/v1/p/c/d1/diary", json.dumps(event).encode(), NOW)


def test_a_diary_reaches_its_keeper_however_that_fails(spool):
    kept, plan = set(), deque(["nothing", "kept", ""])

    def keep(events):
        failure = plan.popleft() if plan else ""
        if failure != "nothing":
            kept.update(written.event.id for written in events)
        if failure:
            raise RetryLater("the keeper's disk")

    pipeline, _ = build(spool, store := FakeStore(), diary=keep)
    spool.append([diary(1), telemetry(1), diary(2)])
    drain(pipeline, spool)
    assert kept == {"h1", "h2"}
    assert store.values() == [1]
    assert spool.books().stored == 3
    assert not plan


def test_the_keeper_is_left_alone_where_there_is_no_diary(spool):
    calls = []
    pipeline, _ = build(spool, FakeStore(), diary=calls.append)
    spool.append([telemetry(1)])
    drain(pipeline, spool)
    assert calls == []


def status(state, arrival, **flags):
    return Message("hoiquan/v1/p/c/d1/status", json.dumps({"state": state}).encode(), arrival, **flags)


def test_a_node_that_comes_and_goes_is_written_down(spool):
    pipeline, _ = build(spool, store := FakeStore())
    spool.append([status("online", NOW), status("offline", NOW + MINUTE)])
    drain(pipeline, spool)
    online = {time: fields["online"] for (name, _, time), fields in store.held.items() if name == "device"}
    assert online == {NOW: True, NOW + MINUTE: False}


def test_a_retained_status_does_not_make_a_silent_device_seen(spool):
    """The broker repeats it at each subscription, months after the device went."""
    pipeline, _ = build(spool, store := FakeStore())
    spool.append([status("offline", NOW, retained=True)])
    drain(pipeline, spool)
    assert not any("last_seen" in fields for fields in store.held.values())


# -- anything at all


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(
            Message,
            st.text(max_size=20)
            | st.sampled_from(
                [f"hoiquan/v1/p/c/d1/{kind}" for kind in ("telemetry", "status", "diary", "result")]
            ),
            st.binary(max_size=30)
            | st.sampled_from([b'{"values":{"soil_moisture":1}}', b'{"state":"online"}', diary(1).payload]),
            st.integers(0, 2**45),
            st.booleans(),
            st.booleans(),
            mid=st.integers(0, 65535),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_no_message_stops_the_gateway_and_each_is_in_the_books(tmp_path_factory, messages):
    spool = Spool(tmp_path_factory.mktemp("spool") / "spool.sqlite")
    pipeline, _ = build(spool, FakeStore())
    spool.append(messages)
    drain(pipeline, spool)
    books = spool.books()
    assert books.balanced
    assert (books.received, books.spooled) == (len(messages), 0)
    spool.close()


def test_an_unexpected_error_stops_the_gateway_and_keeps_the_message(spool, monkeypatch):
    """A bug must not pass for a delivery: the gateway ends, says so, and the next start tries again."""
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)  # its trace is meant

    def broken(events):
        raise ZeroDivisionError

    pipeline, _ = build(spool, FakeStore(), [deliveries([diary(1)])], diary=broken)
    pipeline.start()
    until(lambda: pipeline.failed, "it says so")
    pipeline.stop()
    assert isinstance(pipeline.failed, ZeroDivisionError)
    assert spool.books().spooled == 1
