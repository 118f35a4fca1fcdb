"""Openings of lots, from the counter of the pages to the store: by place and day, and per lot."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.clock import day_of, epoch_ms, midnight_of
from devices.pilots.pilot import load
from gateway.clerk.clerk import Clerk
from gateway.ingest.message import Books
from gateway.lots.growth import Growth
from gateway.lots.openings import Openings
from gateway.past import Past
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RejectPoints, RetryLater
from sim.run import diaries
from tests.gateway.ports import FakeStore
from traceability.digital_link import LotKey
from traceability.pages import web
from traceability.pages.scans import Scans
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

PILOT = load("dong-thap")
HOUR, DAY = 3_600_000, 86_400_000
NOW = epoch_ms(datetime(2026, 11, 21, 5, tzinfo=UTC))  # a week in which many harvest, unlike some of winter
TODAY = day_of(NOW, PILOT.zone)
MIDNIGHT = midnight_of(TODAY, PILOT.zone)


@pytest.fixture
def store(tmp_path):
    with closing(SqliteStore(tmp_path / "store.sqlite")) as made:
        yield made


@pytest.fixture
def trace(store, tmp_path):
    """The folder of records, with lots sealed within twenty days."""
    folder = tmp_path / "trace"
    sealer = Sealer(folder, PILOT, Growth(store, PILOT), "http://localhost:8080", "localhost/test")
    Past(store, PILOT, sealer).write_down(diaries(1, PILOT, NOW - 20 * DAY, NOW))
    sealer.close()
    return folder


def lots(trace):
    """Sealed lots, the newest first: (community, key)."""
    return [
        (one["community"], LotKey(one["gtin"], one["lot"])) for one in seal.lots(trace) if not one["refused"]
    ]


def written(store, trace, at=NOW, openings=None):
    books = Books(received=0, stored=0, duplicate=0, quarantined=0, spooled=0, forgotten=0, oldest=None)
    openings = openings or Openings(trace, PILOT)
    Clerk(store, PILOT, "g", lambda: books, list, list, openings=openings.write).write_openings(at)
    days = {
        (dict(point.tags)["community"], point.time): point.fields["scans"]
        for point in store.series("scan", {"pilot": PILOT.pilot}, 0, NOW + 1, 10_000)
    }
    of_lot = {point.fields["lot"]: point for point in store.series("lot", {}, 0, NOW + 1, 10_000)}
    return days, of_lot


def test_nobody_looked_is_a_zero_for_each_community_and_lot(store, trace):
    days, of_lot = written(store, trace)
    joined = {place.id for place in PILOT.communities if place.joined <= TODAY}
    assert days == dict.fromkeys([(place, MIDNIGHT) for place in joined], 0)
    assert len(of_lot) == len(lots(trace)) > 2
    assert {point.fields["scans"] for point in of_lot.values()} == {0}
    assert {point.fields["far_more"] for point in of_lot.values()} == {False}
    packed = [point.fields["packages"] for point in of_lot.values()]
    assert sum(number > 0 for number in packed) > len(packed) // 2, (
        "the diary says how many packages there are"
    )


def test_a_page_that_is_opened_is_counted_for_its_producer_and_lot(store, trace, monkeypatch):
    monkeypatch.setattr(web, "now_ms", lambda: NOW)
    place, key = lots(trace)[0]
    before = written(store, trace)[1][key.lot]
    app = FastAPI()
    app.include_router(web.router(trace, PILOT, "http://localhost:8080"))
    with TestClient(app) as client:
        assert client.get(key.path).status_code == 200  # the counter writes the first opening at once
    days, of_lot = written(store, trace)
    assert days[place, MIDNIGHT] == 1 and sum(days.values()) == 1
    after = of_lot[key.lot]
    assert after.fields == before.fields | {"scans": 1}, "beside what sealing wrote"
    assert (after.tags, after.time) == (before.tags, before.time)


def test_a_lot_that_is_opened_far_more_often_than_it_has_packages_is_marked(store, trace):
    of_lot = written(store, trace)[1]
    chosen = next(one for one in lots(trace) if of_lot[one[1].lot].fields["packages"] > 0)
    place, key = chosen
    packed = int(of_lot[key.lot].fields["packages"])
    yesterday = TODAY - timedelta(days=1)
    with closing(Scans(trace / "scans.sqlite")) as scans:
        for day, number in ((yesterday, 10 * packed + 50), (TODAY, 7)):
            for _ in range(number):
                scans.count(key, day)
    days, of_lot = written(store, trace)
    assert days[place, MIDNIGHT - DAY] == 10 * packed + 50 and days[place, MIDNIGHT] == 7
    assert of_lot[key.lot].fields["scans"] == 10 * packed + 57
    assert [lot for lot, point in of_lot.items() if point.fields["far_more"]] == [key.lot]


def test_what_was_told_is_told_again_each_hour_alone_or_when_it_changes(trace):
    openings, (_, key) = Openings(trace, PILOT), lots(trace)[0]
    assert told(openings, NOW) and not told(openings, NOW + HOUR - 1)
    with closing(Scans(trace / "scans.sqlite")) as scans:
        scans.count(key, TODAY)
    assert told(openings, NOW + HOUR - 1)
    assert not told(openings, NOW + HOUR)
    assert told(openings, NOW + 2 * HOUR)


def told(openings, at):
    """What is written at that time."""
    taken = FakeStore()
    openings.write(taken, at)
    return taken.held


def test_what_the_store_did_not_take_is_written_at_the_next_call(trace):
    openings, away = Openings(trace, PILOT), FakeStore(plan=["nothing stored", "half stored"])
    for _ in range(2):
        with pytest.raises(RetryLater):
            openings.write(away, NOW)
    openings.write(away, NOW)
    assert away.held == told(Openings(trace, PILOT), NOW)
    openings.write(away, NOW + 1)
    assert away.writes == 3
    choosy = FakeStore(refuses=lambda point: point.measurement == "lot")
    refusing = Openings(trace, PILOT)
    with pytest.raises(RejectPoints):
        refusing.write(choosy, NOW)
    refusing.write(choosy, NOW + 1)  # what it refuses is not sent again each minute
    assert choosy.writes == 1


def test_a_folder_without_records_has_zeros_and_a_broken_one_waits(store, tmp_path):
    days, of_lot = written(store, tmp_path / "nothing")
    assert set(days.values()) == {0} and of_lot == {}
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "scans.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(RetryLater, match="openings"):
        Openings(broken, PILOT).write(store, NOW)
