"""Unforeseen errors: the message is quarantined with the error's text, and the next one goes on."""

import json
from contextlib import closing
from datetime import UTC, datetime

import pytest

from devices.contract.diary import decode_diary
from devices.contract.reading import Device
from devices.pilots.pilot import load
from gateway import service
from gateway.ingest import decode
from gateway.ingest.batch import join_memory, split_memory
from gateway.ingest.checks import Checker
from gateway.ingest.faults import Faults
from gateway.ingest.message import Message, Written
from gateway.ingest.spool import Spool
from gateway.lots.growth import Growth
from gateway.service import Diaries
from gateway.stores.sqlite import SqliteStore
from tests.gateway.ingest.test_pipeline import diary
from tests.gateway.ports import DEVICES, FakeStore, build, deliveries, drain, running, settled, telemetry
from tests.servers import until
from traceability.sealing import lot
from traceability.sealing.seal import Sealer

pytestmark = pytest.mark.usefixtures("quick")


def reasons(spool):
    return [(row.reason, row.field) for row in reversed(spool.quarantined())]


def test_a_store_that_stumbles_over_one_message_gets_the_others(spool):
    class Stumbles(FakeStore):
        def write(self, points):
            if any(point.fields.get("soil_moisture") == 4 for point in points):
                raise OverflowError("a number too large to write")
            super().write(points)

    store = Stumbles()
    pipeline, receiver = build(spool, store, [deliveries([telemetry(n) for n in range(10)])])
    with running(pipeline):
        until(lambda: settled(spool, 10) and receiver.sent, "all is delivered")
    assert store.values() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert reasons(spool) == [("unhandled", "OverflowError: a number too large to write")]
    books = spool.books()
    assert (books.stored, books.quarantined) == (9, 1) and books.balanced
    assert "OverflowError" in receiver.sent[0][1]["en"]
    assert pipeline._faults.counts() == {"messages": 1}


def test_a_keeper_that_stumbles_over_one_entry_gets_the_others(spool):
    kept = []

    def keep(events):
        for one in events:
            if one.event.id == "h2":
                raise KeyError("h2")
        kept.extend(one.event.id for one in events)
        return [place for place, one in enumerate(events) if one.event.id == "h3"]

    pipeline, _ = build(spool, FakeStore(), diary=keep)
    spool.append([diary(1), telemetry(1), diary(2), diary(3), diary(4)])
    drain(pipeline, spool)
    assert reasons(spool) == [("unhandled", "KeyError: 'h2'"), ("id_taken", "h3")]
    assert kept == ["h1", "h3", "h4"] and spool.books().stored == 3


def test_a_decoder_that_stumbles_over_one_message_understands_the_others(spool, monkeypatch):
    real = decode.decode

    def stumbles(payload, device):
        if b'"seq": 2' in payload:
            raise RecursionError("deeper than anybody thought")
        return real(payload, device)

    monkeypatch.setattr(decode, "decode", stumbles)
    store = FakeStore()
    pipeline, _ = build(spool, store)
    spool.append([telemetry(n) for n in range(5)])
    drain(pipeline, spool)
    assert store.values() == [0, 1, 3, 4] and reasons(spool)[0][0] == "unhandled"
    monkeypatch.setattr(decode, "decode", real)
    spool.release([row.id for row in spool.quarantined()])
    drain(pipeline, spool)
    assert store.values() == [0, 1, 2, 3, 4], "after the mend another try"
    assert spool.books().balanced and spool.books().quarantined == 0


OF_NO_SHAPE = (
    '{"boots":{"a":"x"}}', '{"boots":{"b":[["x","y"]]}}', '{"boots":{"b":[[1]]}}', '{"newest":"x"}',
    '{"newest":9e99}', '{"arrival":"x"}', '{"restarts":[]}', '{"contents":[["b",1,"zz"]]}',
    '{"contents":[["b","x","00000001"]]}', '{"times":[[1,0,["x"]]],"signals":[["soil_moisture"]]}',
    '{"times":[[1,0,[3]]]}', '{"times":[["x",0]]}',
)  # fmt: skip


@pytest.mark.parametrize(
    "memory",
    ['["c",{"soil_moisture":7}]', '["c",{"soil_moisture":[1,"x",2,3,null,0]}]', "{", '["c",7]', '{"c":1}'],
)
def test_memories_that_cannot_be_read_are_forgotten(spool, memory):
    """The spool is of another version, or its disk returned wrong data."""
    for seen in ("{", '{"boots":[1,2]}', '{"times":7}', '{"contents":"x"}', "[]", *OF_NO_SHAPE):
        made, checks = split_memory({"d1": join_memory(seen, memory)})
        store = FakeStore()
        pipeline, _ = build(spool, store)
        pipeline._decoder = decode.Decoder("p", DEVICES.get, made)
        pipeline._checker = Checker(None, checks)
        spool.append([telemetry(1), telemetry(2, ts=None), telemetry(0)])
        drain(pipeline, spool)
        assert store.values() == [0, 1, 2] and reasons(spool) == [], seen


def test_a_memory_that_is_no_text_is_forgotten(spool):
    spool._file.db.execute("INSERT INTO seen VALUES('d1', x'00ff'), ('d2', 5)")
    pipeline, _ = build(spool, store := FakeStore())
    spool.append([telemetry(1), telemetry(2, device="d2")])
    drain(pipeline, spool)
    assert store.values() == [1, 2] and reasons(spool) == []


@pytest.fixture
def village(tmp_path):
    pilot, store = load("dong-thap"), SqliteStore(tmp_path / "store.sqlite")
    spool = Spool(tmp_path / "spool.sqlite")
    sealer = Sealer(tmp_path / "trace", pilot, Growth(store, pilot), "http://x", "example.org/log")
    faults = Faults()
    yield Diaries(sealer, store, pilot, lambda: None, spool.set_aside, faults), spool, faults, sealer
    sealer.close()
    spool.close()
    store.close()


SECRETARY = Device("dong-thap", "tam-que", "notebook", "diary", simulated=False)


def written(id, replayed=False, **more):
    body = {"event": "harvest", "id": id, "ts": datetime.now(UTC).isoformat(), "plot": "plot-1",
            "crop": "mango", "quantity_kg": 5} | more  # fmt: skip
    return Written(SECRETARY, decode_diary(json.dumps(body).encode()), 0, replayed)


def test_a_sealer_that_stumbles_over_one_harvest_seals_the_others_and_this_one_after_the_mend(
    village, monkeypatch
):
    diaries, spool, faults, _ = village
    real = lot.refusal

    def stumbles(community, product, harvest, *more):
        if harvest.id == "b":
            raise ZeroDivisionError("nobody thought of it")
        return real(community, product, harvest, *more)

    monkeypatch.setattr(lot, "refusal", stumbles)
    spool.append([Message("t", b"x", 1)] * 3)
    with closing(spool._file.db.cursor()) as cursor:  # as if they had been settled as stored
        cursor.execute("DELETE FROM segment")
        cursor.execute("INSERT INTO book VALUES('stored', 3)")
    wanted = written("b")
    diaries.keep([written("a"), wanted, written("c")])
    assert diaries.seal_some() == 2 and diaries.seal_some() == 0
    (row,) = spool.quarantined()
    assert (row.reason, row.field) == ("unhandled", "ZeroDivisionError: nobody thought of it")
    assert row.topic == "hoiquan/v1/dong-thap/tam-que/notebook/diary"
    assert (spool.books().stored, spool.books().quarantined) == (2, 1) and spool.books().balanced
    assert "ZeroDivisionError" in faults.text() and faults.counts() == {"diary": 1}
    monkeypatch.setattr(lot, "refusal", real)
    assert decode_diary(row.payload) == wanted.event
    diaries.keep([wanted])
    assert diaries.seal_some() == 0, "the same again changes nothing"
    diaries.keep([wanted._replace(replayed=True)])
    assert diaries.seal_some() == 1


def test_a_defect_of_no_single_event_ends_nothing(village, monkeypatch):
    import threading

    diaries, _, faults, sealer = village
    stop, tries = threading.Event(), []

    def stumbles(limit=20):
        tries.append(1)
        if len(tries) == 3:
            stop.set()
        raise AttributeError("a defect")

    monkeypatch.setattr(sealer, "seal_pending", stumbles)
    monkeypatch.setattr(service, "RETRY", 0.01)
    diaries.run(stop)
    assert len(tries) == 3 and faults.counts() == {"sealing": 3}
