"""Ports of this machine for servers that tests start: no two workers and no two runs get the same port."""

import socket
from collections.abc import Iterator
from contextlib import suppress

HUNDRED = 100


def free_port() -> int:
    """A port where nobody listens, and that no other caller gets while this process runs."""
    for port in _ports:
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is left for the tests")


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _claimed() -> Iterator[int]:
    """Yields ports, a hundred at a time: the process that holds the UDP port of the first number has that
    hundred to itself.

    A port that the kernel chose could also be given to the next connection, before our server listens. These
    ports are below the kernel's range.
    """
    marks = []
    for first in range(20_000, 32_000, HUNDRED):
        marks.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with suppress(OSError):
            marks[-1].bind(("127.0.0.1", first))
            yield from range(first, first + HUNDRED)


_ports = _claimed()
