"""Heartbeats: what a gateway sends itself through the broker, to know that both of them live.

That a client looks connected proves little: its thread may be stuck, or the broker. Only a heartbeat that
came back counts. Nor does a shared subscription that was granted: Moquette 0.17 and aedes 1.2 grant them and
deliver nothing. So who is of a group sends another one to the group, and whichever of it gets that sends it
back to its sender.
"""

import secrets
import time

from devices.credentials import gateway_accounts

HEARTBEATS = "hoiquan-gateway/v1"  # outside the contract's tree: no device reads or writes there


class Heartbeat:
    """The heartbeats of one run of a gateway, which alone reads `topic`. `shared`: where it sends those to
    its group, and hears some of all of them; "" without a group.
    """

    def __init__(self, account: str, group: str = "") -> None:
        self._account = account
        self.topic = f"{HEARTBEATS}/{account}/heartbeat"
        self.shared = f"{HEARTBEATS}/shared/{group}" if group else ""
        self.round_trip: float | None = None  # seconds that the last heartbeat took
        self.newest = float("-inf")  # when the newest that came back was sent, monotonic
        self.shared_newest = time.monotonic()  # the same of those to the group, or when they were begun with
        self._token = secrets.token_hex(8)  # nobody else's beat is taken for ours

    def payload(self) -> bytes:
        """The next heartbeat, to be sent at once."""
        return f"{self._token} {time.monotonic_ns()}".encode()

    def to_group(self) -> bytes:
        """The next one to the group."""
        return f"{self._account} ".encode() + self.payload()

    def begin(self) -> None:
        """A connection begins: those to the group have time from now on."""
        self.shared_newest = time.monotonic()

    def take(self, payload: bytes) -> None:
        """Note a heartbeat that came back. Whatever else came on the topic changes nothing."""
        ours = f"{self._account} ".encode()
        if payload.startswith(ours):
            self.shared_newest = max(self.shared_newest, self._sent(payload.removeprefix(ours)))
        elif (at := self._sent(payload)) > float("-inf"):
            self.newest, self.round_trip = max(self.newest, at), time.monotonic() - at

    def from_group(self, payload: bytes) -> str:
        """Where to send what came through the group: its sender's own topic; "" for what no gateway sent."""
        account = payload.decode("ascii", "replace").partition(" ")[0]
        return f"{HEARTBEATS}/{account}/heartbeat" if account in gateway_accounts() else ""

    def age(self) -> float:
        """Seconds since the newest heartbeat that came back was sent; infinite before the first."""
        return time.monotonic() - self.newest

    def group_age(self) -> float:
        """The same of those to the group, and since the connection began at most."""
        return time.monotonic() - self.shared_newest

    def _sent(self, payload: bytes) -> float:
        """When it was sent, monotonic; minus infinity for what is none of ours."""
        token, _, sent = payload.decode("ascii", "replace").partition(" ")
        ours = token == self._token and sent.isascii() and sent.isdigit()
        return int(sent[:18]) / 1e9 if ours else float("-inf")
