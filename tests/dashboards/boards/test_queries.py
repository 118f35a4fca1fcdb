"""The text of the InfluxQL queries, checked without an engine."""

import json
import re

import pytest
from grafana_foundation_sdk.builders import stat
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.boards import queries
from dashboards.boards.build import BOARDS
from dashboards.boards.queries import SERIES, InfluxQL, NoMean, UnknownName
from devices.texts import LANGS
from gateway.stores.points import MEASUREMENTS

BUILT_IN = {"__from", "__to", "timeFilter", "__interval"}  # Grafana's own; their values are numbers


def every_query():
    """(board, query) of every panel and variable."""
    for lang in LANGS:
        for name, board in BOARDS.items():
            data = json.loads(json.dumps(board(lang).build(), cls=JSONEncoder))
            texts = [target["query"] for panel in data["panels"] for target in panel.get("targets", ())]
            texts += [
                variable["query"] for variable in data["templating"]["list"] if variable["type"] == "query"
            ]
            yield from ((f"{lang}/{name}", text) for text in texts)


def test_a_query_is_saved_as_the_plugin_saves_it():
    panel = stat.Panel().with_target(InfluxQL("SELECT 1", "B", SERIES, "một")).build()
    assert json.loads(json.dumps(panel.targets, cls=JSONEncoder)) == [
        {
            "refId": "B",
            "query": "SELECT 1",
            "rawQuery": True,
            "resultFormat": "time_series",
            "alias": "một",
            "datasource": {"type": "influxdb", "uid": "hoiquan"},
        }
    ]


@pytest.mark.parametrize(
    "write",
    [
        lambda: queries.latest("kpis", ["value"]),
        lambda: queries.latest("kpi", ["worth"]),
        lambda: queries.latest("community", ["name"], by="province"),
        lambda: queries.trend("kpi", "value", indicators="iot_communities"),
        lambda: queries.values("community", "province"),
    ],
)
def test_a_name_that_the_store_does_not_have_is_refused(write):
    with pytest.raises(UnknownName, match=r"gateway/stores/points\.py"):
        write()


@pytest.mark.parametrize("of", ["mean", "min", "max", "sum"])
def test_a_direction_has_no_straight_mean_and_no_ends(of):
    with pytest.raises(NoMean, match="heading"):
        queries.trend("telemetry", "wind_direction", of)
    with pytest.raises(NoMean, match="heading"):
        queries.within("telemetry", "wind_direction", of, 24, shown="direction")


def test_the_newest_direction_may_be_asked_for():
    assert 'last("wind_direction")' in queries.within("telemetry", "wind_direction", "last", 1, shown="d")


def test_a_quote_in_a_value_stays_inside_it():
    assert "= 'a\\' OR \\'1\\'=\\'1'" in queries.latest("kpi", ["value"], indicator="a' OR '1'='1")


@pytest.mark.parametrize(("board", "query"), list(every_query()))
def test_names_of_every_query_are_in_the_store(board, query):
    found = re.findall(r'FROM "(\w+)"', query)
    assert found, board
    known = set(re.findall(r'AS "(\w+)"', query))
    for schema in (MEASUREMENTS[name] for name in found):
        known |= {schema.name, *schema.tags, *schema.fields}
    assert set(re.findall(r'"(\w+)"', query)) <= known, board


@pytest.mark.parametrize(("board", "query"), list(every_query()))
def test_variables_stand_in_an_anchored_escaped_pattern(board, query):
    without = re.sub(r"=~ /\^\$\{(pilot|community|instance|nearest_\w+|least_covered):regex\}\$/", "", query)
    left = {name or braced for name, braced in re.findall(r"\$(?:(\w+)|\{(\w+)[^}]*\})", without)}
    assert left <= BUILT_IN, board
    found = re.findall(r'FROM "(\w+)"', query)
    assert query.count("${pilot:regex}") in (0, len(found)), board
    if any("pilot" in MEASUREMENTS[name].tags for name in found) and 'WITH KEY = "pilot"' not in query:
        assert "${pilot:regex}" in query, f"{board}: every pilot at once"
