"""An acknowledgement whose connection has ended is not sent on the next one."""

import socket

from devices.contract.packets import frame
from gateway.intake.receive import Receiver
from tests import packets
from tests.gateway.clients import TOPIC
from tests.servers import PATIENCE


def heard_until(connection, kind):
    """The kinds of the packets that a client sends, until one of `kind` is among them."""
    kinds, data = [], b""
    while kind not in kinds:
        data += connection.recv(4096)
        while (part := frame(data, 0)) is not None and part[1] <= len(data):
            kinds.append(data[0] & 0xF0)
            data = data[part[1] :]
    return kinds


def test_it_is_not_said_on_the_next_connection():
    """There its packet number may be another message's. Between CONNECT and CONNACK nothing is sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        receiver = Receiver(f"mqtt://127.0.0.1:{server.getsockname()[1]}", "gateway", "", 4)
        receiver.start()
        first, _ = server.accept()
        with first:
            first.sendall(packets.ACCEPTED + packets.publish(TOPIC, b"x", number=7))
            (message,) = receiver.take(1, PATIENCE)
        second, _ = server.accept()
        with second:
            assert heard_until(second, packets.CONNECT) == [packets.CONNECT]
            receiver.ack([message])
            second.sendall(packets.ACCEPTED)
            assert packets.PUBACK not in heard_until(second, packets.SUBSCRIBE)
            receiver.stop()
