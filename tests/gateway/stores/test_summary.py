"""A store's sums over time, by both adapters: steps, days, gaps and the share of slots with a reading."""

import random
from collections import Counter
from math import isnan

import pytest

from gateway.stores.points import Point, tags
from gateway.stores.store import Bucket
from tests.gateway.readings import DAY, HOUR, MINUTE, PILOT, T, reading


def naive_summary(points, field, start, stop, step, origin):
    series: dict = {}
    for point in points:
        if start <= point.time < stop and field in point.fields:
            begin = (point.time - origin) // step * step + origin
            series.setdefault(point.tags, {}).setdefault(begin, []).append(point.fields[field])
    return {
        where: [
            Bucket(begin, min(values), pytest.approx(sum(values) / len(values)), max(values), len(values))
            for begin, values in sorted(steps.items())
        ]
        for where, steps in series.items()
    }


MIDNIGHT = T - 10 * HOUR  # T is ten in the morning in Vietnam


@pytest.mark.parametrize(
    ("step", "origin"),
    [
        (HOUR, 0),
        (HOUR, T + 7 * MINUTE),
        (DAY, MIDNIGHT),
        (DAY, MIDNIGHT - 365 * DAY),
        (DAY, MIDNIGHT + 10 * DAY),  # an origin after the data gives the same days
        (7 * DAY, MIDNIGHT - DAY),
        (10 * MINUTE, T),
    ],
)
def test_summary_is_what_counting_by_hand_gives(store, step, origin):
    points = [
        reading(T + n * 47 * MINUTE, f"d{n % 3}", soil_moisture=20.0 + (n * 7919 % 100) / 10)
        for n in range(-60, 60)
        if not -20 <= n < 10  # a gap of a day
    ]
    points += [reading(T + n * HOUR, "d0", soil_ec=1.0) for n in range(20)]  # readings without moisture
    store.write(points)
    start, stop = T - 40 * 47 * MINUTE, T + 50 * 47 * MINUTE
    expected = naive_summary(points, "soil_moisture", start, stop, step, origin)
    found = store.summary("telemetry", ["soil_moisture"], PILOT, start, stop, step, origin)
    assert found == {"soil_moisture": expected}


@pytest.mark.parametrize("at_once", [50_000, 3])
def test_a_short_time_is_counted_alike_however_many_values_it_has(store, monkeypatch, at_once):
    monkeypatch.setattr("gateway.stores.influx.SHORT", at_once)
    points = [
        reading(T + n * 7 * MINUTE, f"d{n % 3}", soil_moisture=20.0 + n * 7919 % 100 / 10)
        for n in range(-30, 30)
    ]
    # a point without a place
    points.append(Point("telemetry", tags(pilot="p", device="d9"), {"soil_moisture": 1.0}, T))
    points += [reading(T + n * HOUR, "d0", soil_ec=float(n)) for n in range(-3, 3)]
    store.write(points)
    start, stop = T - 2 * HOUR - 1, T + HOUR - 1
    for step, origin in ((HOUR, 0), (HOUR, T + 7 * MINUTE), (10 * MINUTE, T), (DAY, T - 5 * DAY)):
        assert store.summary(
            "telemetry", ["soil_moisture", "soil_ec", "soil_ph"], PILOT, start, stop, step, origin
        ) == {
            name: naive_summary(points, name, start, stop, step, origin)
            for name in ("soil_moisture", "soil_ec")
        }


@pytest.mark.parametrize("together", [50, 1])
def test_a_field_is_summed_up_of_whatever_model_says_it(store, monkeypatch, together):
    monkeypatch.setattr("gateway.stores.influx.TOGETHER", together)
    points = [reading(T + n * HOUR, f"d{n % 4}", model=f"m{n % 4}", soil_ec=n / 8) for n in range(40)]
    points += [reading(T + n * HOUR, "d9", model="m9", soil_moisture=1.0) for n in range(40)]
    # a point without a model
    points.append(Point("telemetry", tags(pilot="p", device="bare"), {"soil_ec": 9.0}, T))
    store.write(points)
    for where in (PILOT, PILOT | {"community": "c"}):
        found = store.summary("telemetry", ["soil_ec", "soil_ph"], where, T, T + 9 * DAY, DAY)
        mine = [point for point in points if where.items() <= dict(point.tags).items()]
        assert found == {"soil_ec": naive_summary(mine, "soil_ec", T, T + 9 * DAY, DAY, 0)}


def test_several_fields_are_summed_up_at_once(store):
    points = [
        reading(
            T + n * 10 * MINUTE,
            f"d{n % 3}",
            soil_moisture=20.0 + n,
            **({"soil_ec": 1.0 + n} if n % 2 else {}),
        )
        for n in range(50)
    ]
    points += [reading(T + n * 10 * MINUTE, "d9", soil_ec=0.0) for n in range(50)]
    store.write(points)
    fields = ["soil_ec", "soil_moisture", "soil_temperature"]
    found = store.summary("telemetry", fields, PILOT, T, T + DAY, HOUR)
    assert found == {name: naive_summary(points, name, T, T + DAY, HOUR, 0) for name in fields[:2]}


@pytest.mark.parametrize("only", [(), ("mean",), ("high", "low")])
def test_what_is_not_asked_for_changes_nothing_else(store, only):
    store.write([reading(T + n * MINUTE, f"d{n % 2}", soil_ec=n / 7, wind_direction=5.0) for n in range(90)])
    fields = ["soil_ec", "wind_direction"]
    whole = store.summary("telemetry", fields, PILOT, T, T + DAY, HOUR)["soil_ec"]
    some = store.summary("telemetry", fields, PILOT, T, T + DAY, HOUR, only=only)["soil_ec"]
    wanted = ("time", "number", *only)
    assert {
        where: [[getattr(bucket, name) for name in wanted] for bucket in rows] for where, rows in some.items()
    } == {
        where: [[getattr(bucket, name) for name in wanted] for bucket in rows]
        for where, rows in whole.items()
    }


def test_a_day_is_a_vietnamese_day(store):
    store.write(
        [
            reading(MIDNIGHT - 1, soil_moisture=1.0),
            reading(MIDNIGHT, soil_moisture=2.0),
            reading(MIDNIGHT + DAY - 1, soil_moisture=4.0),
            reading(MIDNIGHT + DAY, soil_moisture=8.0),
        ]
    )
    (rows,) = store.summary(
        "telemetry", ["soil_moisture"], PILOT, MIDNIGHT - DAY, MIDNIGHT + 2 * DAY, DAY, MIDNIGHT
    )["soil_moisture"].values()
    assert rows == [
        Bucket(MIDNIGHT - DAY, 1.0, 1.0, 1.0, 1),
        Bucket(MIDNIGHT, 2.0, 3.0, 4.0, 2),
        Bucket(MIDNIGHT + DAY, 8.0, 8.0, 8.0, 1),
    ]


def test_a_gap_stays_a_gap(store):
    store.write([reading(T, soil_moisture=1.0), reading(T + 5 * HOUR, soil_moisture=2.0)])
    found = store.summary("telemetry", ["soil_moisture"], PILOT, T, T + 10 * HOUR, HOUR)
    (rows,) = found["soil_moisture"].values()
    assert [row.time for row in rows] == [T, T + 5 * HOUR]
    assert all(row.number for row in rows)


def test_a_field_that_is_no_field_is_an_error(store):
    with pytest.raises(KeyError):
        store.summary("telemetry", ['x"; DROP SERIES FROM telemetry; --'], PILOT, T, T + DAY, HOUR)


# -- directions


def directions(store, *values, step=HOUR):
    """The means of readings that are ten minutes apart; None where a step has none."""
    store.write([reading(T + n * 10 * MINUTE, wind_direction=float(one)) for n, one in enumerate(values)])
    found = store.summary("telemetry", ["wind_direction"], PILOT, T, T + DAY, step)
    (rows,) = found["wind_direction"].values()
    assert all(isnan(row.low) and isnan(row.high) for row in rows), "a circle has no lowest and no highest"
    assert sum(row.number for row in rows) == len(values)
    return [None if isnan(row.mean) else row.mean for row in rows]


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ((350, 10), 0.0),
        ((355, 0, 5, 360), 0.0),
        ((10, 20, 30), 20.0),
        ((80, 100), 90.0),
        ((170, 190), 180.0),
        ((300, 350, 40), 350.0),
        ((225,), 225.0),
        ((0, 180), None),
        ((90, 270), None),
        ((0, 120, 240), None),
    ],
)
def test_the_mean_of_directions_is_that_of_their_vectors(store, values, mean):
    assert directions(store, *values) == [mean if mean is None else pytest.approx(mean, abs=1e-6)]


def test_directions_are_summed_up_by_steps_beside_other_fields_and_devices(store):
    store.write(
        [
            reading(T, "d1", wind_direction=350.0, wind_speed=2.0),
            reading(T + MINUTE, "d1", wind_direction=20.0),
            reading(T + 2 * MINUTE, "d1", wind_speed=4.0),
            reading(T + 5 * HOUR, "d1", wind_direction=181.0),
            reading(T + MINUTE, "d2", wind_direction=45.0),
            reading(T, "d3", wind_speed=1.0),
        ]
    )
    found = store.summary("telemetry", ["wind_speed", "wind_direction"], PILOT, T, T + DAY, HOUR)
    turned = {
        dict(where)["device"]: [(row.time, row.mean, row.number) for row in rows]
        for where, rows in found["wind_direction"].items()
    }
    assert turned == {
        "d1": [(T, pytest.approx(5.0), 2), (T + 5 * HOUR, pytest.approx(181.0), 1)],
        "d2": [(T, pytest.approx(45.0), 1)],
    }
    assert {dict(where)["device"]: rows for where, rows in found["wind_speed"].items()} == {
        "d1": [Bucket(T, 2.0, 3.0, 4.0, 2)],
        "d3": [Bucket(T, 1.0, 1.0, 1.0, 1)],
    }


def test_where_no_direction_was_measured_there_is_none(store):
    store.write([reading(T, soil_ec=1.0)])
    assert store.summary("telemetry", ["wind_direction"], PILOT, T, T + DAY, HOUR) == {}


# -- coverage


def test_coverage_is_the_share_of_slots_with_a_reading(store):
    start = T + 17 * MINUTE  # slots are counted from the start, wherever that is
    store.write(
        [
            *(reading(start + n * HOUR, "all", soil_ec=1.0) for n in range(24)),
            *(reading(start + n * HOUR + 59 * MINUTE, "half", soil_moisture=1.0) for n in range(0, 24, 2)),
            *(reading(start + n, "burst", soil_ec=1.0) for n in range(50)),
            reading(start - 1, "before", soil_ec=1.0),
            reading(start + DAY, "after", soil_ec=1.0),
            reading(start, "elsewhere", "another", soil_ec=1.0),
            reading(start + DAY - 1, "last", soil_ec=1.0),
        ]
    )
    assert store.coverage({"pilot": "p", "community": "c"}, start, start + DAY, HOUR) == {
        "all": 1.0,
        "half": 0.5,
        "burst": pytest.approx(1 / 24),
        "last": pytest.approx(1 / 24),
    }


def test_a_slot_that_the_range_cuts_off_counts_as_one(store):
    store.write([reading(T, soil_ec=1.0), reading(T + 100 * MINUTE, soil_ec=1.0)])
    assert store.coverage(PILOT, T, T + 150 * MINUTE, HOUR) == {"d1": pytest.approx(2 / 3)}


def test_flagged_values_cover_nothing(store):
    where = tags(
        pilot="p", community="c", device="d1", model="m", simulated="false", signal="soil_ec", reason="clock"
    )
    store.write([Point("telemetry_flagged", where, {"value": 1.0, "flag": 3}, T)])
    assert store.coverage(PILOT, T, T + DAY, HOUR) == {}


def test_a_point_without_a_device_covers_nothing(store):
    """Anybody who may write to the store can write such a point."""
    nobody = Point("telemetry", tags(pilot="p", community="c", simulated="false"), {"soil_ec": 1.0}, T)
    store.write([nobody, reading(T, soil_ec=1.0)])
    for where in (PILOT, PILOT | {"community": "c"}):
        assert store.coverage(where, T, T + DAY, DAY) == {"d1": 1.0}


def test_a_device_whose_tags_changed_is_still_one_device(store):
    store.write([reading(T + n * HOUR, model="old" if n < 6 else "new", soil_ec=1.0) for n in range(12)])
    assert store.coverage(PILOT, T, T + 12 * HOUR, HOUR) == {"d1": 1.0}


def test_coverage_is_that_of_whatever_a_device_says(store):
    """Some devices send their signal strength, some never, some not each time."""
    luck = random.Random(3)
    signals = [("rssi",), ("rssi", "soil_ec"), ("soil_ec",), ("battery_voltage", "rssi"), ("pump_state",)]
    expected = Counter()
    for n in range(60):
        for hour in range(24):
            some = luck.sample(signals[n % 5], luck.randrange(len(signals[n % 5]) + 1)) if n > 9 else ["rssi"]
            moved = f"place-{n % 7 + (hour > 12 and n % 11 == 0)}"
            if some:
                at = T + hour * HOUR + luck.randrange(HOUR)
                store.write([reading(at, f"d{n}", moved, **dict.fromkeys(some, 1.0))])
                expected[f"d{n}"] += 1
    assert store.coverage(PILOT, T, T + DAY, HOUR) == {
        device: pytest.approx(slots / 24) for device, slots in expected.items()
    }


# -- all series together


@pytest.mark.parametrize("places", [0, 1, 2])
def test_a_total_is_what_counting_by_hand_gives(store, monkeypatch, places):
    """Also where an overloaded InfluxDB is asked about some places after the others."""
    if hasattr(store, "_limit"):
        store._limit(places)
    luck = random.Random(places)
    points = [
        reading(
            T + luck.randrange(3 * DAY),
            f"d{n % 7}",
            community=f"c{n % 5}",
            **{"soil_ec": luck.choice([0.0, 0.25, 1.5])} | ({"soil_ph": 6.5} if n % 3 else {}),
        )
        for n in range(200)
    ]
    points.append(Point("telemetry", tags(pilot="p", device="bare"), {"soil_ec": 9.0}, T + DAY))
    others = Point("telemetry", tags(pilot="other", device="d1"), {"soil_ec": 1.0}, T + HOUR)
    store.write([*points, others, reading(T, soil_moisture=1.0)])
    points = list({(point.tags, point.time): point for point in points}.values())
    fields = ["soil_ec", "soil_ph", "soil_temperature"]
    for step in (HOUR, DAY):
        steps: dict[str, dict[int, list[float]]] = {}
        for point in points:
            if T <= point.time < T + 2 * DAY:
                for name, value in point.fields.items():
                    steps.setdefault(name, {}).setdefault(point.time // step * step, []).append(value)
        asked = fields, PILOT, T, T + 2 * DAY, step
        for function, by_hand in (("count", len), ("sum", sum)):
            assert store.total(function, "telemetry", *asked) == {
                name: {time: pytest.approx(by_hand(values)) for time, values in of.items()}
                for name, of in steps.items()
            }
    with pytest.raises(KeyError):
        store.total("sum", "telemetry", ["no_field"], PILOT, T, T + DAY, DAY)
