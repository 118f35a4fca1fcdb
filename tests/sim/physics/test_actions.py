"""Actuators change the world from the start of their action on, and never before."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import Pilot, load
from sim.physics.actions import ACTUATORS, Action, Actions, Runs, commanded, overlay, spread, through, within
from sim.physics.world import World

INLAND = load("dong-thap")
PLACE, POND = "thuan-tan", "ca-tra-hong-ngu"
MARCH = int(datetime(2022, 3, 1, tzinfo=UTC).timestamp() * 1000) - 7 * HOUR_MS
TIMES = MARCH + np.arange(20 * 144, dtype=np.int64) * 600_000
NOON = MARCH + 5 * DAY_MS + 12 * HOUR_MS
CHANGED = {  # actuator → where it acts and which signal shows it
    "pump": (PLACE, ("pump_state", "energy", "soil_moisture", "soil_ec", "valve_state")),
    "valve": (PLACE, ("valve_state",)),
    "aerator": (POND, ("aerator_state", "dissolved_oxygen")),
    "sluice": ("coast", ("salinity", "water_ec")),
}


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    """The pilot with one more place, near Gò Công: 40 km from the sea."""
    plain = INLAND.model_dump()
    coast = plain["communities"][0] | {"id": "coast", "lat": 10.33, "lon": 106.44, "products": ()}
    return Pilot.model_validate(plain | {"communities": (*plain["communities"], coast)})


def ask(world, place, name, plot=1, times=TIMES):
    model = "canal-gauge" if place == "coast" else None
    return world.signal(place, plot, name, times, 600, model)


def worlds(pilot, *actions):
    return World(1, pilot), World(1, pilot, Actions(actions))


@pytest.mark.parametrize("actuator", ACTUATORS)
def test_an_action_changes_nothing_earlier_nor_elsewhere(pilot, actuator):
    place, names = CHANGED[actuator]
    untold, acted = worlds(
        pilot, Action(place, 1, actuator, 0 if actuator == "sluice" else 1, NOON, NOON + 3 * HOUR_MS)
    )
    for name in names:
        before, after = ask(untold, place, name), ask(acted, place, name)
        np.testing.assert_array_equal(after[TIMES < NOON], before[TIMES < NOON])
        assert not np.array_equal(after, before), name
        if actuator != "sluice":
            np.testing.assert_array_equal(ask(acted, place, name, 2), ask(untold, place, name, 2))
        np.testing.assert_array_equal(ask(acted, "canh-tan", name), ask(untold, "canh-tan", name))
    np.testing.assert_array_equal(ask(acted, place, "air_temperature"), ask(untold, place, "air_temperature"))


def test_a_pump_wets_its_plot_which_dries_again(pilot):
    hours = 2
    untold, acted = worlds(pilot, Action(PLACE, 1, "pump", 1, NOON, NOON + hours * HOUR_MS))
    more = ask(acted, PLACE, "soil_moisture") - ask(untold, PLACE, "soil_moisture")
    at = (NOON - MARCH) // 600_000
    assert more[at] == 0
    assert (np.diff(more[at : at + 12]) > 0).all()
    assert more[at + 12] == pytest.approx(
        100 * 15 * hours / 600, abs=0.1
    )  # 15 mm an hour into 600 mm of roots
    assert more[-1] < 0.5 * more[at + 12]  # two weeks later
    pump, energy = ask(acted, PLACE, "pump_state"), ask(acted, PLACE, "energy")
    assert pump[at : at + 12].min() == 1
    assert energy[at + 12] - energy[at] == pytest.approx(1.5 * hours)  # kW


def test_a_pump_told_to_rest_leaves_the_soil_dry(pilot):
    untold, acted = worlds(pilot, Action(PLACE, 1, "pump", 0, MARCH, MARCH + 20 * DAY_MS))
    assert ask(untold, PLACE, "pump_state").max() == 1
    assert ask(acted, PLACE, "pump_state").max() == 0
    dry, wet = ask(acted, PLACE, "soil_moisture"), ask(untold, PLACE, "soil_moisture")
    assert dry[-1] < wet[-1] - 1  # %


def test_a_shut_valve_keeps_the_water_of_the_pump(pilot):
    shut = Action(PLACE, 1, "valve", 0, NOON - HOUR_MS, NOON + 4 * HOUR_MS)
    pumped = Action(PLACE, 1, "pump", 1, NOON, NOON + 2 * HOUR_MS)
    _, only_shut = worlds(pilot, shut)
    _, both = worlds(pilot, shut, pumped)
    np.testing.assert_array_equal(ask(both, PLACE, "soil_moisture"), ask(only_shut, PLACE, "soil_moisture"))
    at = (NOON - MARCH) // 600_000
    assert ask(both, PLACE, "pump_state")[at] == 1
    assert ask(both, PLACE, "valve_state")[at] == 0


def test_an_aerator_raises_oxygen_while_it_runs_and_shortly_after(pilot):
    start = MARCH + 5 * DAY_MS + 1 * HOUR_MS  # at night oxygen is below saturation
    untold, acted = worlds(pilot, Action(POND, 1, "aerator", 1, start + 7 * 60_000, start + 5 * HOUR_MS))
    more = ask(acted, POND, "dissolved_oxygen") - ask(untold, POND, "dissolved_oxygen")
    at = (start - MARCH) // 600_000
    assert (more[: at + 1] == 0).all()
    assert (more[at + 1 : at + 36] > 0).all()  # an hour after its end
    assert more[at + 30] > 0.5  # mg/L
    assert np.abs(more[at + 30 + 4 * 144 :]).max() < 0.1  # four days later
    state = ask(acted, POND, "aerator_state")
    assert state[at] == 0
    assert state[at + 1 : at + 30].min() == 1


def test_a_closed_sluice_keeps_the_canal_fresh(pilot):
    untold, acted = worlds(pilot, Action("coast", 1, "sluice", 0, NOON, NOON + 10 * DAY_MS))
    closed = (TIMES > NOON + 3 * DAY_MS) & (TIMES < NOON + 10 * DAY_MS)
    assert ask(untold, "coast", "salinity")[closed].mean() > 0.69  # g/L; FACTS: a sluice was closed at 0.69
    assert (
        ask(acted, "coast", "salinity")[closed].mean() < 0.4 * ask(untold, "coast", "salinity")[closed].mean()
    )
    assert ask(acted, "coast", "valve_state")[closed].max() == 0
    assert ask(untold, "coast", "valve_state").min() == 1
    later = NOON + 13 * DAY_MS
    np.testing.assert_allclose(
        ask(acted, "coast", "salinity")[later < TIMES],
        ask(untold, "coast", "salinity")[later < TIMES],
        atol=0.01,
    )


def test_a_world_sees_what_is_added_later(pilot):
    log = Actions()
    world = World(1, pilot, log)
    before = ask(world, PLACE, "pump_state")
    log.add(Action(PLACE, 1, "pump", 1, NOON, NOON + HOUR_MS))
    after = ask(world, PLACE, "pump_state")
    hour = (TIMES >= NOON) & (TIMES < NOON + HOUR_MS)
    assert (before[hour].sum(), after[hour].sum()) == (0, 6)
    np.testing.assert_array_equal(after, ask(World(1, pilot, log), PLACE, "pump_state"))


def test_actions_beyond_the_horizon_and_before_the_world(pilot):
    log = Actions(
        Action(place, 1, actuator, 1, start, start + DAY_MS)
        for actuator, (place, _) in CHANGED.items()
        for start in (0, MARCH + 40 * 366 * DAY_MS)
    )
    for place, names in CHANGED.values():
        for name in names:
            np.testing.assert_array_equal(
                ask(World(1, pilot, log), place, name), ask(World(1, pilot), place, name)
            )


_STEPS = st.integers(0, 40)
_RUNS = st.lists(
    st.tuples(_STEPS, _STEPS, st.sampled_from([0.0, 0.3, 1.0])).filter(lambda run: run[0] < run[1])
)


@given(runs=_RUNS)
def test_told_the_last_one_rules(runs):
    actions = [Action("p", 1, "valve", value, start, stop) for start, stop, value in runs]
    running = commanded(actions, "valve", 1)
    assert all(one[1] <= two[0] for one, two in pairwise(running))
    for time in range(41):
        ruling = [value for start, stop, value in runs if start <= time < stop]
        there = [value for start, stop, value in running if start <= time < stop]
        assert there == ruling[-1:]


@given(runs=_RUNS, time=_STEPS)
def test_a_course_adds_up(runs, time):
    running = Runs([(a * HOUR_MS, b * HOUR_MS, value) for a, b, value in _apart(runs)])
    hours = np.arange(time) * HOUR_MS
    assert running.total(np.array([time * HOUR_MS]))[0] == pytest.approx(running.at(hours).sum())
    parts = spread([(a * HOUR_MS, b * HOUR_MS, value) for a, b, value in _apart(runs)], 0, 5 * HOUR_MS, 8)
    summed = sum((b - a) / HOUR_MS * value for cut in parts.values() for a, b, value in cut)
    assert summed == pytest.approx(running.total(np.array([40 * HOUR_MS]))[0])


def _apart(runs):
    apart = []
    for run in runs:
        apart = overlay(apart, [run])
    return apart


def test_runs():
    assert overlay([(0, 10, 1.0)], [(3, 5, 0.0)]) == [(0, 3, 1.0), (3, 5, 0.0), (5, 10, 1.0)]
    assert through([(0, 10, 1.0)], [(3, 5, 0.5)]) == [(0, 3, 1.0), (3, 5, 0.5), (5, 10, 1.0)]
    assert within([(0, 10, 1.0)], 4, 20) == [(4, 10, 1.0)]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (("p", 1, "rocket", 1, 0, 1), "pump, valve, sluice, aerator"),
        (("p", 1, "pump", 2, 0, 1), "between 0"),
        (("p", 1, "pump", float("nan"), 0, 1), "between 0"),
        (("p", 1, "pump", 1, 5, 5), "start must come first"),
    ],
)
def test_actions_that_cannot_be(fields, says):
    with pytest.raises(ValueError, match=says):
        Action(*fields)


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_any_action_leaves_the_past(data, pilot):
    """Two worlds that differ by one more action agree until it starts, whatever actions came before."""
    offsets = st.integers(0, 15 * 144 - 1)
    actions = []
    for _ in range(data.draw(st.integers(1, 6))):
        actuator = data.draw(st.sampled_from(ACTUATORS))
        start = MARCH + data.draw(offsets) * 600_000 + 1
        stop = start + data.draw(st.integers(1, 7 * 24)) * HOUR_MS
        actions.append(
            Action(CHANGED[actuator][0], 1, actuator, data.draw(st.sampled_from([0, 1])), start, stop)
        )
    last = actions[-1]
    fewer, more = (World(1, pilot, Actions(commanded)) for commanded in (actions[:-1], actions))
    place, names = CHANGED[last.actuator]
    for name in names:
        past = last.start >= TIMES
        np.testing.assert_array_equal(ask(more, place, name)[past], ask(fewer, place, name)[past])
