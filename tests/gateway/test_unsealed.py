"""Whoever writes a diary over MQTT hears of an entry that was kept and not sealed: a recall above all.
Whoever runs the gateway hears of harvests that wait for a disk.
"""

import errno
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.contract.diary import decode_diary
from devices.contract.reading import Device
from devices.pilots.pilot import load
from gateway import service
from gateway.ingest.message import Refusal, Written
from gateway.lots.growth import Growth
from gateway.service import Diaries
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater
from tests.servers import until
from traceability.sealing.seal import Sealer

SECRETARY = Device("dong-thap", "tam-que", "notebook", "diary", simulated=False)
NOW = datetime.now(UTC)


@pytest.fixture
def told() -> list[Refusal]:
    return []


@pytest.fixture
def diaries(tmp_path: Path, told: list[Refusal]) -> Iterator[Diaries]:
    pilot, store = load("dong-thap"), SqliteStore(tmp_path / "store.sqlite")
    sealer = Sealer(tmp_path / "trace", pilot, Growth(store, pilot), "http://x", "example.org/log")
    made = Diaries(sealer, store, pilot, lambda: None)
    made.answer = told.append
    yield made
    sealer.close()
    store.close()


def write(diaries: Diaries, event: str, id: str, who: Device = SECRETARY, **more: object) -> None:
    body = {"event": event, "id": id, "ts": NOW.isoformat(), "plot": "plot-1", "crop": "mango"} | more
    diaries.keep([Written(who, decode_diary(json.dumps(body).encode()), 0, False)])
    diaries.seal_some()


def test_a_recall_that_names_no_lot_is_answered_and_one_that_holds_is_not(
    diaries: Diaries, told: list[Refusal]
) -> None:
    write(diaries, "harvest", "h", quantity_kg=5)
    write(diaries, "revocation", "recall-1", harvest="hh", reason="dư lượng")
    (one,) = told
    assert (one.reason, one.field) == ("not_sealed", "recall-1: no_lot")
    assert one.message.topic == "hoiquan/v1/dong-thap/tam-que/notebook/diary"
    write(diaries, "revocation", "recall-2", harvest="h", reason="dư lượng")
    assert told == [one]


def test_each_refusal_is_answered_once_however_often_its_entry_is_looked_at(
    diaries: Diaries, told: list[Refusal]
) -> None:
    write(diaries, "packing", "early", quantity_kg=2, packages=1, harvest="h-2")
    assert [one.field for one in told] == ["early: no_lot"]
    write(diaries, "harvest", "h-1", quantity_kg=5)  # the packing is looked at again
    assert [one.field for one in told] == ["early: no_lot"]
    write(diaries, "harvest", "h-2", quantity_kg=5)
    write(diaries, "packing", "rest", quantity_kg=4, packages=1, harvest="h-2")
    assert [one.field for one in told] == ["early: no_lot", "rest: more_than_lot"]


def test_a_harvest_that_is_no_lot_is_answered(diaries: Diaries, told: list[Refusal]) -> None:
    write(diaries, "harvest", "h", quantity_kg=900_000)
    assert [one.field for one in told] == ["h: yield_cap"]


def test_it_is_answered_once_where_the_disk_takes_nothing_for_a_while(
    diaries: Diaries, told: list[Refusal], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Sealer, "note_published", full)
        with pytest.raises(sqlite3.OperationalError):
            write(diaries, "harvest", "h", quantity_kg=900_000)
        with pytest.raises(sqlite3.OperationalError):
            diaries.seal_some()
    diaries.seal_some()
    assert [one.field for one in told] == ["h: yield_cap"]
    assert caplog.text.count("harvest h is not sealed: yield_cap") == 1


def test_a_correction_that_holds_and_simulated_entries_are_not_answered(
    diaries: Diaries, told: list[Refusal]
) -> None:
    played = replace(SECRETARY, device="tam-que-diary-01", simulated=True)
    write(diaries, "revocation", "played", who=played, harvest="hh", reason="x")
    write(diaries, "irrigation", "water", ts=(NOW - timedelta(days=1)).isoformat(), minutes=5)
    write(diaries, "correction", "mend", of="water", reason="x", changes={"minutes": 6})
    assert told == []


@pytest.mark.parametrize("sqlite", [False, True])
def test_harvests_that_wait_for_a_disk_are_told_until_they_go_on(
    diaries: Diaries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, sqlite: bool
) -> None:
    def full(*_: object) -> None:
        if sqlite:
            with sqlite3.connect(":memory:") as db:
                db.execute("PRAGMA max_page_count=1")
                db.execute("CREATE TABLE one(a)")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "trace" / "records" / "1"))

    monkeypatch.setattr(service, "RETRY", 0.01)
    stop = threading.Event()
    sealing = threading.Thread(target=diaries.run, args=(stop,))
    try:
        with monkeypatch.context() as patched:
            patched.setattr(Sealer, "seal_pending", full)
            sealing.start()
            until(lambda: diaries.trouble, "it is told")
            trouble = diaries.trouble
        assert trouble is not None and trouble.key == "unwell.sealing"
        assert f"because {tmp_path / 'trace'} cannot be used" in str(trouble)
        assert "disk" in str(trouble) and "make" in str(trouble)
        assert str(tmp_path) not in trouble.public("en") + trouble.public("vi")
        until(lambda: diaries.trouble is None, "it goes on")
    finally:
        stop.set()
        sealing.join()


def test_who_waits_for_the_store_leaves_it_to_others_to_tell(diaries: Diaries) -> None:
    assert diaries._unsealed(RetryLater("store.slow", seconds=9)) is None
