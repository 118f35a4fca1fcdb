"""The page lists what is rehearsed here and what can be, in both languages, and leads back."""

from html import unescape

import pytest
from fastapi.testclient import TestClient

from dashboards.site import site
from devices.pilots import scenario
from devices.settings import Settings
from tests.dashboards import soil

NAMES = sorted(path.stem for path in scenario.HERE.glob("*.yaml"))


@pytest.fixture
def pages(tmp_path):
    with soil.figures(tmp_path) as figures:

        def client(play=None):
            figures.played = play
            return TestClient(site(Settings(data=tmp_path), figures, lambda *_: None, ()))

        yield client


@pytest.mark.parametrize("lang", ["vi", "en"])
def test_every_scenario_says_what_happens_and_what_to_watch(pages, lang):
    client = pages()
    client.get(f"/language/{lang}", follow_redirects=False)
    page = client.get("/scenarios", headers={"Cookie": f"lang={lang}"}).text
    for name in NAMES:
        play = scenario.load(name)
        assert f"hoiquan up --scenario {name}" in page
        assert play.name.get(lang) in unescape(page)
    assert 'id="now"' not in page


def test_what_is_rehearsed_comes_first_and_is_not_listed_again(pages):
    play = scenario.load("salt-2020")
    page = pages(play).get("/scenarios").text
    now = page.index('id="now"')
    assert now < page.index(play.happens.vi) < page.index('id="theft"')
    assert page.count(play.happens.vi) == 1


def test_a_file_of_ones_own_may_have_no_page(pages):
    mine = scenario.Scenario.model_validate(
        {"name": {"vi": "<b>Của tôi", "en": "Mine"}, "start": "2026-03-01", "until": "2026-03-08"}
    )
    page = pages(mine).get("/scenarios").text
    assert "&lt;b&gt;Của tôi" in page and "08/03/2026" in page


def test_the_language_is_chosen_on_the_page_itself(pages):
    answer = pages().get("/language/en?to=/scenarios", follow_redirects=False)
    assert answer.headers["Location"] == "/scenarios"
