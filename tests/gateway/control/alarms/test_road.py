"""From a sensor's message to a webhook: a whole gateway at a real broker, and `hoiquan alarms`."""

import json
import os

from pydantic import SecretStr
from typer.testing import CliRunner

import hoiquan
from devices.access.registry import Registry
from devices.credentials import FIRST_INSTANCE
from devices.texts import Misuse, text
from gateway.alarms import alarms_app
from gateway.control.alarms import watch
from gateway.instance import files
from tests.gateway.control.alarms.parties import webhook
from tests.gateway.running import PLACE, device, gateway, settings
from tests.servers import until

PLACE_NAME = "Hội quán Tâm Quê, phường Cao Lãnh"


def command(folder, *arguments):
    return CliRunner().invoke(alarms_app, [*arguments, "--data", str(folder)])


def test_a_reading_beyond_a_level_is_posted_and_listed(mosquitto, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "EVERY", 0.2)
    with webhook() as (url, posted):
        given = settings(
            mosquitto, tmp_path, alert_webhook=SecretStr(url), base_url="https://hoiquan.example"
        )
        Registry(given.registry_url, given.loaded_pilot).enroll("tam-que", "canal-gauge", "my-esp32")
        with gateway(given) as running, device(mosquitto) as publish:
            publish(f"{PLACE}/telemetry", {"values": {"salinity": 1.53}})
            until(lambda: posted, "somebody is told")
            assert running.well()
    (one,) = posted
    assert one["title"] == f"Độ mặn vượt mức II (1,2 g/L): 1,53 g/L – {PLACE_NAME}."
    assert "Xem: https://hoiquan.example/place/tam-que\n" in one["message"]
    listed = json.loads(command(given.data, "list", "--json").stdout)
    assert [(row["quantity"], row["place"], row["told"]) for row in listed] == [
        ("salinity", "tam-que", ["webhook"])
    ]
    shown = command(given.data, "list").stdout
    assert "1,53 g/L" in shown and PLACE_NAME in " ".join(shown.split())
    assert "Salinity over level II" in command(given.data, "list", "--lang", "en").stdout


def test_a_folder_that_nobody_watches_says_so(tmp_path):
    result = command(tmp_path, "list")
    assert isinstance(result.exception, Misuse) and "hoiquan gateway" in str(result.exception)


def test_a_list_that_cannot_be_read_is_no_all_clear(tmp_path):
    file = files(tmp_path, FIRST_INSTANCE).alarms
    file.parent.mkdir(parents=True)
    file.write_text('{"alarms": [{"ru', "utf-8")
    result = command(tmp_path, "list")
    assert isinstance(result.exception, Misuse) and "it is not known" in str(result.exception)
    assert result.stdout == ""


def test_up_does_not_begin_with_a_way_to_people_that_cannot_work(tmp_path, monkeypatch):
    monkeypatch.setenv("HOIQUAN_ALERT_EMAIL", "a@example.test")
    result = CliRunner().invoke(hoiquan.app, ["up", "--data", str(tmp_path)])
    assert isinstance(result.exception, Misuse) and "HOIQUAN_SMTP" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_is_old_says_so(tmp_path):
    file = files(tmp_path, FIRST_INSTANCE).alarms
    file.parent.mkdir(parents=True)
    file.write_text('{"alarms": [], "told": {}}', "utf-8")
    fresh = command(tmp_path, "list")
    assert (fresh.exit_code, fresh.stdout, fresh.stderr) == (0, "Không có cảnh báo nào.\n", "")
    os.utime(file, (0, 0))
    old = command(tmp_path, "list")
    assert old.stdout == fresh.stdout and "Lần xét cuối là lúc 01/01/1970" in old.stderr


def test_a_test_message_says_by_which_way_it_went(tmp_path, monkeypatch):
    with webhook() as (url, posted):
        monkeypatch.setenv("HOIQUAN_ALERT_WEBHOOK", url)
        result = command(tmp_path, "test")
        assert (result.exit_code, result.stdout) == (0, "Đã gửi thử qua webhook.\n")
        assert posted[0]["title"] == text("alerts.test_title", "vi")
        posted.refuse = True
        result = command(tmp_path, "test")
        assert result.exit_code == 1 and "503" in result.stderr


def test_a_test_without_anybody_to_tell_says_what_to_set(tmp_path):
    result = command(tmp_path, "test")
    assert isinstance(result.exception, Misuse) and "HOIQUAN_ALERT_WEBHOOK" in str(result.exception)
