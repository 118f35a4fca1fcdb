"""Fixtures: a spool, a store of either kind, and shortened waits."""

import sqlite3

import pytest

from gateway.ingest import pipeline
from gateway.ingest.spool import Spool
from gateway.stores.influx import InfluxStore
from gateway.stores.sqlite import SqliteStore
from tests.gateway.ingest.test_repetition import Bench
from tests.influx2 import ENGINES


@pytest.fixture
def spool(tmp_path):
    made = Spool(tmp_path / "spool.sqlite")
    yield made
    made.close()


@pytest.fixture(params=["sqlite", *ENGINES])
def store(request, tmp_path):
    if request.param == "sqlite":
        made = SqliteStore(tmp_path / "store.sqlite")
    else:
        server = request.getfixturevalue(ENGINES[request.param])
        made = InfluxStore(server.url, server.token, server.org, server.bucket())
    yield made
    made.close()


@pytest.fixture
def impatient(monkeypatch):
    """SQLite connections that wait 50 ms for a lock instead of 30 s; the list collects them."""
    made = []
    connect = sqlite3.connect

    def quick(*arguments, **options):
        made.append(connect(*arguments, **options | {"timeout": 0.05}))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", quick)
    return made


@pytest.fixture
def quick(monkeypatch):
    """A pipeline that waits milliseconds instead of seconds."""
    monkeypatch.setattr(pipeline, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(pipeline, "LONGEST_DELAY", 0.01)
    monkeypatch.setattr(pipeline, "WAIT", 0.01)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()
