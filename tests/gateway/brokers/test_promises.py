"""The embedded broker stores nothing on disk: it acknowledges a message only once a gateway has done so.

The clients send raw bytes: a device, and a gateway that acknowledges each message itself.
"""

import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from devices.access.registry import Registry
from devices.contract.topics import DENIED
from devices.pilots.pilot import load
from tests.gateway.embedded import amqtt
from tests.packets import (
    CONNACK,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBACK,
    Connection,
    answer,
    connect,
    publish,
    subscribe,
)

OWN = "hoiquan/v1/dong-thap/tam-que/my-esp32/"
TOPIC = OWN + "telemetry"
UNAVAILABLE = 3


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry.sqlite", load("dong-thap"))


@pytest.fixture
def password(registry):
    return registry.enroll("tam-que", "soil-probe", "my-esp32")


@pytest.fixture
def port(tmp_path, password):
    with amqtt(tmp_path) as found:
        yield found


@pytest.fixture
def device(port, password):
    """Connects as the device, and expects the given CONNACK code."""

    @contextmanager
    def connected(code=0, **more):
        with Connection(port) as one:
            assert one.says(connect("my-esp32", password, **more), CONNACK)[1] == code
            yield one

    return connected


@pytest.fixture
def gateway(port):
    """Connects as a gateway, and subscribes if its session is new. The tests send its acknowledgements."""

    @contextmanager
    def connected(name="gateway", **more):
        with Connection(port) as one:
            kept, code = one.says(connect(name, "pw", **{"clean": False, **more}), CONNACK)
            assert code == 0
            for topic in () if kept else ("hoiquan/#", f"{DENIED}/#"):
                assert one.says(subscribe(topic, 1), SUBACK)[2:] == b"\x01"
            yield one

    return connected


def heard(one):
    """The next message received: its packet number and its payload."""
    first, body = one.take()
    assert first & 0xF0 == PUBLISH
    at = 2 + int.from_bytes(body[:2])
    return int.from_bytes(body[at : at + 2]), body[at + 2 :]


def taken(one):
    """The payload of the next message, which is acknowledged."""
    number, payload = heard(one)
    one.send(answer(PUBACK, number))
    return payload


def acknowledged(one):
    first, body = one.take()
    assert first == PUBACK
    return int.from_bytes(body)


def test_nobody_may_speak_until_a_gateway_keeps_what_is_said(port, device, gateway):
    with device(UNAVAILABLE):
        pass
    with gateway(clean=True), device(UNAVAILABLE):
        pass  # a clean session and all that it would queue end with the connection
    with Connection(port) as reader:
        assert reader.says(connect("reader", "x"), CONNACK)[1] == 0
    with gateway(), device():
        pass
    with device() as one:  # the gateway is away, but its session exists
        one.send(publish(TOPIC, b"kept"))
        with gateway() as back:
            assert taken(back) == b"kept"
            assert acknowledged(one) == 1


def test_who_has_another_password_is_told_that_first(port):
    with Connection(port) as one:
        assert one.says(connect("my-esp32", "wrong"), CONNACK)[1] == 5


@pytest.mark.parametrize("topic", [TOPIC, "hoiquan/v1/dong-thap/tam-que/another/telemetry"])
def test_a_message_is_acknowledged_when_a_gateway_has_it(device, gateway, topic):
    """The same holds for a message that the rules deny, which the gateway quarantines."""
    with gateway():
        pass
    with device() as one:
        with gateway() as first:
            one.send(publish(topic, b"one"))
            number, payload = heard(first)
            assert payload == b"one"
            assert one.silent()
        # the first gateway was killed before it acknowledged
        assert one.silent()
        with gateway() as second:
            assert heard(second) == (number, b"one")
            assert one.silent()
            second.send(answer(PUBACK, number))
            assert acknowledged(one) == 1


def test_a_gateway_is_enough_of_two(device, gateway):
    with gateway("gateway-2"):
        pass  # this gateway never comes back
    with gateway() as here, device() as one:
        one.send(publish(TOPIC, b"one"))
        assert taken(here) == b"one"
        assert acknowledged(one) == 1


def test_acknowledgements_come_in_the_order_of_the_messages(device, gateway):
    with gateway() as here, device() as one:
        one.send(publish(TOPIC, b"one", number=7) + publish(OWN + "status", b"two", number=8))
        (first, _), (second, _) = heard(here), heard(here)
        here.send(answer(PUBACK, second) + b"\xc0\0")
        assert here.take() == (0xD0, b"")
        assert one.silent()
        here.send(answer(PUBACK, first))
        assert [acknowledged(one), acknowledged(one)] == [7, 8]


def test_what_is_said_again_while_it_is_on_its_way_comes_once(device, gateway):
    """A reading without number and time would otherwise be stored twice."""
    with gateway():
        pass
    for again in (False, True, True):
        with device(clean=False) as one:
            one.send(publish(TOPIC, b"one", number=7, again=again))
            assert one.silent()
    with device(clean=False) as one:
        one.send(publish(TOPIC, b"one", number=7, again=True) + publish(TOPIC, b"two", number=8))
        assert one.silent()
        with gateway() as here:
            assert [taken(here), taken(here)] == [b"one", b"two"]
            assert [acknowledged(one), acknowledged(one)] == [7, 8]
            one.send(publish(TOPIC, b"one", number=7))  # a new message with the same number
            assert taken(here) == b"one"
            assert acknowledged(one) == 7


def test_a_number_that_stands_for_another_message_is_not_acknowledged_for_the_first(device, gateway):
    """A board that restarts counts from one again."""
    with gateway():
        pass
    with device() as one:
        one.send(publish(TOPIC, b"before"))
        assert one.silent()
    with device() as one:
        one.send(publish(TOPIC, b"after"))
        assert one.silent()
        with gateway() as here:
            assert taken(here) == b"before"
            number, payload = heard(here)
            assert payload == b"after"
            assert one.silent()
            here.send(answer(PUBACK, number))
            assert acknowledged(one) == 1


def test_at_qos_2_too(device, gateway):
    with gateway() as here:
        with device(clean=False) as one:
            one.send(publish(TOPIC, b"one", 2, 7))
            assert one.silent()
        with device(clean=False) as one:
            one.send(publish(TOPIC, b"one", 2, 7, again=True))
            assert one.silent()
            assert taken(here) == b"one"
            assert one.take() == (PUBREC, struct.pack(">H", 7))
            one.says(answer(PUBREL, 7), PUBCOMP)
        assert here.silent()


def test_of_a_session_that_is_forgotten_its_messages_are_said_again(device, gateway):
    with gateway():
        pass
    with device(clean=False) as one:
        one.send(publish(TOPIC, b"one", number=7))
        assert one.silent()
        with gateway(clean=True), pytest.raises(AssertionError, match="the broker has closed"):
            one.take()
    with gateway() as here, device(clean=False) as one:
        one.send(publish(TOPIC, b"one", number=7, again=True))
        assert taken(here) == b"one"
        assert acknowledged(one) == 7


def test_a_gateway_that_stays_away_fills_no_memory(device, gateway, monkeypatch):
    """Devices are refused while the gateway's queue is full, at QoS 0 too, and accepted once it is read."""
    monkeypatch.setattr("gateway.brokers.kept.MOST", 50_000)
    with gateway():
        pass
    with device() as one, pytest.raises((AssertionError, ConnectionError)):
        for _ in range(60):
            one.send(publish(TOPIC, bytes(1000), 0))
            assert one.silent()
    with device(UNAVAILABLE):
        pass
    with gateway() as here:
        for _ in range(50_000 // 1400 + 1):
            assert taken(here) == bytes(1000)
        assert here.silent()
        with device() as one:
            one.send(publish(TOPIC, b"one"))
            assert taken(here) == b"one"
            assert acknowledged(one) == 1


def test_what_was_turned_away_and_is_said_again_is_taken_once_there_is_room(device, gateway, monkeypatch):
    monkeypatch.setattr("gateway.brokers.kept.MOST", 5000)
    with gateway():
        pass
    said = 0
    with device(clean=False) as one, pytest.raises((AssertionError, ConnectionError)):
        for said in range(1, 60):
            one.send(publish(TOPIC, b"%d" % said + bytes(500), number=said))
            assert one.silent()
    with gateway() as here:
        for number in range(1, said):
            assert taken(here).startswith(b"%d" % number)
        with device(clean=False) as one:
            for number in (said, said + 1):
                says = b"%d" % number + bytes(500)
                one.send(publish(TOPIC, says, number=number, again=number == said))
                assert taken(here) == says
                assert acknowledged(one) == number


def test_a_gateway_whose_queue_is_full_keeps_no_other_from_hearing(device, gateway, monkeypatch):
    monkeypatch.setattr("gateway.brokers.kept.MOST", 5000)
    with gateway("gateway-2"):
        pass
    with gateway() as here, device() as one:
        for number in range(1, 21):
            one.send(publish(TOPIC, bytes(500), number=number))
            assert taken(here) == bytes(500)
            assert acknowledged(one) == number
    with gateway("gateway-2") as back:
        for _ in range(5000 // 900 + 1):  # as many as fit into its queue
            assert taken(back) == bytes(500)
        assert back.silent()


def test_of_many_connections_of_one_account_at_once_none_is_left_waiting(port, password, gateway):
    """The last connection is accepted; each earlier one is cut, with or without having been accepted."""

    def answered(_):
        with Connection(port) as one:
            one.send(connect("my-esp32", password))
            try:
                return one.take()[0]
            except (AssertionError, ConnectionError):  # the broker cut this connection
                return None

    with gateway(), ThreadPoolExecutor(16) as pool:
        for _ in range(5):
            assert CONNACK in list(pool.map(answered, range(16)))
