"""What the pilot's rules of advice would say of ten simulated years: each something, none most of the time.

Rules are held against true values, hour by hour, over the devices that would measure them; the gateway's own
reading of a rule is tested in tests/gateway/control.
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


@pytest.fixture(scope="module", params=[1, 4])
def fired(request):
    """Rule → community → the hours in which it holds, as a row of truths."""
    world = World(request.param, PILOT)
    return {
        rule.id: {
            place.id: held
            for place in PILOT.communities
            if {product.crop for product in place.products} & set(rule.crops)
            and (held := hours(world, place, rule.when[0])) is not None
        }
        for rule in PILOT.advice.rules
    }


def hours(world, place, condition):
    models = [model for model in place.fleet if condition.signal in MODELS[model].signals]
    if not models:
        return None
    plots = {plot_of(number) for model in models for number in range(1, place.fleet[model] + 1)}
    rows = [world.signal(place.id, plot, condition.signal, TIMES, 3600, models[0]) for plot in sorted(plots)]
    row = OVER[condition.of](rows, axis=0)
    values = LAST[condition.of](sliding_window_view(row, int(condition.hours)), axis=1)
    return values < condition.below if condition.below is not None else values > condition.above


def test_each_rule_fires_sometimes_and_none_most_of_the_time(fired):
    assert all(len(rule.when) == 1 for rule in PILOT.advice.rules)  # as `hours` reads them
    shares = {rule: np.mean([held.mean() for held in places.values()]) for rule, places in fired.items()}
    assert {rule: share for rule, share in shares.items() if not 0 < share < 0.1} == {}


def test_a_sluice_is_to_be_closed_at_the_coast_alone(fired):
    """A year in ten is as 2020 was; the salt of its February and March is in test_pacific.py."""
    places = {place for place, held in fired["close-sluice"].items() if held.any()}
    assert places == {"lua-go-cong-tay", "nhan-my-tho"}


def test_a_dry_plot_is_one_that_nobody_saw_to(fired):
    """Rules for water follow weather: dry soil in the dry season, too wet in the rains."""
    for rule, season in (("irrigate", (11, 12, 1, 2, 3, 4, 5)), ("drain", (5, 6, 7, 8, 9, 10, 11, 12))):
        held = np.sum(list(fired[rule].values()), axis=0)
        month = ((366 + np.arange(len(held)) / 24) % 365.25 // 30.44).astype(int) + 1
        assert held[np.isin(month, season)].sum() > 0.8 * held.sum()
