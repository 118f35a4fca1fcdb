"""Broker, store, token and disk fail while messages flow: acknowledged messages are stored once; what a
broker lost is counted as a gap; the books balance in the end.
"""

import random
import signal
import time
from collections import Counter

import pytest

from tests.system.ingest import DEVICES, Fleet, Ingest
from tests.system.running import until

SEED = random.randrange(2**32)
HOUR = 3_600_000


@pytest.fixture
def ingest(tmp_path):
    made = Ingest(tmp_path)
    yield made
    made.stop()


def all_there(ingest, fleet):
    """Every message is in the store, once, and nothing else; the books balance."""
    books = ingest.settled()
    stored = ingest.stored()
    wrong = {}
    for device, count in fleet.sent.items():
        rows = stored.get(device, Counter())
        lost = [n for n in range(1, count + 1) if n not in rows]
        if lost or any(times > 1 for times in rows.values()) or len(rows) > count:
            wrong[device] = (count, len(rows), lost[:10])
    assert not wrong, f"seed {SEED}, {books}: {wrong}"
    assert books.balanced and books.stored == sum(fleet.sent.values()), books
    assert "Traceback" not in ingest.text(), ingest.text()
    return books


def all_but_what_the_broker_lost(ingest, fleet, *, killed):
    """Every message is in the store, once, except those whose numbers the gateway counts as missing."""
    until("the fleet's new connection", 20, fleet.publisher.connected)
    fleet.halt.set()
    fleet.join()
    for device in DEVICES:  # the last number must arrive, so that every gap has two ends
        fleet.send(device)
    fleet.finish()
    # the books also stand still while the gateway is on its way back to the broker
    until("the last numbers", 60, lambda: all(
        count in ingest.stored().get(device, ()) for device, count in fleet.sent.items()
    ))  # fmt: skip
    books = ingest.settled()
    stored = ingest.stored()
    lost = sum(count - len(stored[device]) for device, count in fleet.sent.items())
    assert lost == ingest.missing(), f"seed {SEED}: {books}"
    assert all(times == 1 for rows in stored.values() for times in rows.values())
    # A gateway killed between its write and its books may find late readings in the store when it is back:
    # those are there once, and counted as repeated.
    unsaid = sum(fleet.sent.values()) - lost - books.stored
    assert books.balanced, f"seed {SEED}: {books}, {lost}"
    assert 0 <= unsaid <= (books.duplicate if killed else 0), f"seed {SEED}: {books}, {lost}"


@pytest.mark.parametrize("both", [False, True], ids=["broker", "broker and gateway"])
def test_kills_mid_publish_and_what_the_broker_lost_is_counted(ingest, both):
    """Mosquitto writes its queues once a second, so a kill may lose messages that it acknowledged and had not
    delivered. Nobody can bring those back, so the numbers that never arrived are counted.
    """
    ingest.start()
    fleet = Fleet(ingest.broker.port)
    fleet.start()
    # a loss before the first number to arrive is no gap: nobody can know of it
    until("the first numbers", 20, lambda: all(1 in ingest.stored().get(d.device, ()) for d in DEVICES))
    moments = random.Random(SEED)
    for _ in range(4):
        time.sleep(moments.uniform(0.5, 1.5))  # the random part of the test
        if both:
            ingest.kill()
        ingest.broker.kill()
        before = ingest.connections()
        ingest.broker.start()
        if both:
            ingest.start()
    # a broker that lost the gateway's session, too, has nobody for what comes before this
    until("the gateway's new connection", 30, lambda: ingest.connections() > before)
    all_but_what_the_broker_lost(ingest, fleet, killed=both)


def test_six_hours_without_a_store(ingest):
    """Six hours of the fleet's readings arrive while the store is down, and the gateway restarts."""
    ingest.start()
    ingest.influx.stop_engine()
    fleet = Fleet(ingest.broker.port)
    start = time.time_ns() // 1_000_000 - 6 * HOUR
    for minute in range(0, 360, 2):
        for device in DEVICES:
            fleet.send(device, start + minute * 60_000)
        if minute == 180:
            fleet.publisher.all_acknowledged(30)
            ingest.kill()
            ingest.start()
    fleet.finish()
    until("all of it in the spool", 30, lambda: ingest.books().received >= sum(fleet.sent.values()))
    ingest.influx.start_engine()
    all_there(ingest, fleet)


def test_a_store_that_hangs_holds_up_no_acknowledgement(ingest):
    ingest.start()
    fleet = Fleet(ingest.broker.port)
    fleet.start()
    until("the first readings", 20, ingest.stored)
    ingest.influx.pause()
    try:
        taken = ingest.books().received
        until("messages taken meanwhile", 20, lambda: ingest.books().received > taken + 1000)
    finally:
        ingest.influx.go_on()
    fleet.finish()
    all_there(ingest, fleet)


def test_a_revoked_token_keeps_everything_and_says_so(ingest):
    ingest.start()
    fleet = Fleet(ingest.broker.port)
    fleet.start()
    until("the first readings", 20, ingest.stored)
    ingest.influx.accept("another token")
    until("an alarm", 20, lambda: "refuses the token" in ingest.text())
    taken = ingest.books().received
    until("messages taken meanwhile", 20, lambda: ingest.books().received > taken + 500)
    ingest.influx.accept(ingest.influx.token)
    fleet.finish()
    all_there(ingest, fleet)


def test_a_full_spool_stops_the_acks_and_goes_on_when_there_is_room(ingest):
    """The store is away and the spool at its limit: the broker keeps unacknowledged messages."""
    ingest.start(HOIQUAN_SPOOL_MAX_MB="1")
    ingest.influx.stop_engine()
    fleet = Fleet(ingest.broker.port, rate=1000)
    fleet.start()
    until("a full spool", 60, lambda: "HOIQUAN_SPOOL_MAX_MB" in ingest.text())
    fleet.halt.set()
    fleet.join()
    until("what the broker took", 30, lambda: fleet.publisher.acknowledged >= sum(fleet.sent.values()))
    held = ingest.books()
    assert held.received < sum(fleet.sent.values()), "the broker still has some"
    ingest.kill()
    ingest.influx.start_engine()
    ingest.start(HOIQUAN_SPOOL_MAX_MB="1")
    fleet.finish()
    until("the rest from the broker", 60, lambda: ingest.books().received >= sum(fleet.sent.values()))
    books = ingest.settled()
    assert books.balanced and sum(len(rows) for rows in ingest.stored().values()) == sum(fleet.sent.values())


def test_the_engine_is_killed_while_it_writes(ingest):
    ingest.start()
    fleet = Fleet(ingest.broker.port)
    fleet.start()
    for _ in range(3):
        until("readings", 20, ingest.stored)
        ingest.influx.stop_engine(signal.SIGKILL)
        ingest.influx.start_engine()
    fleet.finish()
    all_there(ingest, fleet)
