"""Heartbeats: messages that a gateway sends itself through the broker, to know that both are alive.

That a client looks connected proves little: its thread or the broker may be stuck. Only a heartbeat that came
back counts. A shared subscription that was granted proves as little: Moquette 0.17 and aedes 1.2 grant them
and deliver nothing. So a gateway of a group also sends heartbeats to the group, and the member that gets one
sends it back to its sender.
"""

import secrets
import time

from devices.credentials import gateway_accounts

HEARTBEATS = "hoiquan-gateway/v1"  # outside the contract's tree: no device reads or writes there


class Heartbeat:
    """The heartbeats of one run of a gateway. Only this gateway reads `topic`. On `shared` it sends
    heartbeats to its group and hears some of all members'; "" without a group.
    """

    def __init__(self, account: str, group: str = "") -> None:
        self._account = account
        self.topic = f"{HEARTBEATS}/{account}/heartbeat"
        self.shared = f"{HEARTBEATS}/shared/{group}" if group else ""
        self.round_trip: float | None = None  # seconds that the last heartbeat took
        self.newest = float("-inf")  # when the newest heartbeat that came back was sent, monotonic
        self.shared_newest = time.monotonic()  # the same for the group; at first, when the connection began
        self._token = secrets.token_hex(8)  # so that no other heartbeat is taken for ours

    def payload(self) -> bytes:
        """The next heartbeat, to be sent at once."""
        return f"{self._token} {time.monotonic_ns()}".encode()

    def to_group(self) -> bytes:
        """The next heartbeat to the group."""
        return f"{self._account} ".encode() + self.payload()

    def begin(self) -> None:
        """Note that a connection begins: the age of heartbeats to the group counts from now."""
        self.shared_newest = time.monotonic()

    def take(self, payload: bytes) -> None:
        """Note a heartbeat that came back; ignores anything else that came on the topic."""
        ours = f"{self._account} ".encode()
        if payload.startswith(ours):
            self.shared_newest = max(self.shared_newest, self._sent(payload.removeprefix(ours)))
        elif (at := self._sent(payload)) > float("-inf"):
            self.newest, self.round_trip = max(self.newest, at), time.monotonic() - at

    def from_group(self, payload: bytes) -> str:
        """The sender's own topic, to which a heartbeat of the group goes back; "" if no gateway sent it."""
        account = payload.decode("ascii", "replace").partition(" ")[0]
        return f"{HEARTBEATS}/{account}/heartbeat" if account in gateway_accounts() else ""

    def age(self) -> float:
        """Seconds since the newest heartbeat that came back was sent; infinite before the first."""
        return time.monotonic() - self.newest

    def group_age(self) -> float:
        """The same for heartbeats to the group, and never more than since the connection began."""
        return time.monotonic() - self.shared_newest

    def _sent(self, payload: bytes) -> float:
        """When this heartbeat was sent, monotonic; minus infinity for anything but our own."""
        token, _, sent = payload.decode("ascii", "replace").partition(" ")
        ours = token == self._token and sent.isascii() and sent.isdigit()
        return int(sent[:18]) / 1e9 if ours else float("-inf")
