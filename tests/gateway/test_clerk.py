"""The clerk's paperwork goes on, whatever the store answers to one sheet of it."""

import threading
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from devices.access.registry import always
from devices.pilots.pilot import load
from gateway.clerk import clerk as clerk_module
from gateway.clerk.clerk import Clerk
from gateway.ingest.message import Books, Message, Outcome, Refusal
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import SpoolFull
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RejectPoints, RetryLater
from tests.servers import PATIENCE, until

PILOT = load("dong-thap")
HANOI = timezone(timedelta(hours=7))
T = int(datetime(2026, 11, 21, 10, tzinfo=HANOI).timestamp() * 1000)
MIDNIGHT = T - 10 * 3_600_000
BOOKS = Books(received=10, stored=6, duplicate=2, quarantined=1, spooled=1, oldest=T - 5000)


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "store.sqlite")
    yield made
    made.close()


def clerk(store, devices=()):
    return Clerk(store, PILOT, "g1", lambda: BOOKS, lambda: list(devices), lambda: always(devices))


def test_the_books_are_written_as_they_are(store):
    clerk(store).books.write(T)
    (row,) = store.latest("gateway", {"instance": "g1"}, 0)
    fields = {name: value for name, (_, value) in row.fields.items()}
    assert fields.pop("lag_ms") > 0
    assert fields == {
        "received": 10, "stored": 6, "duplicate": 2, "quarantined": 1, "spooled": 1, "forgotten": 0,
        "arrived": 0, "kept": 0,
    }  # fmt: skip


SLOT = 300_000


def test_the_books_of_five_minutes_are_one_point_and_a_restart_loses_no_message(store):
    """`arrived` adds up to the messages received, whenever the gateway is killed or the store is away."""
    now, books = [T], [BOOKS]

    def sheet(made, after, received, stored, oldest=None):
        now[0] += after
        books[0] = replace(BOOKS, received=received, stored=stored, oldest=oldest and now[0] - oldest)
        made.books.write(now[0])

    made = Clerk(store, PILOT, "g1", lambda: books[0], list, list)
    sheet(made, 0, 10, 6)
    sheet(made, 10_000, 12, 6, oldest=9000)
    sheet(made, 10_000, 15, 14)
    again = Clerk(store, PILOT, "g1", lambda: books[0], list, list)  # within the same five minutes
    sheet(again, 10_000, 20, 20)
    sheet(again, SLOT, 21, 21)
    later = Clerk(store, PILOT, "g1", lambda: books[0], list, list)
    sheet(later, 3 * SLOT, 41, 40)
    sheet(later, SLOT, 4, 3)  # its spool was made anew
    rows = [
        (
            point.time - T,
            *(point.fields[name] for name in ("received", "stored", "arrived", "kept", "lag_ms")),
        )
        for point in reversed(store.series("gateway", {"instance": "g1"}, 0, now[0] + 1, 100))
    ]
    assert rows == [
        (0, 20, 20, 10, 14, 9000),
        (SLOT, 21, 21, 1, 1, 0),
        (4 * SLOT, 41, 40, 20, 19, 0),
        (5 * SLOT, 4, 3, 4, 3, 0),
    ]


def test_gateways_of_a_group_write_books_of_their_own(store):
    clerk(store).books.write(T)
    Clerk(store, PILOT, "g2", lambda: replace(BOOKS, received=99), list, list).books.write(T)
    found = {row.tags["instance"]: row.fields["received"][1] for row in store.latest("gateway", {}, 0)}
    assert found == {"g1": 10, "g2": 99}


def test_indicators_that_do_not_change_are_written_once_an_hour(store):
    made, device = clerk(store), next(d for d in PILOT.fleet.values() if d.model == "soil-probe")
    for minute in range(0, 121, 5):
        if minute == 30:
            lot = {"quantity": 1.0, "simulated": True, "verified": True}
            where = tags(pilot=PILOT.pilot, community=device.community, product="mango")
            store.write([Point("lot", where, lot, T)])
        made.indicators.write(T + minute * 60_000)
    rows = store.series("kpi", {"indicator": "traceability_share"}, 0, T + 10**8, 100)
    assert [((p.time - T) // 60_000, p.fields["value"]) for p in reversed(rows)] == [
        (0, 0.0), (30, 1 / 400), (90, 1 / 400),
    ]  # fmt: skip


def test_what_was_counted_before_its_harvests_were_sealed_is_counted_again(store):
    """A pilot that begins with a history seals for minutes: those days must not show a dip or a 0."""
    made, device = clerk(store), next(d for d in PILOT.fleet.values() if d.model == "soil-probe")
    begin = MIDNIGHT - 20 * 86_400_000
    store.write(
        [Point("telemetry", device_tags(device), {"soil_ec": 1.0}, begin + h * 3_600_000) for h in range(480)]
    )
    made.indicators.write(T)
    list(made.indicators.backfill(T))
    places = [one.id for one in PILOT.communities][:6]
    for number, place in enumerate(places):  # the last lot was harvested a minute ago
        where = tags(pilot=PILOT.pilot, community=place, product="mango")
        lot = {"quantity": 1.0, "simulated": True, "verified": True}
        store.write([Point("lot", where, lot, T + 30_000 if number == 5 else begin + 8 * 86_400_000)])
        made.indicators.write(T + 10_000 * (number + 1))
        list(made.indicators.backfill(T + 10_000 * (number + 1)))
    rows = store.series("kpi", {"indicator": "traceability_share"}, 0, T + 10**8, 1000)
    shown = [(point.time, point.fields["value"]) for point in reversed(rows)]
    today = [(time - T, value) for time, value in shown if time >= MIDNIGHT]
    assert [time for time, _ in today][:2] == [0, 10_000], "it was counted while lots were sealed"
    assert all(value == pytest.approx((6 if time > 30_000 else 5) / 400) for time, value in today), today
    days = [value for time, value in shown if begin + 9 * 86_400_000 <= time < MIDNIGHT]
    assert len(days) == 11 and set(days) == {5 / 400}
    (point,) = store.series("kpi", {"indicator": "traceability_share"}, T, T + 1, 10)
    assert point.fields["gap"] == pytest.approx(point.fields["value"] - point.fields["target"])


def test_what_stands_beside_the_books_is_written_with_them(store):
    figures = {"spool_bytes": 4096, "missing": 3, "broker_dropped": 7}
    Clerk(store, PILOT, "g1", lambda: BOOKS, list, list, figures=lambda: figures).books.write(T)
    (row,) = store.latest("gateway", {"instance": "g1"}, 0)
    assert {name: row.fields[name][1] for name in figures} == figures


def test_the_quarantine_is_tidied_in_steps_until_nothing_more_leaves(store, tmp_path):
    with closing(Spool(tmp_path / "spool.sqlite")) as spool:
        messages = [Message("t", b"x", 1000 + n) for n in range(1200)]
        spool.append(messages)
        spool.settle(spool.pending(9999), Outcome(refused=[Refusal(m, "not_json", "") for m in messages]))
        made = Clerk(
            store, PILOT, "g1", spool.books, list, list, forget=lambda: spool.forget(2150, 10**9, limit=500)
        )
        made.tidy()
        books = spool.books()
        assert books.balanced
        assert (books.quarantined, books.forgotten) == (1200, 1150)
        assert len(spool.quarantined(9999)) == 50


def test_roster_and_indicators_are_there_without_a_single_reading(store):
    clerk(store).indicators.write(T)
    communities = store.series("community", {"pilot": PILOT.pilot}, MIDNIGHT, T, 100)
    assert {dict(point.tags)["community"] for point in communities} == {c.id for c in PILOT.communities}
    assert {point.time for point in communities} == {MIDNIGHT}, "one row a community and Vietnamese day"
    counts = store.latest("kpi", {"pilot": PILOT.pilot}, T)
    assert {row.tags["indicator"] for row in counts} == {t.indicator for t in PILOT.targets}
    for row in counts:
        value, target, gap = (row.fields[name][1] for name in ("value", "target", "gap"))
        assert value == 0
        assert gap == pytest.approx(value - target)
    dated = store.series("kpi_target", {"pilot": PILOT.pilot}, 0, T + 10 * 366 * 86_400_000, 100)
    assert len(dated) == sum(len(target.points) for target in PILOT.targets)


def test_each_report_says_when_it_is_due_next_and_in_how_many_days(store):
    clerk(store).indicators.write(T)
    due = {
        dict(one.tags)["day"]: one for one in store.series("report", {"pilot": PILOT.pilot}, 0, T + 1, 100)
    }
    assert set(due) == {one.day for one in PILOT.reports}
    for one in due.values():
        assert one.time == MIDNIGHT and one.fields["due"] == MIDNIGHT + one.fields["days"] * 86_400_000
        assert 0 <= one.fields["days"] <= 365 and one.fields["to"] != one.fields["to_en"]


def test_a_device_has_one_row_a_day_with_when_it_was_last_seen(store):
    device = next(iter(PILOT.fleet.values()))
    store.write([Point("telemetry", device_tags(device), {"battery_voltage": 3.7}, T - 7_200_000)])
    store.write([Point("telemetry", device_tags(device), {"soil_ec": 1.0}, T - 3_600_000)])
    made = clerk(store, [device])
    made.indicators.write(T)
    made.indicators.write(T + 60_000)
    (row,) = store.series("device", {"device": device.device}, MIDNIGHT, T + 60_000, 100)
    assert row.time == MIDNIGHT
    assert row.fields["last_seen"] == T - 3_600_000
    assert row.fields["battery_voltage"] == 3.7 and "battery_level" not in row.fields
    assert row.fields["coverage"] == pytest.approx(2 / 168)


def test_a_device_that_says_its_battery_in_percent_has_that_in_its_row(store):
    device = next(iter(PILOT.fleet.values()))
    store.write([Point("telemetry", device_tags(device), {"battery_level": 64.0}, T - 3_600_000)])
    clerk(store, [device]).indicators.write(T)
    (row,) = store.series("device", {"device": device.device}, MIDNIGHT, T + 60_000, 100)
    assert row.fields["battery_level"] == 64.0 and "battery_voltage" not in row.fields


class Stubborn:
    """A store that answers one write with an error, and counts the writes."""

    def __init__(self, store, error, measurement):
        self._store, self._error, self._measurement = store, error, measurement
        self.books = 0
        self.failed = 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def write(self, points):
        self.books += points[0].measurement == "gateway"
        if any(point.measurement == self._measurement for point in points):
            self.failed += 1
            raise self._error
        self._store.write(points)


@pytest.mark.parametrize(
    "error",
    [RetryLater("store.silent", error="down"), RejectPoints({0: "field type conflict"})],
    ids=["later", "rejected"],
)
@pytest.mark.parametrize("measurement", ["community", "gateway"])
def test_a_write_that_fails_does_not_end_the_clerk(store, monkeypatch, error, measurement):
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    stubborn = Stubborn(store, error, measurement)
    made = Clerk(stubborn, PILOT, "g1", lambda: BOOKS, list, list, every=0.01)
    stop = threading.Event()
    work = threading.Thread(target=made.run, args=(stop,))
    work.start()
    try:
        until(lambda: not work.is_alive() or stubborn.books > 3, "it goes on")
        assert work.is_alive()
        assert stubborn.failed
    finally:
        stop.set()
        work.join(PATIENCE)
    assert not work.is_alive()


def test_a_refused_sheet_holds_up_no_other(store, monkeypatch):
    """The books are refused for good; roster, indicators and past days are still written."""
    monkeypatch.setattr(clerk_module, "now_ms", lambda: T)
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    device = next(device for device in PILOT.fleet.values() if device.model == "soil-probe")
    store.write(
        [Point("telemetry", device_tags(device), {"soil_ec": 1.0}, T - n * 43_200_000) for n in range(30)]
    )
    stubborn = Stubborn(store, RejectPoints({0: "field type conflict"}), "gateway")
    stop = threading.Event()
    work = threading.Thread(
        target=Clerk(
            stubborn, PILOT, "g1", lambda: BOOKS, lambda: [device], lambda: always([device]), every=0.01
        ).run,
        args=(stop,),
    )
    work.start()

    def written():
        return {point.time for point in store.series("kpi", {"indicator": "iot_communities"}, 0, T + 1, 1000)}

    try:
        until(
            lambda: not work.is_alive() or {T, MIDNIGHT - 1, MIDNIGHT - 86_400_001} <= written(),
            "it is written",
        )
        assert work.is_alive()
    finally:
        stop.set()
        work.join()


def test_books_that_cannot_be_read_do_not_end_the_clerk(store, monkeypatch):
    """The spool's disk is full, or another process holds the spool."""
    monkeypatch.setattr(threading, "excepthook", lambda *_: None)
    tries = []

    def books():
        tries.append(1)
        if len(tries) < 3:
            raise SpoolFull(
                "spool.unwritable", path="spool.sqlite", why="the spool cannot be written: database is locked"
            )
        return BOOKS

    stop = threading.Event()
    work = threading.Thread(target=Clerk(store, PILOT, "g1", books, list, list, every=0.01).run, args=(stop,))
    work.start()
    try:
        until(lambda: not work.is_alive() or store.latest("gateway", {"instance": "g1"}, 0), "it goes on")
        assert work.is_alive()
    finally:
        stop.set()
        work.join()
