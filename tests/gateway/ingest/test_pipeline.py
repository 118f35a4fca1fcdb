"""The loops, with fakes at the ports that fail both ways: nothing lost, doubled or acknowledged early."""

import json
import threading
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.contract.topics import DENIED
from gateway.ingest.batch import split_memory
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from gateway.ingest.pipeline import COMMIT, Pipeline
from gateway.ingest.spool import Spool
from gateway.stores.store import RetryLater
from tests.gateway.ports import (
    DEVICES,
    MINUTE,
    NOW,
    FakeReceiver,
    FakeStore,
    FullSpool,
    NeverSettles,
    build,
    deliveries,
    drain,
    running,
    settled,
    telemetry,
)
from tests.servers import PATIENCE, until

pytestmark = pytest.mark.usefixtures("quick")


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
    assert pipeline.troubles == []


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
        until(lambda: pipeline.troubles, "it says so")
        assert "no space" in str(pipeline.troubles[0])
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
    until(lambda: pipeline.troubles and receiver.acked, "it tries in vain")
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
    """A kill here means that the store took the points, and the segment was never settled."""
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
    new = len(set(order))
    # after such a kill the late readings of the segment are found in the store, as duplicates
    assert books.stored + books.duplicate == len(order) and books.stored <= new
    assert books.stored == new or kills
    spool.close()


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
    return Message("hoiquan/v1/p/c/notebook/diary", json.dumps(event).encode(), NOW)


def test_a_diary_reaches_its_keeper_however_that_fails(spool):
    kept, plan = set(), deque(["nothing", "kept", ""])

    def keep(events):
        failure = plan.popleft() if plan else ""
        if failure != "nothing":
            kept.update(written.event.id for written in events)
        if failure:
            raise RetryLater("store.silent", error="the keeper's disk")
        return ()

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
    """The broker repeats a retained status at each subscription, months after the device went silent."""
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
                [
                    f"hoiquan/v1/p/c/{device}/{kind}"
                    for device in ("d1", "notebook")
                    for kind in ("telemetry", "status", "diary")
                ]
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


def test_what_is_no_messages_fault_stops_the_gateway_and_keeps_the_message(spool, monkeypatch):
    """It must not count as delivered: the gateway stops with the error, and the next start tries again."""
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)  # its traceback is expected

    def broken(events):
        raise MemoryError

    pipeline, _ = build(spool, FakeStore(), [deliveries([diary(1)])], diary=broken)
    pipeline.start()
    until(lambda: pipeline.failed, "it says so")
    pipeline.stop()
    assert isinstance(pipeline.failed, MemoryError)
    assert spool.books().spooled == 1


# -- who receives a refusal


def test_an_account_enrolled_a_moment_ago_is_told_of_its_wrong_topic(spool):
    """The registry is looked at again, however recently it was and with nothing else in the batch."""
    known = {}
    receiver = FakeReceiver(spool)
    decoder = Decoder("p", known.get, refresh=lambda: known.update(DEVICES))
    pipeline = Pipeline(receiver, spool, decoder, FakeStore(), lambda _: ())
    spool.append([Message(f"{DENIED}/d1/hoiquan/v1/p/c/d-one/telemetry", b"{}", NOW)])
    drain(pipeline, spool)
    ((topic, told),) = receiver.sent
    assert topic == "hoiquan/v1/p/c/d1/rejected"
    assert told["reason"] == "forbidden_topic" and '"hoiquan/v1/p/c/d-one/telemetry"' in told["en"]
    assert pipeline.telling.rates[DEVICES["d1"].community, "quarantined"] == 1


def test_whose_connections_cut_each_other_off_is_told(spool):
    pipeline, receiver = build(spool, FakeStore())
    spool.append([Message(f"{DENIED}/d1/", b"", NOW)])
    drain(pipeline, spool)
    ((topic, told),) = receiver.sent
    assert (topic, told["reason"]) == ("hoiquan/v1/p/c/d1/rejected", "two_at_once")
    assert all("d1" in told[lang] for lang in ("vi", "en"))


def test_a_network_server_that_sends_elsewhere_is_told_of_its_own_topics(spool):
    pipeline, _ = build(spool, FakeStore())
    spool.append([Message(f"{DENIED}/chirpstack/lora/7/up", b"", NOW)])
    drain(pipeline, spool)
    (row,) = spool.quarantined(5)
    assert (row.reason, row.field) == ("uplink_topic", "lora/7/up")


@pytest.mark.parametrize("topic", [f"{DENIED}/nobody/a", f"{DENIED}/d1", "a/b", "hoiquan/v1/p/c/d1/no-kind"])
def test_what_names_nobody_is_set_aside_and_nobody_is_told(spool, topic):
    pipeline, receiver = build(spool, FakeStore())
    spool.append([Message(topic, b"{}", NOW)])
    drain(pipeline, spool)
    assert (spool.books().quarantined, receiver.sent) == (1, [])


def test_the_page_says_how_many_messages_a_commit_has():
    page = (Path(__file__).parents[3] / "gateway" / "README.md").read_text("utf-8")
    assert f"writes up to {COMMIT:,} of them in one commit" in page
