"""`hoiquan doctor` on pages that answer with an error, or not at all."""

from devices.texts import text
from tests.gateway.test_doctor import bare, doctor
from tests.loopback import free_port
from tests.servers import until
from tests.system.running import Running, command

assert bare  # a fixture of each test: no server at the default ports


def test_they_are_not_said_to_be_off(tmp_path, monkeypatch):
    port, nobody = free_port(), f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("HOIQUAN_WEB_URL", f"http://127.0.0.1:{port}")
    start = command("web", "--http-port", str(port))
    pages = Running(tmp_path / "web.log", start, HOIQUAN_INFLUX_URL=nobody, HOIQUAN_INFLUX_TOKEN="x")
    try:
        until(lambda: "InfluxDB" in doctor(tmp_path, "--lang", "en")[1]["pages"]["sentence"], "they answer")
        found = doctor(tmp_path, "--lang", "en")[1]["pages"]
    finally:
        pages.stop()
    assert (found["level"], found["mend"]) == ("bad", "See the lines about gateway and store.")
    assert found["sentence"].startswith("The pages answer")
    assert "The pages cannot read the readings" in found["sentence"] and "Các trang" not in found["sentence"]


def test_why_nobody_answers_is_said_in_the_readers_language(tmp_path, monkeypatch):
    monkeypatch.setenv("HOIQUAN_WEB_URL", f"http://127.0.0.1:{free_port()}")
    said = doctor(tmp_path, "--lang", "vi")[1]["pages"]["sentence"]
    assert said.endswith(f": {text('system.ECONNREFUSED', 'vi')}"), said
