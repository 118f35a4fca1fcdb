"""The registry in a PostgreSQL that several machines share."""

import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from devices.access.registry import Registry
from devices.pilots.pilot import load
from gateway.control.ledger import Ledger
from tests.loopback import free_port

PILOT = load("dong-thap")
BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
AS = {"user": "nobody"} if os.getuid() == 0 else {}  # PostgreSQL does not run as root
pytestmark = pytest.mark.skipif(BIN is None, reason="no PostgreSQL on this machine (Debian: postgresql)")


@pytest.fixture(scope="module")
def url():
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
        yield f"postgresql://hoiquan@127.0.0.1:{port}/hoiquan"
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
