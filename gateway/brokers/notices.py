"""Mosquitto's notices about itself, on topics of its own: messages it dropped, logins it refused, and
accounts whose connections cut each other off.
"""

import re
import threading
import time
from collections import deque

from devices.contract.topics import DENIED

DROPPED = "$SYS/broker/publish/messages/dropped"  # counts messages that its queues did not take
LOG = "$SYS/broker/log/N"  # tells which logins it refused (log_dest topic)
ERRORS = "$SYS/broker/log/E"  # Mosquitto 2.0.11 calls it an error that a new connection cuts off the old one
NOTICES = (DROPPED, LOG, ERRORS)
_TURNED_AWAY = b"not authorised"
_CUT_OFF = re.compile(rb": Client ([a-z0-9-]{1,64}) already connected, closing old connection")
OFTEN, WITHIN = 6, 300.0  # so many times in so many seconds: one machine hardly does this
AGAIN = 600.0  # seconds in which an account is told of it only once


class Notices:
    """The broker's figures so far. A figure is None until the broker gives a notice of its kind."""

    def __init__(self) -> None:
        self._cut_off: dict[str, deque[float]] = {}  # by account, the last times, s monotonic
        self._told: dict[str, float] = {}
        self._crowded: list[str] = []  # guarded by `_lock`
        self._lock = threading.Lock()
        self.dropped: int | None = None  # messages since the broker started
        self.refused_logins: int | None = None  # since the gateway's start

    def take(self, topic: str, payload: bytes) -> bool:
        """Take a message's figure if it is a notice; returns whether it is one."""
        if topic == DROPPED:
            if payload.isdigit():
                self.dropped = int(payload[:18])
            return True
        if topic == LOG:
            self.refused_logins = (self.refused_logins or 0) + (_TURNED_AWAY in payload)
        if topic in (LOG, ERRORS):
            if cut_off := _CUT_OFF.search(payload):
                self._count(cut_off[1].decode(), time.monotonic())
            return True
        return False

    def crowded(self) -> list[str]:
        """A topic under DENIED for each account whose connections cut each other off again and again. Each
        is given once; this may be called from another thread.
        """
        with self._lock:
            new, self._crowded = self._crowded, []
        return new

    def _count(self, account: str, now: float) -> None:
        times = self._cut_off.setdefault(account, deque(maxlen=OFTEN))
        times.append(now)
        if len(times) == OFTEN and now - times[0] <= WITHIN and now >= self._told.get(account, 0.0):
            self._told[account] = now + AGAIN
            with self._lock:
                self._crowded.append(f"{DENIED}/{account}/")
