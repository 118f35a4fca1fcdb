"""Every query of every panel on the InfluxDB engine, filled by the gateway from the simulator: no panel is
empty, no query fails with any value of any variable, and none shows another pilot.
"""

import time

import pytest

from dashboards.boards.alarms import rules as alarms
from dashboards.boards.build import BOARDS
from dashboards.boards.frame import MOST
from dashboards.boards.quality import WEAKEST
from devices.contract.reading import Device
from devices.pilots.pilot import load
from gateway.control.advisor import Advisor
from gateway.control.alarms.numbers import Numbers
from gateway.control.alarms.watch import Watch
from gateway.stores.influx import InfluxStore
from gateway.stores.points import HOURLY, Point, device_tags, tags
from tests.dashboards.boards.alarms.grafana import holds
from tests.dashboards.boards.alarms.watched import key
from tests.dashboards.boards.engine import rows
from tests.dashboards.filled import COUNTED, DAY, Board, ask, found, province

PILOT = load("dong-thap")
ALL = {name: Board(name) for name in BOARDS}
FLOODED = 60_000  # ms ago
TARGETS = [
    pytest.param(name, panel, target, id=f"{name}-{panel['id']}{target['refId']}")
    for name, board in ALL.items()
    for panel in board.panels
    for target in panel.get("targets", ())
]


@pytest.fixture(scope="module")
def written(any_influx, mosquitto, tmp_path_factory):
    with province(any_influx, mosquitto, tmp_path_factory.mktemp("filled")) as (bucket, now):
        store = InfluxStore(any_influx.url, any_influx.token, any_influx.org, bucket)
        flood(store, tmp_path_factory.mktemp("advice"), now)
        besides(store, now)
        yield store, bucket, now
        store.close()


@pytest.fixture(scope="module")
def filled(any_influx, written):
    _, bucket, now = written
    return lambda query: ask(any_influx, bucket, query), now


def flood(store, folder, now):
    """The canal rises; the gateway's own advisor gives advice, and its watch raises an alarm."""
    gauge = device_tags(PILOT.fleet["my-dien-canal-gauge-01"])
    store.write([Point("telemetry", gauge, {"water_level": 2.5}, now - FLOODED)])
    advisor = Advisor(store, PILOT, lambda: list(PILOT.fleet.values()), folder, lambda: None, None)
    assert ("my-dien", "high-water") in {(one.community, one.rule) for one in advisor.look(now)}
    Watch(store, PILOT, folder / "alarms").look(now)


def besides(store, now):
    """Add real devices at the place that a board shows first, with signals that no simulated node carries."""
    sky = device_tags(Device("dong-thap", "my-dien", "sky", "weather-station", simulated=False))
    meter = device_tags(Device("dong-thap", "my-dien", "meter", "pump-controller", simulated=False))
    values = {"wind_direction": 225.0, "rain_rate": 12.0, "illuminance": 52_000.0, "noise": 58.0,
              "pm2_5": 38.0, "pm10": 61.0, "battery_level": 64.0}  # fmt: skip
    store.write([Point("telemetry", sky, values, now - 60_000 - hour * 3_600_000) for hour in range(6)])
    for day in range(
        PILOT.rules.iot_communities.window_days + 1
    ):  # the boards show a few days; a rule looks back further
        where = tags(pilot="dong-thap", community="my-dien", device="sky")
        store.write([Point("device", where, {"coverage": 0.5}, now - 60_000 - day * DAY)])
    picked = tags(pilot="dong-thap", community="my-dien", product="rice")
    fields = {"quantity": 900.0, "coverage": 0.5, "verified": True, "simulated": False, "lot": "REAL"}
    store.write([Point("lot", picked, fields, now - 60_000)])
    lacking = {"iot_communities": ("thuan-tan", "2/3"), "smart_villages": ("lang-an-nhon", "water")}
    for indicator, (place, has) in lacking.items():
        of = tags(pilot="dong-thap", indicator=indicator, community=place)
        missing = {"counted": False, "name": PILOT.place[place].name, "has": has}
        store.write([Point("standing", of, missing, now)])  # in the simulated province all of them count
    totals = {now - 60_000 - day * DAY: 90.0 - day for day in range(5)}
    store.write([Point("telemetry", meter, {"water_volume": total}, at) for at, total in totals.items()])


@pytest.mark.parametrize(("name", "panel", "target"), TARGETS)
def test_every_query_brings_rows(filled, name, panel, target):
    engine, now = filled
    query = ALL[name].sent(target["query"], now)
    found = rows(engine(query))
    if (name, panel["id"]) == ("community", 22) and '"worst" > 2.3' not in query:
        return  # only the flood is an alarm there
    assert found, query
    drops_time = any(t["id"] == "filterFieldsByName" for t in panel.get("transformations", ()))
    assert drops_time or all(row["time"] > DAY for row in found), "1970 would be shown"
    if panel["type"] == "stat":
        assert len(found) == 1
    shown = {t["id"]: t for t in panel.get("transformations", ())}.get("organize")
    if shown is not None:  # each column that a table renames exists
        columns = {column for t in panel["targets"] for row in [t["query"]] for column in quoted(row)}
        assert shown["options"]["renameByName"].keys() <= columns | {"Time"}, columns


def quoted(query):
    return set(query.replace("'", '"').split('"')[1::2])


@pytest.mark.parametrize(("name", "panel", "target"), TARGETS)
def test_no_query_shows_another_pilot(filled, name, panel, target):
    engine, now = filled
    if "${pilot:regex}" not in target["query"]:
        assert 'FROM "gateway"' in target["query"], "the gateway's own figures are of no pilot"
        return
    for pilot in ("dong", "quang-tri", r"\.\*"):
        assert engine(ALL[name].sent(target["query"], now, pilot=pilot)) == []


@pytest.mark.parametrize("name", BOARDS)
def test_every_place_and_every_range_can_be_chosen(filled, name):
    engine, now = filled
    (choices,) = (v["query"] for v in ALL[name].data["templating"]["list"] if v["name"] == "community")
    assert {"Mỹ Điền : my-dien", "An Nhơn : lang-an-nhon", "Tâm Quê : tam-que"} <= set(choices.split(", "))
    for panel in ALL[name].panels:
        for target in panel.get("targets", ()):
            for place in ("lang-an-nhon", ".*"):
                for days, step in ((1, "1h"), (3650, "7d")):  # the step that Grafana uses for so many days
                    engine(ALL[name].sent(target["query"], now, days, step, community=place))


@pytest.mark.parametrize("name", BOARDS)
def test_variables_list_what_there_is(filled, name):
    engine, now = filled
    for one in (v for v in ALL[name].data["templating"]["list"] if v["type"] == "query"):
        assert rows(engine(variable(name, one["name"], now))), one["name"]
    assert [row["value"] for row in rows(engine(variable(name, "pilot", now)))] == ["dong-thap"]


def variable(name, which, now):
    (query,) = (v["query"] for v in ALL[name].data["templating"]["list"] if v["name"] == which)
    return ALL[name].sent(query, now)


@pytest.mark.parametrize(
    ("name", "variable", "measured"),
    [("quality", "least_covered", '"coverage" FROM "device"')]
    + [("water", f"nearest_{one}", f'"{one}_number" FROM "telemetry_hour"') for one in HOURLY],
)
def test_panels_of_some_places_show_all_of_the_default_pilot(filled, name, variable, measured):
    engine, now = filled
    board = ALL[name]
    every = {row["community"] for row in rows(engine(f'SELECT {measured} GROUP BY "community"'))}
    choices = found(engine(board.sent(board.asked[variable], now)))
    assert len(every) > 10 and set(choices) == every
    queries = [target["query"] for panel in board.panels for target in panel.get("targets", ())]
    for chosen, shown in ((board.all_found(engine, now), every), ({variable: choices[0]}, {choices[0]})):
        for query in (one for one in queries if variable in one and "doubts" not in one):
            found_there = rows(engine(board.sent(query, now, **chosen)))
            assert {row["community"] for row in found_there} == shown, query


def test_the_default_pilot_is_no_larger_than_what_a_board_shows():
    assert len(list(PILOT.places)) <= MOST and len(PILOT.fleet) <= WEAKEST


@pytest.mark.parametrize(("lang", "said"), [("vi", "đóng cống"), ("en", "close the sluice")])
def test_advice_is_said_in_the_language_of_the_board(filled, lang, said):
    engine, now = filled
    board = Board("community", lang)
    (query,) = (target["query"] for panel in board.panels if panel["id"] == 13 for target in panel["targets"])
    (newest,) = (row for row in rows(engine(board.sent(query, now))) if row["rule"] == "high-water")
    words = newest["text" if lang == "vi" else "text_en"]
    assert said in words and ("2,50 m" if lang == "vi" else "2.50 m") in words, words


@pytest.mark.parametrize("signal", HOURLY)
def test_what_is_drawn_from_hours_is_what_the_readings_say(filled, signal):
    """At every place, in every step of the days that were counted."""
    engine, now = filled
    board = ALL["water"]
    until = (now - FLOODED) // 7_200_000 * 7_200_000 - 1  # before the flood, whose hour is counted later
    (drawn,) = (
        target["query"] for panel in board.panels for target in panel.get("targets", ())
        if "telemetry_hour" in target["query"] and signal in target["query"]
    )  # fmt: skip
    raw = drawn.replace("telemetry_hour", "telemetry").replace(
        f'sum("{signal}_sum") / sum("{signal}_number")', f'mean("{signal}")'
    )
    assert raw.count("mean(") == 1

    # hours are counted from COUNTED days before now on; the first whole step after that
    begin = -(-(now - COUNTED * DAY) // 7_200_000) * 7_200_000

    def values(query):
        found = rows(engine(board.sent(query, until, days=COUNTED, step="2h")))
        return {(row["community"], row["time"]): row[name] for row in found for name in row
                if name in (signal, "mean") and row["time"] >= begin}  # fmt: skip

    expected = values(raw)
    assert len(expected) > COUNTED * 12 * 8, "readings at many places"
    assert values(drawn) == pytest.approx(expected)


def test_days_are_vietnamese_days(filled):
    engine, now = filled
    panel = next(p for p in ALL["community"].panels if p["title"] == "Lượng mưa – mỗi ngày")
    found = rows(engine(ALL["community"].sent(panel["targets"][0]["query"], now)))
    assert len(found) >= 30
    assert {row["time"] % DAY for row in found} == {17 * 3_600_000}, "midnight in Hanoi is 17:00 UTC"


RULES = {rule.id: rule for rule in alarms.rules(PILOT, "vi")}


def asked(name):
    """The queries of a rule."""
    return alarms.queries(RULES[name], PILOT)


# places whose devices do not send yet
LATER = {place.id for place in PILOT.places if place.joined.year > 2028}


@pytest.mark.parametrize("name", RULES)
def test_every_alert_rule_has_one_number_a_series(filled, name):
    engine, _ = filled
    found = engine(asked(name)[0])
    ends = {f"-{signal}-{n}-" for n, signal in enumerate(level.signal for level in PILOT.alarms.levels)}
    number = next((int(end.split("-")[2]) for end in ends if end in name), None)
    own = PILOT.alarms.levels[number].places if number is not None else ()
    if own and set(own) <= LATER:
        assert found == []
        return
    if RULES[name].query == "quarantine" and not found:
        return  # with one page of the books no increase within the hour can be computed
    assert found, asked(name)[0]
    for query in asked(name):
        for series in engine(query):
            assert len(series["columns"]) == 2 and len(series["values"]) == 1, series
            assert isinstance(series["values"][0][1], int | float)
            assert RULES[name].where in ("", *series.get("tags", {})), "the message names where it is"
    if len(asked(name)) > 1:
        places = [{one["tags"]["community"] for one in engine(query)} for query in asked(name)]
        assert places[0] == places[1], "each has a number for the other"


def test_the_watch_finds_the_numbers_that_grafana_finds(written, filled):
    """An hour, or a slot of the books, may begin while Grafana asks: before that or after it they agree."""
    store, engine = written[0], filled[0]

    def look():
        return Numbers(store, PILOT, RULES.values()).look(time.time_ns() // 1_000_000)

    before = look()
    answers = {
        name: [{key(one.get("tags", {})): one["values"][0][1] for one in engine(query)}
               for query in asked(name)]
        for name in RULES if RULES[name].query != "store"
    }  # fmt: skip
    after = look()
    for name, answered in answers.items():
        watched = before[name], after[name]
        assert any(same(name, numbers, *answered) for numbers in watched), (name, *watched, answered)
    assert sum(len(first) for first, *_ in answers.values()) > 200


def same(name, numbers, first, *second):
    """Whether the watch found these values, and where Grafana counts no readings, none of this hour."""
    if RULES[name].query == "quarantine":  # without the 0 that the watch gives for one page, see above
        numbers = {one: number for one, number in numbers.items() if one in first or number.value}
    silent = {one for one, number in numbers.items() if number.readings == 0}
    return {one: number.value for one, number in numbers.items()} == pytest.approx(first) and all(
        silent == {one for one, number in readings.items() if number == 0} for readings in second
    )


def test_a_rule_fires_where_something_is_wrong_and_there_alone(any_influx):
    """The values that rules compare with their thresholds, in a store of this test."""
    bucket, now = any_influx.bucket(), time.time_ns() // 1_000_000
    store = InfluxStore(any_influx.url, any_influx.token, any_influx.org, bucket)
    books = {"received": 10, "stored": 7, "duplicate": 1, "quarantined": 1, "spooled": 0, "lag_ms": 0}
    salty, fresh, dead = (
        device_tags(PILOT.fleet[f"{name}-canal-gauge-01"]) for name in ("tam-que", "canh-tan", "my-dien")
    )
    villages = tags(pilot="dong-thap", indicator="smart_villages")
    store.write(
        [
            Point("telemetry", salty, {"salinity": 1.5}, now - 60_000),
            Point("telemetry", fresh, {"salinity": 0.5}, now - 60_000),
            Point("telemetry", dead, {"salinity": 4.5}, now - 2 * DAY),
            Point("telemetry", dead, {"salinity": 0.5}, now - 3 * DAY),
            Point("gateway", tags(instance="a"), dict(books), now - 1000),
            Point("gateway", tags(instance="b"), books | {"stored": 8}, now - 1000),
            Point("kpi", villages, {"value": 7.0, "path": 8.0, "course": -1.0}, now),
        ]
    )  # fmt: skip
    store.close()

    def numbers(query):
        found = ask(any_influx, bucket, query) if query else []
        return {one.get("tags", {}).get("community" if "telemetry" in query else "instance", ""):
                one["values"][0][1] for one in found}  # fmt: skip

    def fires(name):
        rule = RULES[name]
        first, second = (numbers(query) for query in (*asked(name), "")[:2])
        return [where for where, number in first.items()
                if holds(alarms.condition(rule), {"B": number, "N": second.get(where)})]  # fmt: skip

    (salinity,) = {name[:-2] for name in RULES if "salinity" in name and name.endswith("-I")}
    assert fires(f"{salinity}-I") == []
    assert fires(f"{salinity}-II") == ["tam-que"]
    assert fires(f"{salinity}-III") == ["my-dien"], "the newest hour, though it is of two days ago"
    assert fires(f"{salinity}-silent") == ["my-dien"]
    assert fires("dong-thap-books") == ["a"]
    assert fires("dong-thap-smart_villages") == [""]
    assert fires("dong-thap-iot_communities") == []


def test_a_device_that_joined_lately_has_no_bad_coverage(any_influx):
    """Of an old and a new device at a place the old one counts; a place with only new ones has no value."""
    bucket, now = any_influx.bucket(), time.time_ns() // 1_000_000
    store = InfluxStore(any_influx.url, any_influx.token, any_influx.org, bucket)
    window = PILOT.rules.iot_communities.window_days
    days = {
        ("tam-que", "old"): (window + 1, 0.9),
        ("tam-que", "new"): (2, 0.1),
        ("canh-tan", "new"): (2, 0.1),
    }
    days |= {("my-dien", "bad"): (window + 1, 0.4)}
    store.write(
        [
            Point("device", tags(pilot="dong-thap", community=place, device=f"{place}-{name}"),
                  {"coverage": share}, now - day * DAY - 60_000)
            for (place, name), (number, share) in days.items() for day in range(number)
        ]
    )  # fmt: skip
    store.close()
    found = ask(any_influx, bucket, asked("dong-thap-coverage-low")[0])
    shown = {one["tags"]["community"]: one["values"][0][1] for one in found}
    assert shown == {"tam-que": pytest.approx(90), "my-dien": pytest.approx(40)}
