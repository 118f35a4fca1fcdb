"""Which queries late readings cost the store, and how many."""

import pytest

from devices.contract.reading import Device
from gateway.ingest.fresh import Late
from gateway.ingest.held import JOINT, held
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore
from tests.gateway.ingest.test_repetition import json_of, message, readings
from tests.gateway.ingest.test_repetition_late import fates, said
from tests.gateway.ports import (
    MINUTE,
    NOW,
)


class Counting(SqliteStore):
    """A store that counts its queries."""

    asked = 0

    def series(self, measurement, where, start, stop, limit, **_):
        self.asked += 1
        return super().series(measurement, where, start, stop, limit)


@pytest.fixture
def counting(tmp_path):
    made = Counting(tmp_path / "counting.sqlite")
    yield made
    made.close()


def fleet(count, times):
    """`count` devices' late readings, device after device."""
    return [
        Late(place, Device("p", "c", f"n{place}", "soil-probe", simulated=False), NOW + n * 10 * MINUTE,
             {"soil_moisture": 30.0})
        for place in range(count) for n in times
    ]  # fmt: skip


def points(late, value=30.0):
    return [Point("telemetry", device_tags(one.device), {"soil_moisture": value}, one.time) for one in late]


def test_a_list_that_gives_one_time_twice_is_known_when_it_comes_late(bench):
    rows = readings(range(20))
    bench.give(*json_of(rows))
    twice = [
        said(rows[0][0] + 1, values={"soil_moisture": 30.0}),
        said(rows[0][0] + 1, values={"soil_ec": 1.0}),
    ]
    bench.give(message(twice), message(twice))
    assert fates(bench) == (21, 1, 0)


def test_signals_of_one_time_in_several_messages_ask_the_store_for_nothing(bench, counting):
    sqlite, bench.store = bench.store, counting
    bench.give(message(said(NOW - MINUTE, 30.0)))
    before = counting.asked
    for values in ({"soil_moisture": 31.0}, {"soil_ec": 1.0}, {"soil_temperature": 25.0}, {"soil_ec": 1.0}):
        bench.give(message(said(NOW, values=values)))
    assert counting.asked == before and fates(bench) == (4, 1, 0)
    bench.store = sqlite


def test_a_fleet_that_is_late_is_asked_of_at_once(counting):
    late = fleet(1000, range(20))
    counting.write(points(late[: len(late) // 2]))
    found = held(counting, late)
    assert len(found.equal) == len(late) // 2 and not found.clash
    assert counting.asked == 2, "3 h 10 min lie in one span"


def test_a_few_devices_are_asked_of_one_by_one(counting):
    late = fleet(3, range(100))
    counting.write(points(late, 31.0))
    assert held(counting, late).clash == dict.fromkeys(range(3), "soil_moisture")
    assert counting.asked == 2 * 3, "a day of a device is one span"


def test_where_the_rows_are_too_many_for_one_answer_each_device_is_asked_of(counting):
    device = Device("p", "c", "chatter", "soil-probe", simulated=False)
    counting.write(
        [Point("telemetry", device_tags(device), {"soil_moisture": 1.0}, NOW + n) for n in range(JOINT + 1)]
    )
    late = fleet(6, (0, 6))
    counting.write(points(late))
    assert len(held(counting, late).equal) == len(late)
    assert counting.asked == 1 + 2 * 6
