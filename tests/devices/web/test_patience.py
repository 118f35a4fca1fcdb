"""Slow and silent clients at a real socket: each is disconnected, and pages are served meanwhile."""

import select
import socket
from contextlib import ExitStack
from typing import ClassVar
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from devices.web import patience
from tests.seen import Served
from tests.servers import until

LONG = 32_000_000  # bytes, more than any socket's buffers hold


class Hasty(patience.Patient):
    limits: ClassVar[tuple[float, ...]] = (1.0, 1.0, 1.0)


class Slow(patience.Patient):
    """A head has one second; body and answer have ten minutes."""

    limits: ClassVar[tuple[float, ...]] = (1.0, 600.0, 600.0)


@pytest.fixture
def app():
    made = FastAPI()

    @made.get("/")
    def page():
        return Response("here")

    @made.get("/long")
    def long():
        return Response(bytes(LONG))

    @made.post("/")
    async def take(request: Request):
        return Response(str(len(await request.body())))

    return made


def connected(address, stack):
    made = stack.enter_context(socket.create_connection((urlsplit(address).hostname, urlsplit(address).port)))
    made.settimeout(30)
    return made


def ended(one):
    """Read what the server still sends; True once it has closed the connection."""
    try:
        while one.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


SILENT = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow",
    "half a body": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx",
    "half of a second request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT",
}


@pytest.mark.parametrize("sent", SILENT.values(), ids=SILENT)
def test_whoever_does_not_go_on_is_let_go_of(app, sent):
    with Served(app, Hasty) as address, ExitStack() as stack:
        one = connected(address, stack)
        one.sendall(sent)
        assert ended(one)


def test_whoever_sends_byte_by_byte_is_let_go_of(app):
    """The pauses between bytes are short, so a limit on them would never be exceeded."""
    with Served(app, Hasty) as address, ExitStack() as stack:
        for begin in (b"GET /", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"):
            one = connected(address, stack)
            one.sendall(begin)
            with pytest.raises(OSError):
                for _ in range(600):
                    if select.select([one], [], [], 0.05)[0] and not one.recv(1):
                        raise ConnectionResetError
                    one.sendall(b"a")


def test_whoever_does_not_read_the_answer_is_let_go_of(app):
    served = Served(app, Hasty)
    with served as address, ExitStack() as stack:
        one = connected(address, stack)
        one.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        until(served.connections, "it is there")
        until(lambda: not served.connections(), "it is not there any more")


def test_a_body_has_longer_than_a_head(app):
    with Served(app, Slow) as address, ExitStack() as stack:
        one, other = connected(address, stack), connected(address, stack)
        one.sendall(SILENT["half a body"])
        other.sendall(SILENT["half a head"])
        assert ended(other)
        one.sendall(b"y" * 99)
        assert one.recv(4096).startswith(b"HTTP/1.1 200")


def test_hundreds_of_slow_clients_keep_nobody_from_a_page(app):
    with Served(app, patience.Patient) as address, ExitStack() as stack:
        for n in range(300):
            connected(address, stack).sendall(SILENT["half a body" if n % 3 else "half a head"])
        with urlopen(address, timeout=30) as answer:
            assert answer.read() == b"here"


def test_a_request_after_another_has_all_its_time(app):
    with Served(app, Slow) as address, ExitStack() as stack:
        one = connected(address, stack)
        for _ in range(3):
            one.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab")
            answer = b""
            while not answer.endswith(b"\r\n\r\n2"):
                more = one.recv(4096)
                assert more, "it was let go of"
                answer += more
            assert answer.startswith(b"HTTP/1.1 200")
