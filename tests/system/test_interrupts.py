"""Ctrl-C in a terminal, or its window closed, at very different moments: every process ends soon, silently
and for good, and the next start goes on with the same data. `python benchmarks/interrupts.py` tries many more
moments.
"""

import os
import signal
import time
from contextlib import closing, suppress
from urllib.request import urlopen

import pytest

from gateway.ingest.spool import Spool
from tests.loopback import free_port
from tests.programs import program
from tests.servers import mosquitto
from tests.system.running import done, hoiquan, until
from tests.system.terminal import Terminal, interrupted

PAGES = "hoiquan: open http"
LIBRARY = "_pydantic_core"  # one of the libraries imported on the way

# All of them in this order on one folder: each but the first starts where the one before was interrupted.
MOMENTS = {
    "imports": lambda terminal: terminal.has_loaded(LIBRARY),
    "begun": lambda terminal: "hoiquan: pilot" in terminal.text(),
    "history is written": lambda terminal: "history, 30.0 days" in terminal.text(),
    "parts start": lambda terminal: "messages of history" in terminal.text(),
    "pages": lambda terminal: PAGES in terminal.text(),
}
OTHERS = {
    "simulate": (
        ("simulate", "--data", "other", "--out", "made.ndjson", "--history", "30d"),
        "history, 30.0 days",
    ),
    "simulate live": (("simulate", "--mqtt", "{broker}", "--history", "0d"), ""),
    "gateway": (("gateway",), "connected to"),
    "web": (("web", "--http-port", "{port}"), ""),
    "check": (("device", "check", "--live", "--id", "my-esp32", "--lang", "en"), "listening on"),
    "report": (("report", "--out", "report.pdf"), ""),
}


@pytest.fixture(scope="module", params=["mosquitto", "amqtt"])
def start(request, tmp_path_factory):
    """Starts `hoiquan up` on the one folder."""
    if request.param == "mosquitto":
        program("mosquitto")
    folder = tmp_path_factory.mktemp(request.param)

    def started(history, under=()):
        port = free_port()
        started.address = f"http://127.0.0.1:{port}/"
        ports = ("--http-port", str(port), "--mqtt-port", str(free_port()))
        words = ("up", "--broker", request.param, "--history", history, *ports)
        return Terminal(folder, *words, under=under)

    started.data = folder / "data"
    return started


def reach(terminal, moment):
    until("the moment", 90, lambda: moment(terminal) or terminal.ended())


@pytest.mark.parametrize(("moment", "times"), [*zip(MOMENTS, (1, 2, 1, 2, 1), strict=True)])
def test_ctrl_c_ends_all_of_it(start, moment, times):
    # a history long enough to be interrupted, or one that is soon made
    terminal = start("30d" if moment == "history is written" else "2d")
    reach(terminal, MOMENTS[moment])
    assert not terminal.ended(), terminal.text()
    _, _, wrong = interrupted(terminal, times)
    assert not wrong, terminal.text()
    assert not (start.data / "running.json").exists()


def test_the_next_start_goes_on_with_the_same_data(start):
    terminal = start("2d")
    reach(terminal, MOMENTS["pages"])
    address = terminal.text().partition("hoiquan: open ")[2].split(" ")[0]
    with urlopen(f"{address}api/v1/indicators", timeout=10) as answer:
        assert answer.status == 200
    _, _, wrong = interrupted(terminal)
    assert not wrong, terminal.text()
    with closing(Spool.to_read(start.data / "gateway" / "spool.sqlite")) as spool:
        assert spool.books().balanced


def test_a_closed_terminal_ends_all_of_it_in_order_but_not_under_nohup(start):
    for under in ((), ("nohup",)):
        terminal = start("2d", under=under)
        pages = f"{start.address}healthz"
        until("the pages", 90, lambda pages=pages, terminal=terminal: answers(pages) or terminal.ended())
        if under:
            terminal.hang_up()
            time.sleep(1)
            assert answers(pages)
            os.kill(terminal.process.pid, signal.SIGTERM)
        _, code, wrong = interrupted(terminal, 0)
        assert (code, wrong) == (0, []), terminal.text()
        with closing(Spool.to_read(start.data / "gateway" / "spool.sqlite")) as spool:
            assert spool.books().balanced


def answers(address):
    with suppress(OSError), urlopen(address, timeout=10) as answer:
        return answer.status == 200
    return False


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """A broker, and a folder with a store and a device."""
    folder = tmp_path_factory.mktemp("beside")
    with mosquitto("allow_anonymous true") as broker:
        settings = {"HOIQUAN_MQTT": broker.url, "HOIQUAN_GATEWAY_PASSWORD": "x",
                    "HOIQUAN_READER_PASSWORD": "x", "HOIQUAN_SIMULATOR_SECRET": "x"}  # fmt: skip
        done(hoiquan(folder, "simulate", "--store", "--history", "1d", "--history-only", **settings))
        one = ("--community", "tam-que", "--model", "soil-probe", "--id", "my-esp32")
        done(hoiquan(folder, "device", "enroll", *one, **settings))

        def started(words):
            words = [word.format(broker=broker.url, port=free_port()) for word in words]
            return Terminal(folder, *words, **settings)

        yield started


@pytest.mark.parametrize("name", OTHERS)
def test_ctrl_c_or_a_closed_terminal_ends_any_other_command_in_silence(beside, name):
    words, says = OTHERS[name]
    moments = [MOMENTS["imports"]]
    if says:
        moments.append(lambda terminal: says in terminal.text().lower())
    for moment in moments:
        for times in (0, 1, 2):
            terminal = beside(words)
            reach(terminal, moment)
            assert not terminal.ended(), terminal.text()
            _, _, wrong = interrupted(terminal, times)
            assert not wrong, terminal.text()
