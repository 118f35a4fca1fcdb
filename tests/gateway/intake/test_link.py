"""Packets are cut out of a stream however it arrives; bytes that are not MQTT end only the connection."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import MQTTv5, MQTTv311, _ConnectionState
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from devices.contract.packets import Publish
from gateway.intake.link import Link

TOPICS = st.text(min_size=1, max_size=40).filter(lambda text: "\0" not in text)
PUBLISHES = st.builds(
    lambda topic, payload, mid, qos, dup, retain: Publish(
        topic, payload, mid if qos else 0, qos, dup and qos > 0, retain
    ),
    TOPICS, st.binary(max_size=400), st.integers(1, 65_535), st.sampled_from([0, 1]), st.booleans(),
    st.booleans(),
)  # fmt: skip


def length(size):
    out = b""
    while True:
        size, byte = divmod(size, 128)
        out += bytes([byte | 0x80 if size else byte])
        if not size:
            return out


def packet(publish, version, properties=b""):
    head = 0x30 | publish.dup << 3 | publish.qos << 1 | publish.retain
    topic = publish.topic.encode("utf-8", "surrogatepass")
    body = struct.pack("!H", len(topic)) + topic
    body += struct.pack("!H", publish.mid) if publish.qos else b""
    body += length(len(properties)) + properties if version == MQTTv5 else b""
    body += publish.payload
    return bytes([head]) + length(len(body)) + body


class Wire:
    """The other end of a link: it gives one piece of a stream per read."""

    def __init__(self, version, pieces):
        self.link = Link(
            CallbackAPIVersion.VERSION2, "c", protocol=MQTTProtocolVersion(version), manual_ack=True
        )
        self.heard = []
        self.link.on_publishes = self.heard.extend
        self._pieces = list(pieces)
        self.link._sock = self
        self.link._state = _ConnectionState.MQTT_CS_CONNECTED
        self.closed = False

    def recv(self, _):
        if not self._pieces:
            raise BlockingIOError
        return self._pieces.pop(0)

    def close(self):
        self.closed = True

    def read_all(self):
        results = []
        while self._pieces and not self.closed:
            results.append(self.link.loop_read())
        return results


@given(st.lists(PUBLISHES, min_size=1, max_size=8), st.sampled_from([MQTTv311, MQTTv5]), st.data())
def test_every_message_is_heard_once_however_the_stream_is_cut(publishes, version, data):
    stream = b"".join(packet(one, version) for one in publishes)
    cuts = sorted(data.draw(st.lists(st.integers(1, max(1, len(stream) - 1)), max_size=12, unique=True)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) if a < b]
    wire = Wire(version, pieces)
    assert not any(wire.read_all())
    assert wire.heard == publishes


@pytest.mark.parametrize("size", [1, 127, 128, 300])
def test_properties_are_passed_over(size):
    user = (
        b"\x26" + struct.pack("!H", 1) + b"k" + struct.pack("!H", max(0, size - 6)) + b"v" * max(0, size - 6)
    )
    said = Publish("a/b", b"payload", 7, 1, dup=False, retain=False)
    wire = Wire(MQTTv5, [packet(said, MQTTv5, user)])
    assert not any(wire.read_all())
    assert wire.heard == [said]


def test_a_topic_that_is_no_text_is_refused_further_on():
    body = struct.pack("!H", 2) + b"\xff\xfe" + struct.pack("!H", 9) + b"x"
    wire = Wire(MQTTv311, [bytes([0x32]) + length(len(body)) + body])
    wire.read_all()
    assert wire.heard == [Publish("\ufffd", b"x", 9, 1, dup=False, retain=False)]


@pytest.mark.parametrize(
    "stream",
    [b"\x30\xff\xff\xff\xff\x01", b"\x32\x02\x00\x09", b"\x32\x03\x00\x01a", b"\x30\x00", b"\xf0\x00"],
    ids=["length of five bytes", "topic beyond the packet", "no packet number", "empty", "unknown packet"],
)
def test_what_is_not_mqtt_ends_the_connection(stream):
    wire = Wire(MQTTv311, [stream])
    assert wire.read_all() == [MQTTErrorCode.MQTT_ERR_PROTOCOL]
    assert wire.closed and wire.heard == []


def test_an_end_of_stream_is_a_lost_connection():
    wire = Wire(MQTTv5, [b""])
    assert wire.read_all() == [MQTTErrorCode.MQTT_ERR_CONN_LOST]


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from([MQTTv311, MQTTv5]))
def test_no_bytes_raise(pieces, version):
    Wire(version, pieces).read_all()


def test_acknowledgements_go_out_in_one_piece():
    wire = Wire(MQTTv5, [])
    sent = []
    wire.send = lambda data: sent.append(bytes(data)) or len(data)
    wire.link.acknowledge([1, 258, 65_535])
    wire.link.loop_write()
    assert sent == [b"\x40\x02\x00\x01\x40\x02\x01\x02\x40\x02\xff\xff"]
    wire.link.acknowledge([])
    wire.link.loop_write()
    assert len(sent) == 1
