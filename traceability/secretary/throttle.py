"""How long a sign-in waits after wrong passwords: longer each time, but never without end.

Wrong passwords are counted for an account from one address, for an address, and for an account from anywhere.
The last of these waits some seconds at most. Neither of the last two delays an address from which the account
has signed in before: somebody who guesses from elsewhere cannot lock out its owner. An attempt during a wait
is not counted and does not lengthen the wait. Passwords are random and long (devices/credentials.py): this
module keeps noise away; it is not what stops guessing.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

KEPT = 10_000  # the most counts, and signed-in addresses, in memory; the oldest are dropped
FORGOTTEN = 3600.0  # seconds without a wrong password after which a count is forgotten
Key = tuple[str, str]  # (account, address); either may be ""


class Limit(NamedTuple):
    """`free` wrong passwords cost nothing; each more doubles the wait of 1 s, up to `longest` seconds."""

    free: int
    longest: float


PAIR, ADDRESS, ACCOUNT = Limit(5, 300.0), Limit(30, 60.0), Limit(50, 5.0)


class _Count(NamedTuple):
    wrong: int
    last: float
    until: float


class Throttle:
    """Counts wrong passwords of one process. Safe for several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._counts: OrderedDict[Key, _Count] = OrderedDict()
        self._welcome: OrderedDict[Key, None] = OrderedDict()
        self._clock = clock
        self._lock = threading.Lock()

    def attempt(self, account: str, peer: str) -> float:
        """Seconds to wait before this attempt; 0 allows it now.

        An allowed attempt counts as wrong until it is `right`, so that many attempts at once count
        separately.
        """
        limits = self._limits(account, peer)
        with self._lock:
            now = self._clock()
            wait = max(self._count(key, now).until for key in limits) - now
            if wait > 0:
                return wait
            for key, limit in limits.items():
                wrong = self._count(key, now).wrong + 1
                over = min(max(wrong - limit.free, 0), 60)
                until = now + min(2.0**over, limit.longest) if over else now
                self._counts[key] = _Count(wrong, now, until)
                self._counts.move_to_end(key)
            _trim(self._counts)
            return 0.0

    def right(self, account: str, peer: str) -> None:
        """The attempt had the right password."""
        with self._lock:
            for key in self._limits(account, peer):
                count = self._counts.get(key)
                if count is not None and count.wrong > 1 and key != (account, _network(peer)):
                    self._counts[key] = _Count(count.wrong - 1, count.last, self._clock())
                else:
                    self._counts.pop(key, None)
            self._welcome[account, _network(peer)] = None
            self._welcome.move_to_end((account, _network(peer)))
            _trim(self._welcome)

    def _limits(self, account: str, peer: str) -> dict[Key, Limit]:
        address = _network(peer)
        pair = {(account, address): PAIR}
        if (account, address) in self._welcome:
            return pair
        return pair | {("", f"from {address}"): ADDRESS, (account, "anywhere"): ACCOUNT}

    def _count(self, key: Key, now: float) -> _Count:
        count = self._counts.get(key)
        return count if count is not None and now - count.last < FORGOTTEN else _Count(0, now, now)


def _trim(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > KEPT:
        kept.popitem(last=False)


def _network(peer: str) -> str:
    """The address; for IPv6 the /64, because one customer has all of it."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else peer
