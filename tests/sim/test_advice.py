"""The pilot's rules of advice and its alarms over ten simulated years: each fires, none most of the time.

Rules are applied to true values, hour by hour, over the devices that would measure them; the gateway's own
reading of a rule is tested in tests/gateway/control. Alarms about the system itself (a silent device, low
coverage) are not part of this world: nodes fail in tests/sim/nodes.
"""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from devices.clock import DAY_MS, HOUR_MS
from devices.contract.models import MODELS
from devices.pilots.pilot import load, plot_of
from sim.physics.moment import ANCHOR
from sim.physics.world import World

PILOT = load("dong-thap")
TIMES = ANCHOR + 366 * DAY_MS + np.arange(3652 * 24) * HOUR_MS
OVER = {"mean": np.mean, "low": np.min, "high": np.max, "sum": np.mean}
LAST = {"mean": np.mean, "low": np.min, "high": np.max, "sum": np.sum}


SEEDS = (1, 2, 4)


@pytest.fixture(scope="module", params=SEEDS)
def world(request):
    return World(request.param, PILOT)


@pytest.fixture(scope="module")
def fired(world):
    """Rule → community → an array of hours, true where the rule holds."""
    found = {rule.id: {} for rule in PILOT.advice.rules}
    for place in PILOT.communities:
        for rule in PILOT.advice.rules:
            if {product.crop for product in place.products} & set(rule.crops):
                held = hours(world, place, rule.when[0])
                if held is not None:
                    found[rule.id][place.id] = held
        world.forget()  # ten years of a place's plots, 40 MB, are asked for once
    return found


def hours(world, place, condition):
    models = [model for model in place.fleet if condition.signal in MODELS[model].signals]
    if not models:
        return None
    plots = {plot_of(number) for model in models for number in range(1, place.fleet[model] + 1)}
    rows = [world.signal(place.id, plot, condition.signal, TIMES, 3600, models[0]) for plot in sorted(plots)]
    row = OVER[condition.of](rows, axis=0)
    values = LAST[condition.of](sliding_window_view(row, int(condition.hours)), axis=1)
    levels = PILOT.alarms.of(condition.signal, place.id)
    return np.array([condition.holds(value, levels) for value in values])


def test_each_rule_fires_sometimes_and_none_most_of_the_time(fired):
    assert all(len(rule.when) == 1 for rule in PILOT.advice.rules)  # `hours` reads one condition
    shares = {rule: np.mean([held.mean() for held in places.values()]) for rule, places in fired.items()}
    assert {rule: share for rule, share in shares.items() if not 0 < share < 0.1} == {}


@pytest.fixture(scope="module")
def reached():
    """(signal, gauge, level) → seed → place → share of the hours beyond the level."""
    found = {}
    for seed in SEEDS:
        world = World(seed, PILOT)
        for place in PILOT.places:
            for level in PILOT.alarms.levels:
                models = [model for model in place.fleet if level.signal in MODELS[model].signals]
                if not models or PILOT.alarms.of(level.signal, place.id) is not level:
                    continue
                values = world.signal(place.id, 1, level.signal, TIMES, 3600, models[0])
                for name, at in level.named():
                    beyond = values > at if level.when == "over" else values < at
                    row = found.setdefault((level.signal, level.gauge, name), {}).setdefault(seed, {})
                    row[place.id] = float(beyond.mean())
            world.forget()
    return found


def test_each_alarm_is_raised_sometimes_and_none_most_of_the_time(reached):
    """Thirty years together: a level III occurs once in a few years."""
    assert len(reached) == 15
    shares = {
        alarm: np.mean([np.mean(list(places.values())) for places in seeds.values()])
        for alarm, seeds in reached.items()
    }
    assert {alarm: share for alarm, share in shares.items() if not 0 < share < 0.1} == {}


def test_no_place_is_in_alarm_all_the_time(reached):
    """Also not by the sea, where the dry season's salt lasts for months."""
    most = {place: share for seeds in reached.values() for places in seeds.values() for place, share in
            places.items() if share > 0.33}  # fmt: skip
    assert most == {}
    coast = [reached["salinity", "", "I"][seed]["lang-go-cong"] for seed in SEEDS]
    assert 0.05 < np.mean(coast) < 0.3  # two to three months of a year
    third = [reached["salinity", "", "III"][seed]["lang-go-cong"] for seed in SEEDS]
    assert np.mean(third) < 0.01


def test_a_sluice_is_to_be_closed_at_the_coast_alone(fired):
    """One year in ten is like 2020; test_pacific.py tests the salt of its February and March."""
    places = {place for place, held in fired["close-sluice"].items() if held.any()}
    assert places == {"lua-go-cong-tay", "nhan-my-tho"}


def test_a_dry_plot_is_one_that_nobody_saw_to(fired):
    """Rules about water follow the weather: dry soil in the dry season, too wet in the rains."""
    for rule, season in (("irrigate", (11, 12, 1, 2, 3, 4, 5)), ("drain", (5, 6, 7, 8, 9, 10, 11, 12))):
        held = np.sum(list(fired[rule].values()), axis=0)
        month = ((366 + np.arange(len(held)) / 24) % 365.25 // 30.44).astype(int) + 1
        assert held[np.isin(month, season)].sum() > 0.8 * held.sum()
