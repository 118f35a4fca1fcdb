"""Crops of thirty seeds, some years each, against FACTS section 5 and the requirements of issue 19.

Each seed's diaries are those of one community per crop; tests/sim/test_season.py has all communities of one
seed.
"""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from devices.clock import DAY_MS
from devices.contract.diary import Harvest, Input, Irrigation, Planting
from devices.pilots.calendar import tet
from devices.pilots.pilot import load
from sim.physics.growing import FIRST_DAY
from sim.physics.moment import ANCHOR
from sim.physics.world import World
from sim.season import diary

SEEDS = range(1, 31)
PILOT = load("dong-thap")
START = int(datetime(2020, 12, 31, 17, tzinfo=UTC).timestamp() * 1000)
YEARS = 4
STOP = START + YEARS * 365 * DAY_MS
GROWERS = {
    crop: next(c for c in PILOT.communities if c.products[0].crop == crop).model_copy(
        update={"joined": date(2020, 1, 1)}
    )
    for crop in ("rice", "mango", "mandarin", "flowers", "pangasius")
}


class Diary:
    """The diary of a community under a seed; days are counted from the anchor."""

    def __init__(self, world, seed, community):
        self.community, self.events = community, diary(seed, PILOT, community, START, STOP, world)
        self.land = world.land(community.id, STOP)

    def days(self, kind, **fields):
        chosen = (e for e in self.events if isinstance(e, kind) and fields.items() <= dict(e).items())
        return [(event.ts.date() - FIRST_DAY).days for event in chosen]

    @property
    def tonnes(self):
        """(day, t/ha) of each harvest."""
        cut = [event for event in self.events if isinstance(event, Harvest)]
        area = self.community.area_ha * 1000
        return [((event.ts.date() - FIRST_DAY).days, event.quantity_kg / area) for event in cut]


@pytest.fixture(scope="module")
def diaries():
    """Crop → the diary of each seed."""
    found = {crop: [] for crop in GROWERS}
    for seed in SEEDS:
        world = World(seed, PILOT)
        for crop, community in GROWERS.items():
            found[crop].append(Diary(world, seed, community))
    return found


def test_rice_takes_85_to_105_days_and_gives_what_it_gives(diaries):
    """6.3, 5.3-6 and 4.9-5.3 t/ha in winter-spring, summer-autumn and autumn-winter, within a fifth."""
    seasons = {11: [], 12: [], 4: [], 8: []}
    for one in diaries["rice"]:
        sown, given = one.days(Planting), one.tonnes
        assert 11 <= len(sown) <= 13
        for start in sown:
            cut = [(day, tonnes) for day, tonnes in given if start < day < start + 120]
            if cut:
                ((day, tonnes),) = cut
                assert 85 <= day - start <= 105
                seasons[(FIRST_DAY + timedelta(days=start)).month].append(tonnes)
    seasons[11] += seasons.pop(12)
    for month, published in ((11, 6.3), (4, 5.65), (8, 5.1)):
        assert len(seasons[month]) >= 80
        assert np.mean(seasons[month]) == pytest.approx(published, rel=0.1)
        assert np.quantile(seasons[month], 0.02) > 0.75 * published
        assert np.std(seasons[month]) > 0.15  # years differ


@pytest.mark.parametrize(("crop", "most"), [("mandarin", 33), ("flowers", 20)])
def test_it_is_picked_for_tet(diaries, crop, most):
    for one in diaries[crop]:
        picked = [FIRST_DAY + timedelta(days=day) for day in one.days(Harvest)]
        before = [(next(t for y in (d.year, d.year + 1) if (t := tet(y)) >= d) - d).days for d in picked]
        assert len(before) >= 9
        assert np.mean([left <= 30 for left in before]) >= 0.8
        assert max(before) <= most


def test_pangasius_take_six_to_eight_months(diaries):
    """357 to 391 t/ha a crop; a little less where an aerator stood still."""
    crops = []
    for one in diaries["pangasius"]:
        given = one.tonnes
        for start in one.days(Planting):
            caught = [(day, tonnes) for day, tonnes in given if start < day < start + 300]
            if caught:
                assert 180 <= caught[0][0] - start <= 245
                crops.append(sum(tonnes for _, tonnes in caught))
    assert len(crops) >= 110
    assert 340 <= np.mean(crops) <= 391
    assert max(crops) <= 391.5
    assert np.mean(np.array(crops) > 330) > 0.85
    fed = [len(one.days(Input, purpose="feed")) for one in diaries["pangasius"]]
    assert min(fed) >= 20 * YEARS  # once a week while they grow


def test_irrigation_is_written_down_on_pump_days(diaries):
    for crop in ("rice", "mango", "mandarin", "flowers"):
        for one in diaries[crop]:
            watered = set(one.days(Irrigation))
            ran = {(start - ANCHOR) // DAY_MS for start, _, _ in one.land.soil(1).pumped(START, STOP)}
            assert len(watered) > 8
            assert len(watered & ran) > 0.9 * len(watered)
            assert len(watered & ran) > 0.9 * len(ran)


def test_fertiliser_waits_for_dry_days(diaries):
    before_rain = []
    for crop in ("rice", "mango", "mandarin", "flowers"):
        for one in diaries[crop]:
            rain = one.land.weather.rain
            before_rain += [rain[day] + rain[day + 1] > 20 for day in one.days(Input, purpose="fertiliser")]
    assert len(before_rain) > 2000
    assert np.mean(before_rain) < 0.02


def test_sprays_follow_the_trap(diaries):
    times = []
    for one in diaries["rice"]:
        many = one.land.pests.nights > 500
        within = range((START - ANCHOR) // DAY_MS, (STOP - ANCHOR) // DAY_MS)
        sprayed = one.days(Input, purpose="pesticide")
        after = np.mean([many[day - 4 : day].any() for day in sprayed])
        times.append(after / np.mean([many[day - 4 : day].any() for day in within]))
    assert np.mean(times) > 4  # times chance
    assert min(times) > 3
