"""Labels describe exactly what was altered, nothing more and nothing less, and restore the healthy value."""

import json
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from devices.clock import DAY_MS
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import load
from sim.nodes.damage import restore
from sim.nodes.faults import (
    BIAS,
    CLOGGING,
    DARK,
    DUPLICATES,
    LOSS,
    OUTAGE,
    POWER_ON,
    REORDERING,
    SKEW,
    UNTIMED,
    UPKEEP,
    VALUE,
    VISIT,
    WARMING,
)
from sim.nodes.node import Node
from sim.nodes.span import NO_CLOCK
from sim.nodes.truth import Record, encode, lasting, records, topic
from sim.run import fleet

PILOT = load("dong-thap")
START = int(datetime(2026, 10, 1, 3, 20, tzinfo=UTC).timestamp() * 1000)
STOP = START + 10 * DAY_MS


@pytest.fixture(scope="module")
def stations() -> list[tuple[Node, list[Record]]]:
    there = [node for node in fleet(11, PILOT, level="harsh") if node.since < START][:40]
    assert len(there) == 40
    return [(node, records(node, START, STOP)) for node in there]


def inside(record: Record, times: np.ndarray) -> np.ndarray:
    return (times >= record.start) & (times < (record.stop or STOP))


def test_values_change_where_a_label_says_so_and_only_there(stations):
    kinds = Counter()
    for node, labels in stations:
        delivered, healthy = node.delivered(START, STOP), node.sensors.healthy(START, STOP)
        rows = np.searchsorted(healthy.times, delivered.times)
        for name in node.model.signals:
            was, now = healthy.values[name][rows], delivered.values[name]
            rest = was != now
            for label in labels:
                if label.signal == name and label.kind in VALUE:
                    part = inside(label, delivered.times)
                    assert rest[part].any(), ("a label without an alteration", label)
                    rest &= ~part
                    kinds[label.kind] += 1
            assert not rest.any(), ("an alteration without a label", node.device.device, name)
    assert set(kinds) >= set(VALUE) - {POWER_ON, CLOGGING}  # those need a dull week, and rain


def test_the_healthy_value_comes_back(stations):
    for node, labels in stations:
        delivered, healthy = node.delivered(START, STOP), node.sensors.healthy(START, STOP)
        for label in labels:
            if label.kind not in VALUE:
                continue
            line = json.loads(encode(label))  # the line that a reader of the file has
            signal = SIGNALS[line["signal"]]
            part = (delivered.times >= line["start"]) & (delivered.times < line["stop"])
            times = delivered.times[part]
            was = healthy.values[signal.id][np.searchsorted(healthy.times, times)]
            back = restore(
                line["kind"], signal.id, line["parameters"], times, delivered.values[signal.id][part]
            )
            if line["kind"] == "fouling":  # scaling to a smaller value loses at most half a step of it
                np.testing.assert_allclose(back, was, atol=signal.resolution / (1 - 0.5) + 1e-9)
            else:
                assert back.tolist() == was.tolist()


def test_timestamps_are_wrong_where_a_label_says_so(stations):
    found = Counter()
    for node, labels in stations:
        delivered = node.delivered(START, STOP)
        right = delivered.times.copy() if node.timed else np.full(len(delivered.times), NO_CLOCK)
        found["never"] += not node.timed
        for label in labels:
            if label.kind == SKEW:
                part = inside(label, delivered.times)
                offset = label.parameters["offset_ms"]
                right[part] = NO_CLOCK if offset is None else right[part] + offset
                assert part.any()
                found["none" if offset is None else "behind" if offset < 0 else "ahead"] += 1
        assert right.tolist() == delivered.claims.tolist()
    assert set(found) == {"none", "behind", "ahead", "never"}


def test_what_does_not_come_comes_late_or_twice_is_labelled(stations):
    for node, labels in stations:
        delivered = node.delivered(START, STOP)
        seqs = node.ticks.numbers(delivered.times)
        gone = np.setdiff1d(np.arange(node.ticks.at(START), node.ticks.at(STOP)), seqs)
        moved, again = np.zeros(len(seqs), dtype=bool), np.zeros(len(seqs), dtype=bool)
        silent = set()
        for label in labels:
            part = inside(label, delivered.times)
            if label.kind == OUTAGE:
                assert part.sum() == label.parameters["delayed"]
                assert (delivered.arrives[part] > label.stop).all() or label.stop == STOP
                assert part.any() or label.parameters["lost"]
                silent |= set(label.parameters["lost"])
            elif label.kind == LOSS:
                assert not silent & set(label.parameters["lost"])
                silent |= set(label.parameters["lost"])
            elif label.kind in DARK:
                silent |= set(range(node.ticks.at(label.start), node.ticks.at(label.stop)))
                assert not part.any()
            elif label.kind == DUPLICATES:
                again |= np.isin(seqs, label.parameters["seq"])
            elif label.kind == REORDERING:
                moved |= np.isin(seqs, label.parameters["seq"])
                assert moved.any()
        assert set(gone.tolist()) == {
            seq for seq in silent if node.ticks.at(START) <= seq < node.ticks.at(STOP)
        }
        assert (again == (delivered.again > 0)).all()
        order = np.argsort(delivered.arrives, kind="stable")
        overtaken = np.flatnonzero(np.diff(seqs[order]) < 0)
        assert all(moved[order[place]] or moved[order[place + 1]] for place in overtaken)


def test_biases_are_labelled(stations):
    for node, _ in stations:
        labels = [label for label in lasting(node) if label.kind == BIAS]
        untimed = [label for label in lasting(node) if label.kind == UNTIMED]
        assert len(untimed) == (not node.timed)
        assert {label.signal: label.parameters["add"] for label in labels} == node.sensors.bias
        assert all(label.stop is None for label in lasting(node))
    assert sum(len(node.sensors.bias) for node, _ in stations) > 60


def test_parts_of_a_window_add_up(stations):
    middle = START + 4 * DAY_MS + 12_345
    for node, labels in stations[:15]:
        parts = records(node, START, middle) + records(node, middle, STOP)
        for label in labels:
            there = [p for p in parts if (p.kind, p.signal) == (label.kind, label.signal)]
            assert min(p.start for p in there) <= label.start or label.start < middle < label.stop
            if label.stop < middle or label.start > middle:
                assert label in there


def test_a_record_is_one_line_on_a_topic_outside_the_contract(stations):
    node, labels = stations[0]
    assert topic(node.device) == f"hoiquan-truth/v1/dong-thap/{node.device.community}/{node.device.device}"
    for label in labels:
        line = encode(label)
        assert b"\n" not in line
        assert set(json.loads(line)) == {"device", "signal", "kind", "start", "stop", "parameters"}


def test_without_faults_there_is_nothing_to_tell():
    for node in fleet(11, PILOT)[:20]:
        assert records(node, START, STOP) == []
        assert lasting(node) == []


def test_a_clogged_gauge_and_a_warm_cell_can_be_undone():
    """Where arithmetic cannot undo an alteration, the label has the healthy values that differ."""
    found = Counter()
    for node in fleet(11, PILOT, level="harsh"):
        if node.model.id != "weather-station" or node.since >= START:
            continue
        stop = START + 40 * DAY_MS
        delivered, healthy = node.delivered(START, stop), node.sensors.healthy(START, stop)
        for label in records(node, START, stop):
            if label.kind not in (CLOGGING, WARMING):
                continue
            part = inside(label, delivered.times)
            times, faulty = delivered.times[part], delivered.values[label.signal][part]
            was = healthy.values[label.signal][np.searchsorted(healthy.times, times)]
            assert restore(label.kind, label.signal, label.parameters, times, faulty).tolist() == was.tolist()
            assert len(label.parameters["instead_of"]) == (faulty != was).sum() > 0
            if label.kind == CLOGGING:
                assert label.signal == "rainfall"
                assert faulty.sum() < was.sum()
            found[label.kind] += 1
    assert set(found) == {CLOGGING, WARMING}


def test_a_visit_is_told_where_it_ends_what_was_wrong(stations):
    told = Counter()
    for _, labels in stations:
        for visit in labels:
            if visit.kind == VISIT:
                assert visit.start == visit.stop
                told[visit.parameters["done"]] += 1
                ended = [one for one in labels if one.stop == visit.stop and one.kind in UPKEEP]
                assert all(UPKEEP[one.kind] == visit.parameters["done"] for one in ended)
    assert set(told) == {"calibrated", "cleaned"}
