"""The stage and incidents of a scenario become part of its seed; where nothing is staged, nothing changes."""

from datetime import date

import simpy

from devices.clock import DAY_MS, midnight_of
from devices.contract.reading import Device
from devices.pilots.levers import Leaves, YearIs
from devices.pilots.pilot import load
from sim.nodes.faults import GONE
from sim.physics import pacific
from sim.physics.streams import Seed, Stage, stage
from sim.physics.world import World
from sim.run import diaries, fleet, history, pieces
from sim.staging import staged
from sim.storms import departure

PILOT = load("dong-thap")
LEAVES = Leaves(kind="leaves", places=("tam-que",), start=date(2026, 9, 10), stop=date(2026, 9, 20))
FIRST, LAST = (midnight_of(date(2026, 9, day), PILOT.zone) for day in (5, 25))


def days_of(stamps):
    return sorted({(stamp - FIRST) // DAY_MS for stamp in stamps})


def test_a_place_that_leaves_measures_nothing_until_it_is_back():
    who = staged(PILOT, "plan", 1, (), (LEAVES,))
    world = World(who.seed, who.pilot)
    nodes = [
        node
        for node in fleet(who.seed, who.pilot, interval=21_600, world=world, forced=who.incidents)
        if node.device.community in ("tam-que", "thuan-tan")
    ]
    heard = {"tam-que": set(), "thuan-tan": set()}
    for node, readings in history(pieces(nodes, FIRST, LAST)):
        heard[node.device.community] |= {reading.time for reading in readings}
    assert days_of(heard["thuan-tan"]) == list(range(20))
    assert days_of(heard["tam-que"]) == [*range(5), *range(15, 20)]
    assert {one.kind for one in who.incidents} == {GONE}


def test_its_secretary_writes_nothing_either():
    away = Leaves(kind="leaves", places=("tam-que",), start=date(2026, 3, 1), stop=date(2026, 9, 20))
    who, some = staged(PILOT, "plan", 1, (), (away,)), [PILOT.place["tam-que"]]
    first, last = FIRST - 240 * DAY_MS, LAST
    written, usual = (list(diaries(seed, PILOT, first, last, some)) for seed in (who.seed, 1))
    assert 0 < len(written) < len(usual)
    assert set(written) < set(usual)


def test_a_seed_with_a_stage_has_the_same_streams_and_is_another():
    mine, other = Seed(1, Stage()), Seed(1, Stage())
    assert len({mine, mine, other, 1}) == 3
    assert f"{mine}" == "1" and stage(1).years == ()
    pinned = Seed(1, Stage(years=(YearIs(year=2027, pacific=2.0),)))
    usual, changed = pacific.states(1, 12), pacific.states(pinned, 12)
    assert changed[8] == 2.0 and (changed[:8] == usual[:8]).all() and (changed[9:] == usual[9:]).all()
    assert (pacific.states(1, 12) == usual).all()  # cached values of one seed are not used for another


def test_a_run_that_nobody_stops_in_has_a_bare_seed():
    whole = PILOT.model_dump() | {"adopters": None, "records": {}, "alarms": None, "advice": {}}
    alone = type(PILOT).model_validate(whole)
    who = staged(alone, "plan", 7)
    assert type(who.seed) is int and who.incidents == () and who.pilot == alone
    assert isinstance(staged(alone, "drop-out", 7).seed, Seed)


def test_a_stolen_node_loses_its_connection_and_has_it_again():
    told = []

    class Line:
        def cut(self, devices):
            told.append(("cut", env.now, *devices))

        def restore(self, devices):
            told.append(("restore", env.now, *devices))

    env, one = simpy.Environment(initial_time=100), Device("p", "c", "d", "soil-probe", simulated=True)
    env.process(departure(env, one, 150, 400, Line()))
    env.process(departure(env, one, 50, 300, Line()))
    env.run()  # like Links, the device counts both reasons, and is back at 400
    assert [line[:2] for line in told] == [("cut", 100), ("cut", 150), ("restore", 300), ("restore", 400)]
