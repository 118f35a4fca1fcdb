"""A node says the same whether it is asked a month at once, a tick at a time, or in shards."""

import hashlib
import itertools
from datetime import UTC, datetime

import numpy as np
import pytest

from devices.contract.models import MODELS
from devices.contract.payloads import decode
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot, load
from sim.nodes.faults import LEVEL_NAMES, STEADY
from sim.nodes.node import Node
from sim.nodes.sensors import NOISE_SHARE, NOISE_STEPS
from sim.nodes.telemetry import encode_reading
from sim.nodes.ticks import DAY_MS
from sim.physics.weather import ANCHOR
from sim.physics.world import World
from sim.run import fleet, history

START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return load("dong-thap")


@pytest.fixture(scope="module")
def nodes(pilot: Pilot) -> list[Node]:
    return fleet(7, pilot)


def test_a_month_is_its_ticks(nodes: list[Node], pilot: Pilot) -> None:
    for node in nodes[:6]:
        whole = list(node.readings(START, START + 2 * DAY_MS))
        again = fleet(7, pilot)[nodes.index(node)]
        tick, one_by_one = again.ticks.after(START - 1), []
        while tick < START + 2 * DAY_MS:
            one_by_one += again.readings(tick, tick + 1)
            tick = again.ticks.after(tick)
        assert whole == one_by_one
        assert len(whole) in (288, 287, 289)


def test_shards_make_the_whole(pilot: Pilot) -> None:
    def told(shard: tuple[int, int]) -> dict[str, list[object]]:
        return {
            node.device.device: list(rs)
            for node, rs in history(fleet(3, pilot, shard), START, START + DAY_MS // 4)
        }

    parts = [told((i, 3)) for i in (1, 2, 3)]
    assert parts[0] | parts[1] | parts[2] == told((1, 1))
    assert sum(map(len, parts)) == len(fleet(3, pilot))


def test_readings_are_of_the_model_plausible_and_accepted(nodes: list[Node]) -> None:
    for node, readings in history(nodes, START, START + DAY_MS // 8):
        for reading in readings:
            assert tuple(reading.values) == MODELS[node.device.model].signals
            for name, value in reading.values.items():
                signal = SIGNALS[name]
                assert signal.low <= value <= signal.high
                assert value == round(value, signal.decimals)
            told = decode(encode_reading(reading))
            assert (told.time, told.seq, told.boot, told.values) == (
                reading.time, reading.seq, node.telemetry.boot, reading.values,
            )  # fmt: skip


def test_a_node_is_silent_before_its_place_joined(nodes: list[Node], pilot: Pilot) -> None:
    late = [node for node in nodes if node.since > START]
    assert late, "the pilot has places that join later"
    for node in late[:5]:
        assert list(node.readings(START, START + DAY_MS)) == []
        first = next(iter(node.readings(node.since - DAY_MS, node.since + DAY_MS)))
        assert first.time >= node.since
        assert node.ticks.after(START) == first.time


def test_nodes_do_not_report_all_at_once(nodes: list[Node]) -> None:
    phases = {node.ticks.phase for node in nodes}
    assert len(phases) == len(nodes)


def test_another_seed_is_another_world(pilot: Pilot, nodes: list[Node]) -> None:
    other = fleet(8, pilot)[0]
    mine, theirs = (list(n.readings(START, START + DAY_MS)) for n in (nodes[0], other))
    assert [r.values for r in mine] != [r.values for r in theirs]


def plain(world: World, node: Node, day: int) -> dict[str, list[float]]:
    """A day of a node as it was before there were faults, signal by signal."""
    times = np.array([day * DAY_MS + tick * 600_000 + node.ticks.phase for tick in range(144)])
    digest = hashlib.sha256(f"7/{node.device.device}/noise".encode()).digest()
    key = np.frombuffer(digest[:16], dtype=np.uint64)
    stream = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, day, 0]))
    values = {}
    for name in node.model.signals:
        signal = SIGNALS[name]
        true = world.signal(node.device.community, node.plot, name, times, 600, node.model.id)
        if name not in STEADY:
            scale = min((signal.high - signal.low) * NOISE_SHARE, NOISE_STEPS * signal.resolution)
            true = true + stream.normal(0.0, scale, len(times))
        steps = np.round(np.clip(true, signal.low, signal.high) / signal.resolution)
        values[name] = np.round(steps * signal.resolution, signal.decimals).tolist()
    return values


def test_without_faults_a_node_is_what_it_always_was(nodes: list[Node], pilot: Pilot) -> None:
    world, day = World(7, pilot), START // DAY_MS
    for node in {node.model.id: node for node in nodes if node.since <= START}.values():
        told = list(node.readings(START, START + 20 * DAY_MS))
        for number in (day, day + 3, day + 19):
            expected = plain(world, node, number)
            same = [r.values for r in told if r.time // DAY_MS == number]
            assert {name: [values[name] for values in same] for name in expected} == expected
        assert node.episodes(START, START + 100 * DAY_MS) == []
        assert node.sensors.bias == {}


@pytest.mark.parametrize("level", LEVEL_NAMES)
def test_history_is_the_same_however_it_is_cut(pilot: Pilot, level: str) -> None:
    stop = START + 20 * DAY_MS
    for node, again in list(zip(fleet(7, pilot, level=level), fleet(7, pilot, level=level), strict=True))[
        :12
    ]:
        whole = list(node.deliveries(START, stop))
        cuts = [START, START + 1, START + 5 * DAY_MS + 7, START + 6 * DAY_MS, stop]
        pieces = [m for low, high in itertools.pairwise(cuts) for m in again.deliveries(low, high)]
        assert pieces == whole
        assert [m.reading for m in whole] == list(again.readings(START, stop))


def test_a_bias_is_whole_steps_and_stays(pilot: Pilot) -> None:
    ideal, real = (fleet(7, pilot, level=level) for level in ("none", "harsh"))
    biased = 0
    for one, other in zip(ideal[:12], real[:12], strict=True):
        healthy, delivered = (node.sensors.healthy(START, START + DAY_MS) for node in (one, other))
        for name in one.model.signals:
            signal, column = SIGNALS[name], delivered.values[name]
            apart = np.unique(np.round(column - healthy.values[name], signal.decimals))
            inside = signal.low < column.min() and column.max() < signal.high
            if name in other.sensors.bias and inside:
                assert apart.tolist() == [pytest.approx(other.sensors.bias[name])]
                biased += 1
            elif name not in other.sensors.bias:
                assert apart.tolist() == [0]
    assert biased > 10


def test_a_node_that_begins_with_the_world(pilot: Pilot) -> None:
    data = pilot.model_dump()
    data["communities"][0]["joined"] = "2020-01-01"
    node = fleet(1, Pilot.model_validate(data), level="harsh")[0]
    assert node.since == ANCHOR
    assert len(list(node.deliveries(node.since - DAY_MS, node.since + DAY_MS))) > 100
