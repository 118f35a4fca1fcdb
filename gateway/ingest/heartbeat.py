"""Heartbeats: what a gateway sends itself through the broker, to know that both of them live.

That a client looks connected proves little: its thread may be stuck, or the broker. Only a heartbeat that
came back counts.
"""

import secrets
import time

HEARTBEATS = "hoiquan-gateway/v1"  # outside the contract's tree: no device reads or writes there


class Heartbeat:
    """The heartbeats of one run of a gateway, which alone reads and writes `topic`."""

    def __init__(self, account: str) -> None:
        self.topic = f"{HEARTBEATS}/{account}/heartbeat"
        self.round_trip: float | None = None  # seconds that the last heartbeat took
        self.newest = float("-inf")  # when the newest that came back was sent, monotonic
        self._token = secrets.token_hex(8)  # nobody else's beat is taken for ours

    def payload(self) -> bytes:
        """The next heartbeat, to be sent at once."""
        return f"{self._token} {time.monotonic_ns()}".encode()

    def take(self, payload: bytes) -> None:
        """Note a heartbeat that came back. Whatever else came on the topic changes nothing."""
        token, _, sent = payload.decode("ascii", "replace").partition(" ")
        if token == self._token and sent.isascii() and sent.isdigit():
            at = int(sent[:18]) / 1e9
            self.newest, self.round_trip = max(self.newest, at), time.monotonic() - at

    def age(self) -> float:
        """Seconds since the newest heartbeat that came back was sent; infinite before the first."""
        return time.monotonic() - self.newest
