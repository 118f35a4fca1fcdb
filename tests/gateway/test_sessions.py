"""What the brokers of `hoiquan up` keep for a client between connections, at QoS 2 as well as at QoS 1.

amqtt with our patches gives the same answers as Mosquitto. The clients send raw bytes, for they misbehave.
"""

import struct
from contextlib import contextmanager

import pytest

from tests.gateway.embedded import amqtt
from tests.packets import (
    CONNACK,
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
from tests.servers import mosquitto, until

TOPIC = "hoiquan/v1/dong-thap/tam-que/my-esp32/telemetry"


@pytest.fixture(scope="module", params=["mosquitto", "amqtt"])
def port(request, tmp_path_factory):
    if request.param == "amqtt":
        with amqtt(tmp_path_factory.mktemp("amqtt")) as found:
            yield found
    else:
        with mosquitto("allow_anonymous true", "use_username_as_clientid true") as broker:
            yield broker.port


@contextmanager
def joined(port, name="gateway", *, present=None, **more):
    """A connection of an account that may do everything, so that only sessions are tested."""
    with Connection(port) as one:
        flags, code = one.says(connect(name, "pw", **more), CONNACK)
        assert code == 0
        assert present is None or flags == int(present), "session present"
        yield one


@pytest.fixture
def hearer(port):
    """Makes a new session that subscribes at QoS 2, and disconnects."""
    with joined(port, clean=True):
        pass
    with joined(port, clean=False, present=False) as one:
        assert one.says(subscribe("hoiquan/#", 2), SUBACK)[2:] == b"\x02"


def say(port, *sent):
    """Publish as another client, and check that each message is acknowledged."""
    with joined(port, "gateway-2") as one:
        for number, (payload, qos) in enumerate(sent, 1):
            done = one.says(publish(TOPIC, payload, qos, number), PUBREC if qos == 2 else 0x40)
            assert done == struct.pack(">H", number)
            if qos == 2:
                one.says(answer(PUBREL, number), PUBCOMP)


def heard(one):
    """A PUBLISH received: its first byte, its number and its payload."""
    first, body = one.take()
    assert first & 0xF0 == PUBLISH
    at = 2 + len(TOPIC)
    return first, int.from_bytes(body[at : at + 2]), body[at + 2 :]


@pytest.mark.usefixtures("hearer")
def test_what_comes_at_qos_1_and_2_waits_for_who_is_away(port):
    """The earlier clean session of the same client does not count."""
    say(port, (b"one", 1), (b"two", 2))
    with joined(port, clean=False, present=True) as one:
        assert {heard(one)[2], heard(one)[2]} == {b"one", b"two"}


@pytest.mark.usefixtures("hearer")
def test_what_was_sent_at_qos_2_is_sent_again_until_each_step_is_answered(port):
    say(port, (b"two", 2))
    with joined(port, clean=False) as one:
        first, number, _ = heard(one)
        assert first == PUBLISH | 2 << 1
    with joined(port, clean=False) as one:
        assert heard(one) == (first | 8, number, b"two"), "with DUP"
        assert one.says(answer(PUBREC, number), PUBREL) == struct.pack(">H", number)
    with joined(port, clean=False) as one:
        assert one.take() == (PUBREL, struct.pack(">H", number)), "not the message again"
        one.send(answer(PUBCOMP, number))
        assert one.silent()
    with joined(port, clean=False) as one:
        assert one.silent()


@pytest.mark.usefixtures("hearer")
def test_what_is_published_at_qos_2_arrives_once_over_two_connections(port):
    with joined(port, "gateway-2", clean=True):
        pass
    with joined(port, "gateway-2", clean=False) as sender:
        sender.says(publish(TOPIC, b"once", 2, 7), PUBREC)
    with joined(port, "gateway-2", clean=False) as sender:
        sender.says(publish(TOPIC, b"once", 2, 7, again=True), PUBREC)
        sender.says(answer(PUBREL, 7), PUBCOMP)
        sender.says(answer(PUBREL, 7), PUBCOMP)  # a sender whose PUBCOMP was lost repeats its PUBREL
        sender.says(publish(TOPIC, b"another", 2, 7), PUBREC)
        sender.says(answer(PUBREL, 7), PUBCOMP)
    with joined(port, clean=False) as one:
        assert [heard(one)[2], heard(one)[2]] == [b"once", b"another"]
        assert one.silent()


def test_who_publishes_at_qos_0_and_is_gone_is_heard(port):
    """PubSubClient does so on a board that sleeps between readings: publish and disconnect at once."""
    sent = [b"%d" % number for number in range(50)]
    with joined(port, "gateway-4") as one:
        one.says(subscribe(TOPIC, 0), SUBACK)
        for payload in sent:
            with joined(port, "gateway-2") as sender:
                sender.send(publish(TOPIC, payload, 0) + b"\xe0\0")
        assert sorted(one.take()[1][2 + len(TOPIC) :] for _ in sent) == sorted(sent)


def test_the_will_of_a_session_that_came_back_is_the_newer_one(port):
    """The newer will also decides whether it is retained, as `offline` of a device is."""
    with joined(port, "gateway-3", clean=True):
        pass
    with joined(port, "gateway-3", clean=False, will=(TOPIC, b"older")) as one:
        one.send(b"\xe0\0")  # DISCONNECT: the will is dropped
    with joined(port, "gateway-3", clean=False, will=(TOPIC, b"newer"), will_retained=True):
        pass

    def retained():
        with joined(port, "gateway-4") as one:
            one.says(subscribe(TOPIC, 0), SUBACK)
            one.send(b"\xc0\0")
            first, body = one.take()
            return first == PUBLISH | 1 and body.endswith(b"newer")

    until(retained, "the newer will is retained")
