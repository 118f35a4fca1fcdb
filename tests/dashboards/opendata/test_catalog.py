"""The catalogue as ckanext-dcat 2.4.4 harvests it: one whole graph in three forms, also answered to HEAD."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.figures import Figures
from dashboards.opendata import catalog, files, rdf, routes
from dashboards.opendata.rdf import PREFIXES, Node, Ref, Text
from dashboards.sta import routes as sta
from devices.pilots import scenario
from devices.web.conditional import Conditional
from tests.dashboards import soil
from tests.dashboards.soil import NOW, PILOT

PATH = "/api/v1/catalog"
MEDIA = {"jsonld": "application/ld+json", "ttl": "text/turtle", "rdf": "application/rdf+xml"}
RDF = f"{{{PREFIXES['rdf']}}}"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    app = FastAPI()
    app.add_middleware(Conditional)
    with soil.figures(tmp_path_factory.mktemp("catalog")) as figures:
        for data in (files, routes):
            app.include_router(data.router(figures, soil.fleet(figures), soil.targets(figures)))
        for one in (catalog, sta):
            app.include_router(one.router(figures))
        with TestClient(app) as made:
            yield made


def _nodes(client):
    """Address → node of the JSON-LD graph."""
    graph = client.get(PATH).json()["@graph"]
    return {node["@id"]: node for node in graph}


def _of(nodes, kind):
    return [node for node in nodes.values() if kind in node["@type"]]


def _triples(graph):
    """The triples of JSON-LD and of RDF/XML alike: (node, property, value, its language or kind)."""
    if isinstance(graph, dict):
        for node in graph["@graph"]:
            for kind in node["@type"]:
                yield node["@id"], "rdf:type", _long(kind), ""
            for name, values in node.items():
                for value in values if name[0] != "@" else ():
                    if isinstance(value, str):
                        yield node["@id"], name, value, ""
                    else:
                        said = value.get("@language", value.get("@type", ""))
                        yield node["@id"], name, value.get("@id", value.get("@value")), said
        return
    for node in graph:
        address = node.get(f"{RDF}about")
        yield address, "rdf:type", node.tag[1:].replace("}", ""), ""
        for one in node:
            said = one.get("{http://www.w3.org/XML/1998/namespace}lang", "")
            yield address, _short(one.tag), one.get(f"{RDF}resource", one.text), said


def _long(name):
    prefix, _, rest = name.partition(":")
    return PREFIXES[prefix] + rest


def _short(tag):
    address, _, rest = tag[1:].partition("}")
    return f"{next(name for name, one in PREFIXES.items() if one == address)}:{rest}"


@pytest.mark.parametrize("ending", MEDIA)
def test_ckanext_dcat_2_4_4_gets_the_form_that_it_asks_for_and_may_look_first(client, ending):
    asked = {"Accept": f"{MEDIA[ending]}, */*;q=0.1"}
    by_header, by_path = client.get(PATH, headers=asked), client.get(f"{PATH}.{ending}")
    assert by_header.content == by_path.content and by_header.status_code == 200
    for answer in (by_header, by_path, client.head(PATH, headers=asked), client.head(f"{PATH}.{ending}")):
        assert answer.headers["content-type"].partition(";")[0] == MEDIA[ending]
        assert int(answer.headers["content-length"]) == len(by_path.content)


def test_without_a_wish_it_is_json_ld_with_its_context_inline(client):
    answer = client.get(PATH, headers={"Accept": "*/*"})
    assert answer.headers["content-type"].startswith("application/ld+json")
    assert isinstance(answer.json()["@context"], dict)


def test_each_form_says_the_same(client):
    written = set(_triples(client.get(f"{PATH}.jsonld").json()))
    assert len(written) > 150
    assert set(_triples(ET.fromstring(client.get(f"{PATH}.rdf").content))) == written
    turtle = client.get(f"{PATH}.ttl").text
    for _, name, value, said in written:
        if name != "rdf:type":
            quoted = json.dumps(value, ensure_ascii=False) + (f"@{said}" if said else "")
            assert f"{name} {quoted}" in turtle or f"{name} <{value}>" in turtle


def test_ckanext_dcat_2_4_4_wants_a_title_of_each_dataset_an_address_of_all_and_the_licence_below(client):
    nodes = _nodes(client)
    datasets, distributions = _of(nodes, "dcat:Dataset"), _of(nodes, "dcat:Distribution")
    (whole,) = _of(nodes, "dcat:Catalog")
    assert {one["@id"] for one in datasets} == {one["@id"] for one in whole["dcat:dataset"]} != set()
    named = {one["@id"] for node in datasets for one in node["dcat:distribution"]}
    assert named == {one["@id"] for one in distributions}
    for node in (*datasets, *distributions, whole):
        assert re.fullmatch(r"http://testserver/api/v1/catalog(#[a-z_-]+)?", node["@id"])
        assert {one["@language"] for one in node["dct:title"]} == {"vi", "en"}
    for node in distributions:
        (licence,) = node["dct:license"]
        assert licence["@id"] == "https://creativecommons.org/licenses/by/4.0/"
    for node in datasets:
        assert all("," not in one["@value"] for one in node["dcat:keyword"])
        assert {one["@language"] for one in node["dct:description"]} == {"vi", "en"}
        assert node["dct:publisher"][0]["@id"] in nodes


def test_ckanext_dcat_2_4_4_shows_a_file_type_by_its_label(client):
    nodes = _nodes(client)
    for node in _of(nodes, "dcat:Distribution"):
        kind = nodes[node["dct:format"][0]["@id"]]
        assert kind["@type"] == ["dct:IMT"] and kind["rdfs:label"][0] in ("CSV", "JSON", "GEOJSON")


def test_what_it_names_is_there_and_is_what_it_says(client):
    for node in _of(_nodes(client), "dcat:Distribution"):
        (there,) = node["dcat:accessURL"]
        answer = client.get(there["@id"])
        assert answer.status_code == 200, there
        medium = node["dcat:mediaType"][0]["@id"].rpartition("media-types/")[2]
        assert answer.headers["content-type"].partition(";")[0] == medium
        assert "dcat:downloadURL" not in node or "content-disposition" in answer.headers


def test_a_rehearsal_says_so_in_every_description():
    played = Figures(None, PILOT, lambda n: [], None, now=lambda: NOW, played=scenario.load("decade"))
    described = [
        value.text
        for node in catalog.catalogue(played, "http://x")
        for name, value in node.properties
        if name == "dct:description"
    ]
    name = played.rehearsal
    assert len(described) == 12 and all(name.vi in one or name.en in one for one in described)


def test_marks_in_a_text_are_written_so_that_they_stay_text():
    said = (
        ("dct:title", Text('<"a" & b>\n', "vi")),
        ("dct:license", Ref("http://x/<")),
    )
    nodes = [Node("http://x/?a=1&b=2", ("dcat:Dataset",), said)]
    (read,) = ET.fromstring(rdf.rdf_xml(nodes))
    assert read.get(f"{RDF}about") == "http://x/?a=1&b=2" and read[0].text == '<"a" & b>\n'
    assert 'dct:title "<\\"a\\" & b>\\n"@vi' in rdf.turtle(nodes)
    (node,) = json.loads(rdf.json_ld(nodes))["@graph"]
    assert node["dct:license"] == [{"@id": "http://x/<"}]
