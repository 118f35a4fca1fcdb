"""An unchanged field is no correction: the values sent are compared with those that the form showed."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.contract.diary import Correction, DiaryEvent, Irrigation, Shipping
from devices.pilots.pilot import Pilot
from devices.texts import text
from tests import browser
from tests.seen import Served
from tests.traceability.conftest import HARVESTED, WHO, harvest, write
from traceability.sealing.seal import Sealer

KILOGRAMS = 123456.75
TO_THE_MILLISECOND = HARVESTED + timedelta(seconds=7, milliseconds=120)


@pytest.fixture
def app(app: FastAPI, pilot: Pilot, sealer: Sealer) -> FastAPI:
    """Pages whose events are kept and sealed at once."""
    device = pilot.fleet["tam-que-diary-01"]

    common = {"plot": "plot-1", "crop": "mango"}
    water = Irrigation(event="irrigation", id="water-1", ts=HARVESTED - timedelta(days=1), minutes=1234.5678,
                       **common)  # fmt: skip
    sealer.keep([(device, water)])
    write(sealer, device, harvest(1, TO_THE_MILLISECOND, KILOGRAMS / 100))
    write(
        sealer, device, harvest(9, TO_THE_MILLISECOND + timedelta(days=1), KILOGRAMS)
    )  # refused, but still listed
    hidden = Shipping(event="shipping", id="ship-1", ts=HARVESTED + timedelta(hours=1), quantity_kg=1000.125,
                      harvest="mango-1",
                      buyer=" Chợ\n\u202eđầu  mối ", **common)  # fmt: skip
    sealer.keep([(device, hidden)])
    sealer.note_published(sealer.seal_pending())
    return app


def shown(client: TestClient, of: str) -> dict[str, str]:
    page = client.get("/diary/correction", params={"of": of}).text
    return dict(re.findall(r'<input (?:type="hidden" )?name="(\w+)"[^>]* value="([^"]*)"', page))


@pytest.mark.parametrize("of", ["mango-1", "mango-9", "water-1", "ship-1"])
def test_a_form_that_nobody_touched_is_no_correction(
    client: TestClient, sent: list[DiaryEvent], of: str
) -> None:
    given = shown(client, of) | {"reason": "không rõ"}
    answer = client.post("/diary/correction", data=given)
    assert answer.status_code == 422 and text("form.changes", "vi") in answer.text
    assert sent == []


def test_a_change_is_that_change_alone(client: TestClient, sent: list[DiaryEvent]) -> None:
    given = shown(client, "mango-1")
    assert (given["quantity_kg"], given["when"]) == ("1234.5675", "2026-11-12T10:00:07.120")
    client.post("/diary/correction", data=given | {"quantity_kg": "1234.5676", "reason": "gõ nhầm"})
    assert isinstance(sent[-1], Correction) and sent[-1].changes == {"quantity_kg": 1234.5676}
    given = shown(client, "mango-1")
    client.post("/diary/correction", data=given | {"when": "2026-11-12T10:00:08.12", "reason": "giờ"})
    assert isinstance(sent[-1], Correction)
    assert sent[-1].changes == {"ts": "2026-11-12T10:00:08.120000+07:00"}


def test_two_forms_at_once_undo_nothing(client: TestClient, sent: list[DiaryEvent]) -> None:
    """A field that the second form leaves alone stays as the first one corrected it."""
    first, second = shown(client, "ship-1"), shown(client, "ship-1")
    client.post("/diary/correction", data=first | {"quantity_kg": "900.5", "reason": "gõ nhầm"})
    client.post("/diary/correction", data=second | {"buyer": "Kho", "reason": "tên"})
    assert [one.changes for one in sent if isinstance(one, Correction)] == [
        {"quantity_kg": 900.5}, {"buyer": "Kho"},
    ]  # fmt: skip
    bad = client.post("/diary/correction", data=second | {"was_when": "x", "when": "y", "reason": "r"})
    assert bad.status_code == 422, "a spoilt form is told like any other"


def test_an_old_form_without_what_was_shown_is_still_understood(
    client: TestClient, sent: list[DiaryEvent]
) -> None:
    given = {name: value for name, value in shown(client, "mango-1").items() if not name.startswith("was_")}
    assert client.post("/diary/correction", data=given | {"reason": "không rõ"}).status_code == 422
    client.post("/diary/correction", data=given | {"quantity_kg": "1", "reason": "gõ nhầm"})
    assert isinstance(sent[-1], Correction) and sent[-1].changes == {"quantity_kg": 1.0}


@pytest.mark.parametrize("of", ["mango-1", "mango-9", "water-1", "ship-1"])
def test_a_browser_sends_back_what_it_was_shown(
    app: FastAPI, password: str, sent: list[DiaryEvent], of: str
) -> None:
    with Served(app) as site, browser.page() as page:
        page.open(f"{site}/diary")
        page.run(f"document.querySelector('[name=device]').value = {WHO!r}")
        page.run(f"document.querySelector('[name=password]').value = {password!r}")
        page.press("form.entry button")
        page.open(f"{site}/diary/correction?of={of}")
        page.run("document.querySelector('[name=reason]').value = 'x'")
        assert page.run("document.querySelector('form.entry').checkValidity()")
        page.press("form.entry button")
        assert page.run("document.querySelector('[role=alert]').innerText") in [
            text("form.changes", lang) for lang in ("vi", "en")
        ]
    assert sent == []


def test_people_read_every_digit(client: TestClient, say: Callable[[str], str]) -> None:
    assert "1.234,5675 kg" in say("/diary") and "1.000,125 kg" in say("/diary")
    assert "1.234,5675 kg" in say("/diary/split")
    assert "123.456,75 kg" in say("/diary")
    lot = re.search(r'href="(/01/[^"]+)"', say("/diary"))
    assert lot is not None
    assert "1.234,5675 kg" in say(lot[1]) and "1.234,5678 phút" in say(lot[1])
    english = client.get(lot[1], headers={"accept-language": "en"}).text
    assert "1,234.5675 kg" in english


@pytest.fixture
def say(client: TestClient) -> Callable[[str], str]:
    return lambda path: client.get(path).text
