"""Mosquitto's file of queues, cut off as a full disk cuts it: the broker starts, with what is whole of it."""

import getpass
import subprocess
from pathlib import Path

import pytest

from gateway.brokers import saved
from tests.loopback import free_port
from tests.servers import Mosquitto
from tests.system.running import Publisher, until

RUN = Path(__file__).parents[3] / "deploy" / "mosquitto" / "run"
MESSAGES = [f"{number}" for number in range(50)]


def by_up(file):
    """Mend it as `hoiquan up` does before Mosquitto starts."""
    saved.mend(file)


def by_compose(file):
    """Mend it as the container's script does after Mosquitto refused to start with it."""
    accounts = file.with_name("accounts")
    accounts.touch(0o600)
    lines = [f"listener {free_port()} 127.0.0.1", f"user {getpass.getuser()}", "log_dest stderr",
             "persistence true", f"password_file {accounts}",
             f"persistence_location {file.parent}/"]  # fmt: skip
    (conf := file.with_name("conf")).write_text("\n".join(lines) + "\n")
    done = subprocess.run(["sh", RUN, conf], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "was cut off" in done.stderr, done


@pytest.fixture
def broker(tmp_path):
    """A stopped broker whose file holds MESSAGES for a session."""
    made = Mosquitto(("allow_anonymous true", "persistence true", "persistence_location {folder}/"), tmp_path)
    made.start()
    session(made).close()
    sender = Publisher(made.port, "sender")
    for message in MESSAGES:
        sender.publish("a/b", message)
    sender.all_acknowledged()
    sender.close()
    made.stop()
    yield made
    made.stop()


def session(broker):
    return Publisher(broker.port, "gateway", hears="a/b", clean=False)


@pytest.mark.parametrize("mend", [by_up, by_compose])
@pytest.mark.parametrize(("cut", "least"), [(5, 50), (410, 30)])
def test_what_is_whole_of_a_file_that_was_cut_off_is_delivered(broker, mend, cut, least):
    file = broker.folder / saved.FILE
    file.write_bytes(file.read_bytes()[:-cut])
    mend(file)
    broker.start()
    gateway = session(broker)
    gateway.publish("a/b", "last")
    until("the last message", 10, lambda: gateway.heard and gateway.heard[-1][1] == b"last")
    gateway.close()
    received = [payload.decode() for _, payload in gateway.heard[:-1]]
    assert received == MESSAGES[: len(received)] and len(received) >= least


@pytest.mark.parametrize("size", [1, 2, 14, 15, 22])
def test_a_file_cut_off_within_its_head_is_emptied(broker, size):
    file = broker.folder / saved.FILE
    file.write_bytes(file.read_bytes()[:size])
    by_compose(file)
    assert file.read_bytes() == b""
    broker.start()


def test_another_kind_of_file_is_left_to_whoever_put_it_there(broker):
    file = broker.folder / saved.FILE
    file.write_bytes(b"SQLite format 3")
    with pytest.raises(AssertionError):
        by_compose(file)
    assert file.read_bytes() == b"SQLite format 3"


def test_a_whole_file_an_empty_one_and_another_kind_stay_as_they_are(broker, caplog):
    file = broker.folder / saved.FILE
    for content, words in ((file.read_bytes(), 0), (b"", 1), (b"SQLite format 3\0" + bytes(50), 1)):
        file.write_bytes(content)
        saved.mend(file)
        assert file.read_bytes() == content
        assert len(caplog.records) == words
    saved.mend(broker.folder / "none")


def test_every_cut_of_a_file_leaves_one_that_mosquitto_starts_with(broker):
    file = broker.folder / saved.FILE
    whole = file.read_bytes()
    for size in (0, 1, 15, 22, 23, 30, 31, 60, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        saved.mend(file)
        broker.start()
        broker.kill()
