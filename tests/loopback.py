"""Ports of this machine, for servers that tests start: no two workers and no two runs get the same."""

import socket
from collections.abc import Iterator
from contextlib import suppress

HUNDRED = 100


def free_port() -> int:
    """A port where nobody listens, given to nobody else while this process runs."""
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
    """Ports, a hundred at a time: whoever holds the UDP port of its first number has a hundred to itself.

    The kernel would give a port of its own choice to the next connection as well, before our server listens:
    these are below those.
    """
    marks = []
    for first in range(20_000, 32_000, HUNDRED):
        marks.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with suppress(OSError):
            marks[-1].bind(("127.0.0.1", first))
            yield from range(first, first + HUNDRED)


_ports = _claimed()
