"""Growing conditions of a lot's own plot, from either store."""

import math
from hashlib import sha256

import pytest

from devices.access import registry as registry_module
from devices.access.registry import Enrolled, Registry
from devices.contract.models import MODELS
from devices.contract.reading import Device
from devices.pilots.pilot import load
from gateway.lots.growth import Growth
from gateway.stores import store as stores
from gateway.stores.points import Point, tags

PILOT = load("dong-thap")
HOUR = 3_600_000
START = 1_763_744_400_000  # 2025-11-22 00:00 at Đồng Tháp
HOURS = 48
STOP = START + HOURS * HOUR
STAND = [
    Enrolled(Device("dong-thap", "tam-que", device, model, simulated=False, plot=plot), START, None)
    for device, model, plot in (
        ("wet-1", "soil-probe", "plot-1"), ("wet-2", "soil-probe", "plot-1"),
        ("dry-1", "soil-probe", "plot-2"), ("pump-1", "pump-controller", "plot-3"),
        ("sky", "weather-station", None),
    )
]  # fmt: skip


def hourly(device, model, hours=range(HOURS), **values):
    where = tags(pilot="dong-thap", community="tam-que", device=device, model=model, simulated="false")
    return [Point("telemetry", where, values, START + hour * HOUR) for hour in hours]


@pytest.fixture
def grown(store):
    """Two wet probes on plot 1, of which one is mostly silent; a dry probe on plot 2; a pump on plot 3; a
    weather station and a probe without a plot.
    """
    store.write(
        [
            *hourly("wet-1", "soil-probe", soil_moisture=40.0),
            *hourly("wet-2", "soil-probe", range(12), soil_moisture=42.0),
            *hourly("dry-1", "soil-probe", soil_moisture=15.0, soil_temperature=30.0),
            *hourly("pump-1", "pump-controller", pump_state=1.0),
            *hourly("sky", "weather-station", air_temperature=28.0),
            *hourly("somewhere", "soil-probe", soil_moisture=25.0),
        ]
    )
    where = tags(pilot="dong-thap", community="tam-que", device="dry-1", model="soil-probe",
                 simulated="false", signal="soil_moisture", reason="spike")  # fmt: skip
    store.write([Point("telemetry_flagged", where, {"value": 99.0, "flag": 4}, START + HOUR)])
    return Growth(store, PILOT, lambda: STAND)


def moisture(conditions):
    rows = conditions.daily["soil_moisture"]
    return min(row[1] for row in rows), max(row[3] for row in rows), sum(row[4] for row in rows)


def test_a_lot_shows_its_own_plot_s_numbers_alone(grown):
    wet = grown.conditions("tam-que", "plot-1", START, STOP)
    assert moisture(wet) == (40.0, 42.0, HOURS + 12)
    assert (wet.devices, wet.on_plot, wet.flagged) == (4, 2, 0.0)
    assert wet.raw_rows == 3 * HOURS + 12
    dry = grown.conditions("tam-que", "plot-2", START, STOP)
    assert moisture(dry) == (15.0, 15.0, HOURS)
    assert (dry.devices, dry.on_plot) == (3, 1)
    assert math.isclose(dry.flagged, 1 / (4 * HOURS + 1), abs_tol=1e-4)
    assert wet.raw_sha256 != dry.raw_sha256
    for one in (wet, dry):  # a device without a plot measures for every plot
        assert [row[2] for row in one.daily["air_temperature"]] == [28.0, 28.0]


def test_coverage_is_that_of_the_plot(grown):
    assert grown.conditions("tam-que", "plot-1", START, STOP).coverage == (1 + 12 / HOURS) / 2
    assert grown.conditions("tam-que", "plot-2", START, STOP).coverage == 1.0


def enrolled(device, since=START, until=None, model="soil-probe", plot="plot-1", community="tam-que"):
    known = Device("dong-thap", community, device, model, simulated=False, plot=plot)
    return Enrolled(known, since, until)


@pytest.mark.parametrize(
    ("spoke", "there", "coverage"),
    [
        ({"a": HOURS, "b": HOURS}, [enrolled("a"), enrolled("b")], 1.0),
        ({"a": HOURS, "b": 12}, [enrolled("a"), enrolled("b")], 0.625),
        ({"a": HOURS, "b": 1}, [enrolled("a"), enrolled("b")], 0.5104),
        ({"a": HOURS}, [enrolled("a"), enrolled("b")], 0.5),
        ({"a": HOURS}, [enrolled("a"), enrolled("b", START + 36 * HOUR)], 0.875),
        ({"a": HOURS}, [enrolled("a"), enrolled("b", START - HOUR, START + 12 * HOUR)], 0.875),
        ({"a": HOURS}, [enrolled("a"), enrolled("b", START - HOUR, START)], 1.0),
        ({"a": HOURS}, [enrolled("a"), enrolled("b", STOP + HOUR)], 1.0),
        ({"a": HOURS}, [enrolled("a"), enrolled("b", model="pump-controller")], 1.0),
        ({}, [enrolled("a")], 0.0),
        ({"a": 12}, [enrolled("a", START - HOUR)], 0.25),
        ({}, [], 1.0),
    ],
    ids=["both", "some hours", "an hour", "never", "never since it came", "never until it was taken away",
         "gone before", "not there yet", "a pump", "nobody on the plot", "alone", "none stands there"],
)  # fmt: skip
def test_a_probe_of_the_plot_that_is_silent_raises_no_coverage(store, spoke, there, coverage):
    store.write(hourly("sky", "weather-station", air_temperature=28.0))
    for device, hours in spoke.items():
        store.write(hourly(device, "soil-probe", range(hours), soil_moisture=40.0))
    grown = Growth(store, PILOT, lambda: there)
    found = grown.conditions("tam-que", "plot-1", START, STOP)
    assert (found.coverage, found.on_plot) == (coverage, len(spoke))


def test_a_probe_that_came_in_the_season_covers_what_it_was_there_for(store):
    store.write(hourly("a", "soil-probe", range(12, HOURS), soil_moisture=40.0))
    there = [enrolled("a", START + 12 * HOUR)]
    grown = Growth(store, PILOT, lambda: there)
    assert grown.conditions("tam-que", "plot-1", START, STOP).coverage == 0.75


HALF = START + HOURS // 2 * HOUR


@pytest.mark.parametrize(
    ("spoke", "there", "coverage"),
    [
        ({}, [enrolled("b", START, HALF), enrolled("b", HALF)], 0.5),
        ({}, [enrolled("b", START, HALF), enrolled("b", START + 36 * HOUR)], 0.625),
        ({}, [enrolled("b", START, HALF), enrolled("b", HALF, plot="plot-2")], 0.75),
        ({}, [enrolled("b", START, HALF), enrolled("b", HALF, plot=None)], 0.75),
        ({}, [enrolled("b", START, HALF), enrolled("b", HALF, community="canh-tan")], 0.75),
        ({"b": range(24)}, [enrolled("b", START, HALF), enrolled("b", HALF, plot="plot-2")], 1.0),
        ({"b": range(24, 48)}, [enrolled("b", START, HALF, plot="plot-2"), enrolled("b", HALF)], 1.0),
        ({"b": range(48)}, [enrolled("b", START, HALF, plot=None), enrolled("b", HALF)], 1.0),
        ({"b": range(24, 48)}, [enrolled("b", START, HALF), enrolled("b", HALF, plot="plot-2")], 0.75),
    ],
    ids=["never, and enrolled again", "never, and away for a time", "never, and moved to another plot",
         "never, and then for all", "never, and moved to another group", "moved away", "moved here",
         "was of all first", "silent until it was moved"],
)  # fmt: skip
def test_a_probe_that_is_enrolled_again_is_asked_for_when_it_stood_here(store, spoke, there, coverage):
    store.write(hourly("a", "soil-probe", soil_moisture=40.0))
    for device, hours in spoke.items():
        store.write(hourly(device, "soil-probe", hours, soil_moisture=20.0))
    grown = Growth(store, PILOT, lambda: [enrolled("a"), *there])
    assert grown.conditions("tam-que", "plot-1", START, STOP).coverage == coverage


def test_what_a_probe_measured_stays_its_plot_s_when_it_is_moved(store):
    """What the device measured while revoked it may send later from its memory; its new plot gets that."""
    for device in ("a", "b"):
        store.write(hourly(device, "soil-probe", soil_moisture=20.0))
    there = [enrolled("a"), enrolled("b", START, HALF - HOUR), enrolled("b", HALF, plot="plot-2")]
    grown = Growth(store, PILOT, lambda: there)
    assert moisture(grown.conditions("tam-que", "plot-1", START, STOP))[2] == HOURS + HOURS // 2 - 1
    assert moisture(grown.conditions("tam-que", "plot-2", START, STOP))[2] == HOURS // 2 + 1
    revoked = [enrolled("a", START, HALF)]
    found = Growth(store, PILOT, lambda: revoked).conditions("tam-que", "plot-1", START, STOP)
    assert found.on_plot == 1 and moisture(found)[2] == HOURS


def test_the_registry_s_own_times_are_asked_for(store, tmp_path, monkeypatch):
    registry, moment = Registry(tmp_path / "registry.sqlite", PILOT), iter([START, HALF, HALF])
    monkeypatch.setattr(registry_module, "now_ms", lambda: next(moment))
    registry.enroll("tam-que", "soil-probe", "b", plot="plot-1")
    registry.revoke("b")
    registry.enroll("tam-que", "soil-probe", "b", plot="plot-2")
    store.write(hourly("sky", "weather-station", air_temperature=28.0))
    found = Growth(store, PILOT, registry.spans).conditions("tam-que", "plot-1", START, STOP)
    assert found.coverage == 0.0, "silent while it stood here, and nobody stood here then"


@pytest.mark.parametrize("plot", ["plot-9", "plot-3"], ids=["nothing stands there", "a pump alone"])
def test_without_a_sensor_on_the_plot_the_conditions_are_the_community_s(grown, plot):
    found = grown.conditions("tam-que", plot, START, STOP)
    assert found.on_plot == 0 and found.coverage == 1.0
    assert moisture(found) == (25.0, 25.0, HOURS)
    assert "soil_temperature" not in found.daily


def test_where_only_other_plots_were_measured_nothing_was(store):
    store.write(hourly("dry-1", "soil-probe", soil_moisture=15.0))
    found = Growth(store, PILOT, lambda: STAND).conditions("tam-que", "plot-1", START, STOP)
    assert (found.devices, found.on_plot, found.coverage, found.raw_rows, found.daily) == (0, 0, 0.0, 0, {})


def test_nothing_of_a_season_is_left_out_however_much_there_is(grown, monkeypatch):
    """77 devices that report each ten minutes fill two million rows in half a year."""
    whole = grown.conditions("tam-que", "plot-1", START, STOP)
    monkeypatch.setattr(stores, "AT_ONCE", 1)  # as if one answer held fewer rows than there are
    assert grown.conditions("tam-que", "plot-1", START, STOP) == whole


def test_a_season_is_never_in_memory_at_once(store):
    """A season is read a week at a time, and its hash is the same as if all of it came in one answer."""
    weeks = 3
    for week in range(weeks + 1):
        store.write(
            hourly("wet-1", "soil-probe", range(24 * 7 * week, 24 * 7 * week + 30), soil_moisture=40.0)
        )

    class Watched:
        most = 0

        def series(self, measurement, where, start, stop, limit, only=()):
            points = store.series(measurement, where, start, stop, limit, only=only)
            self.most = max(self.most, len(points))
            return points

    begin, end = START + 7 * HOUR, START + (weeks * 7 * 24 + 40) * HOUR
    found = Growth(watched := Watched(), PILOT, lambda: STAND).conditions("tam-que", "plot-1", begin, end)
    every = store.series("telemetry", {"community": "tam-que"}, begin, end, 1000)
    text = "".join(f"{one.time} wet-1 soil_moisture=40.0\n" for one in every)
    assert (found.raw_rows, found.raw_sha256) == (len(every), sha256(text.encode()).hexdigest())
    assert watched.most <= 30 < found.raw_rows


def test_what_somebody_else_wrote_without_a_device_is_left_out(grown, store):
    before = grown.conditions("tam-que", "plot-1", START, STOP)
    nobody = tags(pilot="dong-thap", community="tam-que")
    store.write([
        Point("telemetry", nobody, {"soil_moisture": 1.0}, START + HOUR),
        Point("telemetry_flagged", nobody, {"value": 99.0, "flag": 4}, START + HOUR),
    ])  # fmt: skip
    assert grown.conditions("tam-que", "plot-1", START, STOP) == before


def test_light_is_a_growing_condition_and_what_a_station_says_of_the_wind_is_none(store):
    for hour in range(HOURS):
        light = 90_000.0 if 6 <= hour % 24 < 18 else 0.0
        store.write(
            hourly("sky", "weather-station", [hour], illuminance=light, wind_direction=350.0, noise=40.0)
        )
    found = Growth(store, PILOT, lambda: STAND).conditions("tam-que", "plot-1", START, STOP)
    assert found.daily == {
        "illuminance": [
            ["2025-11-22", 0.0, 45_000.0, 90_000.0, 24],
            ["2025-11-23", 0.0, 45_000.0, 90_000.0, 24],
        ]
    }


def test_simulated_nodes_stand_on_the_plots_that_their_numbers_say():
    for device in PILOT.fleet.values():
        assert (device.plot is not None) == MODELS[device.model].on_plot
    plots = {name: PILOT.fleet[f"tam-que-{name}"].plot for name in ("soil-probe-01", "soil-probe-02")}
    assert plots == {"soil-probe-01": "plot-1", "soil-probe-02": "plot-1"}
    assert PILOT.fleet["tam-que-weather-station-01"].plot is None
