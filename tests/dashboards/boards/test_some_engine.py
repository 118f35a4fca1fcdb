"""Which of many places, devices and alarms a board shows, on a real InfluxDB."""

import time

from dashboards.boards import quality, queries
from dashboards.boards.alarms import now
from devices.pilots.pilot import load
from tests.dashboards.boards.engine import DAY, NOW, Engine, measured, rows


def test_the_places_of_least_coverage_are_those_of_the_lowest_mean(any_influx):
    engine, shares = Engine(any_influx), {"good": 0.9, "fair": 0.7, "bad": 0.2, "dead": 0.0}
    engine.write(
        f"device,community={place},device={place}-{number},pilot=dong-thap coverage={share + number / 20} "
        f"{NOW - (20 if place == 'dead' else number) * DAY}"
        for place, share in shares.items() for number in range(2)
    )  # fmt: skip
    engine.write([f"device,community=x,device=x-1,pilot=quang-tri coverage=0 {NOW}"])
    for number, places in ((1, {"dead"}), (3, {"dead", "bad", "fair"}), (9, set(shares))):
        assert {row["community"] for row in rows(engine.panel(quality.least_covered(number)))} == places


def test_a_device_has_one_row_with_the_newest_of_each(any_influx):
    """Its battery was sent on one day, its coverage on the next."""
    engine = Engine(any_influx)
    engine.write(
        f"device,community={place},device={place}-1,pilot=dong-thap {fields} {NOW - day * DAY}"
        for place, day, fields in (
            ("a", 2, "coverage=0.9,battery_voltage=3.3"), ("a", 1, "coverage=0.5"), ("b", 1, "coverage=0.7"),
        )
    )  # fmt: skip
    columns = ("coverage", "battery_voltage")
    query = queries.newest("device", columns, "device", "community", hours=99, among="least_covered")
    found = [(row["device"], row["community"], row["coverage"], row["battery_voltage"])
             for row in rows(engine.panel(query))]  # fmt: skip
    assert sorted(found) == [("a-1", "a", 0.5, 3.3), ("b-1", "b", 0.7, None)]
    assert [row["device"] for row in rows(engine.panel(query, some="b"))] == ["b-1"]


def test_a_device_has_one_row_though_others_sent_the_same_on_other_days(any_influx):
    """InfluxDB 2.7 orders each column of a subquery by its own times, and here those orders differ."""
    engine, columns = Engine(any_influx), ("last_seen", "online")
    said = {"a": (3, 1), "b": (1, 3), "c": (2, None), "d": (None, 2)}
    for device, days in said.items():
        where = f"device,community=x,device={device},pilot=dong-thap"
        engine.write(
            f"{where} {name}={value} {NOW - day * DAY}"
            for name, value, day in zip(columns, ("7i", "true"), days, strict=True) if day is not None
        )  # fmt: skip
    found = rows(engine.panel(queries.newest("device", columns, "device", "community", hours=99)))
    assert sorted(((row["device"], row["last_seen"], row["online"]) for row in found), key=str) == [
        (device, days[0] and 7, days[1] and True) for device, days in said.items()
    ]


def test_the_weakest_batteries_are_the_lowest_of_a_day_each_device_once(any_influx):
    engine, hour = Engine(any_influx), 3_600_000
    said = {"a": {1: 3.3, 2: 3.0, 3: 3.1, 30: 2.0}, "b": {5: 3.2}, "c": {1: 3.9, 23: 3.6}, "d": {40: 1.0}}
    for device, volts in said.items():
        measured(engine, device, battery_voltage={NOW - back * hour: value for back, value in volts.items()})
    for number, shown in ((9, {"a": 3.0, "b": 3.2, "c": 3.6}), (2, {"a": 3.0, "b": 3.2})):
        query = queries.lowest("telemetry", "battery_voltage", "device", 24, number, shown="battery")
        assert {row["device"]: row["battery"] for row in rows(engine.panel(query))} == shown


def test_places_on_the_map_are_in_alarm_by_any_quantity_now(any_influx):
    """Points that the watch wrote in this hour and earlier; that of `b` was overwritten a moment ago."""
    engine, today = Engine(any_influx), int(time.time() * 1000)
    hour = today // 3_600_000 * 3_600_000
    told = [
        ("a", "water_level", "firing", "II", 0), ("a", "salinity", "firing", "I", 0),
        ("a", "silent", "firing", "", 0), ("b", "salinity", "firing", "I", 0),
        ("b", "salinity", "over", "I", 0), ("c", "coverage", "firing", "", 0),
        ("d", "ammonia", "firing", "I", 5), ("e", "salinity", "lost", "I", 0),
        ("f", "salinity", "firing", "III", 0),
    ]  # fmt: skip
    for place, quantity, state, level, hours in told:
        where = f"alarm_now,pilot=dong-thap,community={place},quantity={quantity}"
        fields = f'state="{state}",level="{level}",looked={today}i'
        engine.write([f"{where} {fields} {hour - hours * 3_600_000}"])
    engine.write([f'alarm_now,pilot=dong-thap,instance=g,quantity=books state="firing",level="" {hour}'])
    found = {row["community"]: row["beyond"] for row in rows(engine.panel(now.in_alarm()))}
    assert found == {"a": 2, "f": 1}


def test_lines_of_everywhere_are_of_the_places_nearest_to_their_own_alarm(any_influx):
    """The newest hour counts. `tide` was higher before; `high` is far below its own level; `old` has no
    reading within the range.
    """
    engine = Engine(any_influx)
    hour = NOW // 3_600_000 * 3_600_000
    said = {
        "over": [(0, 2.0)], "near": [(0, 1.8)], "tide": [(3, 2.4), (0, 0.6)], "high": [(0, 3.0)],
        "silent": [(200, 1.7)], "old": [(900, 9.0)], "low": [(0, 0.2)],
    }  # fmt: skip
    engine.write(
        f"telemetry_hour,pilot=dong-thap,community={place},device={place}-g water_level_sum={value * 6},"
        f"water_level_number=6i {hour - hours * 3_600_000}"
        for place, values in said.items() for hours, value in values
    )  # fmt: skip
    general, own = (level for level in load("dong-thap").alarms.levels[:3:2])
    own = own.model_copy(update={"places": ("high",)})
    limits = [("dong-thap", general, own.places), ("dong-thap", own, own.places), ("quang-tri", None, ())]

    def nearest(number, **given):
        query = now.nearest("water_level", limits, number)
        return {row["community"] for row in rows(engine.panel(query, **given))}

    assert nearest(1) == {"over"}
    assert nearest(3) == {"over", "near", "silent"}
    assert nearest(4) == {"over", "near", "silent", "high"}
    assert nearest(32) == {"over", "near", "tide", "high", "silent", "low"}
    assert nearest(2, stop=hour - 3 * 3_600_000 + 1) == {"tide", "silent"}, "as of the end of the range"
    assert nearest(32, pilot="quang-tri") == set()


def test_without_levels_the_highest_values_are_drawn(any_influx):
    engine = Engine(any_influx)
    engine.write(
        f"telemetry_hour,pilot=quang-tri,community={place},device={place}-g salinity_sum={total},"
        f"salinity_number={number}i {NOW}"
        for place, total, number in (("a", 9.0, 9), ("b", 5.0, 1), ("c", 8.0, 2))
    )
    query = now.nearest("salinity", [("dong-thap", None, ()), ("quang-tri", None, ())], 2)
    assert {row["community"] for row in rows(engine.panel(query, pilot="quang-tri"))} == {"b", "c"}
