"""Rules of a harvest: intervals of inputs, the yield of a season, and growth in the crop's own time."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devices.clock import epoch_ms
from devices.contract.diary import Correction, DiaryEvent, Harvest, Planting, decode_diary
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import HARVESTED, Grower, harvest, sprayed, write
from traceability.records import record
from traceability.sealing import seal
from traceability.sealing.seal import Sealed, Sealer

WHO = "tam-que-diary-01"
CASES = Path(__file__).parents[2] / "cases"
DAY = timedelta(days=1)


def fates(sealer: Sealer, pilot: Pilot, events: Sequence[DiaryEvent], who: str = WHO) -> dict[str, str]:
    """Harvest → why it was refused, or ""; the events are kept and sealed one after another."""
    found: dict[str, str] = {}
    for event in events:
        done = write(sealer, pilot.fleet[who], event)
        if done is not None:
            sealer.note_published([done])
            found[done.harvest] = done.refused
    return found


def sealed(sealer: Sealer, pilot: Pilot, event: DiaryEvent) -> Sealed:
    done = write(sealer, pilot.fleet[WHO], event)
    assert done is not None and done.leaf is not None, done
    sealer.note_published([done])
    return done


def content(folder: Path, done: Sealed) -> dict[str, object]:
    return record.parse(seal.read(folder, done.key) or b"")


def case(name: str) -> list[DiaryEvent]:
    return [decode_diary(line.encode()) for line in (CASES / name).read_text("utf-8").splitlines()]


def test_a_second_picking_is_no_way_around_an_interval(sealer: Sealer, pilot: Pilot) -> None:
    assert set(fates(sealer, pilot, case("01-harvest-again.jsonl")).values()) == {"pre_harvest_interval"}


@pytest.mark.parametrize("between", ["a sealed harvest", "a harvest of another crop", "another spraying"])
def test_what_was_put_on_the_plot_counts_whatever_came_since(
    sealer: Sealer, pilot: Pilot, between: str
) -> None:
    spray = sprayed(40, 60)
    since: DiaryEvent = harvest(2, HARVESTED - 41 * DAY)
    if between == "a harvest of another crop":
        since = harvest(2, HARVESTED - 20 * DAY, crop="durian")
    if between == "another spraying":
        since = sprayed(20, 3)
    assert fates(sealer, pilot, [since, spray, harvest()])["mango-1"] == "pre_harvest_interval"
    assert sealed(sealer, pilot, harvest(3, HARVESTED + 20 * DAY)).refused == ""


def test_the_interval_of_another_crops_input_holds_for_the_plot(sealer: Sealer, pilot: Pilot) -> None:
    other = sprayed(5, 30).model_copy(update={"crop": "durian"})
    elsewhere = sprayed(5, 30).model_copy(update={"id": "far", "plot": "plot-2"})
    assert fates(sealer, pilot, [other, harvest()]) == {"mango-1": "pre_harvest_interval"}
    assert fates(sealer, pilot, [elsewhere, harvest(2, HARVESTED + 60 * DAY)]) == {"mango-2": ""}


@pytest.mark.parametrize(("days_before", "refused"), [(364, "pre_harvest_interval"), (365, "")])
def test_the_longest_interval_reaches_a_year(
    sealer: Sealer, pilot: Pilot, days_before: int, refused: str
) -> None:
    events = [sprayed(days_before, 365), harvest(2, HARVESTED - 366 * DAY, 10), harvest()]
    assert fates(sealer, pilot, events)["mango-1"] == refused


def test_a_record_names_the_inputs_that_were_looked_at(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    device = pilot.fleet[WHO]
    for event in (sprayed(50, 30), sprayed(20, 3), sprayed(3, 0)):
        write(sealer, device, event)
    sealed(sealer, pilot, harvest(2, HARVESTED - 15 * DAY))
    done = sealed(sealer, pilot, harvest())
    intervals = content(tmp_path, done)["intervals"]
    assert isinstance(intervals, dict) and intervals["days"] == 365
    assert [row["id"] for row in intervals["rows"]] == ["input-50", "input-20"]
    assert [row["id"] for row in content(tmp_path, done)["events"]["rows"]] == ["input-3", "mango-1"]  # type: ignore[index]


@pytest.mark.parametrize(("days", "refused"), [(20, "pre_harvest_interval"), (2, "")])
def test_what_was_corrected_before_the_harvest_is_what_counts(
    sealer: Sealer, pilot: Pilot, days: int, refused: str
) -> None:
    right = Correction(
        event="correction", id="right-1", ts=HARVESTED - 4 * DAY, plot="plot-1", crop="mango", of="input-5",
        reason="nhầm số ngày", changes={"pre_harvest_days": float(days)},
    )  # fmt: skip
    wrong = sprayed(5, 22 - days)
    assert fates(sealer, pilot, [wrong, right, harvest()]) == {"mango-1": refused}


def test_a_refused_harvest_ends_no_season(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    sown = Planting(
        event="planting",
        id="sown",
        ts=HARVESTED - 90 * DAY,
        plot="plot-1",
        crop="mango",
        seed="giống",
        area_ha=1,
    )
    before = [sown, sprayed(30, 10), harvest(2, HARVESTED - 25 * DAY)]
    assert fates(sealer, pilot, before) == {"mango-2": "pre_harvest_interval"}
    found = content(tmp_path, sealed(sealer, pilot, harvest()))
    assert [row["id"] for row in found["events"]["rows"]] == ["sown", "input-30", "mango-1"]  # type: ignore[index]
    assert found["conditions"]["start"] == int(sown.ts.timestamp() * 1000)  # type: ignore[index]


@pytest.mark.parametrize(
    ("typed", "true"), [(20, 60), (60, 20), (-1, 60)], ids=["too late", "too early", "after the harvest"]
)
def test_it_grew_since_its_sowing_as_that_was_corrected(
    sealer: Sealer, pilot: Pilot, tmp_path: Path, typed: int, true: int
) -> None:
    sown = Planting(event="planting", id="sown", ts=HARVESTED - typed * DAY, plot="plot-1", crop="mango",
                    seed="xoài cát", area_ha=1.0)  # fmt: skip
    right = Correction(event="correction", id="right", ts=HARVESTED, plot="plot-1", crop="mango", of="sown",
                       reason="gõ nhầm", changes={"ts": (HARVESTED - true * DAY).isoformat()})  # fmt: skip
    sealer.keep([(pilot.fleet[WHO], sown)])
    sealer.keep([(pilot.fleet[WHO], right)])
    grown = content(tmp_path, sealed(sealer, pilot, harvest()))["conditions"]
    assert isinstance(grown, dict) and grown["start"] == epoch_ms(HARVESTED - true * DAY)


@pytest.mark.parametrize("minutes", [1, 60, 3 * 1440])
def test_how_it_grew_is_not_the_time_since_the_last_picking(
    sealer: Sealer, pilot: Pilot, tmp_path: Path, minutes: int
) -> None:
    sealed(sealer, pilot, harvest(3, HARVESTED - 30 * DAY))
    first = sealed(sealer, pilot, harvest())
    again = sealed(sealer, pilot, harvest(2, HARVESTED + timedelta(minutes=minutes)))
    for done in (first, again):
        start = content(tmp_path, done)["conditions"]["start"]  # type: ignore[index]
        assert start == int((HARVESTED - 30 * DAY).timestamp() * 1000)


def test_a_seasons_harvests_weigh_together(sealer: Sealer, pilot: Pilot) -> None:
    """Tam-que has 3 ha of at most 15 t each: five harvests of 9 t fit, and not one kilogram more."""
    found = fates(sealer, pilot, case("12-yield-cap.jsonl"))
    assert [id for id, refused in found.items() if not refused] == [f"full-{n}" for n in range(1, 6)]
    assert {found[f"full-{n}"] for n in range(6, 21)} == {"yield_cap"}
    assert fates(sealer, pilot, [harvest(1, kilograms=0.5)]) == {"mango-1": "yield_cap"}
    assert fates(sealer, pilot, [harvest(2, HARVESTED + 366 * DAY, 45_000)]) == {"mango-2": ""}


@pytest.mark.parametrize("way", ["a code", "another plot", "backwards", "in one go"])
def test_there_is_no_way_around_the_cap(sealer: Sealer, pilot: Pilot, way: str) -> None:
    def one(n: int) -> Harvest:
        more: dict[str, object] = {"area_code": "GD-DT-0001"} if way == "a code" and n % 2 else {}
        if way == "another plot":
            more["plot"] = f"plot-{n % 8 + 1}"
        day = -n if way == "backwards" else n
        return harvest(n, HARVESTED + day * 3 * DAY, 9_000, **more)

    events = [one(n) for n in range(1, 9)]
    if way == "in one go":
        sealer.keep((pilot.fleet[WHO], event) for event in events)
        found = {done.harvest: done.refused for done in sealer.seal_pending()}
    else:
        found = fates(sealer, pilot, events)
    assert list(found.values()).count("") == 5 and set(found.values()) == {"", "yield_cap"}


def test_a_plot_is_one_that_the_group_has(sealer: Sealer, pilot: Pilot) -> None:
    assert fates(sealer, pilot, [harvest(1, plot="the-neighbours")]) == {"mango-1": "unknown_plot"}


def measured(pilot: Pilot, **hectares: float) -> Pilot:
    """The pilot with these plots of tam-que, each with its own area."""
    plots = [{"id": name.replace("_", "-"), "area_ha": area} for name, area in hectares.items()]
    whole = [c.model_dump() for c in pilot.communities]
    told = [one | {"plots": plots} if one["id"] == "tam-que" else one for one in whole]
    return Pilot.model_validate(pilot.model_dump() | {"communities": told})


def test_a_measured_plot_has_a_cap_of_its_own(pilot: Pilot, tmp_path: Path) -> None:
    place = measured(pilot, plot_1=1.0, vuon_xa=2.0)
    sealer = Sealer(tmp_path, place, Grower(), "https://example.org", "example.org/log")
    events = [
        harvest(1, kilograms=15_001), harvest(2, kilograms=15_000),
        harvest(3, kilograms=30_000, plot="vuon-xa"), harvest(4, kilograms=1, plot="plot-2"),
    ]  # fmt: skip
    found = fates(sealer, place, events)
    sealer.close()
    assert found == {"mango-1": "yield_cap", "mango-2": "", "mango-3": "", "mango-4": "unknown_plot"}


def test_plots_are_no_more_than_their_group(pilot: Pilot) -> None:
    with pytest.raises(ValueError, match=r"tam-que\.plots: together 3\.5 ha, more than area_ha 3"):
        measured(pilot, a=3.0, b=0.5)


def test_a_day_that_cannot_be_is_refused_even_if_it_was_kept_before(pilot: Pilot, tmp_path: Path) -> None:
    """A diary of an earlier version has such events: each is refused, and none delays another."""
    real = pilot.fleet[WHO]
    sealer = Sealer(tmp_path, pilot, Grower(), "https://example.org", "example.org/log")
    far = f"{datetime.now(UTC).year + 5}-01-01T10:00:00+07:00"
    days = {"zero": "0001-01-01T00:00:00+07:00", "end": "9999-12-31T23:59:59Z", "far": far}
    same = {"event": "harvest", "plot": "plot-1", "crop": "mango", "quantity_kg": 1}
    rows = [json.dumps(same | {"id": id, "ts": ts}) for id, ts in days.items()]
    joined = type(real)(real.pilot, real.community, "thu-ky", "diary", simulated=False)
    sealer.keep([(joined, decode_diary(row.encode())) for row in rows] + [(joined, harvest())])
    found = {done.harvest: done.refused for done in sealer.seal_pending()}
    sealer.close()
    assert found == {"zero": "bad_date", "end": "bad_date", "far": "bad_date", "mango-1": ""}
    assert len(seal.lots(tmp_path)) == 4
