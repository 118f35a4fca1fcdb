"""`hoiquan up` prints one line where it cannot start; a device may be enrolled while it starts."""

import json
import socket

import pytest

from tests.loopback import free_port
from tests.programs import program
from tests.system.running import Running, command, done, hoiquan, one_line, until


@pytest.mark.parametrize("option", ["--http-port", "--mqtt-port"])
def test_a_taken_port_is_one_line(tmp_path, option):
    ports = {"--http-port": str(free_port()), "--mqtt-port": str(free_port())}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports[option] = str(taken.getsockname()[1])
        words = [word for pair in ports.items() for word in pair]
        line = one_line(hoiquan(tmp_path, "up", *words), 2)
        assert ports[option] in line
        assert option in line


def test_a_bad_pilot_file_is_one_line(tmp_path):
    (tmp_path / "wrong.yaml").write_text("pilot: Not An Id\n", "utf-8")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("nowhere", "wrong.yaml", "folder.yaml"):
        ports = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
        assert name in one_line(hoiquan(tmp_path, "up", "--pilot", name, *ports), 2)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "words",
    [("--history", "long"), ("--bind", "192.0.2.7"), ("--speed", "-1")],
    ids=["history", "bind", "speed"],
)
def test_a_wrong_option_is_one_line(tmp_path, words):
    ports = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
    assert words[1] in one_line(hoiquan(tmp_path, "up", "--history", "0d", *ports, *words, seconds=6), 2)


def test_a_folder_of_another_pilot_is_one_line_and_stays_as_it_was(tmp_path):
    """A gateway would not start on the other pilot's log, and the store would hold both."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "pilot").write_text("dong-thap\n", "utf-8")
    ports = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
    for words, settings in ((("--pilot", "binh-duong"), {}), ((), {"HOIQUAN_PILOT": "binh-duong"})):
        line = one_line(hoiquan(tmp_path, "up", *ports, *words, **settings), 2)
        assert "dong-thap" in line and "binh-duong" in line and "--data" in line
    assert [path.name for path in folder.iterdir()] == ["pilot"]
    assert (folder / "pilot").read_text("utf-8") == "dong-thap\n"


def test_a_device_is_enrolled_while_the_past_is_made_before_there_is_a_broker(tmp_path):
    program("mosquitto")
    ports = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
    starting = Running(tmp_path / "up.log", command("up", "--history", "60d", *ports))
    try:
        until("what others read", 30, (tmp_path / "data" / "running.json").exists)
        one = ("--community", "tam-que", "--model", "soil-probe", "--id", "early", "--json")
        enrolled = hoiquan(tmp_path, "device", "enroll", *one)
        assert "connected to" not in starting.text(), "the past was made too soon for this test"
        assert json.loads(done(enrolled))["user"] == "early"
        assert not enrolled.stderr
        assert "\nearly:" in (tmp_path / "data" / "broker" / "passwords").read_text("utf-8")
    finally:
        starting.stop()
