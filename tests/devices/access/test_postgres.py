"""The registry in a PostgreSQL that several machines share."""

import os
import shutil
import signal
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from devices.access import roster
from devices.access.registry import Registry
from devices.pilots.pilot import load
from gateway.control.ledger import Ledger
from tests.loopback import free_port
from tests.servers import until

PILOT = load("dong-thap")
BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
AS = {"user": "nobody"} if os.getuid() == 0 else {}  # PostgreSQL does not run as root
pytestmark = pytest.mark.skipif(BIN is None, reason="no PostgreSQL on this machine (Debian: postgresql)")


@pytest.fixture(scope="module")
def url():
    with server() as (url, _):
        yield url


@contextmanager
def server():
    """A running PostgreSQL: its URL, and its folder."""
    folder, port = Path(tempfile.mkdtemp(prefix="pg")), free_port()
    if AS:
        shutil.chown(folder, AS["user"])

    def run(*words):
        subprocess.run([BIN / words[0], *words[1:]], check=True, cwd=folder, stdout=subprocess.DEVNULL, **AS)

    run("initdb", "-A", "trust", "-U", "hoiquan", "-D", folder / "data")
    options = f"-p {port} -k {folder} -h 127.0.0.1"
    run("pg_ctl", "-w", "-D", folder / "data", "-o", options, "-l", folder / "log", "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "hoiquan", "hoiquan")
        yield f"postgresql://hoiquan@127.0.0.1:{port}/hoiquan", folder
    finally:
        run("pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_gateways_that_are_the_first_at_once_make_the_tables_together(url):
    def begin(_):
        Registry(url, PILOT).refresh()
        Ledger(url)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(begin, range(12)))
    assert Registry(url, PILOT).enrolled() == [] == Ledger(url).entries(9)


def test_acts_of_several_at_once_are_there_once_each(url):
    def work(who):
        registry = Registry(url, PILOT)
        for number in range(5):
            registry.enroll("tam-que", "soil-probe", f"p-{who}-{number}")
            registry.revoke(f"p-{who}-{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    acts = Registry(url, PILOT).acts(0)
    assert len(acts) == len({one.time for one in acts}) == 40
    names = [f"p-{who}-{number}" for who in range(4) for number in range(5)]
    done = {(what, name) for what in ("enrolled", "revoked") for name in names}
    assert {(one.what, one.object) for one in acts} == done


def _signal(folder, number):
    """Send a signal to the server and all its processes: nobody of them answers while they are stopped."""
    first = int((folder / "data" / "postmaster.pid").read_text().split()[0])
    pids = subprocess.check_output(["pgrep", "-P", str(first)], text=True).split()
    for pid in (first, *map(int, pids)):
        os.kill(pid, number)


def test_known_devices_do_not_wait_for_a_database_that_hangs(monkeypatch):
    """Its machine is up and takes connections, so no timeout of the connection ends a query."""
    monkeypatch.setattr(roster, "PATIENCE", 0.2)
    with server() as (url, folder):
        registry = Registry(url, PILOT)
        registry.enroll("tam-que", "soil-probe", "known")
        assert registry.known("known")
        other = Registry(url, PILOT)
        listed = other.devices()
        monkeypatch.setattr(roster, "RECHECK", 0.0)
        _signal(folder, signal.SIGSTOP)
        try:
            assert registry.known("known") and "not answer within 0.2 s" in registry.trouble
            reader = registry._reader
            for _ in range(1000):
                assert registry.known("known") and registry.known("stranger") is None
            assert registry._reader is reader and reader.is_alive(), "one thread alone waits for it"
            assert other.devices() == listed and other.trouble, "nor does who lists them"
        finally:
            _signal(folder, signal.SIGCONT)
        Registry(url, PILOT).enroll("tam-que", "soil-probe", "new")
        until(lambda: registry.known("new") and not registry.trouble, "it is read again")
