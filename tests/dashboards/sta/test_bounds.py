"""The cost of a single request is limited: each is answered at once, with little or a refusal."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.sta import hours, reader, routes
from dashboards.sta.grammar import parse as condition
from dashboards.sta.network import Survey
from dashboards.sta.numbers import Numbers
from dashboards.sta.options import DEEPEST, LONGEST, of_query
from dashboards.sta.sets import BadQuery, require_path
from tests.dashboards import soil
from tests.servers import until

ROUND = "Datastreams/Sensor/Datastreams/Sensor/Datastreams"


def test_the_same_way_asked_for_many_times_is_parsed_once():
    many = ",".join([ROUND] * 150)
    options = of_query(f"$expand={many}", "Things")
    depth = 0
    while options.expand:
        (options,) = options.expand.values()
        depth += 1
    assert depth == DEEPEST


def test_ways_that_begin_alike_are_joined():
    options = of_query("$expand=Datastreams/Sensor,Datastreams/ObservedProperty", "Things")
    assert set(options.expand["Datastreams"].expand) == {"Sensor", "ObservedProperty"}


@pytest.mark.parametrize("path", ["Datastreams/Sensor/Datastreams/id", "Datastreams/Thing/" * 3000 + "id"])
def test_a_path_does_not_come_back_to_where_it_was(path):
    with pytest.raises(BadQuery, match="leads back"):
        require_path("Sensors" if path.count("/") < 9 else "Things", tuple(path.split("/")))


def test_a_number_and_a_query_have_an_end():
    with pytest.raises(BadQuery):
        condition(f"id eq {'9' * 5000}")
    with pytest.raises(BadQuery, match=f"longer than {LONGEST}"):
        of_query("$filter=" + "x" * LONGEST, "Things")


NESTED = (
    "(" * 150 + "id gt 0" + ")" * 150, "(" * 399, "not " * 390 + "id gt 0",
    "tolower(" * 90 + "name" + ")" * 90,
)  # fmt: skip


@pytest.mark.parametrize("nested", NESTED)
def test_a_filter_in_a_filter_has_an_end(nested):
    with pytest.raises(BadQuery, match="in one another"):
        condition(nested)
    condition("not " * 19 + "(id gt 0)")
    condition("((id gt 0) or not (id lt 5)) and " * 20 + "id gt 0")


@pytest.mark.parametrize(
    "filter_", ["1 eq 1" + " and 1 eq 1" * 90, "not " * 15 + "id gt 0" + " and not id gt 0" * 60]
)
def test_what_looks_at_nothing_is_charged_too(client, monkeypatch, filter_):
    monkeypatch.setattr(reader, "MOST_LOOKS", 300)
    address = "/sta/v1.1/Datastreams?$filter="
    assert client.get(f"{address}id gt 0").status_code == 200
    refused = client.get(f"{address}{filter_}")
    assert refused.status_code == 400 and "simpler $filter" in refused.json()["message"]


EXTREMES = (
    "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00Z/9999-12-31T23:59:59Z",
)  # fmt: skip


@pytest.mark.parametrize("time", EXTREMES)
@pytest.mark.parametrize("sign", ["eq", "lt", "gt"])
def test_a_time_of_no_reading_is_answered(client, sign, time):
    answer = client.get(
        "/sta/v1.1/Observations", params={"$filter": f"phenomenonTime {sign} {time}", "$top": "1"}
    )
    assert answer.status_code in (200, 400), answer.text


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    app = FastAPI()
    with soil.figures(tmp_path_factory.mktemp("bounds")) as figures:
        app.include_router(routes.router(figures))
        with TestClient(app) as made:
            yield made


@pytest.mark.parametrize(
    ("where", "name", "most"),
    [(reader, "MOST_SHOWN", 3), (reader, "MOST_LOOKS", 1), (hours, "MOST_QUESTIONS", 0)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_has_a_budget_and_who_asks_for_more_is_told_what_to_ask(
    client, monkeypatch, where, name, most
):
    address = "/sta/v1.1/Datastreams?$filter=id gt 0&$expand=Thing,Sensor,Observations"
    assert client.get(address).status_code == 200
    monkeypatch.setattr(where, name, most)
    refused = client.get(address)
    assert refused.status_code == 400 and refused.json()["message"]


def test_what_there_is_is_looked_up_once_for_all_who_ask_at_once(tmp_path, monkeypatch):
    looked, go = [], threading.Event()
    with soil.figures(tmp_path) as figures:
        real = figures.store.latest

        def slow(*of):
            looked.append(of)
            go.wait(30)
            return real(*of)

        monkeypatch.setattr(figures.store, "latest", slow)
        survey = Survey(figures, Numbers(figures.registry_url))
        with ThreadPoolExecutor(6) as pool:
            asked = [pool.submit(survey.network) for _ in range(6)]
            until(lambda: looked, "the store is asked")
            go.set()
            assert len({id(one.result()) for one in asked}) == 1
        assert survey.network().streams and len(looked) == 1
