"""Entries about a lot are sealed beside it, once; the record itself never changes."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.contract.diary import decode_diary
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import HARVESTED, Grower, harvest, sprayed, write
from traceability.digital_link import LotKey
from traceability.records import record
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.sealing.seal import Sealed, Sealer
from traceability.tlog.log import Log
from traceability.tlog.tiles import LogReader


class Diary:
    """Writes events, and finds what became of them."""

    def __init__(self, sealer: Sealer, device: Device, folder: Path) -> None:
        self.sealer, self.device, self.folder = sealer, device, folder

    def harvest(self, number: int = 1, kilograms: float = 850.0, days: int = 0, **more: Any) -> Sealed:
        at = HARVESTED + timedelta(days=days)
        done = write(self.sealer, self.device, harvest(number, at, kilograms, **more))
        assert done is not None
        self.sealer.note_published([done])
        return done

    def keep(self, kind: str, id: str, hours: float = 1, plot: str = "plot-1", **fields: Any) -> None:
        event = {"event": kind, "id": id, "ts": (HARVESTED + timedelta(hours=hours)).isoformat(),
                 "plot": plot, "crop": "mango"} | fields  # fmt: skip
        self.sealer.keep([(self.device, decode_diary(json.dumps(event).encode()))])

    def write(self, kind: str, id: str, hours: float = 1, **fields: Any) -> None:
        self.keep(kind, id, hours, **fields)
        self.sealer.seal_pending()

    def addenda(self, key: LotKey) -> list[dict[str, Any]]:
        return Shelf(self.folder).addenda(key)

    def record(self, key: LotKey) -> dict[str, Any]:
        return record.parse(seal.read(self.folder, key) or b"")

    def refused(self) -> dict[str, str]:
        return dict(self.rows("SELECT id, refused FROM later WHERE refused<>''"))

    def lots(self) -> dict[str, LotKey]:
        rows = self.rows("SELECT harvest, gtin, lot FROM lot")
        return {harvest: LotKey(gtin, code) for harvest, gtin, code in rows}

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "trace.sqlite")) as db:
            return db.execute(query).fetchall()


@pytest.fixture
def book(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> Diary:
    return Diary(sealer, pilot.fleet["tam-que-diary-01"], tmp_path)


def test_packing_and_shipping_are_sealed_beside_the_record(book: Diary, tmp_path: Path) -> None:
    done = book.harvest()
    before = seal.read(tmp_path, done.key)
    book.write("packing", "pack-1", quantity_kg=800, packages=160)
    book.write("shipping", "ship-1", 2, quantity_kg=800, buyer="Chợ đầu mối")
    assert seal.read(tmp_path, done.key) == before
    found = book.addenda(done.key)
    assert [(one["event"]["id"], one["leaf"]) for one in found] == [("pack-1", 1), ("ship-1", 2)]
    assert LogReader(tmp_path / "log").size == 3


def test_the_same_event_again_changes_nothing(book: Diary, tmp_path: Path) -> None:
    book.harvest()
    for _ in range(3):
        book.write("packing", "pack-1", quantity_kg=800, packages=160)
    assert LogReader(tmp_path / "log").size == 2


def test_without_a_name_it_is_the_last_harvest_of_the_plot(book: Diary) -> None:
    first, second = book.harvest(1), book.harvest(2, days=10)
    elsewhere = book.harvest(3, days=11, plot="plot-2")
    book.write("packing", "pack-1", 24 * 5, quantity_kg=1, packages=1)
    book.write("packing", "pack-2", 24 * 12, quantity_kg=1, packages=1)
    book.write("packing", "pack-3", 24 * 12, quantity_kg=1, packages=1, harvest="mango-1")
    packed = {one: [a["event"]["id"] for a in book.addenda(one.key)] for one in (first, second, elsewhere)}
    assert packed == {first: ["pack-1", "pack-3"], second: ["pack-2"], elsewhere: []}


def test_what_comes_before_its_harvest_waits_for_it(book: Diary) -> None:
    """A phone may send its entries in any order."""
    book.write("packing", "pack-1", quantity_kg=1, packages=1)
    assert book.refused() == {"pack-1": "no_lot"}
    done = book.harvest()
    book.sealer.seal_pending()
    assert [one["event"]["id"] for one in book.addenda(done.key)] == ["pack-1"]
    assert book.refused() == {}


def test_what_is_done_with_a_lot_waits_while_older_harvests_do(book: Diary) -> None:
    """Harvests are sealed a few at a time; the packing of the second must not go to the first."""
    for number in (1, 2, 3):
        at = HARVESTED + timedelta(days=number)
        book.sealer.keep([(book.device, harvest(number, at))])
        book.keep("packing", f"pack-{number}", 24 * number + 1, quantity_kg=1, packages=1)
    while sealed := book.sealer.seal_pending(1):
        book.sealer.note_published(sealed)
    lots = book.lots()
    for number in (1, 2, 3):
        assert [a["event"]["id"] for a in book.addenda(lots[f"mango-{number}"])] == [f"pack-{number}"]


def packed(kilograms: float, harvest: str | None = None) -> dict[str, Any]:
    return {"quantity_kg": kilograms, "packages": 1} | ({"harvest": harvest} if harvest else {})


@pytest.mark.parametrize("waiting", [True, False])
def test_what_comes_while_others_are_sealed_is_sealed_next(
    book: Diary, grower: Grower, monkeypatch: pytest.MonkeyPatch, waiting: bool
) -> None:
    """The gateway keeps diary entries in one thread and seals in another."""
    if waiting:
        book.write("packing", "pack-2", 24 + 1, quantity_kg=1, packages=1)
    conditions = grower.conditions

    def meanwhile(community: str, plot: str, start: int, stop: int) -> Any:
        monkeypatch.setattr(grower, "conditions", conditions)
        book.sealer.keep([(book.device, harvest(2, HARVESTED + timedelta(days=1)))])
        book.keep("packing", "pack-2", 24 + 1, quantity_kg=1, packages=1)
        return conditions(community, plot, start, stop)

    monkeypatch.setattr(grower, "conditions", meanwhile)
    book.sealer.keep([(book.device, harvest(1))])
    while sealed := book.sealer.seal_pending():
        book.sealer.note_published(sealed)
    assert [one["event"]["id"] for one in book.addenda(book.lots()["mango-2"])] == ["pack-2"]
    assert book.refused() == {}


@pytest.mark.parametrize(
    ("events", "refused"),
    [
        ([("packing", packed(500)), ("packing", packed(351))], ["more_than_lot"]),
        ([("packing", packed(500)), ("packing", packed(350))], []),
        ([("shipping", {"quantity_kg": 850.1, "buyer": "x"})], ["more_than_lot"]),
        ([("packing", packed(850)), ("shipping", {"quantity_kg": 850, "buyer": "x"})], []),
        ([("split", {"harvest": "mango-1", "parts": [400, 451]})], ["more_than_lot"]),
        ([("split", {"harvest": "mango-1", "parts": [400, 450]}),
          ("packing", packed(1, "mango-1"))], ["passed_on"]),
        ([("shipping", {"quantity_kg": 800, "buyer": "x"}),
          ("split", {"harvest": "mango-1", "parts": [30, 30]})], ["more_than_lot"]),
        ([("split", {"harvest": "mango-1", "parts": [400, 450]}),
          ("packing", packed(450, "x-0-2")),
          ("packing", packed(401, "x-0-1"))], ["more_than_lot"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("together", [True, False])
def test_no_more_is_handled_than_there_is(
    book: Diary, events: list[tuple[str, dict[str, Any]]], refused: list[str], together: bool
) -> None:
    book.harvest()
    for number, (kind, fields) in enumerate(events):
        (book.keep if together else book.write)(kind, f"x-{number}", number + 1, **fields)
    book.sealer.seal_pending()
    assert list(book.refused().values()) == refused


def test_a_lot_is_split_and_its_parts_say_where_they_are_from(book: Diary) -> None:
    done = book.harvest()
    book.write("split", "half", harvest="mango-1", parts=[500, 350])
    lots = book.lots()
    parent = book.record(done.key)
    for name, amount in (("half-1", 500.0), ("half-2", 350.0)):
        part = book.record(lots[name])
        assert part["quantity_kg"]["value"] == amount
        assert [one["lot"] for one in part["made_from"]] == [done.key.lot]
        assert part["conditions"] == parent["conditions"] and part["certificates"] == parent["certificates"]
        assert Shelf(book.folder).check(record.canonical(part))[0] is not None
    assert {one["lot"] for one in book.addenda(done.key)[0]["lots"]} == {
        lots[f"half-{n}"].lot for n in (1, 2)
    }


def test_lots_are_merged_whole_or_not_at_all(book: Diary) -> None:
    keys = [book.harvest(n, days=n).key for n in (1, 2, 3)]
    book.write("packing", "pack-3", 24 * 3 + 1, harvest="mango-3", quantity_kg=1, packages=1)
    book.write("merge", "all", 24 * 4, harvests=["mango-1", "mango-2", "mango-3"])
    assert book.refused() == {"all": "more_than_lot"}
    assert book.addenda(keys[0]) == []
    book.write("merge", "two", 24 * 4, harvests=["mango-1", "mango-2"])
    merged = book.record(book.lots()["two-1"])
    assert [one["lot"] for one in merged["made_from"]] == [key.lot for key in keys[:2]]
    book.write("packing", "late", 24 * 5, harvest="mango-1", quantity_kg=1, packages=1)
    assert book.refused() == {"all": "more_than_lot", "late": "passed_on"}
    assert merged["quantity_kg"]["value"] == 1700.0 and merged["conditions"]["known"] == "not_sensed"
    assert merged["times"]["harvested"] == book.record(keys[1])["times"]["harvested"]
    assert all(book.addenda(key)[0]["event"]["id"] == "two" for key in keys[:2])


def test_an_id_that_is_a_lot_s_already_is_refused(book: Diary) -> None:
    book.harvest()
    book.harvest(2, days=1, id="half-2")
    book.write("split", "half", 48, harvest="mango-1", parts=[1, 2])
    assert book.refused() == {"half": "id_taken"}


def test_original_and_correction_both_stand(book: Diary) -> None:
    book.sealer.keep([(book.device, sprayed(6, 3))])
    done = book.harvest()
    book.write("correction", "mend-1", 1, of="mango-1", reason="gõ nhầm", changes={"quantity_kg": 580})
    book.write("correction", "mend-2", 2, of="mango-1", reason="lại nhầm", changes={"quantity_kg": 590})
    book.write("correction", "mend-3", 3, of="input-6", reason="sai ngày", changes={"pre_harvest_days": 7})
    first, second, third = (one["correction"] for one in book.addenda(done.key))
    assert (first["before"]["quantity_kg"], first["after"]["quantity_kg"]) == (850, 580)
    assert (second["before"]["quantity_kg"], second["after"]["quantity_kg"]) == (580, 590)
    assert first["breaks"] == second["breaks"] == ""
    assert third["breaks"] == "pre_harvest_interval"
    assert book.record(done.key)["quantity_kg"]["value"] == 850


@pytest.mark.parametrize(
    ("of", "changes", "refused"),
    [
        ("mango-1", {"quantity_kg": -1}, "bad_correction"),
        ("mango-1", {"quantity_kg": "many"}, "bad_correction"),
        ("mango-1", {"id": "mango-9"}, "bad_correction"),
        ("mango-1", {"colour": "red"}, "bad_correction"),
        ("pack-1", {"packages": 2}, ""),
        ("pack-1", {"harvest": "mango-2"}, "bad_correction"),  # the packing is already sealed beside mango-1
        ("mend-0", {"reason": "x"}, "bad_correction"),
        ("never", {"quantity_kg": 1}, "no_lot"),
        ("input-late", {"dose": "x"}, "no_lot"),
    ],
)
def test_a_wrong_correction_is_refused(book: Diary, of: str, changes: dict[str, Any], refused: str) -> None:
    book.harvest()
    book.write("packing", "pack-1", quantity_kg=1, packages=1)
    book.write("correction", "mend-0", 2, of="mango-1", reason="x", changes={"quantity_kg": 800})
    book.write("input", "input-late", -1, product="x", purpose="other", dose="y")
    book.write("correction", "mend-1", 3, of=of, reason="x", changes=changes)
    assert book.refused().get("mend-1", "") == refused


def test_nothing_is_done_with_a_lot_that_was_refused(book: Diary) -> None:
    book.harvest(1, 1e7)
    book.write("packing", "pack-1", quantity_kg=1, packages=1)
    assert book.refused() == {"pack-1": "lot_refused"}


def test_cut_off_before_the_log_it_is_logged_with_the_same_bytes(
    pilot: Pilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> Diary:
        sealer = Sealer(tmp_path, pilot, Grower(), "https://example.org", "example.org/log")
        return Diary(sealer, pilot.fleet["tam-que-diary-01"], tmp_path)

    append = Log.append

    def cut(log: Log, entries: list[bytes]) -> range:
        if entries:
            raise OSError("power cut")
        return append(log, entries)

    book = made()
    done = book.harvest()
    with monkeypatch.context() as patched:
        patched.setattr(Log, "append", cut)
        with pytest.raises(OSError, match="power cut"):
            book.write("split", "half", harvest="mango-1", parts=[500, 350])
    book.sealer.close()
    files = {path: path.read_bytes() for path in (tmp_path / "records").rglob("*.json")}
    assert len(files) == 4  # the lot, the addendum, two parts
    again = made()
    again.sealer.seal_pending()
    assert {path: path.read_bytes() for path in (tmp_path / "records").rglob("*.json")} == files
    assert LogReader(tmp_path / "log").size == 4 and again.refused() == {}
    assert all(Shelf(tmp_path).check(data)[0] is not None for data in files.values())
    assert [one["leaf"] for one in again.addenda(done.key)] == [1]
    again.sealer.close()
