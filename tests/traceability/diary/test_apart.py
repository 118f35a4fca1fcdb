"""Real and simulated diaries of one group: neither says anything about the other's lots."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from devices.contract.diary import Correction, Packing
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import HARVESTED, Grower, harvest, sprayed, write
from traceability.records import addendum
from traceability.sealing.lot import record_file
from traceability.sealing.seal import Sealed, Sealer


@pytest.fixture
def invented(pilot: Pilot) -> Device:
    return pilot.fleet["tam-que-diary-01"]


@pytest.fixture
def secretary(invented: Device) -> Device:
    return replace(invented, device="secretary", simulated=False)


def most(pilot: Pilot) -> float:
    """Kilograms that plot-1 of the group yields in a season at most."""
    group = pilot.producers["tam-que"]
    (product,) = [one for one in group.products if one.crop == "mango"]
    return product.yield_kg_ha * group.hectares["plot-1"]


def packed(number: int, harvest: str | None = None) -> Packing:
    return Packing(event="packing", id=f"packing-{number}", ts=HARVESTED + timedelta(hours=2), plot="plot-1",
                   crop="mango", quantity_kg=100, packages=10, harvest=harvest)  # fmt: skip


def later(folder: Path, done: Sealed | None) -> list[str]:
    assert done is not None
    return [json.loads(data)["event"]["id"] for _, data in addendum.read_all(folder / "records", done.key)]


def test_what_the_simulator_did_on_a_plot_says_nothing_of_a_real_harvest(
    sealer: Sealer, pilot: Pilot, invented: Device, secretary: Device, tmp_path: Path
) -> None:
    """Its spraying forbids no real harvest, and its kilograms leave no less for one."""
    write(sealer, invented, harvest(1, HARVESTED - timedelta(days=8), most(pilot)))
    write(sealer, invented, sprayed(3, 7))
    refused = write(sealer, invented, harvest(2))
    assert refused is not None and refused.refused == "pre_harvest_interval"
    write(sealer, secretary, sprayed(20, 7))
    done = write(sealer, secretary, harvest(3))
    assert done is not None and done.refused == "" and not done.simulated
    content = json.loads(record_file(tmp_path / "records", done.key).read_bytes())
    assert [row["id"] for row in content["events"]["rows"]] == ["input-20", "mango-3"]
    assert [row["id"] for row in content["intervals"]["rows"]] == ["input-20"]


def test_what_a_real_secretary_wrote_says_nothing_of_a_simulated_harvest(
    sealer: Sealer, pilot: Pilot, invented: Device, secretary: Device
) -> None:
    write(sealer, secretary, harvest(1, HARVESTED - timedelta(days=8), most(pilot)))
    write(sealer, secretary, sprayed(3, 7))
    done = write(sealer, invented, harvest(2))
    assert done is not None and done.refused == ""


def test_a_packing_that_names_no_lot_is_of_its_own_kinds_last_harvest(
    sealer: Sealer, invented: Device, secretary: Device, tmp_path: Path
) -> None:
    real = write(sealer, secretary, harvest(1, HARVESTED - timedelta(days=1)))
    played = write(sealer, invented, harvest(2))
    write(sealer, secretary, packed(1))
    write(sealer, invented, packed(2))
    assert later(tmp_path, real) == ["packing-1"] and later(tmp_path, played) == ["packing-2"]


def test_a_spraying_that_is_written_late_reaches_lots_of_its_own_kind(
    sealer: Sealer, invented: Device, secretary: Device, tmp_path: Path
) -> None:
    real, played = write(sealer, secretary, harvest(1)), write(sealer, invented, harvest(2))
    write(sealer, invented, sprayed(3, 7))
    assert later(tmp_path, real) == [] and later(tmp_path, played) == ["input-3"]


def test_a_corrected_harvest_counts_among_its_own_kind(
    sealer: Sealer, pilot: Pilot, invented: Device, secretary: Device
) -> None:
    """A correction brings the simulated harvest onto the plot's season."""
    far = write(sealer, invented, harvest(1, HARVESTED - timedelta(days=400), most(pilot)))
    assert far is not None and far.refused == ""
    day = (HARVESTED - timedelta(days=5)).isoformat()
    mend = Correction(event="correction", id="c-1", ts=HARVESTED, plot="plot-1", crop="mango", of="mango-1",
                      reason="x", changes={"ts": day})  # fmt: skip
    write(sealer, invented, mend)
    found = [write(sealer, who, harvest(number)) for number, who in ((2, invented), (3, secretary))]
    assert [one and one.refused for one in found] == ["yield_cap", ""]


def test_a_harvest_that_an_earlier_version_refused_for_the_other_kind_is_judged_again(
    pilot: Pilot, invented: Device, secretary: Device, tmp_path: Path
) -> None:
    alone = replace(secretary, community="my-dien")

    def opened() -> Sealer:
        return Sealer(tmp_path, pilot, Grower(), "https://example.org", "example.org/log")

    with closing(opened()) as sealer:
        far = harvest(2, HARVESTED - timedelta(days=20), 2 * most(pilot))
        sealer.keep(
            [(invented, sprayed(3, 7)), (secretary, harvest(1)), (secretary, far), (alone, harvest(3))]
        )
    with closing(sqlite3.connect(tmp_path / "trace.sqlite")) as db, db:  # as the version before left it
        refused = (
            ("tam-que", 1, "pre_harvest_interval"),
            ("tam-que", 2, "yield_cap"),
            ("my-dien", 3, "yield_cap"),
        )
        db.executemany(
            "INSERT INTO lot SELECT ?1, 'mango-' || ?2, '', '', time, 850, NULL, NULL, ?3, 1 "
            "FROM event WHERE community=?1 AND id='mango-' || ?2",
            refused,
        )
        db.execute("PRAGMA user_version=2")
    with closing(opened()) as sealer:
        done = sealer.seal_pending()
        assert {one.harvest: one.refused for one in done} == {"mango-1": "", "mango-2": "yield_cap"}
        sealer.note_published(done)
    with closing(opened()) as sealer:
        assert sealer.seal_pending() == []
