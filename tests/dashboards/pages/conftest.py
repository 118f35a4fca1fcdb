"""Fixtures for tests of pages: the default pilot, and an empty store."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from dashboards import progress
from dashboards.earlier import EarlierPages
from dashboards.figures import Figures
from dashboards.pages import lately, overview
from devices.pilots.pilot import Pilot, load
from devices.web import language
from gateway.indicators.count import Evaluation
from gateway.stores.sqlite import SqliteStore

NO_GATEWAYS = Path("no-gateways")
NOW = int(datetime(2026, 11, 21, 5, 3, tzinfo=UTC).timestamp() * 1000)


def overview_of(figures: Figures) -> FastAPI:
    """The overview as a first start ever shows it, on a machine without gateways."""
    earlier, standing = EarlierPages(None, figures.pilot.pilot), progress.kept(figures)
    app = FastAPI()
    app.include_router(overview.router(figures, lately.kept(figures), earlier, standing, NO_GATEWAYS))
    app.include_router(language.router())
    return app


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
