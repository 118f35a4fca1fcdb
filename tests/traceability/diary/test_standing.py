"""The state after corrections in any order: no order seals a forbidden harvest, or hides one."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.contract.diary import decode_diary
from devices.contract.reading import Device
from devices.files import to_read
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import HARVESTED, Grower
from traceability.diary.rows import Correcting
from traceability.diary.tables import DiaryTables
from traceability.digital_link import LotKey
from traceability.records import story
from traceability.records.shelf import Shelf
from traceability.sealing.seal import Sealer

WHO = Device("dong-thap", "tam-que", "thu-ky", "diary", simulated=False)
BEFORE_JOINING = "2001-01-01T00:00:00Z"


class Plot:
    """A diary whose batches are sealed one by one; days are counted from the day of harvest."""

    def __init__(self, folder: Path, pilot: Pilot) -> None:
        self.folder = folder
        self.sealer = Sealer(folder, pilot, Grower(), "https://example.org", "example.org/log")
        self.found: dict[str, Any] = {}

    def write(self, *events: dict[str, Any]) -> None:
        """Keep all events at once, then seal until nothing is pending."""
        told = [(WHO, decode_diary(json.dumps(one).encode())) for one in events]
        assert self.sealer.keep(told) == []
        while done := self.sealer.seal_pending():
            self.found |= {one.harvest: one for one in done}
            self.sealer.note_published(done)

    def fate(self, id: str) -> str:
        rows = self.asked(
            "SELECT refused FROM lot WHERE harvest=? UNION ALL SELECT refused FROM later WHERE id=? AND done",
            id,
            id,
        )
        return rows[0][0] if rows else "nothing yet"

    def key(self, id: str) -> LotKey:
        return LotKey(*self.asked("SELECT gtin, lot FROM lot WHERE harvest=?", id)[0])

    def asked(self, question: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(to_read(self.folder / "trace.sqlite")) as db:
            return db.execute(question, values).fetchall()

    def later(self, id: str) -> list[dict[str, Any]]:
        return Shelf(self.folder).addenda(self.key(id))

    def breaks(self, id: str) -> str:
        return story.breaks(self.later(id))


@pytest.fixture
def plot(tmp_path: Path, pilot: Pilot) -> Iterator[Plot]:
    made = Plot(tmp_path, pilot)
    yield made
    made.sealer.close()


def entry(kind: str, id: str, day: float, **more: Any) -> dict[str, Any]:
    at = (HARVESTED + timedelta(days=day)).isoformat()
    return {"event": kind, "id": id, "ts": at, "plot": "plot-1", "crop": "mango"} | more


def spray(id: str, day: float, interval: int, **more: Any) -> dict[str, Any]:
    more = {"product": "thuốc", "purpose": "pesticide", "dose": "1 l", "pre_harvest_days": interval} | more
    return entry("input", id, day, **more)


def pick(id: str, day: float = 0, kilograms: float = 100, **more: Any) -> dict[str, Any]:
    return entry("harvest", id, day, quantity_kg=kilograms, **more)


def correct(id: str, of: str, day: float, **changes: Any) -> dict[str, Any]:
    return entry("correction", id, day, of=of, reason="nhầm", changes=changes)


def on(day: float) -> str:
    return (HARVESTED + timedelta(days=day)).isoformat()


def test_corrections_are_read_again_when_something_was_written_and_never_else(
    plot: Plot, pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    corrections = DiaryTables.corrections

    def counted(tables: DiaryTables) -> list[Correcting]:
        read.append(1)
        return corrections(tables)

    monkeypatch.setattr(DiaryTables, "corrections", counted)
    plot.write(spray("s", -5, 2), correct("c", "s", -1, pre_harvest_days=30.0))
    plot.write()
    read.clear()
    for _ in range(3):
        plot.write()
    assert read == []
    other = Sealer(plot.folder, pilot, Grower(), "https://example.org", "example.org/log")  # a second gateway
    other.keep([(WHO, decode_diary(json.dumps(correct("d", "s", -0.5, pre_harvest_days=3.0)).encode()))])
    other.close()
    plot.write()
    assert read
    plot.write(pick("h"))
    assert plot.fate("h") == ""


def test_a_correction_that_is_refused_unlocks_nothing(plot: Plot) -> None:
    plot.write(spray("s", -2, 30), correct("c", "s", -1, ts=BEFORE_JOINING), pick("h"))
    assert (plot.fate("h"), plot.fate("c")) == ("pre_harvest_interval", "bad_date")
    plot.write(correct("d", "s", -1.5, pre_harvest_days=0.0, ts=on(3)), pick("i", 1))
    assert (plot.fate("i"), plot.fate("d")) == ("pre_harvest_interval", "bad_date")


def test_nor_does_it_make_room_under_the_cap(plot: Plot) -> None:
    plot.write(pick("h", 0, 45_000))
    plot.write(correct("c", "h", 1, quantity_kg=1.0, ts=BEFORE_JOINING), pick("i", 2, 44_999))
    assert (plot.fate("h"), plot.fate("i"), plot.fate("c")) == ("", "yield_cap", "bad_date")
    plot.write(correct("d", "h", 3, quantity_kg=1.0), pick("j", 4, 44_999))
    assert (plot.fate("d"), plot.fate("j")) == ("", "")


@pytest.mark.parametrize("together", [True, False])
def test_a_correction_that_no_lot_can_show_holds_all_the_same(plot: Plot, together: bool) -> None:
    given = [spray("s", -3, 1), pick("too-much", -1, 50_000), correct("c", "s", -0.5, pre_harvest_days=60.0)]
    rest = [pick("h", 5), correct("back", "s", 6, pre_harvest_days=2.0), pick("i", 7)]
    if together:
        plot.write(*given)
        plot.write(*rest[:1])
    else:
        for one in (*given, rest[0]):
            plot.write(one)
    assert plot.fate("h") == "pre_harvest_interval"
    plot.write(*rest[1:])
    assert plot.fate("i") == "", "and one that is right frees the plot"


@pytest.mark.parametrize("first", [9, -700])
def test_a_corrected_day_moves_its_entry(plot: Plot, first: float) -> None:
    day = {"older": True} if first < -600 else {}
    plot.write(spray("s", first, 30, **day), correct("c", "s", 10, ts=on(-2)))
    plot.write(pick("h"))
    assert plot.fate("h") == "pre_harvest_interval"


def test_a_corrected_day_of_a_sealed_harvest_is_judged_anew(plot: Plot) -> None:
    plot.write(pick("h"))
    plot.write(spray("s", 2, 30))
    assert plot.breaks("h") == ""
    plot.write(correct("c", "h", 5, ts=on(4)))
    assert plot.breaks("h") == "pre_harvest_interval"


def test_a_harvest_that_is_moved_weighs_where_it_is(plot: Plot) -> None:
    plot.write(pick("h", -400, 45_000), correct("c", "h", 0, ts=on(-1)))
    plot.write(pick("i", 0.5, 45_000))
    assert plot.fate("i") == "yield_cap"
    plot.write(pick("j", -800, 45_000))
    assert plot.fate("j") == ""
    plot.write(correct("d", "j", 1, ts=on(-2)))
    assert plot.breaks("j") == "yield_cap"


def test_the_order_of_a_lot_is_that_of_corrected_days(plot: Plot) -> None:
    plot.write(pick("h"))
    plot.write(entry("packing", "p", 1, harvest="h", quantity_kg=10, packages=2))
    plot.write(correct("c", "h", 4, ts=on(3)))
    assert plot.fate("c") == "after_handling"
    plot.write(
        correct("d", "h", 4.5, ts=on(-3)), entry("packing", "q", -1, harvest="h", quantity_kg=10, packages=2)
    )
    assert (plot.fate("d"), plot.fate("q")) == ("", "")
    plot.write(correct("e", "p", 5, ts=on(-4)))
    assert plot.fate("e") == "before_harvest"


def test_a_correction_reaches_every_lot_that_rests_on_the_entry(plot: Plot) -> None:
    plot.write(spray("s", -3, 1), pick("h"), pick("i", 5))
    plot.write(correct("c", "s", 6, pre_harvest_days=60.0))
    assert [plot.breaks(id) for id in ("h", "i")] == ["pre_harvest_interval"] * 2
    plot.write(correct("d", "s", 7, pre_harvest_days=0.0))
    assert [plot.breaks(id) for id in ("h", "i")] == ["", ""]


def test_an_input_of_another_crop_is_corrected_where_it_is_named(plot: Plot) -> None:
    plot.write(spray("s", -3, 1, crop="durian"), pick("h"))
    plot.write(correct("c", "s", 1, pre_harvest_days=60.0) | {"crop": "durian"})
    assert plot.fate("c") == "" and plot.breaks("h") == "pre_harvest_interval"


@pytest.mark.parametrize("way", ["late input", "correction", "recall"])
def test_what_came_of_a_lot_learns_what_it_learns(plot: Plot, way: str) -> None:
    plot.write(spray("s", -3, 1), pick("h"), pick("i", 0.1))
    plot.write(entry("split", "sp", 1, harvest="h", parts=[40, 60]))
    plot.write(entry("merge", "me", 2, harvests=["sp-1", "i"]))
    if way == "late input":
        plot.write(spray("t", -1, 30))
    elif way == "correction":
        plot.write(correct("c", "s", 3, pre_harvest_days=30.0))
    else:
        plot.write(entry("revocation", "r", 3, harvest="h", reason="hỏng"))
    for id in ("h", "sp-1", "sp-2", "me-1"):
        if way == "recall":
            assert story.recalled(plot.later(id)), id
        else:
            assert plot.breaks(id) == "pre_harvest_interval", id
    assert story.recalled(plot.later("i")) is False
    plot.write(entry("split", "again", 4, harvest="sp-2", parts=[30, 30]))
    assert plot.fate("again") == ("recalled" if way == "recall" else "broken"), "it gets no new name"


def test_corrections_count_in_the_order_they_came(plot: Plot) -> None:
    """Two corrections in one minute, whose ids sort the other way round."""
    plot.write(spray("s", -8, 20), correct("z1", "s", -7, pre_harvest_days=6.0))
    plot.write(correct("a2", "s", -7, pre_harvest_days=30.0))
    plot.write(pick("h"))
    assert plot.fate("h") == "pre_harvest_interval"
    other = {"plot": "plot-2"}
    plot.write(pick("i", 1, 850, **other))
    for id, kilograms in (("z3", 85.0), ("a4", 90.0)):
        plot.write(correct(id, "i", 2, quantity_kg=kilograms) | other)
    plot.write(correct("m5", "i", 2, by="Tổ trưởng") | other)
    last = plot.later("i")[-1]["correction"]
    assert (last["before"]["quantity_kg"], last["after"]["quantity_kg"]) == (90, 90)


def test_no_more_is_packed_than_a_corrected_lot_has(plot: Plot) -> None:
    plot.write(pick("h", 0, 850))
    plot.write(correct("c", "h", 1, quantity_kg=85.0))
    plot.write(entry("packing", "p", 2, harvest="h", quantity_kg=850, packages=9))
    assert plot.fate("p") == "more_than_lot"


@pytest.mark.parametrize("together", [True, False])
def test_the_last_harvest_of_a_plot_is_that_of_corrected_days(plot: Plot, together: bool) -> None:
    """Two harvests have wrong days: a new one is a day late, an old one is in this month."""
    given = [pick("old", -40), pick("late", 1), correct("c", "late", 0.1, ts=on(0)),
             pick("early", -0.5), correct("d", "early", 0.1, ts=on(-60))]  # fmt: skip
    for batch in [given] if together else [[one] for one in given]:
        plot.write(*batch)
    packings = {"p": -1, "q": 0.5, "r": -50}
    for id, day in packings.items():
        plot.write(entry("packing", id, day, quantity_kg=1, packages=1))
    found = {one["event"]["id"]: id for id in ("old", "late", "early") for one in plot.later(id)}
    assert {id: found.get(id) for id in packings} == {"p": "old", "q": "late", "r": "early"}


def pack(id: str, day: float, kilograms: float, harvest: str = "h") -> dict[str, Any]:
    return entry("packing", id, day, harvest=harvest, quantity_kg=kilograms, packages=9)


def test_what_was_packed_is_counted_as_corrected(plot: Plot) -> None:
    plot.write(pick("h", 0, 850), pack("p", 1, 850))
    plot.write(correct("c", "p", 2, quantity_kg=85.0), pack("q", 3, 700), pack("r", 4, 66))
    assert [plot.fate(id) for id in "cqr"] == ["", "", "more_than_lot"]
    plot.write(entry("split", "s", 5, harvest="h", parts=[30, 35]))
    assert plot.fate("s") == ""


def test_no_correction_makes_more_of_a_lot_than_there_is(plot: Plot) -> None:
    plot.write(pick("h", 0, 850), pack("p", 1, 85))
    plot.write(entry("shipping", "s", 2, harvest="h", quantity_kg=700, buyer="Chợ"))
    plot.write(correct("c", "p", 3, quantity_kg=99_999.0), correct("d", "h", 3, quantity_kg=10.0),
               correct("e", "s", 3, quantity_kg=851.0))  # fmt: skip
    assert [plot.fate(id) for id in "cde"] == ["more_than_lot"] * 3
    plot.write(pack("q", 4, 765))
    plot.write(correct("f", "h", 5, quantity_kg=849.0))
    plot.write(correct("g", "h", 6, quantity_kg=900.0))
    assert [plot.fate(id) for id in "qfg"] == ["", "more_than_lot", ""], "what was refused does not count"


def test_what_is_corrected_before_it_is_sealed_is_judged_as_it_holds(plot: Plot) -> None:
    """A phone without a network sends the entry and its correction at once."""
    plot.write(pick("h", 0, 850))
    plot.write(
        pack("p", 1, 8500),
        correct("c", "p", 2, quantity_kg=850.0),
        entry("shipping", "s", -1, harvest="h", quantity_kg=850, buyer="Chợ"),
        correct("d", "s", 2, ts=on(1)),
    )
    assert [plot.fate(id) for id in "pcsd"] == [""] * 4
    assert [one["event"]["quantity_kg"] for one in plot.later("h") if one["correction"] is None] == [
        850,
        8500,
    ]


def test_a_harvest_does_not_take_the_id_of_what_came_of_a_lot(plot: Plot) -> None:
    plot.write(pick("h"))
    plot.write(entry("split", "s", 1, harvest="h", parts=[40, 60]))
    taken = [(WHO, decode_diary(json.dumps(pick("s-1", 2)).encode()))]
    assert plot.sealer.keep(taken) == [0]


def test_a_number_that_is_none_is_no_correction() -> None:
    body = json.dumps(correct("c", "h", 0, quantity_kg=1)).replace('"quantity_kg": 1', '"quantity_kg": 1e999')
    with pytest.raises(ValueError, match="changes"):
        decode_diary(body.encode())


def test_a_sealed_file_that_is_gone_holds_up_no_other(plot: Plot) -> None:
    plot.write(pick("h"), pick("i", 0.1))
    key = plot.key("h")
    (plot.folder / "records" / key.gtin / f"{key.lot}.json").unlink()
    plot.write(entry("packing", "p", 1, harvest="h", quantity_kg=1, packages=1),
               entry("packing", "q", 1, harvest="i", quantity_kg=1, packages=1))  # fmt: skip
    assert (plot.fate("p"), plot.fate("q")) == ("unhandled", "")
    assert [one.id for one in plot.sealer.unhandled()] == ["p"]


def test_twenty_thousand_harvests_are_weighed_at_once(plot: Plot) -> None:
    from traceability.diary.corrections import Picked
    from traceability.diary.season import heaviest

    start = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)
    many = [Picked(str(n), "mango", "plot-1", start + n * 60_000, 1.0, None) for n in range(20_000)]
    harvest = decode_diary(json.dumps(pick("h", 0, 5) | {"ts": "2026-01-10T00:00:00Z"}).encode())
    assert heaviest(many, harvest, 365) == 20_005  # type: ignore[arg-type]
    assert heaviest(many, harvest, 1) == 5 + 24 * 60  # type: ignore[arg-type]


def test_a_damaged_entry_holds_up_no_other(plot: Plot) -> None:
    plot.write(pick("h"))
    packing = entry("packing", "p", 1, harvest="h", packages=3, quantity_kg=10)
    plot.sealer.keep([(WHO, decode_diary(json.dumps(packing).encode()))])
    with closing(sqlite3.connect(plot.folder / "trace.sqlite")) as db, db:
        db.execute("UPDATE event SET body=? WHERE id='p'", (b"\xff\xfe{",))
    plot.write(pick("later", 2))
    assert plot.fate("later") == ""
