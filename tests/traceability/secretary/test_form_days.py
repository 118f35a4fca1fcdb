"""The form asks about entries that the gateway would refuse: impossible days, and unknown plots."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.access.registry import Registry
from devices.clock import epoch_ms
from devices.contract.diary import DiaryEvent, Planting, decode_diary
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from devices.texts import text
from tests.traceability.conftest import HARVESTED, WHO, harvest, write
from traceability.sealing.seal import Sealer
from traceability.secretary import form

DAY = timedelta(days=1)
WRITTEN: dict[str, dict[str, object]] = {
    "planting": {"seed": "giống", "area_ha": "1"},
    "input": {"product": "phân", "purpose": "fertiliser", "dose": "1 kg"},
    "irrigation": {"minutes": "3"},
    "pest_observation": {"pest": "rầy", "level": "low"},
    "harvest": {"quantity_kg": "5"},
    "packing": {"harvest": "mango-1", "quantity_kg": "1", "packages": "1"},
    "shipping": {"harvest": "mango-1", "quantity_kg": "1", "buyer": "ai"},
    "split": {"harvest": "mango-1", "parts": "1; 2"},
    "merge": {"harvests": ["mango-1", "mango-2"]},
    "revocation": {"harvest": "mango-1", "reason": "hỏng"},
}


@pytest.fixture
def client(
    tmp_path: Path, pilot: Pilot, registry: Registry, password: str, sealer: Sealer, sent: list[DiaryEvent]
) -> Iterator[TestClient]:
    for number in (1, 2):
        write(sealer, pilot.fleet["tam-que-diary-01"], harvest(number))

    def send(_: Device, __: str, payload: bytes) -> None:
        sent.append(decode_diary(payload))

    pages = FastAPI()
    pages.include_router(form.router(tmp_path, pilot, registry, send, secure=False))
    with TestClient(pages) as made:
        made.post("/diary/sign-in", data={"device": WHO, "password": password})
        yield made


def filled(client: TestClient, kind: str, when: str, **more: object) -> tuple[int, str]:
    page = client.get(f"/diary/{kind}").text
    check = page.partition('name="check" value="')[2].partition('"')[0]
    given: dict[str, object] = {"check": check, "id": f"{kind.replace('_', '-')}-1", "ts": when}
    given |= {"crop": "mango", "plot": "plot-2"} | WRITTEN[kind] | more
    answer = client.post(f"/diary/{kind}", data=given, follow_redirects=False)
    return answer.status_code, answer.text


def local(moment: datetime, pilot: Pilot) -> str:
    return f"{moment.astimezone(pilot.zone):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("when", ["0001-01-01T00:00", "9999-12-31T23:59", "2021-01-01T10:00", "in two days"])
def test_a_day_that_cannot_be_is_asked_about_and_not_sent(
    client: TestClient,
    pilot: Pilot,
    sent: list[DiaryEvent],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    when: str,
) -> None:
    late = datetime(2026, 11, 21, 23, 59, tzinfo=pilot.zone)
    monkeypatch.setattr(form, "now_ms", lambda: epoch_ms(late))
    if when == "in two days":
        when = local(late + 2 * DAY, pilot)
    code, page = filled(client, kind, when)
    day = "/".join(reversed(when[:10].split("-")))
    assert code == 422 and sent == []
    assert day in page
    assert any(
        text(f"form.{key}", "vi", given=given, bound="x").partition("x")[0] in page
        for key in ("date_early", "date_late", "before_harvest")
        for given in (day, f"{day} {when[11:]}")
    )


@pytest.mark.parametrize("kind", ["packing", "shipping", "split", "merge", "revocation"])
def test_nothing_is_done_with_a_lot_before_its_harvest(
    client: TestClient, pilot: Pilot, sent: list[DiaryEvent], kind: str
) -> None:
    code, page = filled(client, kind, local(HARVESTED - timedelta(minutes=1), pilot))
    assert code == 422 and sent == []
    assert "12/11/2026 09:59" in page and "(12/11/2026 10:00)" in page
    assert filled(client, kind, local(HARVESTED + timedelta(minutes=1), pilot))[0] == 303 and len(sent) == 1


def test_work_of_before_the_joining_is_sent_once_it_was_asked_about(
    client: TestClient, sent: list[DiaryEvent]
) -> None:
    code, page = filled(client, "planting", "2015-04-01T07:00")
    assert code == 422 and 'name="older"' in page and "(01/09/2022)" in page
    assert filled(client, "planting", "2015-04-01T07:00", older="yes")[0] == 303
    (event,) = sent
    assert isinstance(event, Planting) and event.older
    assert filled(client, "harvest", "2015-04-01T07:00", older="yes")[0] == 422
    assert len(sent) == 1, "no harvest is of before"


def test_a_plot_is_chosen_from_the_groups(client: TestClient, sent: list[DiaryEvent]) -> None:
    page = client.get("/diary/irrigation").text
    assert [f'<option value="plot-{n}"' in page for n in (1, 8, 9)] == [True, True, False]
    code, page = filled(client, "irrigation", f"{datetime.now(UTC):%Y-%m-%dT%H:%M}", plot="the-neighbours")
    assert code == 422 and text("form.unknown_plot", "vi") in page and sent == []
