"""Lots as pages list them: of all communities or of one, with those that were recalled."""

from dataclasses import replace
from pathlib import Path

from devices.clock import epoch_ms
from devices.contract.diary import Split
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import HARVESTED, harvest, recall, write
from traceability.sealing import seal
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


def test_a_folder_without_a_diary_has_no_lots(tmp_path: Path) -> None:
    assert seal.lots(tmp_path, 10, "tam-que") == seal.recalls(tmp_path, 10, "tam-que") == []
