"""The path of a value: the grammar of paths, what they find, and the errors of invalid ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.probes.path import MISSING, Index, Name, PathError, Which, find, parse, quoted, written

WORDS = st.text(st.sampled_from("ab.[]'=,!0-1 \n°"), max_size=12) | st.text(max_size=20)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", (Name("a"),)),
        ("a.b", (Name("a"), Name("b"))),
        ("a.0", (Name("a"), Name("0"))),
        ("a[0]", (Name("a"), Index(0))),
        ("[0]", (Index(0),)),
        ("[-1][0].a", (Index(-1), Index(0), Name("a"))),
        ("'a.b'.c", (Name("a.b"), Name("c"))),
        ("'it''s'", (Name("it's"),)),
        ("''", (Name(""),)),
        ("Độ ẩm", (Name("Độ ẩm"),)),
        ("[a=1]", (Which(((("a",), True, "1"),)),)),
        ("[a!=1]", (Which(((("a",), False, "1"),)),)),
        ("[a.b=c]", (Which(((("a", "b"), True, "c"),)),)),
        ("['a.b'='c]']", (Which(((("a.b",), True, "c]"),)),)),
        ("[0=1]", (Which(((("0",), True, "1"),)),)),
        ("[a='']", (Which(((("a",), True, ""),)),)),
        ("[a=1,b!=2].v", (Which(((("a",), True, "1"), (("b",), False, "2"))), Name("v"))),
        ("a[b=1][-1].c", (Name("a"), Which(((("b",), True, "1"),)), Index(-1), Name("c"))),
    ],
)
def test_a_path_is_taken_apart(text, steps):
    assert parse(text) == steps


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a path is missing"),
        (".", "a name is missing in '.' behind ''"),
        ("a.", "a name is missing in 'a.' behind 'a.'"),
        (".a", "a name is missing in '.a' behind ''"),
        ("a..b", "a name is missing in 'a..b' behind 'a.'"),
        ("a[", "a number or a name is missing in 'a[' behind 'a['"),
        ("a[]", "a number or a name is missing in 'a[]' behind 'a['"),
        ("a]", ". is missing in 'a]' behind 'a'"),
        ("a[1", "= is missing in 'a[1' behind 'a[1'"),
        ("a[b]", "= is missing in 'a[b]' behind 'a[b'"),
        ("a[b.=1]", "a name is missing in 'a[b.=1]' behind 'a[b.'"),
        ("a[b=]", "a value is missing in 'a[b=]' behind 'a[b='"),
        ("a[b!=]", "a value is missing in 'a[b!=]' behind 'a[b!='"),
        ("a[b=1", "] is missing in 'a[b=1' behind 'a[b=1'"),
        ("a[b=1,]", "a name is missing in 'a[b=1,]' behind 'a[b=1,'"),
        ("a[b=1]c", ". is missing in 'a[b=1]c' behind 'a[b=1]'"),
        ("'a'b", ". is missing in \"'a'b\" behind 'a'"),
        ("a=1", ". is missing in 'a=1' behind 'a'"),
        ("a.'b", 'the quote at 3 in "a.\'b" has no end'),
        ("a[1234567]", "= is missing in 'a[1234567]' behind 'a[1234567'"),
    ],
)
def test_what_is_no_path_hears_what_is_missing(text, sentence):
    with pytest.raises(PathError) as error:
        parse(text)
    assert str(error.value) == sentence


@given(WORDS)
def test_any_text_is_a_path_or_a_path_error(text):
    try:
        assert parse(text)
    except PathError as error:
        assert str(error)


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_any_name_can_be_quoted_and_found_again(names):
    path = parse(".".join(quoted(name) for name in names))
    assert path == tuple(Name(name) for name in names)
    data = 31.5
    for name in reversed(names):
        data = {name: data, name + "x": 1}
    assert find(data, path) == 31.5


@given(WORDS, WORDS)
def test_any_name_and_value_of_a_condition_can_be_quoted(name, value):
    meant = {name: value}
    assert find([{name: value + "x"}, meant], parse(f"[{quoted(name)}={quoted(value)}]")) is meant


MESSAGE = {
    "temp": 27.5,
    "a.b": {"c'd": 1},
    "list": [10, 20, [30, 40]],
    "messages": [
        {"type": "report", "measurementId": 4102, "value": 27.1},
        {"type": "report", "measurementId": "4103", "value": 31.5},
        {"type": "event", "on": True},
        [{"type": "deep", "value": 5}, [{"type": "deeper", "value": 6, "at": {"cm": 30}}]],
        {"type": "report", "measurementId": 4102, "value": 28.4},
    ],
    "channels": [{"name": "soil"}, {"name": "soil", "ec": 0.4}, {"air": {"t": None}}, {"air": {"t": 3}}],
    "nothing": None,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("temp", 27.5),
        ("'a.b'.'c''d'", 1),
        ("list[1]", 20),
        ("list[-1][0]", 30),
        ("list[3]", MISSING),
        ("list[-4]", MISSING),
        ("temp[0]", MISSING),
        ("temp.x", MISSING),
        ("list.x", MISSING),
        ("nothing", None),
        ("nothing.x", MISSING),
        ("messages[measurementId=4102].value", 27.1),
        ("messages[measurementId=4103].value", 31.5),
        ("messages[measurementId=4102][-1].value", 28.4),
        ("messages[measurementId=4102][1].value", 28.4),
        ("messages[measurementId=4102][2].value", MISSING),
        ("messages[type=report,measurementId=4103].value", 31.5),
        ("messages[type=event,measurementId=4103].value", MISSING),
        ("messages[on=true].type", "event"),
        ("messages[type!=report].value", 5),
        ("messages[type!=report,type!=deep].value", 6),
        ("messages[type=deep].value", 5),
        ("messages[at.cm=30].value", 6),
        ("messages[at.cm!=30][-1].value", 28.4),
        ("messages[at.cm.x=30].value", MISSING),
        ("messages.value", 27.1),
        ("messages.on", True),
        ("messages[3][0].value", 5),
        ("messages[3].at.cm", 30),
        ("messages[9].value", MISSING),
        ("[temp='27.5'].list[0]", 10),
        ("[temp!='27.5'].list[0]", MISSING),
        ("[missing!=1].temp", 27.5),
        ("[temp='27.5'][0]", MISSING),
        ("messages[type=report]", MESSAGE["messages"][0]),
    ],
)
def test_a_path_leads_there(path, value):
    assert find(MESSAGE, parse(path)) == value


def test_the_first_of_which_the_whole_rest_leads_somewhere_is_taken():
    assert find(MESSAGE, parse("channels[name=soil].ec")) == 0.4
    assert find(MESSAGE, parse("channels.ec")) == 0.4
    assert find(MESSAGE, parse("channels.air.t")) is None, "null is there, and says not measured"
    assert find({"a": [{"b": [1]}, {"b": [1, 2]}]}, parse("a.b[1]")) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"), (False, "false"), (4102, "4102"), (4102.0, "4102"), (-0.0, "0"), (31.25, "31.25"),
        (0.1234567, "0.1234567"), (1234567.0, "1234567"), (1234567, "1234567"), ("0.00", "0.00"),
        (float("inf"), "inf"), (None, "None"),
    ],
)  # fmt: skip
def test_values_are_compared_as_they_would_be_written(value, text):
    assert written(value) == text


@pytest.mark.parametrize("data", [None, 3, "x", True, [], {}, [[]], [None, "x", 3]])
def test_in_what_is_nothing_of_that_form_nothing_is_found(data):
    for path in ("a", "a.b", "[0].a", "[a=1]", "[a=1][0]", "a[b=1][-1].c"):
        assert find(data, parse(path)) is MISSING
