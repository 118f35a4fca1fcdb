"""The broker's addresses, looked up once for all links."""

import socket
import time
from collections import deque
from typing import Any

from devices.broker_url import BrokerAddress

ASK_AGAIN = 1.0  # s between two lookups at least; a lookup makes everybody wait


class Addresses:
    """The addresses of `broker`, in the order in which to try them."""

    def __init__(self, broker: BrokerAddress) -> None:
        self._broker = broker
        self._known = deque[Any]()
        self._in_vain = 0  # failures in a row at known addresses, since the last success or lookup
        self._asked = -ASK_AGAIN
        self._error: OSError | None = None

    def first(self) -> Any:
        """Return the address to try now, as getaddrinfo gives it. Raises OSError if the name has none."""
        if not self._known or self._error:
            now = time.monotonic()
            if now - self._asked >= ASK_AGAIN:
                self._ask()
                self._asked = time.monotonic()
            if self._error is not None:
                raise self._error
        return self._known[0]

    def failed(self, address: Any) -> None:
        """Note that nobody answers there: the others come first; if all failed, look the name up again."""
        if self._known and self._known[0] is address:
            self._known.rotate(-1)
            self._in_vain += 1
            if self._in_vain >= len(self._known) and time.monotonic() - self._asked >= ASK_AGAIN:
                self._known.clear()

    def reached(self) -> None:
        """Note that the first address answers."""
        self._in_vain = 0

    def _ask(self) -> None:
        host, port = self._broker.host, self._broker.port
        try:
            self._known = deque(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            self._error, self._in_vain = None, 0
        except OSError as error:
            self._error = error
