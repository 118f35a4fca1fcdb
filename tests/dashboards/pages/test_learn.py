"""The page `/learn` makes a probe file from a message; no message makes the answer endless."""

import html
import json
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.pages import learn
from devices.contract.models import DIARY, MODELS
from devices.probes.learn import MOST
from devices.probes.reader import Reader
from devices.probes.shelf import parse
from devices.texts import text
from tests.devices.uplinks import EVENT

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SAYS = {"BatV": 3.61, "temp_SOIL": "27.10", "water_SOIL": "31.20", "conduct_SOIL": 420}
UNITS = {"unit soil_moisture": "%", "unit soil_ec": "uS/cm", "unit battery_voltage": "V"}


@pytest.fixture
def page():
    pages = FastAPI()
    pages.include_router(learn.router())
    return TestClient(pages, headers={"Accept-Language": "en"})


def ask(page, says, **form):
    payload = says if isinstance(says, str) else json.dumps(says, ensure_ascii=False)
    return page.post("/learn", content=urlencode({"payload": payload} | form), headers=FORM)


def probe(answer):
    """The probe file on the page."""
    (found,) = re.findall(r"<pre>(.*?)</pre>", answer.text, re.S)
    (made,) = parse(html.unescape(found), Path("page.yaml"))
    return made


def sentence(key, lang="en", **values):
    return html.escape(text(key, lang, **values))


def test_the_page_is_there_in_both_languages(page):
    assert (
        '<html lang="en">' in page.get("/learn").text and text("learn.title", "en") in page.get("/learn").text
    )
    vi = page.get("/learn", headers={"Accept-Language": "vi"}).text
    assert '<html lang="vi">' in vi and text("learn.title", "vi") in vi


def test_units_that_are_needed_are_asked_and_then_there_is_the_file(page):
    first = ask(page, SAYS, model="soil-probe", name="my-soil")
    assert first.status_code == 200 and "<pre>" not in first.text
    assert "Unit or kind of count still to be chosen" in first.text
    assert '<option value="water_SOIL" selected>' in first.text
    done = ask(page, SAYS, model="soil-probe", name="my-soil", **UNITS)
    made = probe(done)
    assert made.id == "my-soil"
    assert Reader(made).read(SAYS, {}).values == {
        "soil_moisture": 31.2, "soil_temperature": 27.1, "soil_ec": 0.42, "battery_voltage": 3.61,
    }  # fmt: skip
    assert sentence("learn.stored", signal="soil_ec", value="0.42 dS/m") in done.text


def test_a_field_may_be_chosen_and_left_out(page):
    done = ask(page, {"x": 31.5, "y": 3}, **{"path soil_temperature": "x", "path soil_ec": ""})
    assert Reader(probe(done)).read({"x": 31.5}, {}).values == {"soil_temperature": 31.5}
    none = ask(page, {"x": 31.5}, **{"path soil_temperature": "gone"})
    assert none.status_code == 200 and "<pre>" not in none.text


def test_a_unit_that_does_not_measure_it_is_not_taken(page):
    path = {"path soil_ec": "x"}
    for unit in ("mm", "blobs", "<b>", ""):
        done = ask(page, {"x": 420}, **path, **{"unit soil_ec": unit})
        assert done.status_code == 200 and "<pre>" not in done.text and "<b>" not in done.text
        assert "still to be chosen" in done.text
    doubted = ask(page, {"x": 420}, **path, **{"unit soil_ec": "dS/m"})
    assert sentence("learn.stored", signal="soil_ec", value="420 dS/m") in doubted.text
    assert "outside what is believed, it would not count" in doubted.text


@pytest.mark.parametrize("down", [True, False])
def test_a_level_may_be_a_distance(page, down):
    form = {"path water_level": "depth", "unit water_level": "mm"} | (
        {"down water_level": "on"} if down else {}
    )
    made = probe(ask(page, {"depth": 1100}, model="canal-gauge", **form))
    assert made.place_values == (("height",) if down else ())
    assert Reader(made).read({"depth": 1100}, {"height": 3.2}).values == {"water_level": 2.1 if down else 1.1}
    proposed = ask(page, {"distance": 1100}, model="canal-gauge").text
    assert 'name="down water_level" checked' in proposed


@pytest.mark.parametrize(("kind", "counter"), [("since", None), ("daily", "daily"), ("total", "total")])
def test_rain_asks_its_kind_of_count_and_its_unit(page, kind, counter):
    form = {"path rainfall": "rain", "unit rainfall": "[in_i]"}
    assert "still to be chosen" in ask(page, {"rain": 1}, model="weather-station", **form).text
    done = ask(page, {"rain": 1}, model="weather-station", **form, **{"counter rainfall": kind})
    reading = probe(done).readings["rainfall"]
    assert (reading.counter, reading.unit) == (counter, "[in_i]")
    key = "learn.stored" if counter is None else "learn.counter"
    assert sentence(key, signal="rainfall", value="25.4 mm") in done.text


def test_a_network_server_s_message_is_opened(page):
    form = {"path soil_temperature": "temp_SOIL", "unit soil_temperature": "Cel"}
    done = ask(page, EVENT | {"object": SAYS}, **form)
    assert Reader(probe(done)).read(SAYS, {}).values == {"soil_temperature": 27.1}


@pytest.mark.parametrize(
    ("says", "words"),
    [("{", "JSON"), ("", "JSON"), ("{}", "no number in this message"), ('{"a":1,"a":2}', "twice"),
     ("[" * 1000 + "]" * 1000, "JSON"), ('{"a": "x"}', "no number in this message"),
     ("31.5", "no number in this message")],
)  # fmt: skip
def test_what_says_nothing_is_said_to(page, says, words):
    done = ask(page, says)
    assert done.status_code == 200 and words in html.unescape(done.text) and "<pre>" not in done.text


def test_a_name_that_is_none_is_said_and_no_words_become_a_script(page):
    bad = ask(page, SAYS, model="soil-probe", name="../<script>", **UNITS)
    assert "<pre>" not in bad.text and "id: the value is wrong" in html.unescape(bad.text)
    done = ask(page, {"<script>": 1, "'\"><script>": 27}, name='"><script>', model="<script>")
    assert done.status_code == 200 and "<script" not in done.text
    assert "default-src 'none'" in done.headers["Content-Security-Policy"]


# long names, as they are and as a page has to write them
LONG = ["x" * 60, "x" * 5000, "x" * 95, "&" * 90, '"' * 90, "'" * 45, "\U0001f33e" * 90, "." * 90]


@pytest.mark.parametrize("model", [name for name in MODELS if name != DIARY])
@pytest.mark.parametrize("name", LONG, ids=lambda name: f"{len(name)} of {name[0]!a}")
def test_whatever_the_message_says_the_answer_is_of_bounded_size(page, model, name):
    deep = {name: {f"n{place}": place + 0.123456789 for place in range(300)}}
    wide = {f"{name[: 12000 // (place + 1)]}{place}": place for place in range(100)}
    for says in (
        deep,
        {name: list(range(2000))},
        {"list": [{name: one} for one in range(40)]},
        wide,
    ):
        done = ask(page, says, model=model)
        assert len(done.content) < 2_000_000
        fields = re.findall(r"<select name=\"path [a-z0-9_]+\".*?</select>", done.text)
        assert all(one.count("<option") <= MOST + 1 for one in fields)


def test_a_form_that_is_too_long_is_refused(page):
    assert ask(page, "x" * 200_000).status_code == 413
    assert page.post("/learn", content=b"\xff=%zz&payload=%ff", headers=FORM).status_code == 200
