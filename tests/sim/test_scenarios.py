"""Every shipped scenario is complete, plays the same again and in shards, and shows what its page says."""

import re
import threading
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from devices.clock import DAY_MS, HOUR_MS, midnight_of
from devices.pilots import scenario
from devices.pilots.levers import YearIs
from devices.pilots.pilot import load
from devices.texts import LANGS
from gateway.indicators.course import path
from sim.adoption import adoption
from sim.commands import played
from sim.nodes.masts import MAST_OUTAGE
from sim.physics.moment import ANCHOR
from sim.physics.river import FOUR_GRAMS, river
from sim.physics.world import World
from sim.rollout import drop_outs, rolled_out
from sim.season import diary
from sim.session import Plan, Session
from sim.staging import staged

PILOT = load("dong-thap")
NAMES = sorted(path.stem for path in scenario.HERE.glob("*.yaml"))
FRESH = World(1, PILOT)  # a seed without a stage


def part(play):
    """The pilot reduced to the places that a scenario names and a few others, which is enough, and quick."""
    others = {"thuan-tan", "tam-que", "tan-binh", "my-dien"}
    named = {place for event in play.events for place in event.places} | others
    some = {kind: [place for place in getattr(PILOT, kind) if place.id in named | {"lang-tan-thuan-tay"}]
            for kind in ("communities", "villages")}  # fmt: skip
    whole = PILOT.model_dump() | some | {"records": {}, "alarms": None, "advice": {}, "adopters": None}
    return type(PILOT).model_validate(whole)


def cast(name):
    """(scenario, what it stages, its world, its hours)."""
    play = scenario.load(name)
    begin, end = play.span(PILOT)
    who = staged(PILOT, play.rollout, play.seed, play.years, play.events)
    return play, who, World(who.seed, who.pilot), np.arange(begin, end, HOUR_MS)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_has_its_page_in_both_languages(name):
    play = scenario.load(name)
    play.require(PILOT)
    said = [play.name, play.happens, *play.watch]
    assert len(said) >= 3
    for lang in LANGS:
        assert all(one.get(lang).strip() for one in said)
    assert play.happens.vi != play.happens.en
    for report in re.findall(
        r"hoiquan report[^):;]*", " ".join(one.get(lang) for one in said for lang in LANGS)
    ):
        assert f"--data data/rehearsals/{name}" in report, "else it is a report of the pilot that runs"


@pytest.mark.parametrize("name", NAMES)
def test_its_end_is_played_the_same_again_live_and_in_shards(name, tmp_path):
    """Its last days, with a reading each six hours: as history, live, and in two shards."""
    play = scenario.load(name).model_copy(update={"interval_minutes": 360})
    pilot = part(play)
    begin, end = play.span(pilot)
    begin = max(begin, end - 2 * DAY_MS)
    base = Plan(1, (1, 1), 0, None, None, 0, None, "-", False)
    whole = replace(played(base, play, pilot), start=end, history_ms=end - begin)

    def lines(**how):
        out = tmp_path / "out"
        Session(replace(whole, out=str(out), **how), pilot, tmp_path, "", None).run(threading.Event())
        return out.read_bytes().splitlines()

    made = lines()
    assert len(made) > 20 and made == lines()
    assert sorted(made) == sorted(line for i in (1, 2) for line in lines(shard=(i, 2)))
    if play.faults == "none":  # otherwise some readings are delayed for longer than the time played
        assert sorted(made) == sorted(lines(start=begin, history_ms=0))


def test_salt_of_2020_is_at_sixty_kilometres_and_closes_sluices_at_the_coast_alone():
    play, who, world, hours = cast("salt-2020")
    days = slice(*((day - date(2020, 1, 1)).days for day in (play.start, play.until)))
    line = river(who.seed, days.stop + 400).front[days] * FOUR_GRAMS  # FACTS: 60 km in March 2020
    assert 58 <= line.max() <= 60.5
    assert line.argmax() > 31  # not before January
    (rule,) = [rule for rule in PILOT.advice.rules if rule.id == "close-sluice"]
    (when,) = rule.when
    last = {}
    for place in PILOT.communities:
        if place.joined < play.until and {product.crop for product in place.products} & set(rule.crops):
            salt = world.signal(place.id, 1, "salinity", hours[-48:], 600)
            last[place.id] = bool((sliding_window_view(salt, int(when.hours)).max(axis=1) > when.above).any())
    assert last.pop("lua-go-cong-tay") and len(last) > 5 and not any(last.values())


def test_salt_behind_a_projects_sluices_rises_for_weeks_without_a_tide_and_spares_the_paddy():
    _, _, world, hours = cast("salt-2020")
    for place in ("lua-go-cong-tay", "lang-go-cong"):
        salt = world.signal(place, 1, "salinity", hours, 600)
        assert np.ptp(salt.reshape(-1, 24), axis=1).max() < 0.05 and salt.max() > 0.69
        half, closed = ((salt > limit).argmax() / 24 for limit in (0.5, 0.69))
        assert 10 < closed - half < 14
    soil, usual = (one.signal("lua-go-cong-tay", 1, "soil_ec", hours, 600).max() for one in (world, FRESH))
    assert usual <= soil < min(3, 1.05 * usual)


def test_flood_of_2011_passes_alarm_three_and_dry_2015_not_even_the_first():
    levels = [row for row in PILOT.alarms.levels if row.signal == "water_level"]
    (chau_doc,) = [row.levels for row in levels if "ca-tra-hong-ngu" in (row.places or ())]
    *_, world, hours = cast("flood-2011")
    water = world.signal("ca-tra-hong-ngu", 1, "water_level", hours, 600)
    assert water.max() > chau_doc[2]
    two = water.reshape(-1, 24).mean(axis=1)
    august, gap, october = two[45:62].max(), two[62:80].min(), two[80:].max()
    assert gap < august - 0.2 and gap < october - 0.5  # two peaks
    *_, world, hours = cast("dry-2015")
    assert world.signal("ca-tra-hong-ngu", 1, "water_level", hours, 600).max() < chau_doc[0]
    rain, usual = (one.signal("tam-que", 1, "rainfall", hours, 3600).sum() for one in (world, FRESH))
    assert rain < 0.75 * usual


def test_dry_2015_ends_before_its_peak_and_irrigates_into_may():
    play, who, world, hours = cast("dry-2015")
    days = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
    first = (days[0] - date(2020, 1, 1)).days
    peak = days[river(who.seed, first + 800).course[first : first + 365].argmax()]
    assert play.until < peak and (peak.month, peak.day // 10) == (10, 2)
    (rule,) = [rule for rule in PILOT.advice.rules if rule.id == "irrigate"]
    may = slice(*((midnight_of(date(2027, month, 1), PILOT.zone) - hours[0]) // HOUR_MS for month in (5, 6)))
    for place in ("tam-que", "canh-tan", "phu-nong"):
        dry, pumped = [], []
        for one in (world, FRESH):
            soil = one.signal(place, 1, "soil_moisture", hours[may], 3600)
            dry.append((soil < rule.when[0].below).sum())
            pumped.append(one.signal(place, 1, "pump_state", hours, 3600).sum())
        assert dry[0] > 24 and not dry[1] and pumped[0] > pumped[1], place


def test_cao_lanh_passes_alarm_three_weeks_before_hong_ngu_and_the_first_a_day_after():
    *_, world, hours = cast("flood-2011")
    passed, ticks = {}, np.arange(hours[0], hours[-1], 600_000)
    for place in ("lang-hong-ngu", "ca-tra-hong-ngu", "lang-tan-thuan-tay"):
        water = world.signal(place, 1, "water_level", ticks, 600)
        limits = PILOT.alarms.of("water_level", place).levels
        passed[place] = [(water > limit).argmax() / 144 for limit in limits]  # days
    here = passed.pop("lang-tan-thuan-tay")
    assert all(0 < here[0] - there[0] < 1.5 and abs(here[1] - there[1]) < 0.5 for there in passed.values())
    assert all(there[2] - here[2] > 21 for there in passed.values())


def test_a_high_flood_and_a_low_one_differ_far_less_at_sa_dec_and_lai_vung():
    *_, world, hours = cast("flood-2011")
    low = World(staged(PILOT, "plan", 1, (YearIs(year=2030, flood_m=2.5),)).seed, PILOT)
    apart = {}
    for place in ("ca-tra-hong-ngu", "hoa-kieng-lai-vung", "lang-tan-phu-dong"):
        highest = [one.signal(place, 1, "water_level", hours, 600).max() for one in (world, low)]
        apart[place] = highest[0] - highest[1]
    assert 0 < 3 * max(apart["hoa-kieng-lai-vung"], apart["lang-tan-phu-dong"]) < apart["ca-tra-hong-ngu"]
    (advised,) = [rule.when[0] for rule in PILOT.advice.rules if rule.id == "high-water"]
    highest = world.signal("hoa-kieng-lai-vung", 1, "water_level", hours, 600).max()
    assert advised.holds(highest, PILOT.alarms.of("water_level", "hoa-kieng-lai-vung"))


def test_hoppers_come_in_thousands_a_day_apart_and_are_sprayed_in_the_end():
    play, who, world, hours = cast("hopper")
    first = set()
    for place in ("tan-binh", "my-dien"):
        long = np.arange(hours[0], hours[0] + 120 * DAY_MS, HOUR_MS)  # the season
        nights, usual = (
            one.signal(place, 1, "pest_count", long, 3600).reshape(-1, 24).sum(axis=1)
            for one in (world, FRESH)
        )
        peak = nights[: len(hours) // 24].argmax()
        assert abs(peak - (date(2027, 1, 22) - play.start).days) <= 1
        assert 7.5 < nights[peak] / usual[peak] < 8
        assert 4.8 < nights[peak] / usual.max() < 5.3
        first.add((nights > 500).argmax())
    assert max(first) - min(first) == 1
    begin, end = play.span(PILOT)
    written = list(diary(who.seed, PILOT, PILOT.place["tan-binh"], begin, end, world))
    seen, spray = written[-2:]
    assert (seen.level, seen.ts.date(), spray.ts.date()) == ("high", date(2027, 1, 23), date(2027, 1, 25))
    assert spray.pre_harvest_days == 14
    spring = midnight_of(date(2027, 4, 1), PILOT.zone)
    crops = [
        [
            event
            for event in diary(seed, PILOT, PILOT.place["tan-binh"], end, spring, one)
            if event.event == "harvest"
        ]
        for seed, one in ((who.seed, world), (1, FRESH))
    ]
    (less,), (more,) = crops
    assert less.quantity_kg < 0.97 * more.quantity_kg and less.ts.date() == date(2027, 3, 7)


def test_fish_have_no_air_in_the_end():
    *_, world, hours = cast("fish-kill")
    air = world.signal("ca-tra-hong-ngu", 1, "dissolved_oxygen", hours, 600, "pond-buoy")
    assert air[-3] < 2 and air[: -3 * 24].min() > 2.5
    last = int((hours[-1] - ANCHOR) // DAY_MS)
    assert world.land("ca-tra-hong-ngu", int(hours[-1])).pond(1).alive(last) < 0.5


def test_a_storm_rains_and_takes_the_nodes_of_four_places():
    _, who, world, hours = cast("storm-3-days")
    rain = world.signal("tam-que", 1, "rainfall", hours, 3600).reshape(-1, 24).sum(axis=1)
    assert (rain[-3:] >= 89).all()
    assert {one.place for one in who.incidents if one.kind == MAST_OUTAGE} == {
        "thuan-tan", "tam-que", "lang-tan-thuan-tay", "tan-binh",
    }  # fmt: skip


def test_stolen_devices_are_silent_until_they_are_replaced(tmp_path):
    play = scenario.load("theft")
    late = play.model_copy(update={"until": date(2026, 11, 8), "interval_minutes": 360})
    begin = midnight_of(date(2026, 10, 13), PILOT.zone)
    heard, out = {}, tmp_path / "out"
    plan = played(Plan(1, (1, 1), 0, None, None, 0, None, str(out), False), late, part(late))
    session = Session(replace(plan, history_ms=plan.start - begin), part(late), tmp_path, "", None)
    session.run(threading.Event())
    for line in out.read_text("utf-8").splitlines():
        if "/telemetry" in line and '"ts":' in line:
            device = line.split("/")[4]
            stamp = int(line.partition('"ts":')[2].partition(",")[0])
            heard.setdefault(device, set()).add((stamp - begin) // DAY_MS)
    assert heard["tam-que-weather-station-01"] == set(range(26))
    assert heard["tam-que-soil-probe-01"] == {0, 1, 23, 24, 25}
    assert heard["thuan-tan-pump-controller-01"] == {0, 1, 23, 24, 25}


def test_a_cut_budget_silences_a_node_after_the_other_and_puts_places_off():
    play, who, *_ = cast("budget-cut")
    cut = play.events[0]
    nodes = {device.device for device in PILOT.fleet.values() if device.model != "diary"}
    broken = {one.device: one for one in who.incidents}
    assert 0.6 < len(broken) / len(nodes) < 0.82  # 1 - 0.9^12 is 0.72
    ends = [one.stop for one in broken.values()]
    assert min(ends) >= midnight_of(cut.stop, PILOT.zone)
    assert max(ends) <= midnight_of(cut.stop + timedelta(days=61), PILOT.zone)
    assert min(one.start for one in broken.values()) > midnight_of(cut.start, PILOT.zone)
    assert not any(cut.start <= place.joined < cut.stop for place in who.pilot.places)
    assert any(cut.start <= place.joined < cut.stop for place in PILOT.places)


@pytest.mark.parametrize(
    ("name", "by_2025", "by_2030"),
    [
        ("decade", (7, 7, 0.15), (16, 16, 0.55)),
        ("decade-on-time", (7, 7, 0.15), (14, 14, 0.5)),
        ("decade-late", (6, 6, 0.14), (13, 13, 0.49)),
        ("drop-out", (6, 7, 0.14), (13, 13, 0.49)),
    ],
)
def test_ten_years_meet_or_miss_their_marks_as_their_pages_say(name, by_2025, by_2030):
    """For each count at each mark: at least so much where the mark is met, at most where it is missed."""
    rollout = scenario.load(name).rollout
    world = rolled_out(PILOT, rollout, 1)
    stops, found = drop_outs(world, rollout, 1), adoption(PILOT, rollout, 1)
    for (year, wanted), rows in zip(
        ((2025, (7, 7, 0.15)), (2030, (14, 14, 0.5))), (by_2025, by_2030), strict=True
    ):
        day = date(year, 12, 31)
        counts = [
            sum(one.joined <= day < stops.get(one.id, date.max) for one in places)
            for places in (world.communities, world.villages)
        ]
        counts.append(len(found.active(day)) / len(PILOT.producers))
        for count, mark, said in zip(counts, wanted, rows, strict=True):
            assert count >= said if said >= mark else count <= said


def test_who_joins_just_in_time_does_so_in_the_months_that_the_page_says():
    world, found = rolled_out(PILOT, "on-time", 1), adoption(PILOT, "on-time", 1)
    later = sum(
        after.joined > before.joined for before, after in zip(PILOT.places, world.places, strict=True)
    )
    assert 0.8 < later / len(PILOT.places) < 1
    seen = timedelta(days=6)  # a community counts after most of a week
    communities, villages = (
        sorted(one.joined for one in places) for places in (world.communities, world.villages)
    )
    months = [(day.year, day.month) for at in (6, 13) for day in (communities[at] + seen, villages[at])]
    assert months == [(2025, 11), (2025, 11), (2030, 2), (2030, 7)]
    for year, mark in ((2025, 0.15), (2030, 0.5)):
        shares = [len(found.active(date(year, month, 1))) / len(PILOT.producers) for month in (5, 9)]
        assert shares[0] < mark < shares[1]
    for kind in ("iot_communities", "smart_villages"):
        places, target = (communities if kind == "iot_communities" else villages), PILOT.target(kind)
        days = [date(2021, 1, 1) + timedelta(days=day) for day in range(0, 3652, 10)]
        below = [sum(joined <= day for joined in places) < path(target, day) for day in days]
        assert sum(below) > 0.75 * len(days)


def test_the_decade_begins_with_one_village_and_eight_places_have_dropped_out_at_its_end():
    joined = [
        sum(one.joined < date(2021, 1, 1) for one in places) for places in (PILOT.communities, PILOT.villages)
    ]
    assert joined == [0, 1]
    stops = drop_outs(PILOT, "drop-out", 1).values()
    assert sum(day <= date(2030, 12, 31) for day in stops) == 8


def test_the_readme_names_every_scenario():
    table = (Path(__file__).parents[2] / "sim" / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in table for name in NAMES)
