"""Faults of masts and grid hit all their nodes, at the promised rates, and forced incidents happen."""

import itertools
import json
import threading
from collections import Counter, defaultdict
from datetime import UTC, datetime

import numpy as np
import pytest

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import load
from sim.nodes.damage import restore
from sim.nodes.faults import BROWN_OUT, LOSS, OUTAGE, POWER_CUT, POWER_ON, THEFT
from sim.nodes.masts import BATTERIES_MS, GRID_CUT, MAST_OUTAGE, SHARED, Incident, Network
from sim.nodes.telemetry import encode_reading
from sim.nodes.truth import records
from sim.run import Live, fleet, history, pieces

PILOT = load("dong-thap")
PLACE = "thuan-tan"
START = int(datetime(2026, 10, 5, tzinfo=UTC).timestamp() * 1000)
YEAR = 365 * DAY_MS


def here(nodes):
    return [node for node in nodes if node.device.community == PLACE]


@pytest.mark.parametrize("level", ["normal", "harsh"])
def test_over_four_fifths_of_outages_are_shared_by_their_mast(level):
    """30 seeds. Shared: another node of the place is cut off at that time, for the same cause."""
    shared, all_of_them, causes = 0, 0, Counter()
    length = YEAR if level == "normal" else 30 * DAY_MS
    for seed in range(30):
        places = defaultdict(list)
        for node in fleet(seed, PILOT, level=level):
            places[node.device.community] += [
                e for e in node.radio.episodes(START, START + length) if e.kind == OUTAGE
            ]
        for episodes in places.values():
            for one in episodes:
                cause = one.parameters["cause"]
                causes[cause] += 1
                all_of_them += 1
                shared += cause != "own" and any(
                    other.device != one.device and other.parameters["cause"] == cause
                    and other.start < one.stop and other.stop > one.start
                    for other in episodes
                )  # fmt: skip
    assert shared / all_of_them > 0.8
    assert set(causes) == {MAST_OUTAGE, GRID_CUT, "own"}


@pytest.mark.parametrize("level", sorted(SHARED))
def test_incidents_come_as_often_as_promised_and_however_they_are_asked(level):
    network, years = Network(5, level), 3
    found = Counter()
    for place in list(PILOT.place)[:16]:
        whole = network.incidents(place, START, START + years * YEAR)
        edges = range(START, START + years * YEAR + 1, 73 * DAY_MS)
        parts = {
            one for low, high in itertools.pairwise(edges) for one in network.incidents(place, low, high)
        }
        assert parts == set(whole)
        found.update(one.kind for one in whole)
    for kind, (rate, *_) in SHARED[level].items():
        assert found[kind] == pytest.approx(rate * years * 365 / 30 * 16, rel=0.3)


def test_a_mast_takes_all_its_nodes_along():
    start, stop = START + 6 * HOUR_MS, START + 30 * HOUR_MS
    everywhere = fleet(1, PILOT, forced=[Incident(MAST_OUTAGE, PLACE, start, stop)])
    nodes = here(everywhere)
    for node in nodes:
        inside = [m for m in node.deliveries(START, START + 3 * DAY_MS) if start <= m.reading.time < stop]
        (label,) = records(node, START, START + 3 * DAY_MS)
        assert (label.kind, label.parameters["cause"]) == (OUTAGE, MAST_OUTAGE)
        if node.radio.carrier.memory:
            assert len(inside) in (143, 144, 145)
            assert all(m.arrives >= stop for m in inside)
            assert max(m.arrives for m in inside) < stop + HOUR_MS  # all in one burst
            assert label.parameters["lost"] == []
        else:
            assert inside == []
            assert len(label.parameters["lost"]) in (143, 144, 145)
    assert {bool(node.radio.carrier.memory) for node in nodes} == {False, True}
    assert {node.device.community for node in everywhere if node.faulty} == {PLACE}


def test_a_grid_cut_ends_what_hangs_on_mains_and_the_gateway_and_later_the_mast():
    start, stop = START + 6 * HOUR_MS, START + 16 * HOUR_MS
    nodes = {
        n.device.device: n for n in here(fleet(1, PILOT, forced=[Incident(GRID_CUT, PLACE, start, stop)]))
    }
    whole = (START, START + 3 * DAY_MS)

    def told(device):
        return [(label.kind, label.start, label.parameters) for label in records(nodes[device], *whole)]

    ((kind, began, _),) = told(f"{PLACE}-pump-controller-01")
    assert kind == POWER_CUT
    assert abs(began - start) <= 300_000
    ((kind, began, how),) = told(f"{PLACE}-soil-probe-01")
    assert (kind, how["cause"]) == (OUTAGE, GRID_CUT)
    assert abs(began - start) <= 300_000
    assert len(how["lost"]) == 60
    ((kind, began, how),) = told(f"{PLACE}-canal-gauge-01")
    assert (kind, how["lost"], how["delayed"]) == (OUTAGE, [], 36)
    assert abs(began - start - BATTERIES_MS) <= 300_000
    quiet = {m.reading.seq for m in nodes[f"{PLACE}-pump-controller-01"].deliveries(*whole)}
    assert len(quiet) == 3 * 144 - 60


def test_what_was_stolen_says_nothing_until_there_is_another():
    name = f"{PLACE}-canal-gauge-01"
    theft = Incident(THEFT, PLACE, START, START + 9 * DAY_MS, name)
    nodes = here(fleet(1, PILOT, forced=[theft]))
    for node in nodes:
        seen = list(node.deliveries(START - DAY_MS, START + 10 * DAY_MS))
        assert len(seen) == (2 if node.device.device == name else 11) * 144
        kinds = [label.kind for label in records(node, START - DAY_MS, START + 10 * DAY_MS)]
        assert kinds == ([THEFT] if node.device.device == name else [])


def test_forced_incidents_change_nothing_before_them():
    incident = Incident(GRID_CUT, PLACE, START + 5 * DAY_MS, START + 8 * DAY_MS)
    plain, forced = (
        here(fleet(1, PILOT, level="normal")),
        here(fleet(1, PILOT, level="normal", forced=[incident])),
    )
    for one, other in zip(plain, forced, strict=True):
        before = START, START + 4 * DAY_MS
        assert [*map(said, one.deliveries(*before))] == [*map(said, other.deliveries(*before))]


def said(delivery):
    return encode_reading(delivery.reading, delivery.clock), delivery.arrives, delivery.again


@pytest.mark.parametrize("level", ["none", "normal"])
def test_live_running_meets_what_is_forced_as_history_does(level):
    """Live running starts in the middle of a mast's outage, and runs over a grid cut and a theft."""
    first, hour = START + 30 * HOUR_MS, HOUR_MS
    forced = [
        Incident(MAST_OUTAGE, PLACE, START + 24 * hour, START + 36 * hour),
        Incident(GRID_CUT, PLACE, START + 40 * hour, START + 52 * hour),
        Incident(THEFT, PLACE, START + 41 * hour, START + 60 * hour, f"{PLACE}-weather-station-01"),
    ]
    stop, told, sent = START + 64 * hour, [], Counter()

    def send(device, kind, payload):
        sent[device.device, running.now, payload] += 1

    nodes = here(fleet(1, PILOT, level=level, forced=forced))
    running = Live(1, PILOT, nodes, first, send, [], lambda _, record: told.append(record))
    running.run(0, stop, threading.Event())
    expected, labels = Counter(), []
    for node in here(fleet(1, PILOT, level=level, forced=forced)):
        for delivery in node.deliveries(first, stop):
            payload = encode_reading(delivery.reading, delivery.clock)
            for at in {delivery.arrives, delivery.again} - {0}:
                expected[node.device.device, at, payload] += at < stop
        labels += records(node, first, stop)
    assert sent == +expected
    assert sorted(map(repr, told)) == sorted(map(repr, labels))
    assert {OUTAGE, POWER_CUT, THEFT} <= {record.kind for record in told}


@pytest.mark.parametrize("level", ["none", "harsh"])
def test_history_has_what_arrived_and_live_running_brings_the_rest(level):
    """History ends and live running starts in the middle of a mast's outage."""
    middle, stop, sent = START + 30 * HOUR_MS, START + 60 * HOUR_MS, Counter()
    forced = [Incident(MAST_OUTAGE, PLACE, START + 20 * HOUR_MS, START + 36 * HOUR_MS)]
    first, second = (here(fleet(1, PILOT, level=level, forced=forced)) for _ in "ab")
    for node, readings in history(pieces(first, START, middle)):
        for one in readings:
            sent[node.device.device, one.seq] += 1
    assert max(seq for device, seq in sent if "pump" in device) < second[0].ticks.at(START + 21 * HOUR_MS)
    rest = [(node, delivery) for node in second for delivery in node.underway(START, middle)]

    def send(device, kind, payload):
        seq = json.loads(payload)["seq"]
        sent[device.device, seq] += 1
        came.append((device.device, seq, running.now))

    came = []
    running = Live(1, PILOT, second, middle, send, [], underway=rest)
    running.run(0, stop, threading.Event())
    expected, last = Counter(), Counter()
    for node in here(fleet(1, PILOT, level=level, forced=forced)):
        for reading, _, arrives, again in node.deliveries(START, stop):
            expected[node.device.device, reading.seq] += arrives < stop
            expected[node.device.device, reading.seq] += middle <= again < stop
            last.update(
                (node.device.device, reading.seq, at) for at in (arrives, again) if middle <= at < stop
            )
    assert sent == +expected
    assert Counter(came) == last  # each at the time of its last delivery


@pytest.mark.parametrize(
    ("kind", "stop", "sentence"),
    [("flood", START + 1, "there are mast-outage, grid-cut, theft"), (THEFT, START, "write a later `stop`")],
)
def test_an_incident_that_cannot_be_is_refused(kind, stop, sentence):
    with pytest.raises(ValueError, match=sentence):
        Incident(kind, PLACE, START, stop)


def test_brown_outs_peak_in_september_and_october():
    """30 seeds, 4 years of solar nodes each: both months have more brown-outs than any other."""
    begun = Counter()
    first = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)
    for seed in range(30):
        for node in fleet(seed, PILOT, shard=(1, 20), level="normal", interval=21_600):
            dark = [e for e in node.episodes(first, first + 4 * YEAR) if e.kind == BROWN_OUT]
            begun.update(datetime.fromtimestamp(e.start / 1000, UTC).month for e in dark)
    assert sum(begun.values()) > 300
    assert {month for month, _ in begun.most_common(2)} == {9, 10}
    rest = max(count for month, count in begun.items() if month not in (9, 10))
    assert min(begun[9], begun[10]) > 1.2 * rest


def test_a_thermometer_wakes_up_with_85_degrees_and_the_label_gives_back_the_healthy_value():
    found = 0
    for node in fleet(2, PILOT, shard=(1, 4), level="normal"):
        start, stop = max(START, node.since), max(START, node.since) + 120 * DAY_MS
        labels = [label for label in records(node, start, stop) if label.kind == POWER_ON]
        if not labels:
            continue
        delivered, healthy = node.delivered(start, stop), node.sensors.healthy(start, stop)
        for label in labels:
            part = (delivered.times >= label.start) & (delivered.times < label.stop)
            times, faulty = delivered.times[part], delivered.values[label.signal][part]
            assert faulty.tolist() == [85.0]
            before = label.start - 1
            assert any(e.kind == BROWN_OUT and e.stop == label.start for e in node.episodes(before, stop))
            was = healthy.values[label.signal][np.isin(healthy.times, times)]
            assert restore(label.kind, label.signal, label.parameters, times, faulty).tolist() == was.tolist()
            found += 1
    assert found > 5


def test_what_the_radio_lost_is_in_the_truth():
    for node in [n for n in fleet(4, PILOT, level="normal") if not n.radio.carrier.memory][:10]:
        start, stop = max(START, node.since), max(START, node.since) + 20 * DAY_MS
        labels = records(node, start, stop)
        lost = {seq for label in labels if label.kind in (LOSS, OUTAGE) for seq in label.parameters["lost"]}
        came = set(node.ticks.numbers(node.delivered(start, stop).times).tolist())
        on = node.on(node.ticks.at(start), node.ticks.at(stop))
        sent = set((np.flatnonzero(on) + node.ticks.at(start)).tolist())
        assert sent - came == lost
        assert len(lost) / len(sent) > 0.005
