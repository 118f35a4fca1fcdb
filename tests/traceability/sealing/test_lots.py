"""Lots as pages list them: of all communities or of one, with recalled lots marked."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices.clock import epoch_ms
from devices.contract.diary import Revocation, Split
from devices.pilots.pilot import Pilot
from gateway.lots.openings import Openings
from gateway.stores.sqlite import SqliteStore
from tests.traceability.conftest import HARVESTED, harvest, recall, write
from tests.traceability.diary.test_standing import Plot, entry, pick
from traceability.commands import trace_app
from traceability.diary.reader import DiaryReader
from traceability.sealing import seal
from traceability.sealing.lot import record_file
from traceability.sealing.seal import Sealer


def test_the_lots_of_one_community_alone(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    write(sealer, pilot.fleet["tam-que-diary-01"], harvest())
    assert [row["community"] for row in seal.lots(tmp_path, 10, "tam-que")] == ["tam-que"]
    assert seal.lots(tmp_path, 10, "canh-tan") == []
    assert len(seal.lots(tmp_path)) == 1


def test_a_recalled_lot_is_listed_as_such(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    write(sealer, device, harvest())
    assert [row["recalled"] for row in seal.lots(tmp_path)] == [False]
    recall(sealer, device)
    assert [row["recalled"] for row in seal.lots(tmp_path)] == [True]
    (row,) = seal.recalls(tmp_path, 5)
    assert (row["lot"], row["community"]) == (seal.lots(tmp_path)[0]["lot"], "tam-que")
    assert (row["time"], row["reason"]) == (epoch_ms(HARVESTED), "dư lượng thuốc")
    assert seal.recalls(tmp_path, 5, "tam-que") == [row] and seal.recalls(tmp_path, 5, "canh-tan") == []


def test_what_was_harvested_is_a_harvest_once(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    write(sealer, device, harvest(1))
    refused = write(sealer, device, harvest(2, kilograms=900_000.0))
    assert refused is not None and refused.refused
    parts = Split(event="split", id="s", ts=HARVESTED, plot="plot-1", crop="mango", harvest="mango-1",
                  parts=(400.0, 450.0))  # fmt: skip
    write(sealer, device, parts)
    assert sorted(float(str(row["quantity_kg"])) for row in seal.lots(tmp_path)) == [400, 450, 850, 900_000]
    found = seal.harvests(tmp_path, 10, "tam-que")
    assert sorted(float(str(row["quantity_kg"])) for row in found) == [850, 900_000]
    assert seal.harvests(tmp_path, 10, "canh-tan") == []


def test_a_lot_and_what_became_of_it_say_whether_the_diary_is_a_simulated_one(
    sealer: Sealer, pilot: Pilot, tmp_path: Path
) -> None:
    invented = pilot.fleet["tam-que-diary-01"]
    group = replace(invented, device="secretary", simulated=False)
    write(sealer, invented, harvest(1))
    write(sealer, group, harvest(2))
    parts = Split(event="split", id="s-7", ts=HARVESTED, plot="plot-1", crop="mango", harvest="mango-2",
                  parts=(400.0, 450.0))  # fmt: skip
    write(sealer, group, parts)
    found = [(row["quantity_kg"], row["simulated"]) for row in seal.lots(tmp_path)]
    assert sorted(found) == [(400, False), (450, False), (850, False), (850, True)]
    assert sorted(row["simulated"] for row in seal.harvests(tmp_path, 10)) == [False, True]
    for of in ("mango-1", "s-7-2"):  # whoever recalls it
        write(sealer, group, Revocation(event="revocation", id=f"r-{of}", ts=HARVESTED, plot="plot-1",
                                        crop="mango", harvest=of, reason="x"))  # fmt: skip
    recalled = {str(row["lot"]): row["simulated"] for row in seal.recalls(tmp_path, 5)}
    by_lot = {row["lot"]: row["simulated"] for row in seal.lots(tmp_path) if row["recalled"]}
    assert recalled == by_lot and sorted(recalled.values()) == [False, True]


def test_a_folder_without_a_diary_has_no_lots(tmp_path: Path) -> None:
    assert seal.lots(tmp_path, 10, "tam-que") == seal.recalls(tmp_path, 10, "tam-que") == []


def test_who_only_counts_lots_reads_no_records(
    sealer: Sealer, pilot: Pilot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Open data and, each minute, the clerk only count; reading thousands of records would take seconds."""
    device = pilot.fleet["tam-que-diary-01"]
    sealed = write(sealer, device, harvest())
    assert sealed is not None
    recall(sealer, device)
    record_file(tmp_path / "records", sealed.key).write_bytes(b"{")
    assert [row["recalled"] for row in seal.harvests(tmp_path, 10)] == [True]
    store = SqliteStore(tmp_path / "store.sqlite")
    Openings(tmp_path, pilot).write(store, sealed.time)
    (told,) = store.series("lot", {}, 0, sealed.time + 1, 10)
    store.close()
    assert told.fields["lot"] == sealed.key.lot and caplog.text == ""
    assert [row["unfit"] for row in seal.lots(tmp_path)] == [""] and "cannot be read" in caplog.text


@pytest.mark.parametrize("id", ["me", "me-", "me-7", "7"])
def test_a_lot_of_which_nobody_asked_how_it_grew_has_no_coverage(
    tmp_path: Path, pilot: Pilot, id: str
) -> None:
    """A merged lot has no coverage of its own, its parts have; a refused lot is never measured."""
    plot = Plot(tmp_path / "trace", pilot)
    plot.write(pick("h", 0, 850), pick("i", 0.1, 300), pick("too-much", 0.2, 900_000))
    plot.write(pick("all-1", 0.3), entry("merge", "all", 0.5, harvests=["h", "i"]))
    assert plot.fate("all") == "id_taken"
    plot.write(entry("split", "before", 1, harvest="h", parts=[800, 50]))
    plot.write(entry("merge", id, 2, harvests=["before-1", "i"]))
    plot.write(entry("split", "after-", 3, harvest=f"{id}-1", parts=[500, 600]))
    asked = dict.fromkeys(("h", "i", "all-1", "before-1", "before-2"), 0.97)
    ids = [*asked, f"{id}-1", "after--1", "after--2"]
    kilograms = {id: row.kilograms for id in ids if (row := plot.sealer._tables.lot("tam-que", id))}
    assert set(kilograms) == set(ids)

    def listed() -> dict[object, object]:
        return {row["lot"]: row["coverage"] for row in seal.lots(plot.folder) if not row["refused"]}

    right = {plot.key(id).lot: asked.get(id) for id in ids}
    assert listed() == right
    assert [row["coverage"] for row in seal.lots(plot.folder) if row["refused"]] == [None]
    assert {lot.plot for lot in DiaryReader(plot.folder).lots("tam-que")} == {"plot-1"}
    ran = CliRunner().invoke(trace_app, ["list", "--data", str(tmp_path)])
    assert ran.exit_code == 0 and ran.output.count("–") == 4 and " 0%" not in ran.output
    plot.sealer.close()
    with closing(sqlite3.connect(plot.folder / "trace.sqlite")) as db:  # as an earlier version left it
        db.executescript("UPDATE lot SET coverage=0 WHERE coverage IS NULL; PRAGMA user_version=1")
    with closing(Plot(plot.folder, pilot).sealer):
        assert listed() == right
