"""Fixtures: a pilot, a source of growing conditions, and a sealer over a temporary folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.access.registry import Registry
from devices.contract.diary import DiaryEvent, Harvest, Input, Revocation, decode_diary
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot, load
from traceability.pages import web
from traceability.records.conditions import Conditions
from traceability.sealing.seal import Sealed, Sealer
from traceability.secretary import form

WHO = "tam-que-thu-ky"  # the account of a group's secretary
HARVESTED = datetime(2026, 11, 12, 3, 0, tzinfo=UTC)
GREW = Conditions(
    start=int((HARVESTED - timedelta(days=9)).timestamp() * 1000),
    stop=int(HARVESTED.timestamp() * 1000),
    devices=8,
    simulated=7,
    coverage=0.97,
    flagged=0.01,
    daily={
        "air_temperature": [
            [f"2026-11-{d:02}", 22.0 + d / 10, 26.0, 31.0, 144] for d in (3, 4, 5, 9, 10, 11)
        ],
        "soil_moisture": [["2026-11-11", 28.1, 30.0, 33.3, 576]],
    },
    raw_rows=5000,
    raw_sha256="ab" * 32,
)


class Grower:
    """Gives the growing conditions; `asked` counts the calls."""

    def __init__(self, grew: Conditions = GREW) -> None:
        self.grew = grew
        self.asked = 0

    def conditions(self, community: str, plot: str, start: int, stop: int) -> Conditions:
        self.asked += 1
        return replace(self.grew, start=start, stop=stop)


@pytest.fixture(scope="session")
def pilot() -> Pilot:
    return load("dong-thap")


@pytest.fixture
def grower() -> Grower:
    return Grower()


@pytest.fixture
def sealer(tmp_path: Path, pilot: Pilot, grower: Grower) -> Iterator[Sealer]:
    made = Sealer(tmp_path, pilot, grower, "https://example.org", "example.org/log")
    yield made
    made.close()


def harvest(number: int = 1, at: datetime = HARVESTED, kilograms: float = 850.0, **more: object) -> Harvest:
    fields = {"id": f"mango-{number}", "ts": at, "plot": "plot-1", "crop": "mango"} | more
    return Harvest(event="harvest", quantity_kg=kilograms, **fields)  # type: ignore[arg-type]


def sprayed(days_before: int, pre_harvest_days: int) -> Input:
    return Input(
        event="input",
        id=f"input-{days_before}",
        ts=HARVESTED - timedelta(days=days_before),
        plot="plot-1",
        crop="mango",
        product="Chế phẩm <script>alert(1)</script>",
        purpose="pesticide",
        dose="1 l/ha",
        pre_harvest_days=pre_harvest_days,
    )


def write(sealer: Sealer, device: Device, event: DiaryEvent) -> Sealed | None:
    """Keep an event and seal all pending ones; returns the result of this one if it is a harvest."""
    sealer.keep([(device, event)])
    sealed = [one for one in sealer.seal_pending() if one.harvest == event.id]
    return sealed[0] if sealed else None


def recall(sealer: Sealer, device: Device) -> None:
    """Recall the lot of the first harvest, as the account that declared it."""
    event = Revocation(
        event="revocation", id="recall", ts=HARVESTED, plot="plot-1", crop="mango", harvest="mango-1",
        reason="dư lượng thuốc",
    )  # fmt: skip
    write(sealer, device, event)


@pytest.fixture
def registry(tmp_path: Path, pilot: Pilot) -> Registry:
    return Registry(tmp_path / "registry.sqlite", pilot)


@pytest.fixture
def password(registry: Registry) -> str:
    return registry.enroll("tam-que", "diary", WHO)


@pytest.fixture
def sent() -> list[DiaryEvent]:
    """The events that the form has sent."""
    return []


@pytest.fixture
def app(tmp_path: Path, pilot: Pilot, registry: Registry, sealer: Sealer, sent: list[DiaryEvent]) -> FastAPI:
    """Pages whose events are kept and sealed at once."""

    def send(device: Device, _: str, payload: bytes) -> None:
        sent.append(decode_diary(payload))
        write(sealer, device, sent[-1])
        sealer.note_published(sealer.seal_pending())

    made = FastAPI()
    made.include_router(web.router(tmp_path, pilot, "http://testserver"))
    made.include_router(form.router(tmp_path, pilot, registry, send, secure=False))
    return made


@pytest.fixture
def client(app: FastAPI, password: str) -> Iterator[TestClient]:
    """A client with the secretary signed in."""
    with TestClient(app) as made:
        made.post("/diary/sign-in", data={"device": WHO, "password": password})
        yield made


@contextmanager
def buyer(folder: Path, pilot: Pilot) -> Iterator[TestClient]:
    """A client of the buyer's pages alone, over the records in `folder`."""
    app = FastAPI()
    app.include_router(web.router(folder, pilot, "https://example.org"))
    with TestClient(app) as made:
        yield made
