"""Fixtures for tests of pages: the default pilot, and an empty store."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboards.figures import Figures
from devices.pilots.pilot import Pilot, load
from gateway.indicators.count import Evaluation
from gateway.stores.sqlite import SqliteStore

NOW = int(datetime(2026, 11, 21, 5, 3, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return load("dong-thap")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "store.sqlite")
    yield made
    made.close()


@pytest.fixture
def figures(store: SqliteStore, pilot: Pilot) -> Figures:
    """Figures at NOW of a province that counts nothing and has no lots."""
    return Figures(
        store, pilot, lambda limit, community="": [], lambda at: Evaluation(at, (), {}), now=lambda: NOW
    )
