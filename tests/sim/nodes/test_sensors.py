"""Sensors have noise and bias of their own, in steps of their resolution, whatever else is asked for."""

import hashlib
from datetime import UTC, datetime

import numpy as np
import pytest

from devices.clock import DAY_MS
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot
from sim.nodes.faults import STEADY
from sim.nodes.node import Node
from sim.nodes.sensors import NOISE_SHARE, NOISE_STEPS
from sim.physics.world import World
from sim.run import fleet

START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)


def plain(world: World, node: Node, day: int) -> dict[str, list[float]]:
    """A day of a node, computed as before there were faults: signal → values."""
    times = np.array([day * DAY_MS + tick * 600_000 + node.ticks.phase for tick in range(144)])
    digest = hashlib.sha256(f"7/{node.device.device}/noise".encode()).digest()
    key = np.frombuffer(digest[:16], dtype=np.uint64)
    stream = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, day, 0]))
    values = {}
    for name in node.model.signals:
        signal = SIGNALS[name]
        true = world.signal(node.device.community, node.plot, name, times, 600, node.model.id)
        if name == "rainfall":  # a tipping bucket that is half full at the beginning of the day
            tips = np.diff(np.floor(np.cumsum([signal.resolution / 2, *true]) / signal.resolution))
            values[name] = np.round(tips * signal.resolution, signal.decimals).tolist()
            continue
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
