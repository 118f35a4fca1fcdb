"""A node says the same whether it is asked a month at once, a tick at a time, or in shards."""

from datetime import UTC, datetime

import pytest

from devices.models import MODELS
from devices.payloads import decode
from devices.pilot import Pilot, load
from devices.signals import SIGNALS
from sim.node import DAY_MS, Node
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
        tick, one_by_one = again.next_tick(START - 1), []
        while tick < START + 2 * DAY_MS:
            one_by_one += again.readings(tick, tick + 1)
            tick = again.next_tick(tick)
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
            told = decode(node.payload(reading))
            assert (told.time, told.seq, told.boot, told.values) == (
                reading.time, reading.seq, node.boot, reading.values,
            )  # fmt: skip


def test_a_node_is_silent_before_its_place_joined(nodes: list[Node], pilot: Pilot) -> None:
    late = [node for node in nodes if node.since > START]
    assert late, "the pilot has places that join later"
    for node in late[:5]:
        assert list(node.readings(START, START + DAY_MS)) == []
        first = next(iter(node.readings(node.since - DAY_MS, node.since + DAY_MS)))
        assert first.time >= node.since
        assert node.next_tick(START) == first.time


def test_nodes_do_not_report_all_at_once(nodes: list[Node]) -> None:
    phases = {node.phase for node in nodes}
    assert len(phases) == len(nodes)


def test_another_seed_is_another_world(pilot: Pilot, nodes: list[Node]) -> None:
    other = fleet(8, pilot)[0]
    mine, theirs = (list(n.readings(START, START + DAY_MS)) for n in (nodes[0], other))
    assert [r.values for r in mine] != [r.values for r in theirs]
