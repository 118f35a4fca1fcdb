"""The points that a day leaves for the boards, written into a real store."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from devices.clock import DAY_MS, HOUR_MS, midnight_of
from devices.contract.quality import REASONS
from devices.pilots.pilot import load
from gateway.indicators.count import evaluate
from gateway.indicators.standing import Contact, alarms, devices_of, doubted, forecast, left_behind, standing
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore

NOW = int(datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp() * 1000)
MIDNIGHT = int(datetime(2026, 11, 20, 17, tzinfo=UTC).timestamp() * 1000)
PILOT = load("dong-thap")


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "store.sqlite")
    wet = {"soil_moisture": 31.0}
    made.write(
        [
            Point("telemetry", device_tags(PILOT.fleet[f"{name}-soil-probe-0{n}"]), wet, at)
            for name, probes in (("tam-que", (1, 2, 3)), ("canh-tan", (1, 2)))
            for n in probes
            for at in range(NOW - 8 * DAY_MS, NOW, HOUR_MS)
        ]
    )  # fmt: skip
    yield made
    made.close()


def by(points, *names):
    return {tuple(dict(point.tags)[name] for name in names): point for point in points}


def test_who_counts_and_who_misses_by_what(store):
    evaluation = evaluate(store, PILOT, PILOT.fleet.values(), NOW)
    found = by(standing(PILOT, evaluation, MIDNIGHT), "indicator", "community")
    assert found["iot_communities", "tam-que"].fields == {"counted": True, "name": "Tâm Quê", "has": "-"}
    assert found["iot_communities", "canh-tan"].fields == {"counted": False, "name": "Canh Tân", "has": "2/3"}
    assert found["smart_villages", "lang-an-nhon"].fields["has"] == "environment, irrigation"
    assert found["traceability_share", "canh-tan"].fields == {
        "counted": False, "name": "Canh Tân", "has": "0/1",
    }  # fmt: skip
    assert ("iot_communities", "an-nong") not in found, "it joins in 2028"
    assert {point.time for point in found.values()} == {MIDNIGHT}


def test_doubted_values_are_counted_by_reason_and_none_is_zero(store):
    tags = device_tags(PILOT.fleet["tam-que-soil-probe-01"])

    def flagged(reason, flag, at):
        where = tuple(sorted((*tags, ("signal", "soil_moisture"), ("reason", reason))))
        return Point("telemetry_flagged", where, {"value": 99.0, "flag": flag}, at)

    store.write(
        [
            flagged("spike", 3, MIDNIGHT),
            # flagged as a spike at first; later readings confirmed the step
            flagged("spike", 1, MIDNIGHT + 1),
            flagged("gross_range", 4, NOW),
            flagged("gross_range", 4, MIDNIGHT - 1),  # belongs to yesterday
        ]
    )
    numbers = {r: p.fields["doubts"] for (r,), p in by(doubted(store, PILOT, MIDNIGHT), "reason").items()}
    assert numbers == dict.fromkeys(REASONS, 0) | {"spike": 1, "gross_range": 1}


def test_nobody_is_woken_for_a_diary(store):
    keeper = PILOT.fleet["tam-que-diary-01"]
    store.write([Point("telemetry", device_tags(keeper), {"soil_moisture": 31.0}, NOW - DAY_MS)])
    evaluation = evaluate(store, PILOT, PILOT.fleet.values(), NOW)
    contacts = {keeper.device: Contact(NOW - DAY_MS, {})}
    found = devices_of(PILOT.fleet.values(), evaluation, MIDNIGHT, contacts)
    assert found and keeper.device not in {dict(point.tags)["device"] for point in found}


def test_a_simulated_device_that_nobody_plays_any_more_is_not_silent_and_a_real_one_is(store):
    evaluation = evaluate(store, PILOT, PILOT.fleet.values(), NOW)
    simulated = PILOT.fleet["my-dien-soil-probe-01"]
    real = replace(simulated, device="mine", simulated=False)
    for days, names in ((6, {"mine", simulated.device}), (8, {"mine"})):
        contacts = {one.device: Contact(NOW - days * DAY_MS, {}) for one in (real, simulated)}
        found = devices_of([real, simulated], evaluation, MIDNIGHT, contacts)
        assert {dict(point.tags)["device"] for point in found} == names


def test_each_device_has_its_coverage_on_that_day(store):
    evaluation = evaluate(store, PILOT, PILOT.fleet.values(), NOW)
    points = [
        p for p in left_behind(store, PILOT, PILOT.fleet.values(), evaluation) if p.measurement == "device"
    ]
    found = by(points, "device")
    assert len(found) == 5
    assert found["tam-que-soil-probe-01",].fields == {"coverage": 1.0}


def test_alarm_levels_stand_before_and_after_the_plan_for_every_place():
    found = alarms(PILOT)
    levels = {
        (*(dict(p.tags)[n] for n in ("community", "signal", "level")), p.fields["value"]) for p in found
    }
    assert ("tam-que", "water_level", "III", 2.3) in levels
    assert ("ca-tra-hong-ngu", "water_level", "I", 3.5) in levels, "its own gauge is Tân Châu"
    assert ("tam-que", "dissolved_oxygen", "II", 2.0) in levels
    assert {p.time for p in found} == {
        midnight_of(datetime(year, 1, 1, tzinfo=UTC).date(), PILOT.zone) for year in (2021, 2031)
    }
    assert alarms(PILOT.model_copy(update={"alarms": None})) == []


def test_the_forecast_begins_with_today(store):
    evaluation = evaluate(store, PILOT, PILOT.fleet.values(), NOW)
    mine = [p for p in forecast(PILOT, evaluation) if ("indicator", "iot_communities") in p.tags]
    assert mine[0].time == MIDNIGHT and mine[0].fields == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert len(mine) == 6 and mine[-1].fields["low"] < mine[-1].fields["high"]
