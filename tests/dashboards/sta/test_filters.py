"""The language of `$filter`: what matches, what does not, and which errors are found before any reading."""

import pytest

from dashboards.sta.filters import meets, require_known, span, streams
from dashboards.sta.grammar import parse
from dashboards.sta.sets import BadQuery, Entity
from dashboards.sta.shapes import parse as shape
from devices.clock import HOUR_MS

GAUGE = Entity(
    "Things", 7,
    {"name": "Trạm đo 'A'", "description": "d", "time": "2026-11-20T01:00:00Z/2026-11-20T02:00:00Z",
     "properties": {"depth": 2.5, "simulated": True, "note": None},
     "location": {"type": "Point", "coordinates": [105.6, 10.4]}},
)  # fmt: skip


def look(entity, path):
    if path in (("id",), ("@iot.id",)):
        return [entity.id]
    if path[0] == "Datastreams":
        return [3, 9]
    value = entity.fields.get(path[0])
    for step in path[1:]:
        value = value.get(step) if isinstance(value, dict) else None
    return [] if value is None else [value]


AROUND = "(105 10,106 10,106 11,105 11,105 10)"
TRUE = [
    "id eq 7",
    "@iot.id ge 7",
    "7 eq id",
    "name eq 'Trạm đo ''A'''",
    "name ne 'x'",
    "not name eq 'x'",
    "id eq 1 or id eq 7",
    "id eq 1 or id eq 7 and name ne 'x'",
    "not (id eq 1 and id eq 7)",
    "properties/depth gt 2",
    "properties/depth lt 2.6e0",
    "properties/simulated eq true",
    "startswith(name,'Trạm')",
    "endswith(name, '''A''')",
    "substringof('đo', name)",
    "contains(name,'đo') eq true",
    "startswith(name,'x') eq false",
    "tolower(name) eq 'trạm đo ''a'''",
    "length(description) eq 1",
    "time ge 2026-11-20T08:00:00+07:00",
    "time lt 2026-11-20T08:00:01+07:00",
    "time eq '2026-11-20T01:00:00Z'",
    "time ge 2026-11-20T08:00:00 07:00",
    "Datastreams/id eq 9",
    "Datastreams/id eq 3",
    "geo.intersects(location, geography'POLYGON((105 10,106 10,106 11,105 11,105 10))')",
    "st_within(location, geography'SRID=4326;Polygon ((105 10,106 10,106 11,105 11,105 10))')",
    "geo.intersects(location, geography'POINT(105.6 10.4)')",
    "location/type eq 'Point'",
]
FALSE = [
    "id eq 8",
    "name eq 'x'",
    "id eq '7'",
    "not id eq 7",
    "id eq 7 and name eq 'x'",
    "properties/nothing eq 1",
    "properties/nothing/deeper gt 1",
    "properties/depth gt 'a'",
    "properties/simulated gt false",
    "location/geometry/type eq 'Point'",
    "Datastreams/id eq 4",
    "time gt 2026-11-20T01:00:00Z",
    "geo.intersects(location, geography'POLYGON((0 0,1 0,1 1,0 1,0 0))')",
    "length(properties/depth) eq 3",
    "geo.intersects(name, geography'POINT(0 0)')",
    "startswith(id,'7')",
    f"geo.intersects(location, geography'POLYGON({AROUND},(105.5 10.3,105.9 10.3,105.5 10.8,105.5 10.3))')",
]


@pytest.mark.parametrize("text", TRUE)
def test_what_is_met(text):
    assert meets(parse(text), GAUGE, look)


@pytest.mark.parametrize("text", FALSE)
def test_what_is_not_met(text):
    assert not meets(parse(text), GAUGE, look)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "eq 1",
        "name eq eq",
        "id eq 7 or",
        "(id eq 7",
        "id eq 7)",
        "not",
        "time ge 2026-11-20T01:00:00",
        "time ge 2026-13-20T01:00:00Z",
        "time eq 'yesterday'",
        "geo.intersects(location, geography'CIRCLE(1 2)')",
        "geo.intersects(location, geography'POLYGON((0 0,1 0))')",
        "geo.intersects(location, geography'POINT(a b)')",
        "contains(name,'a') eq 1",
        "startswith(contains(name,'a'),'b')",
        "id eq 7; drop",
        "name eq 'a' eq 'b'",
    ],
)
def test_what_is_no_filter_is_refused(text):
    with pytest.raises(BadQuery):
        meets(parse(text), GAUGE, look)


def test_a_path_that_the_set_has_not_is_refused_before_anything_is_read():
    require_known(parse("Datastreams/ObservedProperty/name eq 'x'"), "Things")
    with pytest.raises(BadQuery, match="have no"):
        require_known(parse("Datastreams/nothing eq 'x'"), "Things")


def test_the_times_that_can_be_meant_are_known_before_the_store_is_asked():
    day = 1_795_046_400_000  # 2026-11-19T00:00:00Z
    found = span(
        parse(
            "(phenomenonTime ge 2026-11-19T00:00:00Z and result gt 1) and resultTime lt 2026-11-20T00:00:00Z"
        )
    )
    assert (found.start, found.stop) == (day - HOUR_MS, day + 24 * HOUR_MS + 1)
    turned = span(parse("2026-11-19T00:00:00Z le phenomenonTime"))
    assert (turned.start, turned.stop) == (day - HOUR_MS, None)
    either = parse("phenomenonTime ge 2026-11-19T00:00:00Z or result gt 1")
    assert span(either) == span(None) == (None, None)


def test_one_datastream_is_known_before_the_store_is_asked():
    assert streams(parse("result gt 1 and Datastream/id eq 5")) == 5
    assert streams(parse("Datastream/@iot.id eq 5")) == 5
    assert streams(parse("Datastream/id eq 5 or result gt 1")) is None


def test_a_shape_has_its_outline():
    square = shape("POLYGON((0 0, 2 0, 2 2, 0 2, 0 0))")
    assert (
        square.covers((1, 1))
        and square.covers((0, 1))
        and square.covers((2, 2))
        and not square.covers((3, 1))
    )
