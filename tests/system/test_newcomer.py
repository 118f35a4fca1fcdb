"""The first pages of devices/README.md (send, see, refused?) with their commands as printed there, except for
`make up`, which here is `hoiquan up` on ports of its own.
"""

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from devices.texts import LANGS, text
from tests.programs import program
from tests.system.running import environment, until
from tests.system.up import Up

ROOT = Path(__file__).parents[2]
CONTRACT = (ROOT / "devices" / "README.md").read_text("utf-8")
SECTION = CONTRACT[CONTRACT.index("\n## Mười phút") : CONTRACT.index("\n## Chủ đề")]
COMMANDS = [
    line.partition("    #")[0].rstrip()
    for block in re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
    for line in block.splitlines()
]


def printed(start):
    """The one command of the page that begins with `start`."""
    (found,) = [line for line in COMMANDS if line.startswith(start)]
    return found


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """`hoiquan up` in a folder that looks like a clone after `make up`."""
    folder = tmp_path_factory.mktemp("clone")
    binaries = folder / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for name, module in (("hoiquan", "-m hoiquan"), ("python", "")):
        (binaries / name).write_text(f'#!/bin/sh\nexec {sys.executable} {module} "$@"\n')
        (binaries / name).chmod(0o755)
    (folder / "devices").symlink_to(ROOT / "devices")
    started = Up(folder)
    yield started
    started.running.stop(signal.SIGINT)


def sh(up, line):
    done = subprocess.run(
        ["sh", "-c", line], cwd=up.folder, env=environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def goes_on(up, line):
    """Run a command that only Ctrl-C ends; yields what it has written to stderr so far."""
    log = up.folder / "said"
    with log.open("wb") as said:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {line}"], cwd=up.folder, env=environment(), stderr=said
        )
    try:
        yield log.read_text
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def test_one_line_enrols_and_the_line_that_it_prints_is_on_the_page(up):
    program("mosquitto_pub")
    enroll = printed(".venv/bin/hoiquan device enroll --community tam-que --model soil-probe --id my-esp32")
    for page in ("README.md", "README.en.md"):
        assert enroll in (ROOT / page).read_text("utf-8")
    sh(up, sh(up, enroll).splitlines()[-1])
    until("the reading", 10, lambda: up.says("my-esp32", "soil_moisture", 31.5))
    row = re.search(r'<tr class="real">.*?my-esp32.*?31,5', up.get("/").decode(), re.DOTALL)
    assert row is not None


def test_a_program_to_start_from_sends_and_says_that_it_does(up):
    sh(up, printed(".venv/bin/hoiquan device enroll --community tam-que --model soil-probe --id my-pi"))
    with goes_on(up, printed(".venv/bin/python devices/examples/python/node.py")) as said:
        until("the reading", 30, lambda: up.says("my-pi", "soil_temperature", 27.1))
        assert said().splitlines() == ["broker: Success"]


def test_a_wrong_password_is_said_and_not_silence(up):
    ticket = json.loads(
        sh(up, ".venv/bin/hoiquan device enroll --community tam-que --model soil-probe --id guesser --json")
    )
    (up.folder / "wrong.json").write_text(json.dumps(ticket | {"password": "guessed"}))
    with goes_on(up, ".venv/bin/python devices/examples/python/node.py wrong.json") as said:
        until("the broker's answer", 30, lambda: re.search("broker: (Not authorized|Bad user)", said()))


def test_the_check_names_a_file_that_is_not_there_and_judges_one_that_is(up):
    check = printed(".venv/bin/hoiquan device check message.json")
    done = subprocess.run(
        ["sh", "-c", check], cwd=up.folder, env=environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    vi, en = (text("path.none", lang, path="message.json") for lang in LANGS)
    assert done.stderr == f"hoiquan: {vi} · {en}\n"
    (up.folder / "message.json").write_text('{"values":{"soil_moisture":31.5}}\n')
    assert "31.5" in sh(up, check)


def test_what_make_up_prints_names_a_command_that_is_there(up):
    (named,) = re.findall(r"(\S+) device enroll --help", up.running.text())
    assert Path(named).is_file()
