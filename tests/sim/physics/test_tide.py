"""The tide at the mouth compared with two programs that are not ours, and its way up the river."""

from datetime import UTC, datetime

import numpy as np
import pytest

from devices.clock import DAY_MS, HOUR_MS
from sim.physics.moment import ANCHOR, Moment
from sim.physics.tide import CARRIERS, CONSTITUENTS, tide, wave
from sim.physics.water import Water
from sim.physics.weather import Weather

DAYS = 12 * 366
MOUTH = tide(DAYS, 0.0)
HONG_NGU = 183.0  # km


def level(at):
    return wave(at, MOUTH.once, CARRIERS[0]) + wave(at, MOUTH.twice, CARRIERS[1]) + at.between(MOUTH.season)


# npm @neaps/tide-predictor 0.11.0 (its nodal corrections after the IHO) with the constants of
# `CONSTITUENTS`: mm at each second hour of a day, UTC.
NEAPS = (
    ("2021-01-10", "-1004 17 866 994 555 199 405 984 1240 649 -574 -1585"),
    ("2021-10-10", "-580 -1659 -1562 -368 922 1315 713 -78 -184 482 1145 949"),
    ("2024-04-10", "-543 -940 -207 863 1110 151 -1227 -1786 -997 465 1363 1046"),
    ("2024-07-10", "648 151 -52 219 523 281 -597 -1548 -1829 -1189 -100 657"),
    ("2027-01-10", "-1193 -1766 -1264 -51 995 1251 846 445 541 952 1026 333"),
    ("2027-10-10", "268 203 -28 -452 -839 -862 -397 318 838 872 518 155"),
    ("2030-04-10", "487 459 373 465 666 674 270 -434 -1044 -1189 -806 -170"),
    ("2030-07-10", "642 672 13 -920 -1463 -1257 -531 119 261 -16 -237 -29"),
)


def test_the_mouth_is_that_of_neaps():
    off = []
    for day, millimetres in NEAPS:
        start = int(datetime.fromisoformat(f"{day}T00:00+00:00").timestamp() * 1000)
        off.append(
            level(Moment(start + np.arange(0, 24, 2) * HOUR_MS)) - np.array(millimetres.split(), float) / 1000
        )
    assert np.sqrt(np.mean(np.square(off))) < 0.02  # m; 0.05 would do
    assert np.abs(off).max() < 0.06


# PyPI utide 0.4.0: reconstruct() with the same constants, nodal corrections of the middle of the year around,
# at latitude 10.34; mm at each second hour of a day, UTC. Without SA, whose phase UTide counts
# from the sun's perigee.
UTIDE = (
    ("2022-02-15", "-1733 -1299 -218 753 1033 692 312 364 720 787 134 -989"),
    ("2024-08-20", "68 44 699 1238 835 -497 -1811 -2047 -1000 471 1218 836"),
    ("2026-05-05", "537 272 487 946 1000 271 -912 -1743 -1632 -712 306 782"),
    ("2029-11-11", "-277 -1494 -1974 -1373 -164 792 984 613 299 429 791 812"),
)


def test_the_waves_are_those_of_utide():
    for day, millimetres in UTIDE:
        start = int(datetime.fromisoformat(f"{day}T00:00+00:00").timestamp() * 1000)
        at = Moment(start + np.arange(0, 24, 2) * HOUR_MS)
        off = level(at) - at.between(MOUTH.season) - np.array(millimetres.split(), float) / 1000
        assert np.sqrt(np.mean(np.square(off))) < 0.05, day  # m


def fitted(times, values):
    """Amplitude of each constituent in a series, by least squares."""
    names = [name for name, one in CONSTITUENTS.items() if one.species]
    at = times / DAY_MS
    columns = []
    for name in names:
        one = CONSTITUENTS[name]
        # degrees a day: Pugh 1987, Table 4:1
        speed = 360 * one.species + 13.1763965 * one.s + 0.9856473 * one.h + 0.1114041 * one.p
        columns += [np.cos(np.radians(speed * at % 360)), np.sin(np.radians(speed * at % 360))]
    columns.append(np.ones(len(times)))
    solved = np.linalg.lstsq(np.stack(columns, axis=1), values, rcond=None)[0]
    return {name: np.hypot(*solved[2 * i : 2 * i + 2]) for i, name in enumerate(names)}


def test_a_year_holds_the_constants():
    hours = ANCHOR + 5 * 365 * DAY_MS + np.arange(365 * 24) * HOUR_MS
    found = fitted(hours, level(Moment(hours)))
    for name, height in found.items():
        one = CONSTITUENTS[name]
        assert height == pytest.approx(one.amplitude, rel=0.05 + abs(one.swell) + abs(one.usual - 1)), name


def test_springs_come_a_day_or_two_after_the_moon():
    """Highest ranges against the new and full moons of 2024, days in UTC."""
    moons = (
        "01-11", "01-25", "02-09", "02-24", "03-10", "03-25", "04-08", "04-23", "05-08", "05-23", "06-06",
        "06-22", "07-05", "07-21", "08-04", "08-19", "09-03", "09-18", "10-02", "10-17", "11-01", "11-15",
    )  # fmt: skip
    hours = ANCHOR + np.arange(DAYS * 24 - 48) * HOUR_MS
    at = Moment(hours)
    # semidiurnal only, since K1 and O1 have spring tides of their own
    daily = np.ptp(wave(at, MOUTH.twice, CARRIERS[1]).reshape(-1, 24), axis=1)
    late = []
    for moon in moons:
        day = int(datetime.fromisoformat(f"2024-{moon}T12:00+00:00").timestamp() * 1000 - ANCHOR) // DAY_MS
        near = daily[day - 4 : day + 8]
        late.append(near.argmax() - 4)
    assert 1 <= np.mean(late) <= 2  # FACTS: 1.4 days
    assert min(late) >= 0


def test_the_sea_stands_highest_in_december():
    day = np.arange(366, 366 + 3652)
    of_year = [datetime.fromtimestamp((ANCHOR + int(d) * DAY_MS) / 1000, UTC).month for d in day]
    months = [MOUTH.season[day][np.array(of_year) == month].mean() for month in range(1, 13)]
    assert np.argmax(months) in (10, 11)
    assert np.argmin(months) in (5, 6)
    assert max(months) - min(months) == pytest.approx(0.46, abs=0.05)  # m, FACTS


def test_the_wave_fades_up_the_river_and_with_its_discharge():
    """Thirty seeds of ten years at Hồng Ngự."""
    months = {"May": 120, "October": 273}
    shares = {month: [] for month in months}
    for month, first in months.items():
        spans = [
            ANCHOR + (int(year * 365.25) + first) * DAY_MS + np.arange(29 * 24) * HOUR_MS
            for year in range(1, 11)
        ]
        at = [Moment(hours) for hours in spans]
        sea = [wave(one, MOUTH.once, CARRIERS[0]) + wave(one, MOUTH.twice, CARRIERS[1]) for one in at]
        for seed in range(1, 31):
            water = Water(Weather(seed, "up", 10.81, 105.34, DAYS - 3), kilometres=HONG_NGU)
            shares[month].append([
                lunar(hours, water.tide(one)) / lunar(hours, outside)
                for hours, one, outside in zip(spans, at, sea, strict=True)
            ])  # fmt: skip
    may, october = np.array(shares["May"]), np.array(shares["October"])
    assert may.mean() == pytest.approx(0.5, abs=0.05)  # Uehara 2017, at Tân Châu: half
    assert np.abs(may.mean(axis=1) - 0.5).max() < 0.1  # each seed
    assert october.mean(axis=1).max() < 0.15  # Uehara 2017: under a tenth
    assert october.max() < 0.3


def lunar(hours, values):
    """The part with two cycles a lunar day, M2 and its neighbours, in a month."""
    angle = 2 * np.pi * (hours / HOUR_MS / 12.4206 % 1)
    return np.abs(np.mean((values - values.mean()) * np.exp(-1j * angle)))


def test_every_constituent_travels_alike():
    """Where nothing fades, the water at a place is that of the sea some hours before."""
    late = tide(DAYS, 6.0)
    at = Moment(ANCHOR + 2000 * DAY_MS + np.arange(1000) * HOUR_MS)
    there = wave(at, late.once, CARRIERS[0]) + wave(at, late.twice, CARRIERS[1]) + at.between(late.season)
    np.testing.assert_allclose(there, level(at.ago(6)), atol=0.03)
