"""deploy/mosquitto/run writes denials into a file, and goes on after its reader of the log is killed."""

import getpass
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.loopback import answers, free_port
from tests.programs import program
from tests.servers import until
from tests.system.running import descendants

RUN = Path(__file__).parents[3] / "deploy" / "mosquitto" / "run"


@pytest.fixture
def broker(tmp_path):
    """The port, the folder that the broker keeps its files in, and the process of the script."""
    port, kept = free_port(), tmp_path / "kept"
    kept.mkdir()
    accounts = tmp_path / "passwords"
    accounts.touch(0o600)
    subprocess.run([program("mosquitto_passwd"), "-b", accounts, "soil", "x"], check=True)
    accounts.with_name("passwords.acl").write_text("user soil\ntopic write own/#\n")
    lines = [
        f"listener {port} 127.0.0.1", "use_username_as_clientid true", f"user {getpass.getuser()}",
        f"password_file {accounts}", f"acl_file {accounts}.acl", f"persistence_location {kept}/",
        "persistence true", "log_dest stderr", "log_type notice", "log_type debug",
    ]  # fmt: skip
    (tmp_path / "conf").write_text("\n".join(lines) + "\n")
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(["sh", RUN, tmp_path / "conf"], stdout=out, stderr=out)
    until(lambda: answers(port), "a broker")
    yield port, kept, process
    process.send_signal(signal.SIGTERM)
    process.wait(20)


def publish(port, topic):
    account = ["-u", "soil", "-P", "x", "-q", "1"]
    subprocess.run([program("mosquitto_pub"), "-p", str(port), *account, "-t", topic, "-m", "1"], check=True)


def readers(script):
    """The ids of the processes that read the broker's log now."""
    found = set()
    for pid in descendants(script.pid):
        with suppress(OSError):  # the process ended in the meantime
            if b"awk" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def denials(kept):
    file = kept / "denied"
    return file.read_text() if file.exists() else ""


def test_a_denial_is_kept_and_nothing_else_of_the_debug_lines(broker):
    port, kept, _ = broker
    publish(port, "own/topic")
    publish(port, "others/topic")
    until(lambda: denials(kept), "the denial")
    (line,) = denials(kept).splitlines()
    assert "Denied PUBLISH from soil " in line and "'others/topic'" in line


def test_it_goes_on_when_what_reads_the_log_has_died(broker):
    port, kept, script = broker
    until(lambda: readers(script), "a reader")
    before = readers(script)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    until(lambda: readers(script) - before, "another reader")
    publish(port, "others/again")
    until(lambda: "others/again" in denials(kept), "the denial")


def test_the_broker_of_a_group_is_as_the_other_but_for_what_survives():
    ours, grown = (
        {line for line in (RUN.parent / name).read_text("utf-8").splitlines() if line and line[0] != "#"}
        for name in ("mosquitto.conf", "grow.conf")
    )
    assert ours - grown == {"persistence true", "autosave_on_changes false", "autosave_interval 1"}
    assert {line.split()[0] for line in grown - ours} == {"plugin", "plugin_opt_flush_period"}
