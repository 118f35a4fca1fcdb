"""The frame of all pages: headers that forbid scripts, and text in which nothing can hide."""

import pytest
from jinja2 import DictLoader
from jinja2.exceptions import UndefinedError

from devices.web.frame import Pages, headers


@pytest.fixture
def pages() -> Pages:
    made = Pages("dashboards")
    made._templates.loader = DictLoader(
        {
            "people.html": "{{ name }}|{{ name|e }}",
            "numbers.html": "{{ 1234.5|number(lang) }} {{ 0.155|percent(lang, most=1) }} "
            "{{ '2026-11-28'|day(lang) }} {{ t('page.lot') }}",
        }
    )
    return made


def test_what_hides_is_spelt_out_and_what_was_typed_can_be_given_back(pages: Pages) -> None:
    spelt, typed = pages.body("people.html", "vi", name="<a>\u202eb\u200b\n").split("|")
    assert spelt == "&lt;a&gt;⟨U+202E⟩b⟨U+200B⟩\n" and typed == "&lt;a&gt;\u202eb\u200b\n"


def test_numbers_days_and_sentences_are_of_the_language(pages: Pages) -> None:
    assert pages.body("numbers.html", "vi").startswith("1.234,5 15,5% 28/11/2026 ")
    assert pages.body("numbers.html", "en").startswith("1,234.5 15.5% 28 Nov 2026 Lot")


def test_a_value_that_is_missing_is_an_error(pages: Pages) -> None:
    with pytest.raises(UndefinedError):
        pages.body("people.html", "vi")


def test_headers_name_what_an_answer_depends_on() -> None:
    plain = headers()
    assert "script-src" not in plain["Content-Security-Policy"] and "Vary" not in plain
    assert "default-src 'none'" in plain["Content-Security-Policy"]
    assert "form-action 'none'" in plain["Content-Security-Policy"]
    form = headers(vary=("Accept-Language", "Cookie"), forms=True, cache="no-store")
    assert "form-action 'self'" in form["Content-Security-Policy"]
    assert (form["Vary"], form["Cache-Control"]) == ("Accept-Language, Cookie", "no-store")
