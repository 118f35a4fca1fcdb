"""A node gives the same readings whether asked for a month at once, a tick at a time, or in shards."""

import itertools
from datetime import UTC, datetime

import pytest

from devices.clock import DAY_MS
from devices.pilots.pilot import Pilot
from sim.nodes.faults import LEVELS, NONE
from sim.nodes.node import Node
from sim.physics.moment import ANCHOR
from sim.run import fleet, history, pieces

START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)


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
            for node, rs in history(pieces(fleet(3, pilot, shard), START, START + DAY_MS // 4))
        }

    parts = [told((i, 3)) for i in (1, 2, 3)]
    assert parts[0] | parts[1] | parts[2] == told((1, 1))
    assert sum(map(len, parts)) == len(fleet(3, pilot))


def test_a_node_is_silent_before_its_place_joined(nodes: list[Node]) -> None:
    late = [node for node in nodes if node.since > START]
    assert late, "the pilot has places that join later"
    for node in late[:5]:
        assert list(node.readings(START, START + DAY_MS)) == []
        first = next(iter(node.readings(node.since - DAY_MS, node.since + DAY_MS)))
        assert first.time >= node.since
        assert node.ticks.after(START) == first.time


def test_another_seed_is_another_world(pilot: Pilot, nodes: list[Node]) -> None:
    other = fleet(8, pilot)[0]
    mine, theirs = (list(n.readings(START, START + DAY_MS)) for n in (nodes[0], other))
    assert [r.values for r in mine] != [r.values for r in theirs]


@pytest.mark.parametrize("level", [NONE, *LEVELS])
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


def test_a_node_that_begins_with_the_world(pilot: Pilot) -> None:
    data = pilot.model_dump()
    data["communities"][0]["joined"] = "2020-01-01"
    node = fleet(1, Pilot.model_validate(data), level="harsh")[0]
    assert node.since == ANCHOR
    assert len(list(node.deliveries(node.since - DAY_MS, node.since + DAY_MS))) > 100
