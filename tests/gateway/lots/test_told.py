"""Sealed lots in the store, for boards and figures: each lot that counts, with its valid values."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from devices.clock import epoch_ms
from devices.contract.diary import decode_diary
from devices.contract.reading import Device
from devices.pilots.pilot import load
from gateway.indicators.count import SealTimes, harvested, share
from gateway.ingest.message import Written
from gateway.lots.growth import Growth
from gateway.lots.openings import Openings
from gateway.service import Diaries
from gateway.stores.influx import InfluxStore
from gateway.stores.sqlite import SqliteStore
from traceability.pages.scans import Scans
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

PILOT = load("dong-thap")
WHERE = {"pilot": PILOT.pilot}
SECRETARY = Device(PILOT.pilot, "tam-que", "notebook", "diary", simulated=False)
SIMULATED = Device(PILOT.pilot, "tam-que", "tam-que-diary-01", "diary", simulated=True)
PICKED = datetime(2026, 11, 12, 1, 0, tzinfo=UTC)
DAY = 86_400_000
LATER = epoch_ms(PICKED) + DAY


class Group:
    """A group's diary over a real store and a real log."""

    def __init__(self, folder, store=None):
        self.trace = folder / "trace"
        self.store = store or SqliteStore(folder / "store.sqlite")
        self.sealer = Sealer(self.trace, PILOT, Growth(self.store, PILOT), "http://x", "o/log")
        self._diaries = Diaries(self.sealer, self.store, PILOT, lambda: None)

    def close(self):
        self.sealer.close()
        self.store.close()

    def write(self, *events, device=SECRETARY):
        """Keep events in one batch and seal until nothing is left."""
        bodies = (json.dumps({"plot": "plot-1", "crop": "mango"} | event).encode() for event in events)
        self._diaries.keep([Written(device, decode_diary(body), 0, replayed=False) for body in bodies])
        while self._diaries.seal_some():
            pass

    def look(self, at=LATER):
        """Write how often lots were opened, as the clerk does."""
        Openings(self.trace, PILOT).write(self.store, at)

    def points(self):
        return self.store.series("lot", WHERE, 0, LATER, 1000)

    def told(self):
        """Lot → fields, of each point that counts as a lot."""
        return {point.fields["lot"]: point.fields for point in harvested(self.store, WHERE, 0, LATER)}

    def key(self, harvest):
        lot = self.sealer._tables.lot("tam-que", harvest)
        assert lot is not None and lot.leaf is not None, harvest
        return lot.key


@pytest.fixture
def group(tmp_path):
    with closing(Group(tmp_path)) as made:
        yield made


def harvest(id, kilograms, at=PICKED, **more):
    return {"event": "harvest", "id": id, "ts": at.isoformat(), "quantity_kg": kilograms} | more


def split(id, of, parts, at=PICKED + timedelta(hours=1)):
    return {"event": "split", "id": id, "ts": at.isoformat(), "harvest": of, "parts": parts}


# -- two harvests in one minute


@pytest.mark.parametrize("batches", [1, 3], ids=["together", "one after the other"])
def test_lots_of_one_minute_are_all_told_of(group, batches):
    three = [harvest(f"h{n}", 100.0 * n, plot=f"plot-{n}") for n in (1, 2, 3)]
    for batch in range(batches):
        group.write(*three[batch::batches])
    assert sorted(fields["quantity"] for fields in group.told().values()) == [100.0, 200.0, 300.0]
    assert {row["lot"]: row["quantity_kg"] for row in seal.lots(group.trace)} == {
        lot: fields["quantity"] for lot, fields in group.told().items()
    }
    assert min(point.time for point in group.points()) == epoch_ms(PICKED), "the first keeps its time"


def test_openings_of_lots_of_one_minute_are_each_one_s_own(group):
    group.write(harvest("h1", 500.0), harvest("h2", 300.0, plot="plot-2"))
    with closing(Scans(group.trace / "scans.sqlite")) as scans:
        for _ in range(60):
            scans.count(group.key("h1"), PICKED.date())
    packed = {"event": "packing", "id": "p1", "ts": (PICKED + timedelta(hours=1)).isoformat(),
              "quantity_kg": 10.0, "packages": 2, "harvest": "h1"}  # fmt: skip
    group.write(packed)
    group.look()
    first, second = (group.told()[group.key(id).lot] for id in ("h1", "h2"))
    assert (first["scans"], first["far_more"], first["quantity"]) == (60, True, 500.0)
    assert (second["scans"], second["far_more"], second["quantity"]) == (0, False, 300.0)


def test_a_lot_of_the_millisecond_that_another_was_moved_to_stays(group):
    after = PICKED + timedelta(milliseconds=1)
    group.write(harvest("h1", 100.0), harvest("h2", 200.0, after, plot="plot-2"))
    group.write(harvest("h3", 300.0, plot="plot-3"))
    assert sorted(fields["quantity"] for fields in group.told().values()) == [100.0, 200.0, 300.0]
    assert sorted(point.time - epoch_ms(PICKED) for point in group.points()) == [0, 1, 2]


# -- lots that come out of a split or merge


def counted(group, at=LATER):
    count = share(PILOT, SealTimes(group.store, PILOT, 0, at), at)
    return count.members, count.real > 0


def test_a_split_of_a_simulated_lot_is_no_real_one(group):
    group.write(harvest("h1", 500.0), device=SIMULATED)
    group.write(split("s1", "h1", [200.0, 300.0]), device=SIMULATED)
    group.look()
    assert counted(group) == (("tam-que",), False)


def test_a_split_of_today_harvests_nothing(group):
    old = PICKED - timedelta(days=370)
    group.write(harvest("h1", 500.0, old))
    group.write(split("s1", "h1", [200.0, 300.0]))
    group.look()
    assert counted(group, epoch_ms(old) + DAY) == (("tam-que",), True)
    assert counted(group) == ((), False)
    assert [fields["quantity"] for fields in group.told().values()] == [500.0]


def test_parts_of_a_lot_are_told_apart_when_they_are_opened(group):
    group.write(harvest("h1", 500.0), split("s1", "h1", [200.0, 300.0]))
    with closing(Scans(group.trace / "scans.sqlite")) as scans:
        for _ in range(7):
            scans.count(group.key("s1-2"), PICKED.date())
    group.look()
    scanned = {point.fields["lot"]: point.fields["scans"] for point in group.points()}
    assert scanned == {group.key("h1").lot: 0, group.key("s1-1").lot: 0, group.key("s1-2").lot: 7}


# -- corrections


def correction(id, of, at=PICKED + timedelta(hours=3), plot="plot-1", **changes):
    return {"event": "correction", "id": id, "ts": at.isoformat(), "of": of, "reason": "gõ nhầm",
            "plot": plot, "changes": changes}  # fmt: skip


def shown(group):
    """Kilograms by lot; the store and the list of lots agree on them."""
    told, listed = group.told(), {row["lot"]: row["quantity_kg"] for row in seal.lots(group.trace)}
    assert {lot: fields["quantity"] for lot, fields in told.items()} == listed
    return listed


@pytest.mark.parametrize("batches", [1, 3], ids=["together", "one after the other"])
def test_a_corrected_harvest_is_corrected_in_figures(group, batches):
    events = [harvest("h1", 500.0), harvest("h2", 300.0, plot="plot-2"),
              correction("c1", "h2", plot="plot-2", quantity_kg=30.0)]  # fmt: skip
    for batch in range(batches):
        group.write(*events[batch::batches])
    assert shown(group) == {group.key("h1").lot: 500.0, group.key("h2").lot: 30.0}
    group.write(correction("c2", "h2", PICKED + timedelta(hours=4), plot="plot-2", quantity_kg=33.0))
    assert shown(group)[group.key("h2").lot] == 33.0
    assert len(group.points()) == 2, "no point of before is left"


def test_a_correction_that_is_refused_changes_no_figure(group):
    group.write(harvest("h1", 500.0), {"event": "packing", "id": "p1", "ts": PICKED.isoformat(),
                                       "quantity_kg": 400.0, "packages": 9, "harvest": "h1"})  # fmt: skip
    later = (PICKED + timedelta(hours=2)).isoformat()
    events = [harvest("h2", 300.0, plot="plot-2"), correction("c2", "h2", plot="plot-2", quantity_kg=0.0)]
    group.write(correction("c1", "h1", ts=later, quantity_kg=450.0), *events)  # after the harvest was packed
    assert shown(group) == {group.key("h1").lot: 500.0, group.key("h2").lot: 300.0}


def days(group):
    """Lot → time, of each point that counts as a lot."""
    return {point.fields["lot"]: point.time for point in harvested(group.store, WHERE, 0, LATER)}


def kilograms(group, year):
    """The quantity counted in a calendar year."""
    start, stop = (epoch_ms(datetime(one, 1, 1, tzinfo=PILOT.zone)) for one in (year, year + 1))
    return sum(point.fields["quantity"] for point in harvested(group.store, WHERE, start, stop))


@pytest.fixture(params=["sqlite", "influx"])
def either(request, tmp_path):
    """The group over each of the stores."""
    store = None
    if request.param == "influx":
        server = request.getfixturevalue("influx")
        store = InfluxStore(server.url, server.token, server.org, server.bucket())
    with closing(Group(tmp_path, store)) as made:
        yield made


NEW_YEAR = datetime(2026, 1, 2, 1, 0, tzinfo=UTC)
OLD_YEAR = NEW_YEAR - timedelta(days=3)


def test_a_harvest_that_is_corrected_over_a_year_s_end_counts_in_the_other_year(either):
    either.write(harvest("h1", 500.0, NEW_YEAR), harvest("h2", 300.0, NEW_YEAR, plot="plot-2"))
    either.look()
    assert kilograms(either, 2026) == 800.0
    either.write(correction("c1", "h1", NEW_YEAR + timedelta(hours=3), ts=OLD_YEAR.isoformat()))
    either.look()
    h1, h2 = (either.key(id).lot for id in ("h1", "h2"))
    assert days(either) == {h1: epoch_ms(OLD_YEAR), h2: epoch_ms(NEW_YEAR) + 1}
    assert (kilograms(either, 2025), kilograms(either, 2026)) == (500.0, 300.0)
    assert {row["lot"]: row["time"] for row in seal.lots(either.trace)} == {
        h1: epoch_ms(OLD_YEAR), h2: epoch_ms(NEW_YEAR),
    }  # fmt: skip
    year = epoch_ms(OLD_YEAR) + 365 * DAY
    assert counted(either, year) == (("tam-que",), True)
    back = correction("c2", "h2", NEW_YEAR + timedelta(hours=4), plot="plot-2", ts=OLD_YEAR.isoformat())
    either.write(back)
    assert days(either) == {h1: epoch_ms(OLD_YEAR), h2: epoch_ms(OLD_YEAR) + 1}
    assert counted(either, year + DAY) == ((), False), "nobody harvested within a year of then"


def test_a_lot_that_comes_back_has_its_first_place_and_nobody_else_ever_has_it(group):
    group.write(harvest("h1", 500.0))
    before = PICKED - timedelta(days=1)
    group.write(correction("c1", "h1", ts=before.isoformat()), harvest("h2", 300.0, plot="plot-2"))
    h1, h2 = group.key("h1").lot, group.key("h2").lot
    assert days(group) == {h1: epoch_ms(before), h2: epoch_ms(PICKED) + 1}
    group.write(correction("c2", "h1", PICKED + timedelta(hours=4), ts=PICKED.isoformat()))
    assert days(group) == {h1: epoch_ms(PICKED), h2: epoch_ms(PICKED) + 1}
    assert shown(group) == {h1: 500.0, h2: 300.0}


def test_what_was_opened_of_a_lot_moves_with_it(group):
    group.write(harvest("h1", 500.0))
    with closing(Scans(group.trace / "scans.sqlite")) as scans:
        for _ in range(7):
            scans.count(group.key("h1"), PICKED.date())
    group.look()
    group.write(correction("c1", "h1", ts=(PICKED - timedelta(days=1)).isoformat()))
    group.look()
    assert {(point.fields["lot"], point.fields["scans"]) for point in group.points()} == {
        (group.key("h1").lot, 7), ("", 0),
    }  # fmt: skip


def test_a_lot_that_an_earlier_version_left_where_it_had_been_moves(group):
    group.write(harvest("h1", 500.0), harvest("h2", 300.0, plot="plot-2"))
    before = PICKED - timedelta(days=1)
    left = group.points()
    group.write(correction("c1", "h1", ts=before.isoformat()))
    right = days(group)
    group.sealer.close()
    with closing(sqlite3.connect(group.trace / "trace.sqlite")) as db:
        db.executescript("DROP TABLE slot")
    (group.trace.parent / "store.sqlite").rename(group.trace.parent / "after.sqlite")
    with closing(Group(group.trace.parent)) as again:
        again.store.write(left)
        again.write()
        assert days(again) == right
        assert sorted(shown(again).values()) == [300.0, 500.0]
    again.sealer = group.sealer = Sealer(group.trace, PILOT, Growth(group.store, PILOT), "http://x", "o/log")


def test_what_an_earlier_version_told_wrongly_is_told_again(group):
    group.write(harvest("h1", 500.0), harvest("h2", 300.0, plot="plot-2"),
                harvest("h3", 70.0, PICKED + timedelta(days=1)),
                correction("c1", "h3", PICKED + timedelta(days=1), quantity_kg=7.0))  # fmt: skip
    right = group.told()
    group.sealer.close()
    with closing(sqlite3.connect(group.trace / "trace.sqlite")) as db:
        db.execute("UPDATE lot SET quantity=70 WHERE harvest='h3'")
        db.execute("PRAGMA user_version=0")
        db.commit()
    (group.trace.parent / "store.sqlite").rename(group.trace.parent / "before.sqlite")
    with closing(Group(group.trace.parent)) as again:
        again.write()
        assert again.told() == right
    again.sealer = group.sealer = Sealer(group.trace, PILOT, Growth(group.store, PILOT), "http://x", "o/log")


def test_a_sealed_lot_whose_product_left_the_pilot_stays_sealed(group, monkeypatch):
    group.write(harvest("h1", 500.0))
    monkeypatch.setattr(Sealer, "_product", lambda *_: None)
    group.write(correction("c1", "h1", quantity_kg=450.0))
    assert group.key("h1")


def test_a_refused_harvest_is_told_of_once_it_was_corrected(group):
    group.write(harvest("h1", 850_000.0))
    assert group.told() == {}
    group.write(correction("c1", "h1", quantity_kg=850.0))
    assert shown(group) == {group.key("h1").lot: 850.0} and counted(group) == (("tam-que",), True)
