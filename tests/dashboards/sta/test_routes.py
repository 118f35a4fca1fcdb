"""SensorThings over a real store, as real clients need it: each was run against it, and a test names the
client and the version that need its behaviour.
"""

import json
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.opendata import routes as opendata
from dashboards.sta import hours, routes
from dashboards.sta.sets import FIELDS, WAYS
from gateway.stores.store import RetryLater
from tests.dashboards import soil
from tests.dashboards.soil import PILOT

ROOT = "http://testserver/sta/v1.1"
PROBE = "tam-que-soil-probe-01"
DAY = "phenomenonTime ge 2026-11-20T00:00:00Z and phenomenonTime lt 2026-11-21T00:00:00Z"
HANOI_DAY = "phenomenonTime ge 2026-11-20T00:00:00+07:00 and phenomenonTime lt 2026-11-21T00:00:00+07:00"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    app = FastAPI()
    with soil.figures(tmp_path_factory.mktemp("sta")) as figures:
        app.include_router(opendata.router(figures, soil.fleet(figures), soil.targets(figures)))
        app.include_router(routes.router(figures))
        with TestClient(app) as made:
            yield made


def _got(client, path, **options):
    query = "&".join(f"${name}={quote(str(value))}" for name, value in options.items())
    answer = client.get(f"{ROOT}/{path}" + (f"?{query}" if query else ""))
    assert answer.status_code == 200, answer.text
    return answer.json()


def _thing(client, name=PROBE):
    (thing,) = _got(client, "Things", filter=f"name eq '{name}'")["value"]
    return thing


def _pages(client, answer):
    yield answer
    while "@iot.nextLink" in answer:
        assert answer["@iot.nextLink"].startswith("http://")
        answer = client.get(answer["@iot.nextLink"]).json()
        yield answer


def _measured(client):
    """The values that `/api/v1/series` gives of the probe's soil on that day."""
    asked = f"signal=soil_moisture&device={PROBE}&limit=1000"
    rows = client.get(f"/api/v1/series?{asked}&start=2026-11-20T00:00:00Z&end=2026-11-21T00:00:00Z").json()
    return [row["mean"] for row in rows["rows"]]


@pytest.mark.parametrize("path", ["", "/"])
def test_the_root_lists_the_eight_sets_alone_for_ets_sta10_1_5(client, path):
    listed = client.get(ROOT + path).json()["value"]
    assert listed == [{"name": name, "url": f"{ROOT}/{name}"} for name in WAYS] and len(listed) == 8


@pytest.mark.parametrize("name", WAYS)
def test_every_entity_has_all_its_keys_and_links_for_ets_sta10_1_5(client, name):
    entities = _got(client, name)["value"]
    assert entities, "the suite wants no set empty"
    for one in entities:
        number = one["@iot.id"]
        assert type(number) is int and 0 < number < 2**31, "QGIS cuts larger ones off"
        assert one["@iot.selfLink"] == f"{ROOT}/{name}({number})"
        assert {f"{way}@iot.navigationLink" for way in WAYS[name]} <= one.keys()
        assert all(one[field] is not None for field in FIELDS[name])
    assert len({one["@iot.id"] for one in entities}) == len(entities)
    assert client.get(entities[0]["@iot.selfLink"]).json() == entities[0]


def test_ets_sta10_1_5_walks_every_way_four_segments_deep(client):
    walked = 0

    def walk(address, set_name, depth):
        nonlocal walked
        for name, way in WAYS[set_name].items():
            there = client.get(f"{address}/{name}")
            assert there.status_code == 200, there.text
            walked += 1
            found = there.json()
            if way.many and found["value"]:
                number = found["value"][0]["@iot.id"]
                assert client.get(f"{address}/{name}({number})").json()["@iot.id"] == number
                if depth < 4:
                    walk(f"{address}/{name}({number})", way.target, depth + 1)
            elif not way.many:
                assert found["@iot.selfLink"].startswith(f"{ROOT}/{way.target}(")

    for name in WAYS:
        first = _got(client, name, top=1)["value"][0]["@iot.id"]
        walk(f"{ROOT}/{name}({first})", name, 2)
    assert walked > 60


@pytest.mark.parametrize("name", WAYS)
def test_ets_sta10_1_5_reads_properties_values_and_references(client, name):
    one = _got(client, name, top=1)["value"][0]
    own = f"{name}({one['@iot.id']})"
    for field in FIELDS[name]:
        assert _got(client, f"{own}/{field}") == {field: one[field]}
        raw = client.get(f"{ROOT}/{own}/{field}/$value")
        assert raw.headers["content-type"].startswith("text/plain")
        assert raw.text == one[field] or json.loads(raw.text) == one[field]
    assert _got(client, f"{name}/$ref", top=1)["value"] == [{"@iot.selfLink": f"{ROOT}/{own}"}]
    for way in WAYS[name]:
        assert "@iot.selfLink" in json.dumps(_got(client, f"{own}/{way}/$ref"))


@pytest.mark.parametrize(
    "path",
    [
        "Nothing",
        "Things(999999)",
        f"Things({2**62})",
        "Things('a')",
        "Things(1)/Nothing",
        "Things(1)/name/name",
        "Things/name",
        "Things(1)/Datastreams(8000)",
        "Things/$ref/name",
        "Observations(5)",
        "Observations(322531)",
        "Sensors(1)" + "/Datastreams(1)/Sensor" * 9,
    ],
)
def test_what_is_not_there_is_404_with_a_message_for_frost_sta_client_1_1_53(client, path):
    answer = client.get(f"{ROOT}/{path}")
    assert answer.status_code == 404 and answer.headers["content-type"] == "application/json"
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("query", "cause"),
    [
        ("$filter=foo eq 1", "have no 'foo'"),
        ("$filter=name eq", "too early"),
        ("$filter=name eq 'a' 'b'", "not expected"),
        ("$filter=name is 'a'", "not expected"),
        ("$filter=(name eq 'a'", "too early"),
        ("$filter=name eq 'a", "not understood"),
        ("$filter=boom(name) eq 1", "no function"),
        ("$filter=startswith(name)", "2 operands"),
        ("$filter=length(name)", "too early"),
        ("$filter=Datastreams/Observations/result gt 1", "their own set"),
        ("$filter=" + "not " * 500 + "name eq 1", "more than"),
        ("$orderby=foo", "have no 'foo'"),
        ("$orderby=name sideways", "asc or desc"),
        ("$top=-1", "whole number"),
        ("$skip=x", "whole number"),
        ("$skip=99999999", "more than"),
        ("$count=maybe", "true or false"),
        ("$select=foo", "have id, name"),
        ("$expand=Sensor", "lead to Locations"),
        ("$expand=Datastreams($top=1", "not closed"),
        ("$expand=Datastreams($boom=1)", "there are $filter"),
        ("$boom=1", "there are $filter"),
        ("$top=1&$top=2", "twice"),
    ],
)
def test_wrong_queries_are_400_with_a_message(client, query, cause):
    answer = client.get(f"{ROOT}/Things?{query}")
    assert answer.status_code == 400 and cause in answer.json()["message"], answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_written(client, method):
    for path in ("", "/Things", "/Things(1)"):
        answer = client.request(method, ROOT + path, json={})
        assert (
            answer.status_code == 405 and answer.json()["message"] and answer.headers["allow"] == "GET, HEAD"
        )


def test_head_is_answered(client):
    answer = client.head(f"{ROOT}/Things")
    assert answer.status_code == 200 and int(answer.headers["content-length"]) > 100


def _frost(pairs):  # as frost_sta_client 1.1.53 and requests write it
    return "&".join(f"%24{name}={quote(value).replace('%20', '+')}" for name, value in pairs)


def _istsos(pairs):  # $ unescaped, blanks as %20
    return "&".join(f"${name}={quote(value)}" for name, value in pairs)


def _stapy(pairs):  # a path that requests encodes: colons stay
    return "&".join(f"${name}={quote(value, safe=':(),')}" for name, value in pairs)


def _by_hand(pairs):  # a + left unescaped
    return "&".join(f"${name}={value.replace(' ', '%20')}" for name, value in pairs)


@pytest.mark.parametrize("written", [_frost, _istsos, _stapy, _by_hand])
@pytest.mark.parametrize(("day", "number"), [(DAY, 24), (HANOI_DAY, 24)])
def test_a_days_observations_over_two_pages_are_the_numbers_of_series(client, written, day, number):
    """frost_sta_client 1.1.53, istsos4-client 0.4.0 and stapy 0.3.1 do so, in their encodings; a person may
    also leave the + of +07:00 unescaped, which decodes to a blank.
    """
    stream = client.get(_thing(client)["Datastreams@iot.navigationLink"]).json()["value"][0]
    address = stream["Observations@iot.navigationLink"]
    # frost_sta_client writes ASC and DESC in capitals
    query = written([("filter", day), ("top", "13"), ("orderby", "phenomenonTime ASC"), ("count", "true")])
    pages = list(_pages(client, client.get(f"{address}?{query}").json()))
    assert [len(page["value"]) for page in pages] == [13, number - 13]
    assert {page["@iot.count"] for page in pages} == {number}
    assert "@iot.nextLink" not in pages[-1], "null ends the Java FROST-Client 0.45"
    if day == DAY:
        assert [one["result"] for page in pages for one in page["value"]] == _measured(client)


def test_the_next_page_asks_for_the_same_for_the_java_frost_client_0_45(client):
    asked = {
        "filter": DAY, "select": "result,phenomenonTime", "expand": "Datastream($select=name)",
        "orderby": "phenomenonTime desc", "top": 10,
    }  # fmt: skip
    stream = client.get(_thing(client)["Datastreams@iot.navigationLink"]).json()["value"][0]["@iot.id"]
    pages = list(_pages(client, _got(client, f"Datastreams({stream})/Observations", **asked)))
    found = [one for page in pages for one in page["value"]]
    assert len(found) == 24 and found == sorted(found, key=lambda one: one["phenomenonTime"], reverse=True)
    for one in found:
        assert one.keys() == {"@iot.id", "@iot.selfLink", "phenomenonTime", "result", "Datastream"}
        assert one["Datastream"]["name"].endswith(PROBE)


def test_an_observations_time_is_an_interval_for_istsos4_client_0_4_0_and_qgis(client):
    one = _got(client, "Observations", filter=f"{DAY} and Datastream/Thing/name eq '{PROBE}'", top=1)[
        "value"
    ][0]
    start, end = one["phenomenonTime"].split("/")
    assert end == one["resultTime"] > start and one["parameters"] == {"number": 2, "low": 31.0, "high": 31.0}


def test_qgis_counts_points_by_two_spellings_of_their_type_and_asks_for_those_on_its_map(client):
    points = "location/type eq 'Point' or location/geometry/type eq 'Point'"
    counted = _got(client, "Locations", top=0, count="true", filter=points)
    assert counted == {"@iot.count": len(PILOT.places), "value": []}
    for kind in ("Polygon", "LineString"):
        none = kind.join(points.split("Point"))
        assert _got(client, "Locations", top=0, count="true", filter=none)["@iot.count"] == 0
    place = PILOT.place["tam-que"]
    west, south, east, north = place.lon - 0.001, place.lat - 0.001, place.lon + 0.001, place.lat + 0.001
    ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
    on_map = f"({points}) and geo.intersects(location, geography'Polygon (({ring}))')"
    found = _got(client, "Locations", filter=on_map)["value"]
    assert "Tâm Quê" in {one["name"] for one in found} and len(found) < 4
    assert all(one["location"]["type"] == "Point" for one in found)
    assert _got(client, "FeaturesOfInterest", filter=on_map.replace("location", "feature"))["value"]
    things = on_map.replace("location", "Locations/location")
    assert PROBE in {one["name"] for one in _got(client, "Things", filter=things)["value"]}


def test_what_is_expanded_has_its_own_options_and_its_own_next_page(client):
    newest = "Observations($top=3;$orderby=phenomenonTime desc;$count=true)"
    (thing,) = _got(
        client,
        "Things",
        filter=f"name eq '{PROBE}'",
        expand=f"Datastreams($expand={newest},Sensor),Locations",
    )["value"]
    (stream,) = thing["Datastreams"]
    assert thing["Locations"][0]["name"] == "Tâm Quê" and stream["Sensor"]["properties"]["id"] == "soil-probe"
    assert stream["Observations@iot.count"] == 9 * 24 and len(stream["Observations"]) == 3
    following = client.get(stream["Observations@iot.nextLink"]).json()
    both = [*stream["Observations"], *following["value"]]
    assert len(both) == 6 and both == sorted(both, key=lambda one: one["phenomenonTime"], reverse=True)
    same = _got(
        client, f"Things({thing['@iot.id']})", expand="Datastreams/Sensor,Datastreams/ObservedProperty"
    )
    assert {"Sensor", "ObservedProperty"} <= same["Datastreams"][0].keys()


def test_the_newest_of_each_datastream_is_there_when_all_are_asked_at_once(client):
    newest = "Observations($top=1;$orderby=phenomenonTime desc)"
    everything = _got(client, "Datastreams", expand=newest)["value"]
    assert len(everything) > 10
    for stream in everything:
        alone = _got(
            client, f"Datastreams({stream['@iot.id']})/Observations", top=1, orderby="resultTime desc"
        )
        assert stream["Observations"] == alone["value"] and len(alone["value"]) == 1


def test_observations_of_all_datastreams_are_those_of_the_last_day_unless_a_time_is_asked(client):
    everything = _got(client, "Observations", count="true", top=0)["@iot.count"]
    probes = 5 * 24
    assert probes < everything < probes + 20
    assert _got(client, "Observations", count="true", top=0, filter=DAY)["@iot.count"] > probes - 1
    answer = client.get(f"{ROOT}/Observations?$filter=phenomenonTime ge 2020-01-01T00:00:00Z")
    assert answer.status_code == 400 and "take one Datastream" in answer.json()["message"]


def test_a_request_that_would_read_too_much_is_refused_and_says_what_to_ask(client, monkeypatch):
    monkeypatch.setattr(hours, "MOST_READ", 5 * 24)
    stream = client.get(_thing(client)["Datastreams@iot.navigationLink"]).json()["value"][0]["@iot.id"]
    answer = client.get(f"{ROOT}/Datastreams({stream})/Observations?$orderby=result")
    assert answer.status_code == 400 and "shorter phenomenonTime" in answer.json()["message"]
    assert len(_got(client, f"Datastreams({stream})/Observations", top=5)["value"]) == 5


def test_no_place_is_more_exact_than_in_the_other_open_data(client):
    for one in _got(client, "Locations")["value"]:
        place = PILOT.place[one["properties"]["id"]]
        assert one["location"] == {"type": "Point", "coordinates": [place.lon, place.lat]}
        assert one["properties"]["accuracy_km"] == 5.0


def test_a_store_that_is_away_is_503_with_a_message(monkeypatch, tmp_path):
    with soil.figures(tmp_path) as figures:
        app = FastAPI()
        app.include_router(routes.router(figures))
        with TestClient(app) as alone:
            number = alone.get(f"{ROOT}/Datastreams?$top=1").json()["value"][0]["@iot.id"]

            def away(*_):
                raise RetryLater("store.silent", error="the store does not answer")

            monkeypatch.setattr(figures.store, "summary", away)
            answer = alone.get(f"{ROOT}/Datastreams({number})/Observations")
            assert answer.status_code == 503 and answer.json()["message"] and answer.headers["retry-after"]
