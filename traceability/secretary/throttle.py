"""How long a sign-in waits after wrong passwords: longer each time, and never for ever.

What is counted is the account from one address, the address, and the account from anywhere. The last waits
some seconds at the most, and neither of the last two holds up an address from where this account signed in
before: whoever guesses from elsewhere cannot shut its owner out. A try during a wait is not counted, and does
not lengthen it. Passwords are random and long (devices/credentials.py): this keeps noise away, not a guess.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

KEPT = 10_000  # counts, and addresses that signed in, that are remembered; the oldest go
FORGOTTEN = 3600.0  # seconds without a wrong password after which nothing is held against anybody
Key = tuple[str, str]  # (account, address); one of them may be ""


class Limit(NamedTuple):
    """So many wrong passwords are free; each more doubles the wait of one second, up to `longest` seconds."""

    free: int
    longest: float


PAIR, ADDRESS, ACCOUNT = Limit(5, 300.0), Limit(30, 60.0), Limit(50, 5.0)


class _Count(NamedTuple):
    wrong: int
    last: float
    until: float


class Throttle:
    """Wrong passwords of one process. For several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._counts: OrderedDict[Key, _Count] = OrderedDict()
        self._welcome: OrderedDict[Key, None] = OrderedDict()
        self._clock = clock
        self._lock = threading.Lock()

    def attempt(self, account: str, peer: str) -> float:
        """Seconds until this may be tried; 0: now, and then it counts as wrong until it is `right`, so that
        many at once are not one.
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
    """The address, of IPv6 the /64 that one customer has all of."""
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return peer
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else peer
