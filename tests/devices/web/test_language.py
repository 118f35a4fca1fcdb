"""One rule of language for all pages: the chosen one, else the browser's preference, else Vietnamese."""

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from fastapi.testclient import TestClient

from devices.web.language import choose, language, preferred


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [
        ("", "vi"),
        ("en", "en"),
        ("EN-gb", "en"),
        ("vi-VN,vi;q=0.9,en-US;q=0.8,en;q=0.7", "vi"),
        ("en-US,en;q=0.9,vi;q=0.8", "en"),
        ("en;q=0.3, vi;q=0.8", "vi"),
        ("vi;q=0.3 , en; q=0.8", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.5", "en"),
        ("fr", "vi"),
        ("en,vi", "en"),
        ("vi,en", "vi"),
        ("*", "vi"),
        ("en,*;q=0.5", "en"),
        ("vi;q=0,*", "en"),
        ("vi;q=0, en;q=0.001", "en"),
        ("en;q=0", "vi"),
        ("en;q=0,vi;q=0", "vi"),
        ("en;q=nan,vi;q=inf", "vi"),
        ("en;q=much", "vi"),
        (";;=,,;q", "vi"),
        ("envy", "vi"),
    ],
)
def test_the_highest_quality_is_preferred(accepted: str, lang: str) -> None:
    assert preferred(accepted) == lang


def test_a_choice_goes_before_what_the_browser_prefers() -> None:
    pages = FastAPI()

    @pages.get("/")
    def page(request: Request) -> Response:
        return PlainTextResponse(language(request))

    @pages.get("/choose/{lang}")
    def chosen(lang: str) -> Response:
        response = Response()
        choose(response, lang)
        return response

    client, english = TestClient(pages), {"Accept-Language": "en"}
    assert client.get("/").text == "vi" and client.get("/", headers=english).text == "en"
    client.get("/choose/vi")
    assert client.get("/", headers=english).text == "vi"
    client.get("/choose/en")
    assert client.get("/").text == "en"
    client.get("/choose/klingon")
    assert client.get("/", headers=english).text == "vi"
    client.cookies.clear()
    client.cookies.set("lang", "klingon")
    assert client.get("/", headers=english).text == "en"
