"""The newest value of each field of each series, from both adapters."""

import random

import pytest

from devices.contract.signals import SIGNALS
from tests.gateway.readings import DAY, HOUR, MINUTE, PILOT, T, reading


def test_latest_gives_each_field_its_own_newest_time(store):
    store.write(
        [
            reading(T - HOUR, soil_moisture=1.0, soil_ec=1.0),
            reading(T, soil_moisture=2.0),
            reading(T - MINUTE, "d2", soil_ec=9.0),
            reading(T - DAY, "d3", soil_ec=7.0),
        ]
    )
    latest = {row.tags["device"]: row.fields for row in store.latest("telemetry", PILOT, T - 2 * HOUR)}
    assert latest == {
        "d1": {"soil_moisture": (T, 2.0), "soil_ec": (T - HOUR, 1.0)},
        "d2": {"soil_ec": (T - MINUTE, 9.0)},
    }
    assert store.latest("telemetry", PILOT | {"device": "d2"}, T) == []


def test_latest_finds_a_field_that_comes_seldom(store):
    often = [reading(T + n * MINUTE, soil_moisture=float(n)) for n in range(60)]
    store.write([reading(T, battery_voltage=3.7), *often])
    (row,) = store.latest("telemetry", PILOT, T)
    assert row.fields == {"battery_voltage": (T, 3.7), "soil_moisture": (T + 59 * MINUTE, 59.0)}


def test_latest_finds_what_one_model_alone_sends_and_a_device_without_a_model(store):
    gauge = reading(T, "d2", model="canal-gauge", salinity=2.0, water_level=1.1)
    store.write([reading(T, soil_ec=1.0), gauge, reading(T, "d3", model="", soil_ec=3.0, salinity=4.0)])
    latest = {row.tags["device"]: row.fields for row in store.latest("telemetry", PILOT, T)}
    assert latest == {
        "d1": {"soil_ec": (T, 1.0)},
        "d2": {"salinity": (T, 2.0), "water_level": (T, 1.1)},
        "d3": {"soil_ec": (T, 3.0), "salinity": (T, 4.0)},
    }


@pytest.mark.parametrize("of", [{}, {"community": "c1"}, {"device": "d7"}, {"model": "m2"}], ids=str)
def test_latest_of_devices_that_say_now_this_and_now_that_is_the_last_of_each(store, of):
    chance = random.Random(20)
    fields = [*SIGNALS][:14]
    seldom = {f"m{n}": chance.sample(fields, 3) for n in range(4)}  # no newest point of a model has these
    points = []
    for number in range(24):
        model = ("", *seldom)[number % 5]
        usual = [name for name in fields if name not in seldom.get(model, ())]
        for turn in range(8):
            said = chance.sample(usual if turn > 2 else fields, chance.randint(1, 6))
            values = {name: float(chance.randint(0, 99)) for name in said}
            points.append(reading(T + turn * HOUR, f"d{number}", f"c{number % 3}", model=model, **values))
    chance.shuffle(points)
    store.write(points)
    expected = {}
    for point in sorted(points, key=lambda one: one.time):
        said = dict(point.tags)
        if point.time > T and all(said.get(name, "") == value for name, value in of.items()):
            timed = {name: (point.time, value) for name, value in point.fields.items()}
            expected[said["device"]] = expected.get(said["device"], {}) | timed
    found = store.latest("telemetry", PILOT | of, T + 1)
    assert {row.tags["device"]: row.fields for row in found} == expected
    assert len(found) == len(expected)
