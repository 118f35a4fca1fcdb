"""The results of the queries on a real InfluxDB (1.6.7 on Debian, and 2.x where one is given), for a few
points whose answers are known.
"""

import time

import pytest

from dashboards.boards import quality, queries, style, trace
from dashboards.boards.alarms import now
from dashboards.boards.alarms import rules as alerts
from dashboards.boards.quality import DAYS
from devices.pilots.pilot import INDICATORS, load
from gateway.control.alarms.rules import rules as alarm_rules
from tests.dashboards.boards.engine import DAY, NOW, Engine, epoch, measured, rows

DUE = {"2025": epoch(2025, 12, 31), "2030": epoch(2030, 12, 31)}


def lines(pilot, communities):
    """A pilot's points as the gateway would write them; the last of `communities` never had a device."""
    for day in range(100):
        at = NOW - day * DAY
        for n, indicator in enumerate(INDICATORS):
            value, target = ((100 - day) / 10 + n, 14) if n < 2 else (0.3, 0.5)
            yield (
                f"kpi,indicator={indicator},pilot={pilot} value={value},target={target},gap={value - target},"
                f"value_real={n},value_simulated=3 {at}"
            )
    for indicator in INDICATORS:
        for (year, at), value in zip(DUE.items(), (7, 14), strict=True):
            yield f"kpi_target,indicator={indicator},pilot={pilot},year={year} value={value} {at}"
    for n, community in enumerate(communities):
        for day in (0, 1, 400):
            at, name = NOW - day * DAY, "Tên cũ" if day else f"Hội quán {n}"
            yield (
                f'community,community={community},pilot={pilot} name="{name}",kind="hoi-quan",lat=10.{n},'
                f'lon=105.{n},joined="2021-06-01",products="Xoài",fictional=false,active=true {at}'
            )
        if community == communities[-1]:
            continue
        for device in ("a", "b"):
            tags = f"community={community},device={community}-{device},pilot={pilot}"
            yield f"device,{tags} coverage=0.1 {NOW - 2 * DAY}"
            yield f"device,{tags} coverage={0.5 if device == 'a' else 1.0} {NOW - DAY}"
            yield f"device,{tags} last_seen={NOW - 60_000}i,online=true {NOW - 60_000}"
        for day in (1, 29, 31):
            yield (
                f"lot,community={community},pilot={pilot},product=mango quantity=120.5,coverage=0.9,"
                f'verified=true,simulated=true,lot="L{day}" {NOW - day * DAY}'
            )


@pytest.fixture(scope="module")
def engine(any_influx):
    started = Engine(any_influx)
    started.write([*lines("dong-thap", ["canh-tan", "tam-que", "moi"]), *lines("quang-tri", ["x", "y"])])
    return started


def test_the_variable_lists_the_pilots(engine):
    found = rows(engine.ask(queries.values("community", "pilot")))
    assert [row["value"] for row in found] == ["dong-thap", "quang-tri"]


def test_a_stat_is_as_of_the_end_of_the_range_and_keeps_its_time(engine):
    query = queries.latest("kpi", ["value"], indicator="iot_communities")
    assert rows(engine.panel(query)) == [{"time": NOW, "value": 10}]
    then = NOW - 50 * DAY + 5
    assert rows(engine.panel(query, start=then - 1000, stop=then)) == [{"time": NOW - 50 * DAY, "value": 5}]


def test_a_line_stays_within_the_range(engine):
    query = queries.trend("kpi", "value", "last", step=queries.DAY, fill="none", indicator="smart_villages")
    found = rows(engine.panel(query))
    assert len(found) == 31
    assert min(row["time"] for row in found) >= NOW - 31 * DAY


def test_dated_targets_of_the_past_and_the_future_are_one_line(engine):
    series = engine.panel(queries.every("kpi_target", "value", indicator="smart_villages"))
    assert len(series) == 1
    assert series[0]["values"] == [[DUE["2025"], 7], [DUE["2030"], 14]]


def test_the_roster_is_the_newest_and_has_the_community_without_a_device(engine):
    found = rows(engine.panel(queries.latest("community", ["name", "active"], by="community")))
    assert {row["community"]: row["name"] for row in found} == {
        "canh-tan": "Hội quán 0",
        "tam-que": "Hội quán 1",
        "moi": "Hội quán 2",
    }


def test_coverage_is_the_mean_of_the_devices_newest(engine):
    found = {row["community"]: row for row in rows(engine.panel(quality.coverage()))}
    assert found.keys() == {"canh-tan", "tam-que"}
    row = found["canh-tan"]
    assert (row["coverage"], row["devices"]) == (75, 2)
    seen = {row["community"]: row["last_seen"] for row in rows(engine.panel(quality.last_seen()))}
    assert seen == {"canh-tan": NOW - 60_000, "tam-que": NOW - 60_000}
    for query in (quality.coverage(), quality.last_seen()):
        assert {row["community"] for row in rows(engine.panel(query, some="(tam-que)"))} == {"tam-que"}


def test_coverage_of_long_ago_is_not_shown_as_todays(engine):
    asked = quality.coverage(), quality.last_seen(), quality.least_covered(9)
    for query in asked:
        assert engine.panel(query, stop=NOW + 40 * DAY) == []


def test_lots_are_those_of_thirty_days_newest_first(engine):
    found = rows(engine.panel(queries.recent("lot", ["lot", "community", "coverage"], DAYS, 10, "coverage")))
    assert sorted({row["lot"] for row in found}) == ["L1", "L29"]
    assert [row["time"] for row in found] == sorted((row["time"] for row in found), reverse=True)
    assert {row["community"] for row in found} == {"canh-tan", "tam-que"}
    assert {row["coverage"] for row in found} == {90}


def test_real_kilograms_are_not_added_to_simulated_ones(any_influx):
    engine = Engine(any_influx)
    engine.write(
        f"lot,pilot=dong-thap,community=canh-tan,product=longan quantity={kilograms},coverage=0.5,"
        f'verified=true,simulated={simulated},lot="L{back}" {NOW - back * DAY}'
        for back, (kilograms, simulated) in enumerate([(800.0, "false"), (50.0, "true"), (7.0, "true")], 1)
    )
    engine.write(  # the places of the first lot before its day was corrected
        "lot,pilot=dong-thap,community=canh-tan,product=longan quantity=0,coverage=0,verified=false,"
        f'simulated=false,lot="",scans=0i,packages=0i,far_more=false {NOW - back * DAY}'
        for back in (8, 9)
    )
    panels = {panel["id"]: panel for panel in style.plain(trace.board("en").build())["panels"]}
    found = {}
    for target in panels[7]["targets"]:
        (row,) = rows(engine.panel(target["query"]))
        found |= {name: value for name, value in row.items() if name not in ("time", "community")}
    assert found == {
        "lots_real": 1, "weight_real": 800, "lots_simulated": 2, "weight_simulated": 57, "coverage": 50,
    }  # fmt: skip
    counted = [rows(engine.panel(target["query"]))[0] for target in panels[4]["targets"]]
    assert {name: one[name] for one in counted for name in one if name != "time"} == {
        "real": 1, "simulated": 2, "verified": 3,
    }  # fmt: skip
    a_day = [rows(engine.panel(target["query"])) for target in panels[6]["targets"]]
    assert [[row["quantity"] for row in each] for each in a_day] == [[1], [1, 1]]
    covered = rows(engine.panel(panels[8]["targets"][0]["query"]))
    assert {row["coverage"] for row in covered} == {0.5, None}
    assert len(rows(engine.panel(panels[10]["targets"][0]["query"]))) == 3
    assert rows(engine.panel(panels[12]["targets"][0]["query"])) == [], "nobody opened one of them"


def test_of_no_lot_there_are_0(any_influx):
    """The result is the number 0, not a missing one."""
    engine = Engine(any_influx)
    engine.write(
        [f"lot,pilot=dong-thap,community=a,product=p quantity=1,verified=false,simulated=true {NOW}"]
    )
    panels = {panel["id"]: panel for panel in style.plain(trace.board("vi").build())["panels"]}
    found = [rows(engine.panel(target["query"])) for target in panels[4]["targets"]]
    assert {name: row[name] for (row,) in found for name in row if name != "time"} == {
        "real": 0, "simulated": 1, "verified": 0,
    }  # fmt: skip


def test_what_came_out_of_a_split_is_no_harvest_of_the_list(engine):
    part = f'lot,pilot=dong-thap,community=canh-tan,product=mango scans=9i,lot="PART" {NOW - 1000}'
    engine.write([part])
    query = queries.recent("lot", ["lot", "quantity"], DAYS, 10, over_0="quantity")
    assert {row["lot"] for row in rows(engine.panel(query))} == {"L1", "L29"}
    scanned = rows(engine.panel(queries.most("lot", "scans", ["lot"], DAYS, 1, called="lot")))
    assert [row["lot"] for row in scanned] == ["PART"]


def test_the_mean_of_directions_on_a_board_is_that_of_their_vectors(engine):
    """Three hours: around north, around south, around north-west."""
    hours = {0: (350, 10), 1: (170, 180, 190), 2: (300, 330)}
    start = epoch(2026, 11, 20)
    measured(engine, "vane", wind_direction={
        start + hour * 3_600_000 + n * 60_000: float(value)
        for hour, values in hours.items() for n, value in enumerate(values)
    })  # fmt: skip
    query = queries.heading("wind_direction").replace("$__interval", "1h")
    found = rows(engine.panel(query))
    assert {row["device"] for row in found} == {"vane"}
    means = [(row["wind_direction"] + 1e-6) % 360 for row in found]
    assert means == pytest.approx([0, 180, 315], abs=1e-5)


def test_a_meter_s_days_are_what_it_rose_by_and_a_new_meter_counts_nothing(engine):
    days = {0: (100.0, 103.5), 1: (104.0, 109.5), 2: (109.5, 109.5), 3: (0.2, 1.0), 5: (4.0, 6.0)}
    measured(engine, "meter", water_volume={
        epoch(2026, 11, 10 + day, hour): total
        for day, totals in days.items() for hour, total in zip((1, 23), totals, strict=True)
    })  # fmt: skip
    found = rows(engine.panel(queries.used("water_volume")))
    assert [(row["time"], row["water_volume"]) for row in found] == [
        (epoch(2026, 11, 11), 6.0), (epoch(2026, 11, 12), 0.0), (epoch(2026, 11, 15), 5.0),
    ]  # fmt: skip


def test_where_a_device_was_silent_its_line_has_nulls(engine):
    """With a step of an hour: readings at 0, 1 and 5 o'clock."""
    start = epoch(2026, 11, 12)
    measured(engine, "gap", soil_moisture={start + hour * 3_600_000: 30.0 + hour for hour in (0, 1, 5)})
    query = queries.trend("telemetry", "soil_moisture", by="device").replace("$__interval", "1h")
    found = rows(engine.panel(query, start=start, stop=start + 6 * 3_600_000 - 1))
    assert [row["soil_moisture"] for row in found if row["device"] == "gap"] == [30, 31, None, None, None, 35]


def test_the_line_of_an_indicator_says_by_how_much_it_is_ahead(engine):
    at, of = NOW + DAY, "pilot=dong-thap value="
    engine.write(
        [
            f"kpi,indicator=iot_communities,{of}8,target=14,path=8,value_real=1,course=0 {at}",
            f"kpi,indicator=smart_villages,{of}7,target=14,path=8,value_real=0,course=-1 {at}",
            f"kpi_forecast,indicator=iot_communities,pilot=dong-thap value=8,low=8,high=8 {at}",
            f"kpi_forecast,indicator=iot_communities,pilot=dong-thap value=13,low=10,high=14 {DUE['2030']}",
        ]
    )
    found = {}
    for indicator in ("iot_communities", "smart_villages"):
        (found[indicator],) = rows(engine.panel(queries.course(indicator), stop=DUE["2030"]))
    assert found["iot_communities"] == {
        "time": at, "value": 8, "value_real": 1, "target": 14, "path": 8, "course": 0,
    }  # fmt: skip
    assert found["smart_villages"]["course"] == -1
    (likely,) = rows(engine.panel(queries.forecast("iot_communities")))
    assert likely == {"time": DUE["2030"], "forecast": 13, "low": 10, "high": 14}


def test_who_is_next_is_known_at_the_end_of_the_plan_too(engine):
    where = "standing,community=moi,indicator=iot_communities,pilot=dong-thap"
    engine.write(
        [
            f'{where} counted=false,has="1/3",name="M" {NOW - 2 * DAY}',
            f'{where} counted=true,has="-",name="M" {NOW - DAY}',
        ]
    )
    (row,) = rows(engine.panel(queries.standings("indicator", "community"), stop=DUE["2030"]))
    assert (row["community"], row["indicator"], row["counted"], row["has"]) == (
        "moi", "iot_communities", True, "-",
    )  # fmt: skip


def test_advice_is_the_newest_of_each_rule_and_not_what_is_over(engine):
    where = "advice,community=moi,crop=rice,pilot=dong-thap,rule="
    hour = 3_600_000
    engine.write(
        [
            f'{where}drain severity=2i,text="cũ",text_en="old" {NOW - 9 * hour}',
            f'{where}drain severity=2i,text="mới",text_en="new" {NOW - 2 * hour}',
            f'{where}lime severity=1i,text="vôi",text_en="lime" {NOW - 9 * hour}',
            f'{where}lime severity=0i,text="",text_en="" {NOW - hour}',
            f'{where}aerate severity=3i,text="quạt",text_en="aerate" {NOW - 40 * DAY}',
        ]
    )
    found = rows(engine.panel(queries.advice("text", 30)))
    assert found == [
        {"time": NOW - 2 * hour, "severity": 2, "text": "mới", "community": "moi", "crop": "rice",
         "rule": "drain"}
    ]  # fmt: skip


def test_a_place_stands_at_one_level_of_alarm(engine):
    """`d` has no reading within the last three hours; `ca-tra-hong-ngu` has limits of its own."""
    lines = []
    values = {"a": (2.0, 1), "b": (2.1, 1), "c": (2.4, 1), "d": (9.0, 5), "ca-tra-hong-ngu": (2.4, 1)}
    for place, (value, hours) in values.items():
        where = f"community={place},device={place}-1,model=m,pilot=dong-thap,simulated=true"
        lines.append(f"telemetry,{where} water_level={value} {NOW - hours * 3_600_000}")
        lines.append(f"telemetry,{where} water_level=0.5 {NOW - hours * 3_600_000 + 60_000}")
    engine.write(lines)
    alarms, found = load("dong-thap").alarms, {}
    level = alarms.of("water_level", "a")
    for step in range(3):
        query = now.alarmed(level, alarms.elsewhere(level), step, pilot="dong-thap", quantity=7, hours=3)
        for row in rows(engine.panel(query)):
            found[row["community"]] = (row["level"], row["worst"], row["limit"], row["quantity"])
    assert found == {"a": (1, 2, 1.9, 7), "b": (1, 2.1, 1.9, 7), "c": (3, 2.4, 2.3, 7)}


def test_places_on_the_map_by_whether_they_count(any_influx):
    engine = Engine(any_influx)
    engine.write(
        f"standing,pilot=dong-thap,indicator=iot_communities,community={place} "
        f'counted={counted},has="{has}" {NOW}'
        for place, counted, has in (("a", "true", "3/3"), ("b", "false", "1/3"))
    )
    for counted, who in ((True, [("a", "3/3")]), (False, [("b", "1/3")])):
        found = rows(engine.panel(queries.standings_of("iot_communities", counted=counted)))
        assert [(row["community"], row["has"]) for row in found] == who


def test_messages_that_are_tried_again_are_not_taken_for_refused_ones(any_influx):
    engine, today, pilot = Engine(any_influx), int(time.time() * 1000), load("dong-thap")
    for instance, refused in {"a": (500, 500, 2, 5, 1), "b": (1, 31), "c": (7, 7)}.items():
        engine.write(
            f"gateway,instance={instance} quarantined={number}i {today - (50 - 10 * step) * 60_000}"
            for step, number in enumerate(refused)
        )
    (rule,) = (rule for rule in alarm_rules(pilot, "vi") if rule.query == "quarantine")
    (query,) = alerts.queries(rule, pilot)
    assert {row["instance"]: row["sum"] for row in rows(engine.ask(query))} == {"a": 3, "b": 30, "c": 0}
