"""Messages waiting for the spool stay within a limit of bytes, and the connection stays alive meanwhile."""

import time

from gateway.intake import arrivals
from gateway.intake.link import READ
from tests.gateway.clients import TOPIC, take
from tests.servers import until


def test_what_waits_for_the_spool_has_a_limit_in_bytes(gateway, publish, monkeypatch):
    limit, size, number = 300_000, 1_000, 900
    monkeypatch.setattr(arrivals, "WAITING_BYTES", limit)
    with gateway() as receiver:
        receiver.ack(receiver.take(10, 0.01))
    for n in range(number):
        publish(TOPIC, b"%0*d" % (size, n))
    got = []
    with gateway(wait=False) as receiver:  # the broker grants the subscription only after all queued messages
        while len(got) < number:
            until(lambda: len(receiver._arrivals), "more comes")
            time.sleep(0.02)  # as long as a commit may take
            assert receiver._arrivals.waiting < limit + 2 * READ
            got += (some := receiver.take(100, 0.05))
            receiver.ack(some)
        until(lambda: receiver.connected, "it subscribes")
    assert [int(m.payload) for m in got] == list(range(number)), "none is lost, altered or doubled"
    assert receiver._arrivals.waiting == 0


def test_a_full_queue_keeps_its_connection_and_looks_alive(gateway, publish, monkeypatch):
    """The spool takes nothing for a long time, and answers to pings wait behind unread messages."""
    monkeypatch.setattr(arrivals, "WAITING_BYTES", 1)
    with gateway() as receiver:
        pings = []
        receiver._client.on_log = lambda _c, _u, _l, said: pings.append(said) if "PINGREQ" in said else None
        receiver._client._keepalive = 1
        for n in range(2):
            publish(TOPIC, b"%d" % n)
        until(lambda: len(receiver._arrivals), "the first")
        publish(TOPIC, b"2")
        first, beat = receiver._epoch, receiver.heartbeat.newest
        until(lambda: len(pings) > 3, "pings whose answers are not read")
        held = receiver._arrivals.held_back
        until(lambda: receiver._arrivals.held_back > held, "it looks whether there is room")
        receiver.beat()
        assert receiver.connected and receiver._epoch == first
        assert receiver.heartbeat.newest == beat and receiver.silence < receiver.heartbeat.age()
        got = take(receiver, 3)
        receiver.ack(got)
        until(lambda: receiver.heartbeat.newest > beat, "the heartbeat comes back")
    assert [m.payload for m in got] == [b"0", b"1", b"2"]
