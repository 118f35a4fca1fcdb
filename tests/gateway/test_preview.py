"""The gateway's reading of a message, in words: from a file, from the topic, and as a page."""

import json
import re
from datetime import timedelta
from threading import Thread
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from dashboards.pages import check
from devices.access.registry import Registry
from devices.pilots.pilot import load
from devices.probes.shelf import Shelf
from devices.texts import text
from gateway.preview import anybody, judged, lines, plain, preview
from hoiquan import app
from tests.servers import mosquitto, until
from tests.system.running import Publisher, Running, command

PILOT = load("dong-thap")
NOW = 1_795_255_200_000
GOOD = b'{"values":{"soil_moisture":31.5}}'


def test_a_good_message_and_what_would_be_stored() -> None:
    found = preview(GOOD, anybody(PILOT), PILOT, NOW)
    (point,) = found.points
    assert (point.measurement, dict(point.fields), point.time) == ("telemetry", {"soil_moisture": 31.5}, NOW)
    assert list(lines(found, PILOT, "en")) == [
        "The gateway takes this message.",
        "Stored: Volumetric soil moisture = 31.5% at 21 Nov 2026 17:00:00",
    ]
    assert "Sẽ lưu: Độ ẩm đất = 31,5%" in "\n".join(lines(found, PILOT, "vi"))


def test_what_is_doubted_is_stored_apart() -> None:
    payload = b'{"ts":"2026-11-21T11:00:00Z","values":{"soil_moisture":31.5}}'
    found = preview(payload, anybody(PILOT), PILOT, NOW)
    assert [point.measurement for point in found.points] == ["telemetry_flagged"]
    assert "not counted (Wrong clock)" in "\n".join(lines(found, PILOT, "en"))


def test_a_refused_message_is_not_stored() -> None:
    found = preview(b'{"values":{"air_temperature":"29,3"}}', anybody(PILOT), PILOT, NOW)
    assert found.points == ()
    said = list(lines(found, PILOT, "en"))
    assert said[-1] == "The gateway refuses this message; nothing is stored."
    assert said[-2].endswith('{"values":{"air_temperature":29.3}}')
    assert plain(found)["taken"] is False


def test_nulls_alone_are_taken_and_nothing_is_stored() -> None:
    found = preview(b'{"values":{"soil_moisture":null}}', anybody(PILOT), PILOT, NOW)
    assert list(lines(found, PILOT, "en")) == [
        "The gateway takes this message.",
        "There is no value to store: none of them is measured.",
    ]
    assert (plain(found)["taken"], plain(found)["points"]) == (True, [])


def test_a_diarys_reading_is_refused_for_who_it_is() -> None:
    found = preview(GOOD, PILOT.fleet["tam-que-diary-01"], PILOT, NOW)
    said = list(lines(found, PILOT, "vi"))
    assert "không gửi số đo" in said[0] and "từ chối" in said[1]
    assert plain(found)["taken"] is False


def test_an_uplink_becomes_readings() -> None:
    event = {"time": "2026-11-21T10:00:00Z", "devAddr": "00189440", "fCnt": 3, "object": {"soil_ec": 1.2}}
    found = preview(json.dumps(event).encode(), anybody(PILOT), PILOT, NOW, uplink=True)
    assert [dict(point.fields) for point in found.points] == [{"soil_ec": 1.2}]


def run(*arguments: str, stdin: bytes = b"", **variables: str):
    return CliRunner().invoke(app, ["device", "check", *arguments], input=stdin, env=variables)


def test_the_command_reads_a_file_and_standard_input(tmp_path) -> None:
    path = tmp_path / "message.json"
    path.write_bytes(GOOD + b"\n")
    told = run(str(path), "--data", str(tmp_path), "--lang", "en")
    assert told.exit_code == 0
    assert "Stored: Volumetric soil moisture = 31.5%" in told.stdout
    told = run("--data", str(tmp_path), stdin=b'{"values":{"soil_moisture":"31,5"}}')
    assert told.exit_code == 1
    assert 'Write: "soil_moisture":31.5' in told.stdout
    assert 'Hãy viết: "soil_moisture":31.5' in told.stdout
    told = run("--data", str(tmp_path), "--json", stdin=GOOD)
    assert json.loads(told.stdout)["taken"] is True


@pytest.mark.parametrize(
    ("more", "key"),
    [(["--live"], "check.live"), (["--live", "--id", "nobody"], "check.id"), (["--id", "nobody"], "check.id"),
     (["--id", "gone"], "check.id")],
)  # fmt: skip
def test_whoever_is_named_is_enrolled(tmp_path, more, key) -> None:
    """Else the answer would be that a message is taken, which the gateway refuses."""
    registry = Registry(tmp_path / "registry.sqlite", PILOT)
    registry.enroll("tam-que", "soil-probe", "gone")
    registry.revoke("gone")
    told = run(*more, "--data", str(tmp_path), stdin=GOOD)
    assert isinstance(told.exception, ValueError)
    for lang in ("vi", "en"):
        assert told.exception.sentence(lang) == text(key, lang, device=more[-1])


def test_so_says_the_page(tmp_path) -> None:
    registry, shelf = Registry(tmp_path / "registry.sqlite", PILOT), Shelf()
    assert judged(registry, shelf, GOOD, "", False, "en")[0]
    taken, told = judged(registry, shelf, GOOD, "nobody", False, "en")
    assert not taken and told == [text("rejected.unknown_device", "en", field="nobody")]


def listened(broker, data, name, number, meanwhile=lambda over: None):
    """What `device check --live` says of `number` messages, while `meanwhile` sends until it is over."""
    told = []
    arguments = ["--live", "--id", name, "--number", str(number), "--data", str(data), "--lang", "en"]
    variables = {"HOIQUAN_MQTT": broker.url, "HOIQUAN_READER_PASSWORD": "x"}
    listening = Thread(target=lambda: told.append(run(*arguments, **variables)))
    listening.start()
    meanwhile(lambda: not listening.is_alive())
    listening.join()
    return told[0]


def test_the_command_hears_what_the_device_sends(tmp_path, device_at) -> None:
    with mosquitto("allow_anonymous true") as broker:
        Registry(tmp_path / "registry.sqlite", PILOT).enroll("tam-que", "soil-probe", "my-esp32")
        with device_at(broker, "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry") as send:
            told = listened(
                broker,
                tmp_path,
                "my-esp32",
                2,
                lambda over: send(b'{"values":{"soil_moisture":"31,5"}}', GOOD, until=over),
            )
    assert told.exit_code in (0, 1)
    assert 'Write: "soil_moisture":31.5' in told.stdout
    assert "Stored: Volumetric soil moisture = 31.5%" in told.stdout


@pytest.mark.parametrize(
    "reason", ["forbidden_topic", "foreign_topic", "bad_topic", "retained", "two_at_once"]
)
def test_it_hears_what_only_the_gateway_can_know(tmp_path, device_at, reason) -> None:
    """It does not hear another topic, and not that a new message is to be retained."""
    answer = {"reason": reason, "vi": "sai chủ đề", "en": "another topic"}
    with mosquitto("allow_anonymous true") as broker:
        Registry(tmp_path / "registry.sqlite", PILOT).enroll("tam-que", "soil-probe", "my-esp32")
        with device_at(broker, "hoiquan/v1/dong-thap/tam-que/my-esp32/rejected") as send:
            told = listened(
                broker, tmp_path, "my-esp32", 1, lambda over: send(json.dumps(answer).encode(), until=over)
            )
    assert told.exit_code == 1
    assert "another topic" in told.stdout


def test_a_message_that_the_broker_retained_is_told_and_does_not_count_as_the_device_s(tmp_path, device_at):
    with mosquitto("allow_anonymous true") as broker:
        Registry(tmp_path / "registry.sqlite", PILOT).enroll("tam-que", "soil-probe", "my-esp32")
        node = Publisher(broker.port, "node")
        topic = "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry"
        node.publish(topic, GOOD.replace(b"31.5", b"12.3"), retain=True)
        node.all_acknowledged()
        node.close()
        with device_at(broker, topic) as send:
            told = listened(broker, tmp_path, "my-esp32", 1, lambda over: send(GOOD, until=over))
    assert told.exit_code == 0 and text("check.retained", "en", topic=topic) in told.stderr
    assert "31.5" in told.stdout and "12.3" not in told.stdout


def test_what_the_broker_retained_of_another_device_says_nothing_of_this_one(tmp_path, device_at) -> None:
    """The Things Stack's topics do not say whose an uplink is: those of all devices are heard."""
    with mosquitto("allow_anonymous true") as broker:
        Registry(tmp_path / "registry.sqlite", PILOT).enroll("tam-que", "soil-probe", "mine", "1" * 16)
        node = Publisher(broker.port, "node")
        uplink = json.dumps({"end_device_ids": {"dev_eui": "2" * 16}}).encode()
        node.publish("v3/app@tenant/devices/other/up", uplink, retain=True)
        node.all_acknowledged()
        node.close()
        with device_at(broker, "hoiquan/v1/dong-thap/tam-que/mine/telemetry") as send:
            told = listened(broker, tmp_path, "mine", 1, lambda over: send(GOOD, until=over))
    assert told.exit_code == 0 and "-r -n" not in told.stderr


def test_a_silence_is_mentioned_ever_more_rarely(tmp_path) -> None:
    with mosquitto("allow_anonymous true") as broker:
        Registry(tmp_path / "registry.sqlite", PILOT).enroll("tam-que", "soil-probe", "my-esp32")
        start = command("device", "check", "--live", "--id", "my-esp32", "--seconds", "0.1", "--lang", "en",
                        "--data", str(tmp_path))  # fmt: skip
        waiting = Running(tmp_path / "log", start, HOIQUAN_MQTT=broker.url, HOIQUAN_READER_PASSWORD="x")

        def mentioned():
            return re.findall(r"For ([0-9.]+) s the device sent nothing", waiting.text())

        try:
            until(lambda: len(mentioned()) > 4, "the silence lasts")
        finally:
            waiting.stop()
        assert mentioned()[:5] == ["0.1", "0.2", "0.4", "0.8", "1.6"]


@pytest.fixture
def device_at():
    from contextlib import contextmanager

    from tests.gateway.running import device

    @contextmanager
    def at(broker, topic):
        with device(broker) as publish:

            def send(*payloads, until):
                """Send again and again, since nothing shows when the listener has subscribed."""
                import time

                end = time.monotonic() + timedelta(minutes=1).seconds
                while not until():
                    assert time.monotonic() < end
                    for payload in payloads:
                        publish(topic, payload)
                    time.sleep(0.1)

            yield send

    return at


@pytest.fixture
def page(tmp_path):
    registry = Registry(tmp_path / "registry.sqlite", PILOT)
    pages = FastAPI()
    pages.include_router(check.router(lambda *given: check.Verdict(*judged(registry, Shelf(), *given))))
    return TestClient(pages)


def ask(page, **form):
    return page.post(
        "/check", content=urlencode(form), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )


def test_the_page_says_the_same(page) -> None:
    assert "soil_moisture" in page.get("/check").text
    told = ask(page, payload='{"values":{"air_temperature":"29,3"}}')
    assert told.status_code == 200
    assert "Hãy viết: &#34;air_temperature&#34;:29.3" in told.text
    assert '<html lang="en">' in page.get("/check", headers={"Accept-Language": "en"}).text
    page.cookies.set("lang", "en")
    mine = ask(page, payload=GOOD.decode(), device=" tam-que-soil-probe-01\t")  # as it was copied
    assert "The gateway takes this message." in mine.text
    assert "codec" in ask(page, payload='{"devAddr":"00189440"}', uplink="on").text


def test_the_page_is_safe(page) -> None:
    told = ask(page, payload="<script>alert(1)</script>", device='"><script>')
    assert "<script" not in told.text
    policy = told.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "form-action 'self'" in policy
    assert ask(page, payload="x" * 200_000).status_code == 413
    assert ask(page).status_code == 200
    assert page.post("/check", content=b"\xff\xfe=%zz&payload=%ff").status_code == 200
