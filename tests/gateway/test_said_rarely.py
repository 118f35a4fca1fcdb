"""What lasts is in the log once and then rarely, whichever loop it holds up, and once when it is over."""

import logging
import threading
from datetime import UTC, datetime

import pytest

from devices.access.database import RegistryAway
from devices.pilots.pilot import load
from gateway.clerk import clerk
from gateway.clerk.clerk import Clerk
from gateway.control.advisor import Advisor
from gateway.ingest.message import Books
from gateway.intake.receive import Receiver
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RejectPoints, RetryLater
from tests.gateway.ports import FakeStore, FullSpool, build, deliveries, running, settled, telemetry
from tests.servers import mosquitto, until

PILOT = load("dong-thap")
NOW = int(datetime(2026, 11, 21, 10, tzinfo=UTC).timestamp() * 1000)
BUOY = PILOT.fleet["ca-tra-hong-ngu-pond-buoy-01"]


class Fitful(SqliteStore):
    """A store that answers every write with `error` while there is one."""

    error = None

    def write(self, points):
        if self.error is not None:
            raise self.error
        super().write(points)


@pytest.fixture
def store(tmp_path):
    made = Fitful(tmp_path / "store.sqlite")
    yield made
    made.close()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("plan", "appends", "level", "lines"),
    [
        (["nothing stored"] * 9, 0, logging.WARNING, ["readings wait in the spool: ",
                                                      "readings wait in the spool: that is over now"]),
        ([], 9, logging.ERROR, ["messages wait with the broker: ", "messages wait with the broker: that is"]),
    ],
    ids=["store", "disk"],
)  # fmt: skip
def test_readings_that_wait(spool, caplog, plan, appends, level, lines):
    pipeline, _ = build(FullSpool(spool, appends), FakeStore(plan), [deliveries([telemetry(1)])])
    with running(pipeline):
        until(lambda: settled(spool, 1), "all is delivered")
    assert [said.startswith(line) for said, line in zip(caplog.messages, lines, strict=True)] == [True, True]
    assert [one.levelno for one in caplog.records] == [level, logging.WARNING]


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([RetryLater("store.silent", error="no route")] * 5, "advice waits: "),
        ([RegistryAway("enrol.away", error="no route")] * 5, "advice waits: "),
        ([RejectPoints(dict.fromkeys(range(n), "a string")) for n in range(1, 6)],
         "the store refuses advice: "),
    ],
)  # fmt: skip
def test_advice_that_waits(tmp_path, store, caplog, errors, words):
    store.write([Point("telemetry", device_tags(BUOY), {"dissolved_oxygen": 2.4}, NOW - 60_000)])
    advisor = Advisor(store, PILOT, list, tmp_path, lambda: None, None)
    for error in (*errors, None, None):
        store.error = error
        advisor.try_look(NOW)
    assert len(caplog.messages) == 2
    assert all(line.startswith(words) for line in caplog.messages) and "over" in caplog.messages[1]


@pytest.mark.parametrize(
    "error", [RegistryAway("enrol.away", error="no route"), RejectPoints({0: "a string"})], ids=repr
)
def test_paperwork_that_waits_though_the_books_do_not(store, caplog, monkeypatch, error):
    """The acts come each minute, the books each ten seconds."""
    monkeypatch.setattr(clerk, "INDICATORS_EVERY", 0.1)
    tries, again = [], threading.Event()

    def acts(_):
        tries.append(1)
        if not again.is_set():
            raise error
        return []

    stop = threading.Event()
    made = Clerk(store, PILOT, "g1", lambda: Books(1, 1, 0, 0, 0, None), list, list, acts=acts, every=0.01)
    work = threading.Thread(target=made.run, args=(stop,))
    work.start()
    try:
        until(lambda: len(tries) > 3, "it is tried again")
        again.set()
        until(lambda: "over" in caplog.text, "it is over")
    finally:
        stop.set()
        work.join()
    assert len(caplog.messages) == 2, caplog.messages


def test_a_broker_that_refuses_the_gateway(tmp_path, caplog, monkeypatch):
    tried, refused = [], Receiver._on_connect
    monkeypatch.setattr(Receiver, "_on_connect", lambda *by: (refused(*by), tried.append(1)))
    (tmp_path / "passwords").write_text("")
    with mosquitto("allow_anonymous false", f"password_file {tmp_path}/passwords") as broker:
        receiver = Receiver(broker.url, "gateway", "wrong", 5)
        receiver._client.reconnect_delay_set(0.01, 0.01)
        receiver.start()
        until(lambda: len(tried) > 3, "it tries again")
        receiver.stop()
    assert caplog.messages == ["the broker refuses the gateway: Not authorized"]
