"""Flood season and tide against FACTS section 3."""

from datetime import UTC, datetime

import numpy as np
import pytest

from devices.clock import HOUR_MS
from devices.pilots.pilot import load
from sim.physics.moment import Moment
from sim.physics.river import FARTHEST, FRONT
from sim.physics.water import Water, distance, inland, salt
from sim.physics.weather import Weather
from sim.physics.world import World

PILOT = load("dong-thap")
CAO_LANH = "thuan-tan"
ALARM_I = 1.9  # m at Cao Lãnh, FACTS
DATES = np.arange(np.datetime64("2021-01-01"), np.datetime64("2031-01-01"))
MONTHS = DATES.astype("datetime64[M]").astype(int) % 12
YEARS = DATES.astype("datetime64[Y]").astype(int) + 1970
FIRST = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000) - 7 * HOUR_MS
HOURS = FIRST + np.arange(len(DATES) * 24, dtype=np.int64) * HOUR_MS


@pytest.fixture(scope="module", params=(1, 2, 3))
def decade(request):
    world = World(request.param, PILOT)
    return lambda name, place=CAO_LANH: world.signal(place, 1, name, HOURS, 3600).reshape(-1, 24)


def test_the_flood_season_is_july_to_november(decade):
    months = np.array([decade("water_level")[month == MONTHS].mean() for month in range(12)])
    assert months[7:11].min() > max(months[:6].max(), months[11])
    assert months[6] > months[:6].max()  # July: it rises
    assert months.argmax() in (8, 9)  # September or October


def test_most_years_pass_alarm_one(decade):
    level = decade("water_level").max(axis=1)
    peaks = np.array([level[year == YEARS].max() for year in range(2021, 2031)])
    assert (peaks > ALARM_I).sum() >= 7  # of ten
    assert 2.0 <= peaks.mean() <= 2.45  # 2.24 on 7 October 2024, FACTS
    days = [DATES[year == YEARS][level[year == YEARS].argmax()] for year in range(2021, 2031)]
    months = [int(day.astype("datetime64[M]").astype(int)) % 12 for day in days]
    # September and October; with a spring tide of the winter sea in November too
    assert sum(month in (8, 9) for month in months) >= 7
    assert set(months) <= {7, 8, 9, 10}


def test_the_tide_is_semi_diurnal_and_weaker_in_the_flood(decade):
    level = decade("water_level")
    reach = np.ptp(level, axis=1)
    assert reach[MONTHS == 3].mean() > 1.5 * reach[MONTHS == 9].mean()
    april = level[MONTHS == 3].ravel()
    highs = (april[1:-1] > april[:-2]) & (april[1:-1] >= april[2:])
    assert highs.sum() / (len(april) / 24) == pytest.approx(1.93, abs=0.3)  # 24 h / 12.42 h a day


def test_water_stands_higher_up_the_river(decade):
    assert decade("water_level", "ca-tra-hong-ngu").max() > decade("water_level").max() + 0.5


def test_the_old_province_is_fresh_all_year(decade):
    assert decade("salinity").max() == 0
    assert decade("water_ec").max() < 0.5  # dS/m


def test_canal_water_suits_pangasius(decade):
    heat, ph = decade("water_temperature"), decade("water_ph")
    assert np.quantile(heat, 0.05) >= 25  # FACTS: 25-34 °C
    assert heat.max() <= 34
    assert ph.min() >= 6.4
    assert ph.max() <= 8  # FACTS: pH 7-8; lower when acid soils drain


def test_rain_and_flood_muddy_the_water(decade):
    silt, rain = decade("turbidity").mean(axis=1), decade("rainfall").sum(axis=1)
    assert silt[MONTHS == 9].mean() > 3 * silt[MONTHS == 2].mean()
    assert silt[(MONTHS == 5) & (rain > 20)].mean() > silt[(MONTHS == 5) & (rain == 0)].mean() + 10


def test_the_river_profile_is_that_of_february_2023():
    # FACTS: Tiền river, 4.93 g/L at 42 km from the mouth, 1.4 at 46, 0.16 at 51
    np.testing.assert_allclose(salt(np.array([42.0, 46.0, 51.0]), FRONT), [4.93, 1.4, 0.16], rtol=0.1)
    assert salt(60.0, FARTHEST) == pytest.approx(4, rel=0.02)  # FACTS: the 4 g/L line in March 2020
    assert salt(0.0, FRONT) == pytest.approx(30, abs=0.1)


def test_salt_bites_by_the_sea_and_nowhere_else():
    """A decade of high waters: salt above the level that closed a sluice (FACTS: 0.69 per mille) occurs
    behind Gò Công's sluices in the dry seasons, in bad years at Mỹ Tho, and never upriver.
    """
    world = World(1, PILOT)

    def salty(place):
        return (world.signal(place, 1, "salinity", HOURS, 3600) > 0.69).reshape(-1, 24).any(axis=1)

    gate, town, upriver = (salty(place) for place in ("lua-go-cong-tay", "nhan-my-tho", CAO_LANH))
    assert gate[(MONTHS >= 2) & (MONTHS <= 3)].mean() > 0.25  # March and April
    assert not gate[(MONTHS >= 6) & (MONTHS <= 11)].any()  # rains keep the canals fresh
    years = [town[year == YEARS].sum() for year in range(2021, 2031)]
    assert 0 < np.median(years) < 120  # days
    assert max(years) > 2 * min(years)
    assert not upriver.any()


def gated(seed, km):
    weather = Weather(seed, "gate", 10.36, 106.6, 366 + len(DATES) + 2)
    at = Moment(HOURS)
    outside, inside = (Water(weather, (), km, behind) for behind in (False, True))
    return [water.salinity(at).reshape(-1, 24).mean(axis=1) for water in (outside, inside)], weather


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_projects_sluices_keep_most_of_the_salt_out(seed):
    """Gò Công's canals, 17 km from the sea: brackish all year before the sluices, fresh behind them from
    August to December, and somewhat salty by the end of a dry season, more in a dry year."""
    (outside, inside), weather = gated(seed, 17.0)
    assert outside.min() < 5 < np.median(outside)
    assert np.mean(outside > 4) > 0.6
    assert inside[MONTHS >= 7].max() < 0.69
    assert 0.1 < np.mean(inside > 0.69) < 0.35
    months = [inside[month == MONTHS].mean() for month in range(12)]
    assert np.argmax(months) in (2, 3)  # March or April
    peaks = np.array([inside[year == YEARS].max() for year in range(2021, 2031)])
    assert peaks.max() > 1.5 * peaks.min()
    assert peaks.max() < 5
    level = [Water(weather, (), 17.0, behind).level(Moment(HOURS[:8760])) for behind in (False, True)]
    assert np.ptp(level[1]) < 0.6 * np.ptp(level[0])


def test_a_gated_canal_has_a_sluice_of_its_own_besides():
    weather = Weather(2, "gate", 10.36, 106.6, 800)
    at = Moment(HOURS[60 * 24 : 110 * 24])  # March and half of April
    shut = [(int(at.times[0]), int(at.times[-1]), 0.0)]
    untold, told = (Water(weather, runs, 17.0, True).salinity(at) for runs in ((), shut))
    assert told[-24:].mean() < 0.1 * untold[-24:].mean()


def test_the_plain_of_reeds_lies_off_the_river():
    assert {place.id for place in PILOT.places if inland(place.lat, place.lon) > 0.05} == {
        "sen-thap-muoi", "lang-thap-muoi", "lang-doc-binh-kieu",
    }  # fmt: skip
    assert inland(10.46, 105.63) == 0  # Cao Lãnh, on the bank
    assert inland(10.29, 105.40) == 0  # between Tiền and Hậu
    assert inland(11.05, 106.80) == 0  # Bình Dương, on another river


def test_distances_to_the_mouth():
    old, coast = (
        [p for p in PILOT.places if ("Tiền Giang" in p.commune_old) is here] for here in (False, True)
    )
    assert min(distance(place.lat, place.lon) for place in old) > 90  # km
    assert len(coast) == 4
    assert max(distance(place.lat, place.lon) for place in coast) < 55  # where salt bites, FACTS section 5
    assert distance(10.36, 106.67) < 20  # Gò Công, by the sea
    assert 45 < distance(10.35, 106.36) < 65  # Mỹ Tho, some 50 km up the Tiền river


def test_salt_comes_in_the_dry_season_and_fades_up_the_river():
    """Thirty seeds of ten years."""
    at, far = Moment(HOURS), (20.0, 42.0, 46.0, 51.0, 90.0)
    course = {km: [] for km in far}  # a row a seed: each day's high water, and its mean
    reach = []
    for seed in range(1, 31):
        weather = Weather(seed, "coast", 10.3, 106.4, 366 + len(DATES) + 2)
        for km in far:
            values = Water(weather, kilometres=km).salinity(at).reshape(-1, 24)
            course[km].append((values.max(axis=1), values.mean(axis=1)))
            if km == 42.0:
                reach.append(np.ptp(values, axis=1)[MONTHS == 3].mean())
    for km, published in ((42.0, 4.93), (46.0, 1.4), (51.0, 0.16)):  # FACTS, one year's
        high = np.array(course[km])[:, 0, MONTHS == 1]  # February's high waters
        assert np.quantile(high, 0.25) <= published <= np.quantile(high, 0.75)
    means = np.array([[mean.mean() for _, mean in course[km]] for km in far])
    assert (np.diff(means, axis=0) <= 0).all()
    daily = np.array(course[42.0])[:, 1]
    months = np.array([daily[:, month == MONTHS].mean(axis=1) for month in range(12)])
    assert set(months.argmax(axis=0)) <= {1, 2}  # FACTS section 5: dams have moved the worst to Feb-March
    assert months[7:11].max() < 0.02  # the flood holds it back
    assert means[-1].max() == 0
    assert min(reach) > 1  # g/L: it comes and goes with the tide


def test_salt_conducts():
    weather = Weather(1, "coast", 10.3, 106.4, 800)
    at = Moment(HOURS[: 120 * 24])
    fresh, brackish = (Water(weather, kilometres=km) for km in (200.0, 42.0))
    more = brackish.conductivity(at) - fresh.conductivity(at)
    # FAO-29; a metre of tide adds 0.02 dS/m to either, and their tides differ
    np.testing.assert_allclose(more, brackish.salinity(at) / 0.64, atol=0.05)


def test_a_sluice_holds_salt_back_and_lets_it_in_again():
    weather = Weather(1, "coast", 10.3, 106.4, 800)
    at = Moment(HOURS[: 120 * 24])
    closed, opened, ajar = FIRST + 30 * 24 * HOUR_MS, FIRST + 50 * 24 * HOUR_MS, FIRST + 70 * 24 * HOUR_MS
    runs = [(closed, opened, 0.0), (ajar, ajar + 20 * 24 * HOUR_MS, 0.2)]
    river, canal = (Water(weather, told, 42.0).salinity(at) for told in ((), runs))
    hour = np.arange(len(at.times)) / 24  # days
    np.testing.assert_array_equal(canal[hour <= 30], river[hour <= 30])
    assert canal[(hour > 45) & (hour < 50)].mean() < 0.05 * river[(hour > 45) & (hour < 50)].mean()
    np.testing.assert_allclose(canal[(hour > 53) & (hour < 70)], river[(hour > 53) & (hour < 70)], atol=0.01)
    inside = (hour > 75) & (hour < 90)
    assert 0.1 < canal[inside].mean() / river[inside].mean() < 0.3
    assert np.abs(np.diff(canal)).max() <= np.abs(np.diff(river)).max() + 1e-9  # no jumps of its own
    state = Water(weather, runs, 42.0).sluice.opening(at)
    assert set(np.unique(state)) == {0.0, 0.2, 1.0}
