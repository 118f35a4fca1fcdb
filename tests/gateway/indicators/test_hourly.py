"""Hourly sums in both stores: counted from readings, counted again, and corrected by late readings."""

import random
from datetime import datetime, timedelta, timezone

import pytest

from devices.contract.signals import CIRCULAR
from devices.pilots.pilot import load
from gateway.clerk.clerk import Clerk
from gateway.clerk.hours import WEEKS
from gateway.indicators.hourly import WEEK_MS, catch_up, roll, week_of
from gateway.ingest.message import Books
from gateway.stores.points import HOURLY, Point, device_tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater

HANOI = timezone(timedelta(hours=7))
NOW = int(datetime(2026, 11, 21, 10, 25, tzinfo=HANOI).timestamp() * 1000)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HOUR_NOW = NOW // HOUR * HOUR
PILOT = load("dong-thap")
GAUGE, OTHER = (PILOT.fleet[f"{name}-canal-gauge-01"] for name in ("tam-que", "canh-tan"))


def reading(time, device=GAUGE, **values):
    return Point("telemetry", device_tags(device), values, time)


def there(store, device=GAUGE):
    return {
        point.time: point.fields
        for point in store.series("telemetry_hour", {"device": device.device}, 0, NOW + DAY, 100_000)
    }


def clerk(store):
    books = Books(received=0, stored=0, duplicate=0, quarantined=0, spooled=0, forgotten=0, oldest=None)
    return Clerk(store, PILOT, "g1", lambda: books, list, list)


def test_hours_add_up_to_what_the_readings_say(store):
    """Some hours have few readings and some many: the mean of their means would differ."""
    luck = random.Random(1)
    readings = {}
    for hour in range(30):
        for _ in range(luck.choice([0, 1, 2, 6, 20])):
            readings[NOW - 30 * HOUR + hour * HOUR + luck.randrange(HOUR)] = luck.uniform(-0.5, 4)
    store.write([reading(at, water_level=value, water_ph=7.0) for at, value in readings.items()])
    store.write([reading(NOW - 1, OTHER, salinity=1.5)])
    roll(store, PILOT, NOW - 31 * HOUR, NOW + 1)
    hours = there(store)
    assert sorted(hours) == sorted({at // HOUR * HOUR for at in readings}), "an hour without one has no point"
    total = sum(fields["water_level_sum"] for fields in hours.values())
    number = sum(fields["water_level_number"] for fields in hours.values())
    assert number == len(readings)
    assert total / number == pytest.approx(sum(readings.values()) / len(readings))
    assert {name for fields in hours.values() for name in fields} == {"water_level_sum", "water_level_number"}
    assert there(store, OTHER) == {HOUR_NOW: {"salinity_sum": 1.5, "salinity_number": 1}}


def test_no_direction_is_counted_by_hours():
    """A sum of directions means nothing."""
    assert not CIRCULAR & set(HOURLY)


def test_counting_again_changes_nothing_and_the_running_hour_grows(store):
    store.write([reading(HOUR_NOW + n * MINUTE, water_level=1.0) for n in range(3)])
    for _ in range(2):
        roll(store, PILOT, NOW - HOUR, NOW)
        assert there(store) == {HOUR_NOW: {"water_level_sum": 3.0, "water_level_number": 3}}
    store.write([reading(HOUR_NOW + 59 * MINUTE, water_level=2.0, salinity=0.5)])
    roll(store, PILOT, NOW, NOW + 1)
    assert there(store)[HOUR_NOW] == {
        "water_level_sum": 5.0, "water_level_number": 4, "salinity_sum": 0.5, "salinity_number": 1,
    }  # fmt: skip


def test_hours_of_weeks_are_whole_at_every_seam(store):
    """Weeks are queried in pieces; each hour falls into exactly one."""
    times = range(NOW - 20 * DAY, NOW, 1_700_000)
    store.write([reading(at, water_level=1.0) for at in times])
    roll(store, PILOT, NOW - 20 * DAY, NOW)
    assert sum(fields["water_level_number"] for fields in there(store).values()) == len(times)


@pytest.mark.parametrize("late", [90 * MINUTE, 20 * DAY, 300 * DAY], ids=["hour", "month", "year"])
def test_what_comes_late_is_taken_in_within_an_hour(store, late):
    made = clerk(store)
    then = (NOW - late) // HOUR * HOUR
    store.write([reading(then + 1, water_level=2.5), reading(NOW - late, OTHER, water_level=9.0)])
    made.hours.write(NOW)
    store.write([reading(then + n, water_level=0.5) for n in (2, 3)] + [reading(then, salinity=1.0)])
    for minutes in range(1, 61):
        made.hours.write(NOW + minutes * MINUTE)
    assert there(store) == {
        then: {"water_level_sum": 3.5, "water_level_number": 3, "salinity_sum": 1.0, "salinity_number": 1}
    }
    assert there(store, OTHER) == {then: {"water_level_sum": 9.0, "water_level_number": 1}}


@pytest.mark.parametrize(("late", "due"), [(MINUTE, 0), (20 * DAY, 1), (60 * DAY, 0)])
def test_indicators_of_earlier_days_are_due_once_where_readings_of_them_came_late(store, late, due):
    made = clerk(store)
    store.write([reading(NOW - late - n * MINUTE, water_level=1.0) for n in range(3)])
    said = [made.hours.write(NOW + minutes * MINUTE) for minutes in range(2 * WEEKS)]
    assert sum(said) == due


def test_what_came_in_the_night_is_counted_when_the_day_of_utc_is_over(store):
    made = clerk(store)
    said = [made.hours.write(NOW + minutes * 20 * MINUTE) for minutes in range(2 * WEEKS)]
    assert sum(said) == 1


def test_a_clerk_that_was_away_leaves_no_hour_out(store):
    clerk(store).hours.write(NOW - 100 * DAY)
    store.write([reading(at, water_level=1.0) for at in range(NOW - 99 * DAY, NOW, 3 * HOUR)])
    made = clerk(store)
    for minutes in range(60):
        made.hours.write(NOW + minutes * MINUTE)
    assert sum(fields["water_level_number"] for fields in there(store).values()) == 99 * 8


def test_two_clerks_write_the_same(store):
    store.write([reading(NOW - n * MINUTE, water_level=n / 7) for n in range(200)])
    clerk(store).hours.write(NOW)
    once = there(store)
    clerk(store).hours.write(NOW)
    assert there(store) == once


def test_days_that_are_right_are_not_counted_again(store, monkeypatch):
    store.write([reading(at, water_level=1.0) for at in range(NOW - 30 * DAY, NOW, 6 * HOUR)])
    roll(store, PILOT, NOW - 30 * DAY, NOW)
    store.write([reading(NOW - 9 * DAY + 1, water_level=1.0)])
    asked, late = [], (NOW - 9 * DAY) // DAY * DAY
    monkeypatch.setattr(
        "gateway.indicators.hourly.hours", lambda store, pilot, *span: asked.append(span) or []
    )
    made = clerk(store)
    for _ in range(5):
        made.hours.write(NOW)
    assert [span for span in asked if span[1] - span[0] == DAY] == [(late, late + DAY)]


class Fitful(SqliteStore):
    """A store whose `summary` fails when it begins at one of `away`."""

    away = ()

    def summary(self, measurement, fields, where, start, *rest, **more):
        if start in self.away:
            raise RetryLater("store.silent", error="it takes too long")
        return super().summary(measurement, fields, where, start, *rest, **more)


@pytest.fixture
def fitful(tmp_path):
    made = Fitful(tmp_path / "store.sqlite")
    yield made
    made.close()


def test_a_day_that_cannot_be_counted_holds_up_no_other_and_is_counted_later(fitful):
    week = week_of(NOW) - WEEK_MS
    fitful.write([reading(week + day * DAY, water_level=1.0) for day in range(7)])
    fitful.away = (week + 2 * DAY,)
    with pytest.raises(RetryLater):
        list(catch_up(fitful, PILOT, week))
    assert sorted(there(fitful)) == [week + day * DAY for day in range(7) if day != 2]
    fitful.away = ()
    list(catch_up(fitful, PILOT, week))
    assert sorted(there(fitful)) == [week + day * DAY for day in range(7)]


def test_a_week_that_cannot_be_looked_at_holds_up_no_other_nor_do_the_last_hours(fitful):
    week, sheet = week_of(NOW), clerk(fitful).hours
    fitful.write([reading(week - back * WEEK_MS, water_level=1.0) for back in range(3)])
    fitful.away = (week - WEEK_MS, (NOW - 2 * HOUR) // HOUR * HOUR)
    for _ in range(3):
        with pytest.raises(RetryLater):
            sheet.write(NOW)
    assert sorted(there(fitful)) == [week - 2 * WEEK_MS, week]
    fitful.away = ()
    for _ in range(60):
        sheet.write(NOW)
    assert sorted(there(fitful)) == [week - back * WEEK_MS for back in (2, 1, 0)]
