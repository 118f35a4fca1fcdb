"""The secretary's form sends events as a device does, under the writer's own account and no other."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from devices.access.registry import Registry
from devices.broker_url import leave
from devices.contract.diary import Harvest, Input, decode_diary
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from tests import browser
from tests.seen import AXE, Served, axe, judged, too_wide
from tests.servers import PATIENCE, Mosquitto
from tests.traceability.conftest import WHO
from traceability.diary.entries import FORMS, PLAIN
from traceability.pages import web
from traceability.secretary import form
from traceability.secretary.post import NotSent, Post
from traceability.secretary.sign_in import HOURS, SESSIONS, Sessions

assert AXE and axe  # a fixture of the pages' tests


class Sent(list[tuple[Device, str, bytes]]):
    """The events sent; `away` simulates a missing broker."""

    away = False

    def __call__(self, device: Device, password: str, payload: bytes) -> None:
        if self.away:
            raise NotSent("away")
        self.append((device, password, payload))


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def app(tmp_path: Path, pilot: Pilot, registry: Registry, sent: Sent) -> FastAPI:
    made = FastAPI()
    made.include_router(web.router(tmp_path, pilot, "http://testserver"))
    made.include_router(form.router(tmp_path, pilot, registry, sent, secure=False))
    return made


@pytest.fixture
def client(app: FastAPI, password: str) -> Iterator[TestClient]:
    with TestClient(app) as made:
        signed = made.post(
            "/diary/sign-in", data={"device": WHO, "password": password}, follow_redirects=False
        )
        assert signed.status_code == 303
        cookie = signed.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Path=/diary" in cookie
        assert password not in cookie
        yield made


def filled(client: TestClient, kind: str, **more: str) -> dict[str, str]:
    """The form as it is served, with these fields filled in."""
    page = client.get(f"/diary/{kind}").text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    common = {"ts": "2026-11-22T09:30", "plot": "plot-1", "crop": "mango"}
    return hidden | common | more


def test_an_event_is_sent_as_a_device_sends_it(client: TestClient, sent: Sent, password: str) -> None:
    given = filled(client, "harvest", quantity_kg="850.5", area_code="GD-DT-0001", by="Thư ký")
    answer = client.post("/diary/harvest", data=given)
    assert "✓ Đã gửi: Thu hoạch" in answer.text
    ((device, secret, payload),) = sent
    assert (device.device, device.community, device.simulated) == (WHO, "tam-que", False)
    assert secret == password
    event = decode_diary(payload)
    assert isinstance(event, Harvest)
    assert (event.quantity_kg, event.area_code, event.by) == (850.5, "GD-DT-0001", "Thư ký")
    assert event.ts == datetime(2026, 11, 22, 2, 30, tzinfo=UTC)  # half past nine there


def test_the_same_form_again_is_the_same_event(client: TestClient, sent: Sent) -> None:
    given = filled(client, "irrigation", minutes="30")
    for _ in range(2):
        client.post("/diary/irrigation", data=given)
    first, second = (decode_diary(payload) for _, _, payload in sent)
    assert first == second
    assert filled(client, "irrigation")["id"] != given["id"]


@pytest.mark.parametrize("kind", PLAIN)
def test_every_form_makes_a_valid_event(client: TestClient, sent: Sent, kind: str) -> None:
    values = {"text": "chữ", "number": "1.5", "whole": "2", "area": "", "lot": "", "photo": ""}
    more = {f.name: f.choices[0] if f.choices else values[f.kind] for f in FORMS[kind]}
    answer = client.post(f"/diary/{kind}", data=filled(client, kind, **more))
    assert answer.status_code == 200 and len(sent) == 1
    assert decode_diary(sent[0][2]).event == kind


def test_what_may_be_left_out_may(client: TestClient, sent: Sent) -> None:
    given = filled(client, "input", product="Phân", purpose="fertiliser", dose="500 kg/ha")
    client.post("/diary/input", data=given)
    event = decode_diary(sent[0][2])
    assert isinstance(event, Input) and event.pre_harvest_days == 0 and event.by is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity_kg": "-1"}, "Khối lượng (kg)"),
        ({"quantity_kg": "nhiều"}, "Khối lượng (kg)"),
        ({"quantity_kg": "nan"}, "Khối lượng (kg)"),
        ({"quantity_kg": ""}, "Khối lượng (kg)"),
        ({"ts": "hôm qua"}, "Ngày giờ"),
        ({"plot": "Thửa 1"}, "Thửa"),
        ({"crop": "durian"}, "Sản phẩm"),
        ({"area_code": "<b>"}, "Mã số vùng trồng"),
        ({"by": "x" * 201}, "Người làm (chức danh, không ghi số điện thoại)"),
    ],
)
def test_what_is_wrong_is_named_and_the_rest_stays(
    client: TestClient, sent: Sent, change: dict[str, str], field: str
) -> None:
    given = filled(client, "harvest", quantity_kg="850", by="<i>Thư ký</i>") | change
    answer = client.post("/diary/harvest", data=given)
    assert answer.status_code == 422 and f"Hãy xem lại mục “{field}”." in answer.text
    assert given["id"] in answer.text and not sent
    if "by" not in change:
        assert "&lt;i&gt;Thư ký&lt;/i&gt;" in answer.text


def test_without_a_broker_it_is_said_and_may_be_sent_again(client: TestClient, sent: Sent) -> None:
    given = filled(client, "irrigation", minutes="30")
    sent.away = True
    answer = client.post("/diary/irrigation", data=given)
    assert answer.status_code == 503 and "Hãy gửi lại" in answer.text and given["id"] in answer.text
    sent.away = False
    assert client.post("/diary/irrigation", data=given).status_code == 200 and len(sent) == 1


def test_another_site_cannot_write(client: TestClient, sent: Sent) -> None:
    given = filled(client, "irrigation", minutes="30")
    for check in ("", "x", "é"):
        assert client.post("/diary/irrigation", data=given | {"check": check}).status_code == 403
    client.post("/diary/sign-out", data={"check": "x"})
    assert client.get("/diary/harvest", follow_redirects=False).status_code == 200, "still signed in"
    assert not sent


def test_only_a_diary_s_account_opens_it(app: FastAPI, registry: Registry, password: str, sent: Sent) -> None:
    probe = registry.enroll("tam-que", "soil-probe", "probe-1")
    with TestClient(app) as client:
        for device, secret in ((WHO, "wrong"), (WHO, ""), ("nobody", "x"), ("probe-1", probe),
                               ("tam-que-diary-01", "")):  # fmt: skip
            assert (
                client.post("/diary/sign-in", data={"device": device, "password": secret}).status_code == 403
            )
        for path in ("/diary/harvest", "/diary/nothing"):
            assert client.get(path, follow_redirects=False).headers["location"] == "/diary"
            assert client.post(path, data={"id": "x"}, follow_redirects=False).status_code == 303
        assert client.post("/diary/sign-in", content=b"x" * 20_000).status_code == 403
        assert client.post("/diary/sign-in", content=b"\xff").status_code == 403
    assert not sent


def test_the_language_is_chosen_at_the_door(app: FastAPI) -> None:
    assert 'href="/language/en?to=/diary"' in TestClient(app).get("/diary").text


def test_wrong_passwords_have_to_wait_and_are_told_how_long(app: FastAPI, password: str) -> None:
    with TestClient(app) as client:
        wrong = {"device": WHO, "password": "wrong"}
        answers = [client.post("/diary/sign-in", data=wrong) for _ in range(10)]
        assert [answer.status_code for answer in answers] == [403] * 6 + [429] * 4
        assert answers[-1].headers["retry-after"] in "12" and "Hãy đợi" in answers[-1].text
        held = client.post("/diary/sign-in", data={"device": WHO, "password": password})
        assert held.status_code == 429, "nor is it said whether the password is right"
        english = client.post("/diary/sign-in", data=wrong, headers={"accept-language": "en"})
        assert "Please wait" in english.text
        other = client.post("/diary/sign-in", data={"device": "another", "password": "x"})
        assert other.status_code == 403


def test_a_revoked_account_is_out_at_once(client: TestClient, registry: Registry, sent: Sent) -> None:
    given = filled(client, "irrigation", minutes="30")
    registry.revoke(WHO)
    client.post("/diary/irrigation", data=given)
    assert not sent and "Mật khẩu" in client.get("/diary").text


def test_sessions_end(pilot: Pilot) -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    device = Device(pilot.pilot, "tam-que", WHO, "diary", simulated=False)
    token = sessions.begin(device, "secret")
    assert sessions.find(token) is not None and sessions.find("other") is None and sessions.find(None) is None
    now[0] = HOURS * 3600 + 1
    assert sessions.find(token) is None
    tokens = [sessions.begin(device, "secret") for _ in range(SESSIONS + 1)]
    assert sessions.find(tokens[0]) is None and sessions.find(tokens[1]) is not None


def test_it_comes_out_at_the_broker(mosquitto: Mosquitto, pilot: Pilot) -> None:
    arrived: Queue[tuple[str, bytes]] = Queue()
    listener = Client(CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _c, _u, message: arrived.put((message.topic, message.payload))
    ready: Queue[bool] = Queue()
    listener.on_subscribe = lambda *_: ready.put(True)
    listener.connect("127.0.0.1", mosquitto.port)
    listener.subscribe("hoiquan/v1/#", 1)
    listener.loop_start()
    try:
        ready.get(timeout=PATIENCE)
        device = Device(pilot.pilot, "tam-que", WHO, "diary", simulated=False)
        for version in (4, 5):
            Post(f"mqtt://127.0.0.1:{mosquitto.port}", version).send(device, "secret", b"{}")
            assert arrived.get(timeout=PATIENCE) == (f"hoiquan/v1/dong-thap/tam-que/{WHO}/diary", b"{}")
    finally:
        leave(listener)
    with pytest.raises(NotSent):
        Post("mqtt://127.0.0.1:1", 5).send(device, "secret", b"{}")


@pytest.mark.parametrize("width", [320, 1280])
def test_it_is_used_in_a_browser_without_a_script(
    app: FastAPI, axe: str, password: str, sent: Sent, tmp_path: Path, width: int
) -> None:
    with Served(app) as site, browser.page() as page:
        page.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "vi"})

        def submit(**values: str) -> None:
            for name, value in values.items():
                page.run(f"document.querySelector('[name={name}]').value = {value!r}")
            page.press("form.entry button")

        page.open(f"{site}/diary", width)
        assert judged(page, axe) == [] and too_wide(page) == []
        submit(device=WHO, password=password)
        assert page.run("document.querySelectorAll('.choices a').length") == len(FORMS)
        assert judged(page, axe) == [] and too_wide(page) == []
        page.open(f"{site}/diary/harvest", width)
        assert judged(page, axe) == [] and too_wide(page) == []
        assert page.run("document.scripts.length") == 0
        page.picture(tmp_path / "form.png")
        submit(quantity_kg="850")
        assert "Đã gửi: Thu hoạch" in page.run("document.body.innerText")
    assert len(sent) == 1
