"""The loop: live running gives the readings of history, obeys commands between steps, stops at once."""

import json
import threading
import time
from datetime import UTC, datetime

import pytest

from devices.clock import DAY_MS
from devices.pilots.pilot import load
from sim.nodes.control import Control
from sim.nodes.faults import LEVELS, NONE
from sim.physics.actions import Actions
from sim.physics.world import World
from sim.run import QUARTER, Commands, Live, diaries, fleet, history, pieces

WHOLE = load("dong-thap")
PART = {"communities": WHOLE.communities[:3], "villages": WHOLE.villages[:1], "records": {}, "alarms": None,
        "advice": {}}  # fmt: skip
PILOT = type(WHOLE).model_validate(WHOLE.model_dump() | PART)  # a part is enough, and quick
START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)


def test_history_comes_in_pieces_of_a_quarter():
    nodes = fleet(1, PILOT)[:1]
    stop = START + 2 * QUARTER + 5
    quarters = [readings for _, readings in history(pieces(nodes, START, stop))]
    assert len(quarters) == 3
    assert [r for piece in quarters for r in piece] == list(fleet(1, PILOT)[0].readings(START, stop))


@pytest.mark.parametrize("level", [NONE, *LEVELS])
def test_shards_play_the_whole_together(level):
    def played(shard):
        index, count = shard
        told = []
        live = Live(
            5, PILOT, fleet(5, PILOT, shard, level), START,
            lambda device, kind, payload: told.append((device.device, kind, payload)),
            PILOT.communities[index - 1 :: count],
        )  # fmt: skip
        live.run(0, START + DAY_MS // 24, threading.Event())
        return told

    whole = played((1, 1))
    assert sorted(whole) == sorted(line for i in (1, 2, 3, 4) for line in played((i, 4)))
    assert whole == played((1, 1))
    assert len(whole) > 100


def test_diaries_of_some_communities():
    every = list(diaries(1, PILOT, START, START + 20 * DAY_MS))
    some = [list(diaries(1, PILOT, START, START + 20 * DAY_MS, PILOT.communities[i::2])) for i in (0, 1)]
    assert sorted(map(repr, every)) == sorted(map(repr, some[0] + some[1]))
    assert list(diaries(1, PILOT, START, START + 20 * DAY_MS, ())) == []


def test_a_command_is_obeyed_at_the_simulated_moment_it_comes():
    actions, commands, sent = Actions(), Commands(), []
    nodes = [n for n in fleet(1, PILOT, actions=actions) if n.device.community == "thuan-tan"]
    live = Live(
        1, PILOT, nodes, START, lambda device, kind, payload: sent.append((device.device, kind, payload)), (),
        control=(Control(actions, nodes), commands),
    )  # fmt: skip
    until = START + 7_200_000
    order = {"id": "a", "actuator": "pump", "set": 1, "until": until}
    commands.put(("thuan-tan-pump-controller-01", json.dumps(order).encode()))
    live.run(0, START + 3_600_000, threading.Event())
    results = [(device, json.loads(payload)) for device, kind, payload in sent if kind == "result"]
    assert results == [("thuan-tan-pump-controller-01", {"id": "a", "ok": True, "error": None})]
    (action,) = actions.of("thuan-tan")
    assert (action.start, action.stop) == (START, until)
    states = [json.loads(p)["values"]["pump_state"] for d, k, p in sent if "pump" in d and k == "telemetry"]
    assert set(states) == {1}


class Patient:
    """A line that ends the run once nothing more is to be done for now."""

    full = False

    def __init__(self, stop):
        self._stop = stop
        self.busy = 0

    def serve(self, seconds):
        if seconds:
            self._stop.set()
        else:
            self.busy += 1


def test_while_nothing_is_due_the_day_is_measured_and_the_world_forgets():
    world = World(1, PILOT)
    nodes = fleet(1, PILOT, world=world)
    live = Live(1, PILOT, nodes, START, lambda *_: None, PILOT.communities, world=world)
    line = Patient(stop := threading.Event())
    live.run(1.0, None, stop, line)
    assert line.busy >= len(nodes) and not world._lands
    messages = [node.message(node.ticks.after(START)) for node in nodes]
    assert not world._lands  # they had already measured their day
    again = fleet(1, PILOT)
    assert messages == [node.message(node.ticks.after(START)) for node in again]


def test_as_fast_as_possible_nothing_is_forgotten():
    world = World(1, PILOT)
    live = Live(1, PILOT, fleet(1, PILOT, world=world)[:3], START, lambda *_: None, (), world=world)
    live.run(0, START + DAY_MS, threading.Event())
    assert world._lands


def test_a_paced_run_stops_at_once():
    live = Live(1, PILOT, fleet(1, PILOT, level="harsh")[:5], START, lambda *_: None, ())
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    live.run(1.0, None, stop)
    assert time.monotonic() - began < 10  # and not for ever
