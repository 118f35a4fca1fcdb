"""`/healthz` says what is away: the store, or the gateway without which nothing new comes."""

import time

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.figures import Figures
from dashboards.pages import state
from devices.pilots.names import Names
from devices.pilots.pilot import load
from gateway.indicators.count import Evaluation
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater

NOW = 1_795_230_000_000
MINUTE = 60_000


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "store.sqlite")
    yield made
    made.close()


def asked(store, monkeypatch, minutes=10, **more):
    """The answer of pages that have run for so many minutes."""
    figures = Figures(
        store, load("dong-thap"), lambda _: [], lambda now: Evaluation(now, (), {}), now=lambda: NOW, **more
    )
    pages = FastAPI()
    pages.include_router(state.router(figures))
    begun = time.monotonic()
    monkeypatch.setattr(state.time, "monotonic", lambda: begun + minutes * 60)
    answer = TestClient(pages).get("/healthz")
    return answer.status_code, answer.text


def books(store, ago):
    store.write([Point("gateway", tags(instance="gateway-1"), {"received": 5}, NOW - ago * MINUTE)])


def test_a_gateway_that_writes_its_books_is_there(store, monkeypatch):
    books(store, 5)
    assert asked(store, monkeypatch) == (200, "ok\n")


def test_a_gateway_that_was_seen_once_is_missed_with_its_time(store, monkeypatch):
    books(store, 7)
    code, said = asked(store, monkeypatch)
    assert code == 503 and said.startswith("gateway: none has been seen since 2026-11-21 09:53;")


def test_where_none_was_seen_at_all_it_is_said_once_there_was_time_for_one(store, monkeypatch):
    assert asked(store, monkeypatch, minutes=1) == (200, "ok\n")
    code, said = asked(store, monkeypatch)
    assert code == 503 and "hoiquan doctor" in said


def test_nobody_looks_for_a_gateway_in_a_rehearsals_folder(store, monkeypatch):
    assert asked(store, monkeypatch, rehearsal=Names(vi="thập kỷ", en="decade")) == (200, "ok\n")


def test_a_store_that_is_away_is_said(store, monkeypatch):
    def away(*_):
        raise RetryLater("the store is away")

    monkeypatch.setattr(store, "latest", away)
    assert asked(store, monkeypatch) == (503, "store: the store is away\n")
