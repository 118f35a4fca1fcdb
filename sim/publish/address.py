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
        self._addresses = deque[Any]()
        self._in_vain = 0  # failures in a row at known addresses, since the last success or lookup
        self._looked_up = -ASK_AGAIN
        self._error: OSError | None = None

    def first(self) -> Any:
        """Return the address to try now, as getaddrinfo gives it. Raises OSError if the name has none."""
        if not self._addresses or self._error:
            now = time.monotonic()
            if now - self._looked_up >= ASK_AGAIN:
                self._look_up()
                self._looked_up = time.monotonic()
            if self._error is not None:
                raise self._error
        return self._addresses[0]

    def failed(self, address: Any) -> None:
        """Note that nobody answers there: the others come first; if all failed, look the name up again."""
        if self._addresses and self._addresses[0] is address:
            self._addresses.rotate(-1)
            self._in_vain += 1
            if self._in_vain >= len(self._addresses) and time.monotonic() - self._looked_up >= ASK_AGAIN:
                self._addresses.clear()

    def reached(self) -> None:
        """Note that the first address answers."""
        self._in_vain = 0

    def _look_up(self) -> None:
        host, port = self._broker.host, self._broker.port
        try:
            self._addresses = deque(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            self._error, self._in_vain = None, 0
        except OSError as error:
            self._error = error
