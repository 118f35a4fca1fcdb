"""A harvest becomes one record and one leaf, whatever is repeated and wherever sealing is cut off."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devices.contract.diary import Split
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import HARVESTED, Grower, harvest, sprayed, write
from traceability.digital_link import LotKey
from traceability.records import record
from traceability.records.conditions import Conditions
from traceability.sealing import lot, seal
from traceability.sealing.seal import Sealer
from traceability.tlog.log import Log
from traceability.tlog.merkle import leaf_hash
from traceability.tlog.note import Verifier
from traceability.tlog.proof import verify
from traceability.tlog.tiles import LogReader


def test_harvest_is_sealed_and_proven(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    assert write(sealer, device, sprayed(6, 3)) is None
    done = write(sealer, device, harvest())
    assert done is not None and done.leaf == 0 and done.refused == "" and done.simulated
    data = seal.read(tmp_path, done.key)
    assert data is not None
    assert record.parse(data)["lot"] == done.key.lot
    verifier = Verifier.parse((tmp_path / "log.vkey").read_text().strip())
    proof = LogReader(tmp_path / "log").proof(0)
    assert verify(record.entry(data), proof, verifier, "example.org/log").index == 0


def test_same_harvest_again_changes_nothing(
    sealer: Sealer, pilot: Pilot, grower: Grower, tmp_path: Path
) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    first, second = (write(sealer, device, harvest()) for _ in range(2))
    assert first == second
    assert grower.asked == 1
    assert LogReader(tmp_path / "log").size == 1
    assert len(seal.lots(tmp_path)) == 1


def test_record_written_but_not_logged_is_logged_with_the_same_bytes(
    pilot: Pilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between record file and log: conditions may have changed since, the record must not."""
    device = pilot.fleet["tam-que-diary-01"]
    sealer = Sealer(tmp_path, pilot, Grower(), "https://example.org", "example.org/log")
    with monkeypatch.context() as patched:
        patched.setattr(Log, "append", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            write(sealer, device, harvest())
    sealer.close()
    (written,) = (tmp_path / "records").rglob("*.json")
    before = written.read_bytes()
    grower = Grower()
    again = Sealer(tmp_path, pilot, grower, "https://example.org", "example.org/log")
    done = write(again, device, harvest())
    again.close()
    assert done is not None and done.leaf == 0
    assert written.read_bytes() == before and grower.asked == 0
    assert LogReader(tmp_path / "log").index_of(leaf_hash(record.entry(before))) == 0


def test_what_was_drafted_before_the_store_went_away_is_kept(
    sealer: Sealer, pilot: Pilot, grower: Grower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records of a batch are written together, even if a later one of it cannot be drafted now."""
    device, conditions = pilot.fleet["tam-que-diary-01"], grower.conditions
    sealer.keep([(device, harvest(n, HARVESTED + timedelta(days=n))) for n in (1, 2, 3)])

    def away(community: str, plot: str, start: int, stop: int) -> Conditions:
        if grower.asked == 2:
            raise OSError("the store is away")
        return conditions(community, plot, start, stop)

    with monkeypatch.context() as patched:
        patched.setattr(grower, "conditions", away)
        with pytest.raises(OSError, match="away"):
            sealer.seal_pending()
    drafted = {path: path.read_bytes() for path in (tmp_path / "records").rglob("*.json")}
    assert len(drafted) == 2 and not list((tmp_path / "records").rglob("*.tmp"))
    assert [done.leaf for done in sealer.seal_pending()] == [0, 1, 2]
    assert grower.asked == 3 and all(path.read_bytes() == data for path, data in drafted.items())


@pytest.mark.parametrize(
    ("days_before", "interval", "refused"),
    [(2, 3, "pre_harvest_interval"), (3, 3, ""), (4, 3, ""), (2, 0, "")],
)
def test_pre_harvest_interval(
    sealer: Sealer, pilot: Pilot, days_before: int, interval: int, refused: str
) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    write(sealer, device, sprayed(days_before, interval))
    done = write(sealer, device, harvest())
    assert done is not None and done.refused == refused
    assert (done.leaf is None) is bool(refused)


def test_more_than_the_plot_can_yield(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    community = next(c for c in pilot.communities if c.id == "tam-que")
    cap = community.products[0].yield_kg_ha * community.area_ha
    device = pilot.fleet["tam-que-diary-01"]
    over = write(sealer, device, harvest(1, kilograms=cap + 1))
    just = write(sealer, device, harvest(2, kilograms=cap))
    assert over is not None and over.refused == "yield_cap"
    assert just is not None and just.refused == ""
    assert {row["refused"] for row in seal.lots(tmp_path)} == {"", "yield_cap"}


CODE = "GD-DT-0001"  # of tam-que's mangoes, from 2022 to 2030


@pytest.mark.parametrize(
    ("community", "changes", "refused"),
    [
        ("tam-que", {"area_code": CODE}, ""),
        ("tam-que", {"area_code": "GD-DT-0002"}, "foreign_code"),
        ("tam-que", {"area_code": "GD-DT-9999"}, "foreign_code"),
        ("thuan-tan", {"area_code": CODE}, "foreign_code"),
        ("tam-que", {"area_code": CODE, "at": datetime(2031, 1, 1, tzinfo=UTC)}, "expired_code"),
        ("tam-que", {"area_code": CODE, "at": datetime(2021, 12, 31, 16, 59, tzinfo=UTC)}, "expired_code"),
        # already 2022 there
        ("tam-que", {"area_code": CODE, "at": datetime(2021, 12, 31, 17, 0, tzinfo=UTC)}, ""),
    ],
)
def test_planting_area_code(
    sealer: Sealer, pilot: Pilot, community: str, changes: dict[str, Any], refused: str
) -> None:
    done = write(sealer, pilot.fleet[f"{community}-diary-01"], harvest(**changes))
    assert done is not None and done.refused == refused


def test_a_code_yields_no_more_than_its_cap_in_a_year(pilot: Pilot, tmp_path: Path) -> None:
    """Whether the lots are sealed one by one or at once, and in order or not."""
    small = [area.model_copy(update={"yield_kg": 20_000}) for area in pilot.records.planting_areas]
    records = pilot.records.model_copy(update={"planting_areas": tuple(small)})
    pilot = pilot.model_copy(update={"records": records})
    sealer = Sealer(tmp_path, pilot, Grower(), "https://example.org", "example.org/log")
    device = pilot.fleet["tam-que-diary-01"]
    harvests = [
        harvest(n, HARVESTED - timedelta(days=10 * n), 4_000, area_code=CODE) for n in (3, 1, 5, 2, 4, 6)
    ]
    assert write(sealer, device, harvests[0]) is not None
    sealer.keep((device, event) for event in harvests[1:])
    fates = {one.harvest: one.refused for one in sealer.seal_pending()}
    # the code's cap is 20,000 kg, so five fit; of those sealed together the earliest go first
    assert {name for name, refused in fates.items() if refused} == {"mango-1"}
    assert fates["mango-1"] == "code_yield_cap"
    next_year = write(sealer, device, harvest(7, HARVESTED + timedelta(days=60), 4_000, area_code=CODE))
    assert next_year is not None and next_year.refused == ""
    sealer.close()


@pytest.mark.parametrize(
    ("coverage", "known"), [(0.5, "sensed"), (0.4999, "not_sensed"), (0.0, "not_sensed")]
)
def test_too_few_readings_are_not_called_sensed(
    sealer: Sealer, pilot: Pilot, grower: Grower, tmp_path: Path, coverage: float, known: str
) -> None:
    grower.grew = replace(grower.grew, coverage=coverage)
    done = write(sealer, pilot.fleet["tam-que-diary-01"], harvest())
    assert done is not None and done.leaf == 0
    conditions = record.parse(seal.read(tmp_path, done.key) or b"")["conditions"]
    assert conditions["known"] == known and conditions["coverage_least"] == 0.5


def test_a_late_entry_does_not_unmake_a_record(sealer: Sealer, pilot: Pilot) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    write(sealer, device, harvest())
    write(sealer, device, sprayed(1, 7))
    done = write(sealer, device, harvest())
    assert done is not None and done.leaf == 0


def test_a_lot_holds_its_own_season_alone(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    apart = timedelta(days=pilot.producers["tam-que"].products[0].every_days)
    write(sealer, device, sprayed(20, 3))
    write(sealer, device, harvest(1, HARVESTED - apart))
    write(sealer, device, sprayed(6, 3))
    done = write(sealer, device, harvest(2))
    assert done is not None
    content = record.parse(seal.read(tmp_path, done.key) or b"")
    assert [event["id"] for event in content["events"]["rows"]] == ["input-6", "mango-2"]
    assert content["conditions"]["start"] == int((HARVESTED - apart).timestamp() * 1000)


def test_secrets_are_for_the_owner_alone(sealer: Sealer, tmp_path: Path) -> None:
    for name in ("log.key", "lot.secret"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name


def test_lot_codes_differ_between_installations(pilot: Pilot, tmp_path: Path) -> None:
    keys: list[LotKey] = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made = Sealer(tmp_path / name, pilot, Grower(), "https://example.org", "example.org/log")
        done = write(made, pilot.fleet["tam-que-diary-01"], harvest())
        made.close()
        assert done is not None
        keys.append(done.key)
    assert keys[0].gtin == keys[1].gtin and keys[0].lot != keys[1].lot


EARLY = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)  # 5 o'clock of the 21st in Đồng Tháp


def test_the_code_on_a_label_is_the_day_of_the_pilot(sealer: Sealer, pilot: Pilot) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    done = write(sealer, device, harvest(at=EARLY))
    assert done is not None and done.key.lot.startswith("TQ261121-")
    parts = Split(event="split", id="s", ts=EARLY, plot="plot-1", crop="mango", harvest="mango-1",
                  parts=(400.0, 450.0))  # fmt: skip
    write(sealer, device, parts)
    codes = [str(row["lot"]) for row in seal.lots(sealer.folder)]
    assert len(codes) == 3 and all(code.startswith("TQ261121-") for code in codes)


def test_a_lot_that_has_another_code_already_keeps_it(
    sealer: Sealer, pilot: Pilot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = pilot.fleet["tam-que-diary-01"]
    with monkeypatch.context() as earlier:
        earlier.setattr(lot, "local", lambda moment, _: moment)
        earlier.setattr(Log, "append", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            write(sealer, device, harvest(at=EARLY))
    for _ in range(2):
        (done,) = sealer.seal_pending()
        assert done.key.lot.startswith("TQ261120-") and done.leaf == 0
    assert [path.stem for path in (tmp_path / "records").rglob("*.json")] == [done.key.lot]


def test_a_sealed_lot_is_the_same_whatever_the_pilot_file_says_by_then(
    sealer: Sealer, pilot: Pilot, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = write(sealer, pilot.fleet["tam-que-diary-01"], harvest())
    product = pilot.producers["tam-que"].products[0].model_copy(update={"gtin": "02000000009995"})
    for now in (product, None):
        monkeypatch.setattr(Sealer, "_product", lambda *_, now=now: now)
        assert sealer.seal_pending() == [done] and sealer.unhandled() == []


@pytest.mark.parametrize(("place", "initials"), [("tan--my", "TM"), ("-a-", "A"), ("-", "")])
def test_any_id_of_a_place_has_a_code(tmp_path: Path, pilot: Pilot, place: str, initials: str) -> None:
    group = pilot.communities[0].model_copy(update={"id": place})
    key = lot.key(tmp_path, "02000000000015", b"secret", group, "h", EARLY, pilot.zone)
    assert key.lot.startswith(f"{initials}261121-")
