"""A broker's name with several addresses: each is tried in turn, whatever is wrong with the others."""

import socket
import ssl
import struct
import threading
import time
from contextlib import contextmanager

import pytest

from devices import broker_url
from devices.contract.reading import Device
from sim.publish import Links, address, loop
from sim.publish.address import Addresses

NODE = Device("dong-thap", "thuan-tan", "node", "soil-probe", True)
TCP = (socket.AF_INET, socket.SOCK_STREAM, 6, "")


@pytest.fixture
def resolver(monkeypatch):
    """Sets the addresses of a name; `asked` counts the lookups."""
    found = []
    asked = []

    def getaddrinfo(*_, **__):
        asked.append(None)
        return [(*TCP, there) for there in found]

    monkeypatch.setattr(address.socket, "getaddrinfo", getaddrinfo)
    return found, asked


@contextmanager
def server(answer):
    """Pass each connection to `answer`; yields the port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            try:
                answer(listening.accept()[0])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    with listening:
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def served(mine, condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        mine.serve(0.1)


def test_all_have_their_turn_before_the_name_is_asked_for_again(resolver, monkeypatch):
    monkeypatch.setattr(address, "ASK_AGAIN", 0.0)
    found, asked = resolver
    found += [("192.0.2.1", 1), ("192.0.2.2", 1), ("192.0.2.3", 1)]
    addresses = Addresses(broker_url.parse("mqtt://broker.example"))
    tried = []
    for _ in range(6):
        tried.append(addresses.first()[4][0][-1])
        addresses.failed(addresses.first())
    assert tried == ["1", "2", "3", "1", "2", "3"]
    assert len(asked) == 2


def test_one_that_answered_is_tried_again_like_the_others(resolver, monkeypatch):
    monkeypatch.setattr(address, "ASK_AGAIN", 0.0)
    found, asked = resolver
    found += [("192.0.2.1", 1), ("192.0.2.2", 1)]
    addresses = Addresses(broker_url.parse("mqtt://broker.example"))
    addresses.failed(addresses.first())
    addresses.reached()
    addresses.failed(addresses.first())
    assert addresses.first()[4][0] == "192.0.2.1"
    assert len(asked) == 1


@pytest.mark.parametrize("wrong", ["no way there", "silent"])
def test_the_second_address_is_reached_whatever_the_first_does(resolver, monkeypatch, wrong):
    monkeypatch.setattr(loop, "PATIENCE", 1.2)  # more than ASK_AGAIN, as in the code
    came, there = [], []
    with server(came.append) as port, socket.socket() as silent:
        # a full queue of connections: the kernel drops new ones
        silent.bind(("127.0.0.2", port))
        silent.listen(0)
        for _ in range(4):
            there.append(socket.socket())
            there[-1].setblocking(False)
            there[-1].connect_ex(("127.0.0.2", port))
        # the kernel refuses the other one at once
        first = "127.0.0.2" if wrong == "silent" else "255.255.255.255"
        resolver[0].extend([(first, port), ("127.0.0.1", port)])
        mine = Links(f"mqtt://broker.example:{port}", "secret", [NODE], scenario=False)
        mine.open(NODE)
        served(mine, lambda: came)
        mine.close(0)
    for one in [*there, *came]:
        one.close()


def test_a_connection_that_is_reset_as_tls_takes_it_over_is_tried_again(monkeypatch):
    real, came = ssl.SSLContext.wrap_socket, []

    def reset(sock):
        came.append(None)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def slow(self, *how, **more):
        time.sleep(0.2)  # the reset arrives after the check for errors and before TLS asks for its peer
        return real(self, *how, **more)

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", slow)
    with server(reset) as port:
        mine = Links(f"mqtts://127.0.0.1:{port}", "secret", [NODE], scenario=False)
        link = mine.open(NODE)
        served(mine, lambda: len(came) > 1 or link.failures > 1)
        mine.close(0)
