"""The buyer's pages over one sealed lot, whose `key` each module makes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.pilots.pilot import Pilot
from traceability.digital_link import LotKey
from traceability.pages import web


@pytest.fixture
def client(tmp_path: Path, pilot: Pilot, key: LotKey) -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(web.router(tmp_path, pilot, "https://example.org"))
    with TestClient(app) as made:
        yield made
