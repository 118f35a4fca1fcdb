"""What pages are tested with: the default pilot, and a store that is empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.pilots.pilot import Pilot, load
from gateway.stores.sqlite import SqliteStore


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return load("dong-thap")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "store.sqlite")
    yield made
    made.close()
