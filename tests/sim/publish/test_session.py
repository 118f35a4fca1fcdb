"""A node's side of MQTT without a socket: its window, its memory, and its handling of a broker's bytes."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract.packets import Publish, frame, read_publish
from sim.publish.session import MEMORY, WINDOW, Broken, Message, Refused, Session
from tests import packets
from tests.packets import ACCEPTED

HELLO = Message("t/status", b"online", True)


def session(subscription=None):
    mine = Session(b"CONNECT", HELLO, subscription)
    mine.begin()
    assert take(mine) == b"CONNECT"
    return mine


def take(mine):
    """The bytes that it wants to send."""
    out = bytes(mine.out)
    mine.out.clear()
    return out


def published(data):
    """The PUBLISH packets in these bytes."""
    at, found = 0, []
    while (part := frame(data, at)) is not None:
        if data[at] & 0xF0 == packets.PUBLISH:
            found.append(read_publish(data[at], data[part[0] : part[1]], properties=False))
        at = part[1]
    assert at == len(data)
    return found


def acknowledged(*messages):
    return b"".join(packets.answer(packets.PUBACK, message.mid) for message in messages)


def test_nothing_but_connect_is_said_before_the_broker_accepts():
    mine = session()
    assert mine.publish(Message("t", b"1"))
    assert take(mine) == b""
    mine.receive(ACCEPTED)
    assert [message.payload for message in published(take(mine))] == [b"online", b"1"]


def test_no_more_is_in_flight_than_the_window_holds_and_an_acknowledgement_lets_one_more_go():
    mine = session()
    for number in range(3 * WINDOW):
        mine.publish(Message("t", b"%d" % number))
    mine.receive(ACCEPTED)
    sent = published(take(mine))
    assert len(sent) == WINDOW
    while mine.waiting:
        first, *sent = sent
        mine.receive(acknowledged(first))
        more = published(take(mine))
        assert len(more) <= 1
        sent += more
        assert len({message.mid for message in sent}) == len(sent) <= WINDOW


def test_what_was_in_flight_goes_first_on_the_next_connection_marked_as_sent_before():
    mine = session()
    mine.receive(ACCEPTED)
    for number in range(2 * WINDOW):
        mine.publish(Message("t", b"%d" % number))
    sent = published(take(mine))
    mine.receive(acknowledged(*sent[:3]))
    unsure = [*sent[3:], *published(take(mine))]
    mine.end()
    mine.begin()
    take(mine)
    mine.receive(ACCEPTED)
    again = published(take(mine))
    assert [(m.mid, m.payload) for m in again] == [(m.mid, m.payload) for m in unsure]
    assert all(message.dup for message in again)
    mine.receive(acknowledged(*again))
    following = published(take(mine))
    assert following[0].payload == HELLO.payload, "before all that waits"
    assert not any(message.dup for message in following)


def test_a_greeting_that_waits_is_not_said_twice():
    mine = session()
    for _ in range(3):
        mine.receive(ACCEPTED)
        mine.end()
        mine.begin()
    assert mine.waiting == 1


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(65_520, 65_535))
def test_packet_numbers_come_round_and_none_is_in_use_twice(turns, number):
    mine = session()
    mine.receive(ACCEPTED)
    mine._number = number
    flying = published(take(mine))
    for turn in turns:
        for _ in range(turn):
            mine.publish(Message("t", b""))
        flying += published(take(mine))
        assert all(1 <= message.mid <= 65_535 for message in flying)
        assert len({message.mid for message in flying}) == len(flying)
        mine.receive(acknowledged(*flying[1:]))  # the oldest is never acknowledged
        flying = flying[:1] + published(take(mine))


def test_the_memory_ends_at_two_weeks():
    mine = session()
    assert all(mine.publish(Message("t", b"")) for _ in range(MEMORY))
    assert not mine.publish(Message("t", b""))
    assert mine.waiting == MEMORY


@pytest.mark.parametrize(("code", "why"), [(4, "bad user name"), (5, "not authorised"), (9, "return code 9")])
def test_a_refusal_says_why(code, why):
    with pytest.raises(Refused, match=why):
        session().receive(bytes((0x20, 2, 0, code)))


@pytest.mark.parametrize(
    "data",
    [b"\x20\xff\xff\xff\xff\x01", b"\x20\x01\x00", b"\x40\x01\x00", b"\x30\x02\x00\x09", b"\x90\x02\x00\x01"],
    ids=["length", "CONNACK", "PUBACK", "PUBLISH", "SUBACK"],
)
def test_what_is_not_mqtt_is_told(data):
    with pytest.raises(Broken):
        session().receive(data)


@given(st.binary(max_size=60))
def test_no_bytes_of_a_broker_do_anything_else(data):
    mine = session("t/command")
    with suppress(Broken, Refused):
        mine.receive(data)
    assert mine.waiting <= 1


@given(st.integers(1, 7), st.binary(max_size=300))
def test_a_command_is_heard_and_acknowledged_however_it_arrives(step, payload):
    mine = session("t/command")
    data = ACCEPTED + packets.publish("t/command", payload, number=77) + b"\xd0\x00"
    heard = []
    for at in range(0, len(data), step):
        heard += mine.receive(data[at : at + step])
    assert heard == [Publish("t/command", payload, 77, 1, False, False)]
    out = take(mine)
    assert packets.subscribe("t/command", 1, number=1) in out
    assert packets.answer(packets.PUBACK, 77) in out


def test_a_refused_subscription_is_known():
    mine = session("t/command")
    mine.receive(ACCEPTED + b"\x90" + bytes([3]) + struct.pack(">H", 1) + b"\x80")
    assert mine.deaf
