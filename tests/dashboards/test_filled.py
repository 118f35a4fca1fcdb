"""Every query of every panel on the InfluxDB engine, filled by the gateway from the simulator: no panel is
empty, no query fails with any value of any variable, none shows another pilot.
"""

import pytest

from dashboards.build import BOARDS
from gateway.influx import InfluxStore
from gateway.points import Point, tags
from tests.dashboards.filled import DAY, Board, ask, province

ALL = {name: Board(name) for name in BOARDS}
TARGETS = [
    pytest.param(name, panel, target, id=f"{name}-{panel['id']}{target['refId']}")
    for name, board in ALL.items()
    for panel in board.panels
    for target in panel.get("targets", ())
]


@pytest.fixture(scope="module")
def filled(influx, mosquitto, tmp_path_factory):
    with province(influx, mosquitto, tmp_path_factory.mktemp("filled")) as (bucket, now):
        store = InfluxStore(influx.url, influx.token, influx.org, bucket)
        store.write([advice(now)])
        store.close()
        yield lambda query: ask(influx, bucket, query), now


def advice(now):
    where = tags(pilot="dong-thap", community="my-dien", crop="rice", rule="planthopper")
    return Point("advice", where, {"severity": 2, "text": "Thăm ruộng, xem rầy."}, now - DAY)


def rows(series):
    return [
        {**one.get("tags", {}), **dict(zip(one["columns"], values, strict=True))}
        for one in series
        for values in one["values"]
    ]


@pytest.mark.parametrize(("name", "panel", "target"), TARGETS)
def test_every_query_brings_rows(filled, name, panel, target):
    engine, now = filled
    query = ALL[name].sent(target["query"], now)
    found = rows(engine(query))
    assert found, query
    drops_time = any(t["id"] == "filterFieldsByName" for t in panel.get("transformations", ()))
    assert drops_time or all(row["time"] > DAY for row in found), "1970 would be shown"
    if panel["type"] == "stat":
        assert len(found) == 1
    shown = {t["id"]: t for t in panel.get("transformations", ())}.get("organize")
    if shown is not None:  # what a table renames is there to be renamed
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
    places = [row["value"] for row in rows(engine(variable(name, "community", now)))]
    assert {"my-dien", "lang-an-nhon", "tam-que"} <= set(places)
    for panel in ALL[name].panels:
        for target in panel.get("targets", ()):
            for place in ("lang-an-nhon", ".*"):
                for days in (1, 3650):
                    engine(ALL[name].sent(target["query"], now, days, community=place))


@pytest.mark.parametrize("name", BOARDS)
def test_variables_list_what_there_is(filled, name):
    engine, now = filled
    for one in ALL[name].data["templating"]["list"]:
        assert rows(engine(variable(name, one["name"], now))), one["name"]
    assert [row["value"] for row in rows(engine(variable(name, "pilot", now)))] == ["dong-thap"]


def variable(name, which, now):
    (query,) = (v["query"] for v in ALL[name].data["templating"]["list"] if v["name"] == which)
    return ALL[name].sent(query, now)


def test_days_are_vietnamese_days(filled):
    engine, now = filled
    panel = next(p for p in ALL["community"].panels if p["title"] == "Lượng mưa")
    found = rows(engine(ALL["community"].sent(panel["targets"][0]["query"], now)))
    assert len(found) >= 30
    assert {row["time"] % DAY for row in found} == {17 * 3_600_000}, "midnight in Hanoi is 17:00 UTC"
