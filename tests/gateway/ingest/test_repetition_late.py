"""Cases beyond memory: late, replayed or refused at delivery, or of a device not yet known."""

import json
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.contract.reading import Device
from gateway.ingest.batch import split_memory
from gateway.ingest.checks import Checker
from gateway.ingest.contents import MOST as CONTENTS
from gateway.ingest.decode import Decoder
from gateway.ingest.held import begun
from gateway.ingest.message import Message
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.spool import Spool
from tests.gateway.ingest.test_repetition import PROBE, Bench, clockless, json_of, lists, message, readings
from tests.gateway.ports import (
    DEVICES,
    MINUTE,
    NOW,
    FakeReceiver,
    FakeStore,
    build,
    drain,
    telemetry,
)

DAY = 1440 * MINUTE


def said(time, value=None, **more):
    values = more.pop("values", {"soil_moisture": value})
    return {"values": values} | ({} if time is None else {"ts": time}) | more


def replay(bench):
    """Replay the whole quarantine once, oldest first."""
    bench.spool.release([row.id for row in reversed(bench.spool.quarantined())])
    pipeline, _ = build(bench.spool, bench.store)
    drain(pipeline, bench.spool)
    assert bench.spool.books().balanced


def fates(bench):
    books = bench.spool.books()
    return books.stored, books.duplicate, books.quarantined


# -- refused at delivery: the device does not repeat it


@pytest.mark.parametrize("more", [{}, {"boot": "b", "seq": 20}])
def test_what_came_in_a_refused_list_is_stored_when_it_comes_alone(bench, more):
    rows = readings(range(20))
    bench.give(*json_of(rows))
    last = rows[-1][0] + MINUTE
    bench.give(message([said(rows[0][0], 77.0), said(last, 32.5, **more)]))
    assert bench.reasons() == [("conflicting_time", "soil_moisture")]
    bench.give(message(said(last, 32.5, **more)))
    assert bench.values()[-1] == (last, 32.5) and fates(bench) == (21, 0, 1)
    bench.give(message(said(last, 32.5, **more)))
    assert fates(bench) == (21, 1, 1) and bench.memory().missing() == {}


@pytest.mark.parametrize(
    "one",
    [
        said(NOW, 30.0), said(NOW, 30.0, boot="b", seq=1), said(None, 30.0, boot="b", seq=1),
        said(5, 30.0), said(5, 30.0, boot="b", seq=1),
    ],
    ids=json.dumps,
)  # fmt: skip
def test_what_the_store_refused_is_stored_when_it_comes_again(bench, one):
    sqlite, bench.store = bench.store, FakeStore(refuses=lambda point: True)
    bench.give(message(one))
    assert [reason for reason, _ in bench.reasons()] == ["store_refused"]
    bench.store = sqlite
    bench.give(message(one))
    assert fates(bench) == (1, 0, 1)
    bench.give(message(one))
    assert fates(bench) == (1, 1, 1) and bench.memory().missing() == {}


def test_what_comes_again_before_the_refusal_is_known_is_refused_and_not_lost(spool):
    """Two batches may be decoded before one is delivered. In one batch the result is the same."""
    store = FakeStore(refuses=lambda point: True)
    pipeline, _ = build(spool, store)
    one = telemetry(1)
    batches, after = [], 0
    for _ in range(3):
        spool.append([one, one, one._replace(dup=True)])
    while segment := spool.pending(3, after):
        after = segment.ids[-1]
        batches.append(pipeline.understand(segment))
    for batch in batches:
        pipeline.deliver(batch)
    books = spool.books()
    assert (books.stored, books.duplicate, books.quarantined) == (0, 3, 6) and books.balanced
    store.refuses = lambda point: False
    again, _ = build(spool, store)
    for made in (pipeline, again):
        assert made._decoder.decode([one]).readings, "it may come again, here and after a restart"
    spool.append([one])
    drain(pipeline, spool)
    spool.append([one])
    drain(pipeline, spool)
    books = spool.books()
    assert (books.stored, books.duplicate, store.values()) == (1, 4, [1])


def sliding(last):
    """The reading after the refused time, and the next window, which contains that reading again."""
    second = said(last + MINUTE, 32.5)
    return [second], [second, said(last + 2 * MINUTE, 33.5)]


def numbered(last):
    second = {"boot": "b", "seq": 100, "values": {"soil_moisture": 32.5}}
    return [second], [second, {"boot": "b", "seq": 101, "values": {"soil_moisture": 33.5}}]


def other_signals(last):
    both = said(last + MINUTE, values={"soil_moisture": 32.5, "soil_temperature": 20.0})
    return [said(last + MINUTE, 32.5)], [both, said(last + 2 * MINUTE, 33.5)]


@pytest.mark.parametrize("window", [sliding, numbered, other_signals])
def test_a_window_that_repeats_a_part_of_what_is_refused_loses_nothing(bench, window):
    rows = readings(range(20))
    bench.give(*json_of(rows))
    refused, overlapping = window(rows[-1][0])
    bench.give(message([said(rows[0][0], 77.0), *refused]), message(overlapping), batch=2)
    replay(bench)
    assert sorted(value for _, value in bench.values())[-2:] == [32.5, 33.5]
    assert len(bench.values()) == 22 and fates(bench) == (21, 0, 1)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["dated", "clockless", "claimed", "list", "replay"]),
        st.integers(0, 4),
        st.sampled_from([30.0, 30.5, 31.0]),
        st.booleans(),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, batch=st.integers(1, 4))
def test_a_restart_after_any_batch_changes_nothing(steps, batch):
    """Whatever the store refuses at delivery, the gateway's memory agrees with what its spool stores."""
    ends = []
    for restarts in (False, True):
        with TemporaryDirectory() as folder, closing(Spool(Path(folder) / "spool.sqlite")) as spool:
            store = FakeStore()
            pipeline, _ = build(spool, store)
            for at in range(0, len(steps), batch):
                for kind, number, value, refuses in steps[at : at + batch]:
                    store.refuses = lambda point, refuses=refuses: refuses and 30.5 in point.fields.values()
                    if kind == "replay":
                        spool.release([row.id for row in reversed(spool.quarantined())])
                        continue
                    time = NOW + number * MINUTE
                    body = {
                        "dated": said(time, value, boot="b", seq=number),
                        "clockless": said(None, value, boot="b", seq=number),
                        "claimed": said(number, value),
                        "list": [said(time, value), said(time + MINUTE, value)],
                    }[kind]
                    spool.append([message(body)._replace(arrival=NOW + DAY + at)])
                if restarts:
                    pipeline = restarted(spool, store)
                drain(pipeline, spool)
                assert spool.books().balanced
            ends.append((spool.books(), spool.seen(), store.held))
    assert ends[0] == ends[1]


def restarted(spool, store):
    """A gateway with the memory that its spool stores."""
    seen, checks = split_memory(spool.seen())
    decoder = Decoder("p", DEVICES.get, seen, spool.marks())
    return Pipeline(FakeReceiver(spool), spool, decoder, store, lambda events: (), Checker(None, checks))


# -- a replay asks the store, as a late reading does


@pytest.mark.parametrize("value", [31.7, 77.0], ids=["believed", "a leap"])
@pytest.mark.parametrize("ago", [1, 20])
def test_a_replay_writes_over_nothing(bench, ago, value):
    rows = readings(range(20))
    bench.give(*json_of(rows))
    bench.give(message(said(rows[-ago][0], value)))
    replay(bench)
    assert bench.values() == [(time, value) for time, _, _, value in rows] and fates(bench) == (20, 0, 1)
    assert not bench.values("telemetry_flagged")


def test_a_replay_of_what_was_stored_meanwhile_is_a_duplicate(bench):
    sqlite, bench.store = bench.store, FakeStore(refuses=lambda point: True)
    rows = json_of(readings(range(3)))
    bench.give(*rows)
    bench.store = sqlite
    bench.give(rows[1])
    replay(bench)
    assert fates(bench) == (3, 1, 0) and len(bench.values()) == 3


def test_two_replays_of_one_time_store_the_first(bench):
    sqlite, bench.store = bench.store, FakeStore(refuses=lambda point: True)
    bench.give(message(said(NOW, 30.0)), message(said(NOW, 31.0)))
    bench.store = sqlite
    replay(bench)
    assert bench.values() == [(NOW, 30.0)] and fates(bench) == (1, 0, 1)


# -- a device of which no memory is kept


@pytest.mark.parametrize("ago", [1, 20])
@pytest.mark.parametrize("window", [1, 5])
def test_a_gateway_that_remembers_nothing_writes_over_nothing(bench, ago, window):
    rows = readings(range(20))
    bench.give(*json_of(rows))
    for value in (rows[-ago][3] + 5, rows[-ago][3]):
        bench.spool._file.db.execute("DELETE FROM seen")
        sent = [*rows[:-ago], (*rows[-ago][:3], value)]
        bench.give(lists(sent, window)[-1])
        assert bench.values() == [(time, value) for time, _, _, value in rows]
    assert fates(bench) == (20, 1, 1) and bench.reasons() == [("conflicting_time", "soil_moisture")]


@pytest.mark.parametrize("known", [0, 1, 2])
def test_a_gateway_that_lost_its_memory_begins_with_what_the_store_knows(tmp_path, known):
    """The device repeats its readings in any number of messages, the oldest first."""
    bench = Bench(tmp_path)
    rows = readings(range(20))
    bench.give(*json_of(rows))
    with bench.spool._file.transaction() as db:
        db.execute("DELETE FROM seen")
    seen = begun(bench.store, [PROBE], {}, rows[-1][0] + DAY)
    assert seen == {"d1": json.dumps({"newest": rows[-1][0]})}
    assert begun(bench.store, [PROBE], seen, rows[-1][0] + DAY) == {}
    decoder = Decoder("p", {"d1": PROBE}.get, seen)
    pipeline, _ = build(bench.spool, bench.store)
    pipeline._decoder = decoder
    again = json_of(rows[-3:])
    again[known] = message(said(rows[-3 + known][0], 99.5))
    bench.spool.append([one._replace(arrival=bench.arrival) for one in again])
    drain(pipeline, bench.spool)
    assert fates(bench) == (20, 2, 1) and [value for _, value in bench.values()] == [row[3] for row in rows]
    bench.close()


@pytest.mark.parametrize("time", [2**53, -(2**53), 0, 946_684_799_999, 4_102_444_800_000])
def test_no_time_is_believed_that_no_store_can_be_asked_for(time):
    node = Device("p", "c", "s1", "soil-probe", simulated=True)
    decoder = Decoder("p", {"s1": node}.get)
    topic, state = "hoiquan/v1/p/c/s1/", json.dumps({"state": "online", "scenario": "x"})
    decoder.decode([Message(topic + "status", state.encode(), NOW)])
    sent = [said(time, 30.0), said(946_684_800_000, 31.0), said(4_102_444_799_999, 32.0)]
    decoded = decoder.decode([Message(topic + "telemetry", json.dumps(one).encode(), NOW) for one in sent])
    assert [reading.device_time for reading in decoded.readings] == [time, None, None]
    assert {one.time for one in decoded.late} == {946_684_800_000}


# -- the clock of a new boot


def test_a_new_boot_is_judged_by_the_newest_time_of_its_list(bench):
    rows = readings(range(5), "b1")
    bench.give(*json_of(rows))
    newest = rows[-1][0]
    sent = [(newest + 5 * MINUTE, "b2", 1, 40.0), (newest - MINUTE, "b2", 0, 41.0)]
    bench.give(lists(sent, 2)[-1])
    assert bench.values() == sorted([(time, value) for time, _, _, value in (*rows, *sent)])
    assert not bench.values("telemetry_flagged")


@pytest.mark.parametrize("numbers", [("b2",), ("b2", "b3")])
def test_boots_without_numbers_are_remembered(bench, numbers):
    bench.give(message(said(NOW - DAY, 30.0, boot="b1")))
    for at, boot in enumerate(numbers):
        bench.give(message(said(NOW - 30 * DAY + at, 31.0 + at, boot=boot)))
    assert bench.values() == [(NOW - DAY, 30.0)]
    assert [value for _, value in bench.values("telemetry_flagged")] == [
        31.0 + at for at in range(len(numbers))
    ]
    bench.give(message(said(NOW - 2 * DAY, 29.0, boot="b1")))
    assert bench.values() == [(NOW - 2 * DAY, 29.0), (NOW - DAY, 30.0)], "a boot that is known has a buffer"


def test_a_clockless_node_that_empties_a_long_buffer_again_is_counted_once(bench):
    rows = clockless(readings(range(CONTENTS)))
    bench.give(*rows, *rows, batch=200)
    assert fates(bench) == (CONTENTS, CONTENTS, 0)
