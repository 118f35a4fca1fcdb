"""The diary's tables in trace.sqlite: batches are written whole, and earlier versions' files are read."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from devices.contract.diary import decode_diary
from devices.pilots.pilot import Pilot
from tests.traceability.diary.test_standing import WHO, pick, spray
from traceability.diary.corrections import Corrections
from traceability.diary.rows import AddendumRow, Failed, Fate, LotRow, NewEntry
from traceability.diary.tables import ANY_TIME, DiaryTables
from traceability.digital_link import LotKey

KEY = LotKey("08930000000017", "TQ-1")


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[DiaryTables]:
    made = DiaryTables(tmp_path / "trace.sqlite")
    yield made
    made.close()


def kept(entry: dict[str, object], *, sealable: bool = True) -> NewEntry:
    return NewEntry(WHO, decode_diary(json.dumps(entry).encode()), sealable)


def lot(harvest: str, leaf: int | None, refused: str = "") -> LotRow:
    return LotRow(WHO.community, harvest, KEY, 1, 2.5, 0.5, leaf, refused)


def test_an_id_is_one_events(tables: DiaryTables) -> None:
    assert tables.keep([kept(pick("h", 0, 1)), kept(pick("h", 0, 1)), kept(pick("h", 0, 2))]) == [2]
    assert tables.keep([kept(pick("h", 0, 1))]) == []
    tables.note_harvests([lot("h-1", 3)])  # as a split writes it
    assert tables.keep([kept(pick("h-1", 0, 1))]) == [0]


def test_a_harvest_is_pending_until_it_was_shown(tables: DiaryTables) -> None:
    tables.keep([kept(pick("h", 0, 1)), kept(pick("other", 1, 1), sealable=False)])
    (harvest,) = tables.pending_harvests(9)
    assert (harvest.community, harvest.id) == (WHO.community, "h")
    tables.note_harvests([lot("h", 7)])
    assert len(tables.pending_harvests(9)) == 1
    tables.note_published([(WHO.community, "h")], [])
    assert tables.pending_harvests(9) == []
    assert tables.lot(WHO.community, "h") == lot("h", 7) and tables.harvest_of(KEY) == "h"


def test_the_last_harvest_of_a_crop_is_found_behind_any_number_of_another(
    tables: DiaryTables, pilot: Pilot
) -> None:
    tables.keep([kept(pick("h", 0)), *(kept(pick(f"d-{n}", n, crop="durian")) for n in range(1, 30))])
    assert (
        Corrections(tables, pilot).last_harvest(
            WHO.community, "plot-1", "mango", ANY_TIME, simulated=WHO.simulated
        )
        == "h"
    )


def test_entries_are_noted_all_or_none(tables: DiaryTables) -> None:
    tables.keep([kept(spray("s", -3, 30))])
    newest = tables.newest_entry()

    def breaks() -> Iterator[Fate]:
        yield Fate(WHO.community, "s", "")
        raise OSError("the disk is gone")

    addendum = AddendumRow(WHO.community, "s", KEY, "input", 2.0, 5)
    with pytest.raises(OSError, match="disk"):
        tables.note_entries([addendum], [lot("s-1", 6)], breaks(), [])
    assert tables.addenda(KEY) == [] and tables.lot(WHO.community, "s-1") is None
    assert [one.id for one in tables.pending_entries(newest, ANY_TIME, 9)] == ["s"]
    tables.note_entries([addendum], [lot("s-1", 6)], [Fate(WHO.community, "s", "")], [])
    assert tables.addenda(KEY) == ["s"] and tables.handled(KEY) == {"input": 2.0}
    assert tables.lots_with(WHO.community, "s") == {KEY}
    assert tables.pending_entries(newest, ANY_TIME, 9) == []


def test_what_cannot_be_handled_waits_for_nobody_and_may_be_tried_again(tables: DiaryTables) -> None:
    tables.keep([kept(pick("h", 0, 1))])
    tables.set_aside([Failed(WHO.community, "h", "a defect")])
    assert tables.pending_harvests(9) == []
    (unhandled,) = tables.unhandled()
    assert (unhandled.id, unhandled.device, unhandled.error) == ("h", WHO.device, "a defect")
    tables.note_published([], [unhandled])
    assert tables.unhandled() == []
    tables.keep([], again=[(WHO.community, "h")])
    assert [one.id for one in tables.pending_harvests(9)] == ["h"]


def test_a_file_that_knew_no_senders_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.sqlite"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE TABLE event(community TEXT NOT NULL, id TEXT NOT NULL, plot TEXT NOT NULL, time INTEGER "
            "NOT NULL, simulated INTEGER NOT NULL, harvest INTEGER NOT NULL, body BLOB NOT NULL, "
            "PRIMARY KEY(community, id))"
        )
        body = json.dumps(pick("old", 0, 1)).encode()
        db.execute("INSERT INTO event VALUES(?,'old','plot-1',1,0,1,?)", (WHO.community, body))
    tables = DiaryTables(path)
    tables.set_aside([Failed(WHO.community, "old", "")])
    assert tables.unhandled()[0].device == ""
    assert tables.event(WHO.community, "old") == decode_diary(body)
    tables.close()
