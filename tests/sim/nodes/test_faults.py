"""Episodes are a pure schedule with the promised rates, the same in live running as in history."""

import itertools
import threading
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.clock import DAY_MS
from devices.contract.models import MODELS
from devices.contract.payloads import decode
from devices.pilots.pilot import load
from sim.nodes.faults import BROWN_OUT, CLOGGING, LANES, LEVELS, OUTAGE, THEFT, UPKEEP, VALUE, Schedule
from sim.nodes.node import Node
from sim.nodes.telemetry import encode_reading
from sim.nodes.ticks import Ticks
from sim.nodes.truth import records
from sim.physics.world import World
from sim.run import Live, fleet

PILOT = load("dong-thap")
START = int(datetime(2026, 10, 1, 3, 20, tzinfo=UTC).timestamp() * 1000)


class Dim(World):
    """The real world, except for batteries that run empty now and then."""

    def signal(self, place, plot, name, times, interval, model=None):
        if name == "battery_voltage":
            return 3.68 + 0.12 * np.sin(2 * np.pi * times / (2.7 * DAY_MS) + plot)
        return super().signal(place, plot, name, times, interval, model)


def nodes(level, count, world=None):
    world = world or World(7, PILOT)
    devices = [d for d in PILOT.fleet.values() if d.model != "diary" and joined(d)]
    return [Node(world, PILOT, device, 7, level) for device in devices[:count]]


def joined(device):
    return PILOT.place[device.community].joined.year <= 2025


@pytest.mark.parametrize(("level", "low", "high"), [("normal", 0.6, 1.2), ("harsh", 10, 20)])
def test_rates(level, low, high):
    months = 6
    found = [
        e.kind
        for device in list(PILOT.fleet.values())[:60]
        for e in schedule(device.device, level, "canal-gauge").episodes(START, START + months * 30 * DAY_MS)
    ]
    assert low <= len(found) / 60 / months <= high
    elsewhere = {CLOGGING, THEFT}  # clogging needs a rain gauge, and theft is very rare
    assert set(found) | elsewhere == {kind for kinds in LANES.values() for kind in kinds}
    for kind, (rate, *_) in LEVELS[level].rates.items():
        if kind in elsewhere or rate < 0.05:
            continue
        assert found.count(kind) / 60 / months == pytest.approx(rate, rel=0.45), kind


def schedule(device, level, model, phase=1234):
    return Schedule(7, device, level, MODELS[model], Ticks(600_000, phase, 0), "some-place")


@settings(max_examples=40, deadline=None)
@given(
    level=st.sampled_from(sorted(LEVELS)),
    model=st.sampled_from(sorted(set(MODELS) - {"diary"})),
    phase=st.integers(0, 599_999),
    at=st.integers(START, START + 3000 * DAY_MS),
    days=st.lists(st.integers(1, 40), min_size=1, max_size=4),
)
def test_a_schedule_does_not_depend_on_how_it_is_asked(level, model, phase, at, days):
    edges = np.cumsum([at, *(day * DAY_MS // 3 for day in days)]).tolist()
    whole = schedule("some-device-01", level, model, phase).episodes(edges[0], edges[-1])
    parts = [
        e
        for low, high in itertools.pairwise(edges)
        for e in schedule("some-device-01", level, model, phase).episodes(low, high)
    ]
    assert {(e.kind, e.start, e.stop) for e in parts} == {(e.kind, e.start, e.stop) for e in whole}
    for kinds in LANES.values():
        lane = sorted((e.start, e.stop) for e in whole if e.kind in kinds)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(lane)), "one at a time"
    for episode in whole:
        assert (episode.start - phase) % 600_000 == 300_000  # never on a tick
        assert (episode.stop - episode.start) % 600_000 == 0
        if episode.kind in VALUE:
            assert episode.signal in MODELS[model].signals


@pytest.mark.parametrize(
    ("level", "world"), [("none", World), ("normal", Dim), ("harsh", World), ("harsh", Dim)]
)
def test_live_processes_say_what_history_says(level, world):
    count, days = 10, 6
    stop = START + days * DAY_MS
    live = nodes(level, count, world(7, PILOT))
    sent, told = Counter(), []

    def send(device, kind, payload):
        if kind == "telemetry":
            sent[device.device, running.now, payload] += 1

    running = Live(7, PILOT, live, START, send, [], lambda _, record: told.append(record))
    running.run(0, stop, threading.Event())
    expected, labels = Counter(), []
    for node in nodes(level, count, world(7, PILOT)):
        for reading, clock, arrives, again in node.deliveries(START, stop):
            for at in {arrives, again} - {0}:
                if at < stop:
                    expected[node.device.device, at, encode_reading(reading, clock)] += 1
        labels += records(node, START, stop)
    assert sent == expected
    assert sum(sent.values()) > 0.6 * count * days * 144 * (world is World)  # harsh loses a third
    assert sorted(map(repr, told)) == sorted(map(repr, labels))
    kinds = {record.kind for record in told}
    if level == "harsh":
        assert len(kinds) >= 8
    assert BROWN_OUT in kinds or world is World
    assert not kinds or level != "none"


def test_a_brown_out_is_silence_between_two_voltages():
    node = nodes("normal", 4, Dim(7, PILOT))[1]
    times = {m.reading.seq for m in node.deliveries(START, START + 9 * DAY_MS)}
    dark = [e for e in node.episodes(START, START + 9 * DAY_MS) if e.kind == BROWN_OUT]
    assert len(dark) >= 3
    for episode in dark:
        first, last = node.ticks.at(episode.start), node.ticks.at(episode.stop)
        assert not times & set(range(first, last))
        volts = node.sensors.true("battery_voltage", first - 1, last + 1)
        assert volts[0] >= 3.6 > volts[1]
        assert volts[-2] <= 3.7 < volts[-1] or volts[-1] > 3.7 >= volts[-3]
        assert (volts[1:-1] <= 3.7).all()
    alone = nodes("normal", 4, Dim(7, PILOT))[1]  # asked for in the middle of an episode
    middle = (dark[1].start + dark[1].stop) // 2
    assert [e for e in alone.episodes(middle, middle + 1) if e.kind == BROWN_OUT] == [dark[1]]


def test_what_is_sent_can_be_decoded():
    for node in nodes("harsh", 12):
        for reading, clock, *_ in node.deliveries(START, START + 2 * DAY_MS):
            told = decode(encode_reading(reading, clock))
            assert told.values == reading.values
            assert (told.time is None) == (not clock)


def test_a_memory_holds_what_an_outage_keeps_back_and_without_one_it_is_lost():
    lost = Counter()
    for node in nodes("harsh", 30):
        start, stop = START, START + 20 * DAY_MS
        seqs = {m.reading.seq for m in node.deliveries(start, stop)}
        powered = np.flatnonzero(node.on(node.ticks.at(start), node.ticks.at(stop))) + node.ticks.at(start)
        out = [e for e in node.episodes(start, stop) if e.kind == OUTAGE]
        away = [seq for e in out for seq in range(node.ticks.at(e.start), node.ticks.at(e.stop))]
        missing = set(powered.tolist()) - seqs
        name = node.radio.carrier.name
        lost[name] += len(missing)
        if name == "LoRa":
            assert missing >= set(away) & set(powered.tolist())
            rest = set(powered.tolist()) - set(away)
            assert 0 < len(missing & rest) / len(rest) < 0.3
    assert lost["LoRa"] > 0 == lost["4G"]


def test_whoever_comes_ends_what_he_can_mend():
    """Drift, fouling and clogging end with a visit, and a visit is to all nodes of the place."""
    ended = Counter()
    for level, days in (("normal", 900), ("harsh", 90)):
        window = LEVELS[level].window
        for device in ("some-device-01", "some-device-02"):
            mine = schedule(device, level, "weather-station")
            for episode in mine.episodes(START, START + days * DAY_MS):
                if episode.kind in UPKEEP:
                    visits = mine.visits(episode.start // DAY_MS // window)
                    assert any(abs(episode.stop - visit) <= 300_000 for visit in visits)
                    assert visits == schedule("other-01", level, "soil-probe").visits(
                        episode.start // DAY_MS // window
                    )
                    ended[episode.kind] += 1
    assert set(ended) == set(UPKEEP)


def test_the_fleet_takes_a_level():
    assert {node.faulty for node in fleet(1, PILOT, level="normal")} == {True}
    assert {node.faulty for node in fleet(1, PILOT)} == {False}
