"""Fish grow from stocking to harvest and eat accordingly."""

import pytest

from devices.pilots.pilot import load
from sim.physics.farm.stock import KINDS, stock
from sim.physics.growing import crops

PONDS = next(one for one in load("dong-thap").communities if one.id == "ca-tra-hong-ngu")


def test_fish_weigh_and_eat_as_they_do():
    """A crop of FACTS section 5 from 25 g to 850 g: the feed of a day falls from some 5 % of the weight to
    1.5 %, and 1.6 kg of feed make a kilogram of fish.
    """
    crop = next(crops(1, PONDS, PONDS.products[0], 366, 800))
    held = stock(KINDS["pangasius"], [crop], 1200)
    last = crop.picked[0] - 1
    assert held.biomass[last] * 10 == pytest.approx(sum(crop.kg_ha) / 1000, rel=0.03)  # t/ha
    share = held.feed[held.biomass > 0] / held.biomass[held.biomass > 0]
    assert share[0] == pytest.approx(0.05, abs=0.015)
    assert share[last - crop.sown] == pytest.approx(0.015, abs=0.004)
    assert held.feed.sum() * 1e4 == pytest.approx(1.6 * sum(crop.kg_ha), rel=0.1)
    assert held.biomass[: crop.sown].max() == held.biomass[crop.picked[-1] :].max() == 0
    assert held.begins == {crop.sown}
