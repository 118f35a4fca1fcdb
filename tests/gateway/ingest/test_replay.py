"""Refused messages are quarantined and reported once; after the mend a replay stores them."""

import pytest

from devices.access.registry import Registry
from devices.pilots.pilot import load
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from tests.gateway.ports import (
    DEVICES,
    MINUTE,
    NOW,
    FakeStore,
    build,
    deliveries,
    drain,
    running,
    settled,
    telemetry,
)
from tests.servers import until

pytestmark = pytest.mark.usefixtures("quick")


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


# -- replays of refused messages


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
    store.refuses = lambda point: False  # the store is mended
    assert release_all(spool) == 1
    again, _ = build(spool, store)  # and the gateway restarted
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
    """Several messages of a device not yet known may have arrived in one millisecond."""
    known = {}
    pipeline, _ = build(spool, store := FakeStore(), lookup=known.get)
    spool.append([telemetry(value, seq=0, ts=None, boot=None, arrival=NOW) for value in range(5)])
    drain(pipeline, spool)
    known.update(DEVICES)
    assert release_all(spool) == 5
    drain(pipeline, spool)
    assert store.values() == [0, 1, 2, 3, 4]
    assert all(NOW <= time < NOW + 1000 for _, _, time in store.held)


def test_a_replay_is_read_as_its_device_is_read_since(tmp_path):
    """However recently that was changed, and whatever else is in the batch."""
    pilot = load("dong-thap")
    gateways, other = (Registry(tmp_path / "registry.sqlite", pilot) for _ in range(2))
    other.enroll("tam-que", "soil-probe", "probe")
    decoder = Decoder(pilot, gateways.known, refresh=gateways.refresh)
    topic = "hoiquan/v1/dong-thap/tam-que/probe/telemetry"
    refused = Message(topic, b'{"water_SOIL":"31.50","temp_SOIL":"28.10","conduct_SOIL":800}', NOW)
    assert 0 in decoder.decode([refused]).refused
    other.read_with("probe", "dragino-lse01", {})
    again = decoder.decode([refused._replace(payload=b"rubbish"), refused._replace(replayed=True)])
    (reading,) = again.readings
    assert reading.values["soil_moisture"] == 31.5
