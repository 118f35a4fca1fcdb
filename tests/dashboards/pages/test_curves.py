"""Curves are read before anybody asks, at most one tick late, and a place is read once for all visitors."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from dashboards.figures import Figures
from dashboards.kept import Kept
from dashboards.pages import curves
from dashboards.pages.curves import TICK_MS, Curves
from dashboards.pages.lately import Lately
from devices.clock import HOUR_MS
from gateway.stores.points import Point, device_tags
from gateway.stores.store import RetryLater
from tests.servers import until

NOW = 1_795_000_000_000 // TICK_MS * TICK_MS
SOIL = (("soil-probe", ("soil_moisture",)),)


@pytest.fixture
def read(monkeypatch):
    """(place, end) of each read, and an event that can hold the reads up."""
    done = []

    def weeks(_, place, __, end):
        go.wait(60)
        done.append((place, end))
        return {}

    go = threading.Event()
    go.set()
    monkeypatch.setattr(curves.week, "weeks", weeks)
    return done, go


def test_a_tick_is_read_once_and_what_is_asked_anew_is_read_anew(read):
    done, _ = read
    made = Curves(None)
    for now in (NOW, NOW + TICK_MS - 1):
        made.of("a", SOIL, now)
    assert done == [("a", NOW + TICK_MS)]
    made.of("a", (), NOW)
    assert len(done) == 2, "a new signal has its curve at once"


def test_the_tick_before_is_shown_while_the_next_is_read_and_none_that_is_older(read):
    done, _ = read
    made = Curves(None)
    made.of("a", SOIL, NOW)
    assert made.of("a", SOIL, NOW + TICK_MS).read == NOW and len(done) == 1
    assert made.of("a", SOIL, NOW + 2 * TICK_MS).read == NOW + 2 * TICK_MS


def test_many_who_ask_at_once_read_it_once(read):
    done, go = read
    go.clear()
    made = Curves(None)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(made.of, "a", SOIL, NOW) for _ in range(8)]
        go.set()
        assert len({id(one.result()) for one in asked}) == 1
    assert len(done) == 1


def test_nobody_waits_for_ever(read, monkeypatch):
    _, go = read
    monkeypatch.setattr(curves, "PATIENCE", 0.05)
    go.clear()
    made = Curves(None)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(made.of, "a", SOIL, NOW)
        until(made._reading.locked, "somebody reads")
        with pytest.raises(RetryLater, match="has not answered"):
            made.of("b", SOIL, NOW)
        go.set()
        first.result()


def test_nobody_waits_for_what_is_read_ahead_of_another_place(store, pilot, monkeypatch):
    go, begun = threading.Event(), threading.Event()
    ahead, other = [place.id for place in pilot.places[:2]]

    def weeks(_, place, __, ___):
        if place == ahead:
            begun.set()
            go.wait(60)
        return {}

    monkeypatch.setattr(curves.week, "weeks", weeks)
    figures = Figures(store, pilot, lambda limit: [], lambda at: None, now=lambda: NOW)
    made = Curves(figures)
    with made.running(Kept(lambda: Lately.read(figures))):
        assert begun.wait(60)
        assert made.of(other, SOIL, NOW).read == NOW
        assert ahead not in made._known, "it is still being read"
        go.set()


def test_while_it_runs_every_place_is_read_ahead_tick_by_tick(store, pilot, monkeypatch):
    monkeypatch.setattr(curves, "EVERY", 0.01)
    monkeypatch.setattr(curves, "PAUSE", 0.0)
    now = [NOW + 1]
    names = ("tam-que-soil-probe-01", "thuan-tan-soil-probe-01")
    where = [device_tags(pilot.fleet[name]) for name in names]
    store.write([Point("telemetry", one, {"soil_moisture": 30.0}, NOW - HOUR_MS) for one in where])
    figures = Figures(store, pilot, lambda limit: [], lambda at: None, now=lambda: now[0])
    made = Curves(figures)

    def ends():
        return {made._known[one].end for one in pilot.place if one in made._known}

    with made.running(Kept(lambda: Lately.read(figures))):
        until(lambda: len(made._known) == len(pilot.place), "every place is there")
        assert ends() == {NOW + TICK_MS}
        now[0] += TICK_MS
        until(lambda: ends() == {NOW + 2 * TICK_MS}, "the next tick is there too")
    assert set(made._known["thuan-tan"].weeks) == {"soil_moisture"}
    assert made._known["canh-tan"].weeks == {}
