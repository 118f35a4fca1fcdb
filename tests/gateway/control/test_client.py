"""Once `listening` reports that it listens, no message is missed."""

from queue import Empty

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import SecretStr
from typer.testing import CliRunner

import hoiquan
from devices.broker_url import leave
from devices.settings import Settings
from gateway.control.client import NotHeard, listening
from tests.gateway.clients import client
from tests.loopback import free_port
from tests.servers import PATIENCE, mosquitto


def test_what_is_said_at_once_is_heard(mosquitto):
    given = Settings(mqtt=mosquitto.url, reader_password=SecretStr("x"))
    with client(mosquitto, "speaker") as speaker:
        for number in range(20):
            with listening(given, "said") as heard:
                speaker.publish("said", b"%d" % number)
                try:
                    assert heard.get(timeout=PATIENCE).payload == b"%d" % number
                except Empty:
                    pytest.fail(f"{number} was not heard")


def test_two_that_listen_at_once_hear_everything_each(tmp_path):
    """As in deploy/mosquitto, a new connection of an account ends the earlier one."""
    (tmp_path / "gateway").mkdir()
    with mosquitto("allow_anonymous true", "use_username_as_clientid true") as broker:
        given = Settings(data=tmp_path, mqtt=broker.url, reader_password=SecretStr("x"))
        speaker = Client(CallbackAPIVersion.VERSION2, "speaker")
        speaker.username_pw_set("speaker", "x")
        speaker.connect("127.0.0.1", broker.port)
        speaker.loop_start()
        try:
            with listening(given, "said") as one, listening(given, "said") as other:
                for number in range(20):
                    speaker.publish("said", b"%d" % number, 1).wait_for_publish(PATIENCE)
                for heard in (one, other):
                    got = [int(heard.get(timeout=PATIENCE).payload) for _ in range(20)]
                    assert got == list(range(20))
        finally:
            leave(speaker)


@pytest.mark.parametrize("words", [("check", "--live"), ("learn",)])
def test_nobody_is_said_to_listen_who_does_not(tmp_path, words):
    (tmp_path / "gateway").mkdir()
    given = {"HOIQUAN_MQTT": f"mqtt://127.0.0.1:{free_port()}", "HOIQUAN_READER_PASSWORD": "x"}

    def run(*arguments):
        return CliRunner().invoke(
            hoiquan.app, ["device", *arguments, "--data", str(tmp_path), "--lang", "en"], env=given
        )

    assert not run("enroll", "--community", "tam-que", "--model", "soil-probe", "--id", "mine").exception
    done = run(*words, "--id", "mine")
    assert isinstance(done.exception, NotHeard) and "Listening" not in done.output
