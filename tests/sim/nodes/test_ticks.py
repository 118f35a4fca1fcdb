"""The grid of times at which a node measures."""

from datetime import UTC, datetime

import numpy as np

from sim.nodes.node import Node
from sim.nodes.ticks import grid

START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)


def test_nodes_do_not_report_all_at_once(nodes: list[Node]) -> None:
    phases = {node.ticks.phase for node in nodes}
    assert len(phases) == len(nodes)


def test_the_grid_begins_with_the_node() -> None:
    ticks = grid(7, "probe-01", 600_000, START)
    assert 0 <= ticks.phase < ticks.interval
    assert ticks.at(START) == ticks.first
    assert ticks.after(0) == ticks.time(ticks.first) >= START
    assert ticks.after(ticks.after(START)) == ticks.time(ticks.first + 1)
    assert ticks.at(ticks.time(ticks.first) + 1) == ticks.first + 1
    assert ticks.numbers(np.array([ticks.time(5), ticks.time(6)])).tolist() == [5, 6]
