"""The clerk counts past days again where something about them changed."""

import threading
from datetime import datetime, timedelta, timezone

import pytest

from devices.access import registry as registry_module
from devices.access.database import RegistryAway
from devices.access.registry import Registry, always
from devices.clock import DAY_MS, HOUR_MS, day_of, midnight_of
from devices.pilots.pilot import load
from gateway.clerk.clerk import Clerk
from gateway.clerk.indicators import IndicatorSheet, recount
from gateway.ingest.message import Books
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore

PILOT = load("dong-thap")
HANOI = timezone(timedelta(hours=7))
T = int(datetime(2026, 11, 21, 10, tzinfo=HANOI).timestamp() * 1000)
MIDNIGHT = T - 10 * HOUR_MS
PROBE = next(device for device in PILOT.fleet.values() if device.model == "soil-probe")


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "store.sqlite")
    yield made
    made.close()


def sheet(store, devices):
    return IndicatorSheet(store, PILOT, lambda: devices, lambda: always(devices))


def clerk(store, spans):
    return Clerk(store, PILOT, "g1", lambda: Books(0, 0, 0, 0, 0, None), list, spans)


def test_past_days_are_counted_where_readings_began_before_their_window(store):
    hours = range(20 * 24)
    begin = MIDNIGHT - 20 * DAY_MS
    store.write(
        [Point("telemetry", device_tags(PROBE), {"soil_ec": 1.0}, begin + h * HOUR_MS) for h in hours]
    )
    list(sheet(store, [PROBE]).backfill(T))
    days = {point.time for point in store.series("kpi", {"indicator": "iot_communities"}, 0, T, 1000)}
    window = PILOT.rules.iot_communities.window_days
    assert days == {MIDNIGHT - 1 - n * DAY_MS for n in range(20 - window + 1)}


def test_a_month_that_takes_long_is_counted_again_some_days_a_round(store, monkeypatch):
    begin = MIDNIGHT - 20 * DAY_MS
    store.write(
        [Point("telemetry", device_tags(PROBE), {"soil_ec": 1.0}, begin + h * HOUR_MS) for h in range(480)]
    )
    monkeypatch.setattr("gateway.clerk.clerk.AGAIN", 0)
    monkeypatch.setattr("gateway.clerk.clerk.now_ms", lambda: T)
    monkeypatch.setattr("gateway.clerk.indicators.WRITTEN", 1)
    made, stop, counted = clerk(store, lambda: always([PROBE])), threading.Event(), []
    for turn in range(1, 100):
        if turn == 20:
            made.past_changed()  # while the clerk counts: it counts once more at the end
        made.count_again(stop)
        counted.append(len(store.series("kpi", {"indicator": "iot_communities"}, 0, T, 1000)))
        if made._again is None and not made._due.is_set():
            break
    window = PILOT.rules.iot_communities.window_days
    assert counted[:5] == [1, 2, 3, 4, 5] and counted[-1] == 20 - window + 1
    assert turn > 2 * 30


def test_days_are_due_again_where_nobody_could_say_who_was_enrolled(store):
    def away():
        raise RegistryAway("enrol.away", error="refused")

    made = clerk(store, away)
    with pytest.raises(RegistryAway):
        made.count_again(threading.Event())
    assert made._due.is_set()


def test_a_lot_of_an_earlier_day_counts_from_that_day_on_only(store):
    begin = MIDNIGHT - 20 * DAY_MS
    store.write(
        [Point("telemetry", device_tags(PROBE), {"soil_ec": 1.0}, begin + h * HOUR_MS) for h in range(480)]
    )
    sealed = MIDNIGHT - 5 * DAY_MS + 1
    where = tags(pilot=PILOT.pilot, community="tam-que", product="mango")
    store.write([Point("lot", where, {"quantity": 1.0, "simulated": True, "verified": True}, sealed)])
    list(sheet(store, [PROBE]).backfill(T))
    shares = {
        point.time: point.fields["value"]
        for point in store.series("kpi", {"indicator": "traceability_share"}, 0, T, 1000)
    }
    assert all((value > 0) is (time > sealed) for time, value in shares.items())
    assert any(shares.values())


def test_a_day_that_is_told_as_counted_is_stored(store):
    """If the clerk stops right after a day, that day is not lost."""
    begin = MIDNIGHT - 20 * DAY_MS
    store.write(
        [Point("telemetry", device_tags(PROBE), {"soil_ec": 1.0}, begin + h * HOUR_MS) for h in range(480)]
    )
    today, told = day_of(T, PILOT.zone), []
    for day in recount(store, PILOT, always([PROBE]), today - timedelta(days=5), today):
        told.append(day)
        end = midnight_of(day + timedelta(days=1), PILOT.zone)
        assert len(store.series("kpi", {"indicator": "iot_communities"}, end - 1, end, 10)) == 1
    assert told == [today - timedelta(days=back) for back in range(1, 6)]


def test_a_recount_of_years_leaves_for_each_day_what_a_report_of_its_year_reads(store):
    """A rehearsal's report of any year but the last said “0 devices, mean coverage 0 %”."""
    begin, day = MIDNIGHT - 800 * DAY_MS, day_of(MIDNIGHT - 790 * DAY_MS, PILOT.zone)
    store.write(
        [Point("telemetry", device_tags(PROBE), {"soil_ec": 1.0}, begin + h * HOUR_MS) for h in range(300)]
    )
    for _ in recount(store, PILOT, always([PROBE]), day, day_of(T, PILOT.zone)):
        pass
    midnight = midnight_of(day, PILOT.zone)
    (row,) = store.series("device", {"device": PROBE.device}, midnight, midnight + 1, 10)
    assert row.fields["coverage"] == 1
    for name in ("standing", "doubted"):
        assert store.series(name, {}, midnight, midnight + 1, 10), name


def test_a_past_day_is_counted_by_who_was_enrolled_then(store, tmp_path, monkeypatch):
    """The count stays when devices are revoked, moved or enrolled later, with a memory full of readings."""
    registry, names = Registry(tmp_path / "registry.sqlite", PILOT), ("d1", "d2", "d3")
    begin = MIDNIGHT - 20 * DAY_MS

    def join(at, place, *devices):
        monkeypatch.setattr(registry_module, "now_ms", lambda: at)
        for name in devices:
            registry.enroll(place, "soil-probe", name)
            tagged = device_tags(registry.lookup(name))
            hours = range(begin, MIDNIGHT, HOUR_MS)
            store.write([Point("telemetry", tagged, {"soil_ec": 1.0}, hour) for hour in hours])

    def leave(at, *devices):
        monkeypatch.setattr(registry_module, "now_ms", lambda: at)
        for name in devices:
            registry.revoke(name)

    def counted():
        """Days before today → (number of communities with real devices, their ids)."""
        list(IndicatorSheet(store, PILOT, registry.devices, registry.spans).backfill(T))
        where = {"indicator": "iot_communities"}
        values = {
            (MIDNIGHT - 1 - point.time) // DAY_MS + 1: point.fields["value_real"]
            for point in store.series("kpi", where, 0, T, 1000)
        }
        places = {
            back: {
                dict(point.tags)["community"]
                for point in store.series(
                    "standing", where, MIDNIGHT - back * DAY_MS, MIDNIGHT - (back - 1) * DAY_MS, 99
                )
                if point.fields["counted"]
            }
            for back in values
        }
        return values, places

    join(begin, "tam-que", *names)
    before = counted()
    assert set(before[0].values()) == {1} and before[1][1] == {"tam-que"} and len(before[0]) > 10
    leave(T, "d1")
    assert counted() == before, "one of the three was revoked today"
    join(T + 1, "my-dien", "d1")
    assert counted() == before, "and stands somewhere else now"
    join(T + 2, "canh-tan", "e1", "e2", "e3")
    assert counted() == before, "others joined today, with readings of weeks"
    leave(MIDNIGHT - 3 * DAY_MS, "d2")
    values, places = counted()
    assert {back: places[back] for back in (1, 2, 3, 4)} == {1: set(), 2: set(), 3: set(), 4: {"tam-que"}}
    assert {back: value for back, value in values.items() if back > 3} == {
        back: value for back, value in before[0].items() if back > 3
    }


def test_a_moved_device_leaves_behind_what_it_sent_from_where_it_was(store, tmp_path, monkeypatch):
    """At its new place the device begins anew; the days at its old place stay that place's."""
    registry, names = Registry(tmp_path / "registry.sqlite", PILOT), ("d1", "d2", "d3")
    made = IndicatorSheet(store, PILOT, registry.devices, registry.spans)

    def stand(place, since, until):
        monkeypatch.setattr(registry_module, "now_ms", lambda: since)
        for name in names:
            if registry.lookup(name):
                registry.revoke(name)
            registry.enroll(place, "soil-probe", name)
            tagged = device_tags(registry.lookup(name))
            store.write(
                [Point("telemetry", tagged, {"soil_ec": 1.0}, hour) for hour in range(since, until, HOUR_MS)]
            )

    def counted(at, midnight):
        where = {"indicator": "iot_communities"}
        return {
            dict(point.tags)["community"]: point.fields["has"]
            for point in store.series("standing", where, midnight, at + 1, 99)
            if point.fields["has"] != "0/3"
        }

    stand("tam-que", MIDNIGHT - 10 * DAY_MS, MIDNIGHT - HOUR_MS)
    stand("my-dien", MIDNIGHT - HOUR_MS, MIDNIGHT - HOUR_MS)
    made.write(T)
    assert counted(T, MIDNIGHT) == {}, "nothing has been sent from the new place"
    shares = {
        dict(point.tags)["community"]: point.fields["coverage"]
        for point in store.series("device", {"device": "d1"}, MIDNIGHT, T + 1, 9)
    }
    assert shares == {"my-dien": 0.0}
    list(made.backfill(T))
    assert counted(MIDNIGHT - 1, MIDNIGHT - DAY_MS) == {}
    assert counted(MIDNIGHT - DAY_MS - 1, MIDNIGHT - 2 * DAY_MS) == {"tam-que": "-"}
    later = MIDNIGHT + 6 * DAY_MS
    for name in names:
        tagged = device_tags(registry.lookup(name))
        hours = range(MIDNIGHT, later, HOUR_MS)
        store.write([Point("telemetry", tagged, {"soil_ec": 1.0}, hour) for hour in hours])
    IndicatorSheet(store, PILOT, registry.devices, registry.spans).write(later)
    assert counted(later, later) == {"my-dien": "-"}, "by six days of seven there"
