"""The diary's pages without a mouse: each answer is where the next key goes on from, and is read out."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from tests import browser
from tests.seen import Served
from tests.traceability.conftest import WHO
from traceability.diary.entries import PLAIN


@pytest.fixture
def page(app: FastAPI) -> Iterator[browser.Page]:
    with Served(app) as site, browser.page() as made:
        made.open(f"{site}/diary")
        yield made


def sign_in(page: browser.Page, password: str) -> None:
    page.keys("Tab", WHO, "Tab", password)
    page.enter()


def test_the_answer_has_the_focus(page: browser.Page, password: str) -> None:
    sign_in(page, "wrong")
    assert page.focused() == "p alert"
    sign_in(page, password)  # the next Tab is the first field, behind the answer
    page.keys("Tab")
    assert page.focused() == f"a /diary/{PLAIN[0]}"
