"""Finds in Mosquitto's log which messages its rules turned away: MQTT 3.1.1 has no way to tell the sender.

    Mosquitto (log_type debug) ─► its starter keeps the lines of denials (gateway.brokers.mosquitto,
    deploy/mosquitto/run) ─► one file ─► Denials ─► the gateway takes each in as if the broker had delivered
    it, as amqtt does: it is quarantined, and the account is told on `rejected`

The log has no payload, so the quarantined message is empty.
"""

import re
import time
from pathlib import Path

from devices.contract.topics import DENIED
from gateway.stores.waiting import Waiting

# The client id is the account (use_username_as_clientid). Seen with 2.0.11, and 2.0.21 in tests/compose.
LINE = re.compile(r"Denied PUBLISH from (\S+) \(d\d, q\d, r\d, m\d+, '(.*)', \.\.\. \(\d+ bytes\)\)$")
AGAIN = 60.0  # seconds in which an account is told of the same topic only once
MOST = 64 * 1024  # bytes that are read at a time
REMEMBERED = 10_000  # pairs of account and topic that are remembered


class Denials:
    """Call `new` once a second. Lines that stood in the file before the start are skipped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = self._size()
        self._reported: dict[tuple[str, str], float] = {}
        self._waiting = Waiting("what the broker turned away cannot be read")

    def new(self) -> list[str]:
        """Topics under DENIED, one for each account and topic that was turned away since the last look."""
        size = self._size()
        if size < self._at:  # its writer began the file again
            self._at = 0
        if size == self._at:
            return []
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                data = file.read(MOST)
        except OSError as error:
            self._waiting.on(error)
            return []
        self._waiting.over()
        whole = data[: data.rfind(b"\n") + 1] or (data if len(data) == MOST else b"")
        self._at += len(whole)
        return [
            f"{DENIED}/{account}/{topic}" for account, topic in self._due(whole.decode("utf-8", "replace"))
        ]

    def _due(self, text: str) -> list[tuple[str, str]]:
        now, due = time.monotonic(), []
        for line in text.splitlines():
            if (denied := LINE.search(line)) is None:
                continue
            pair = denied[1], denied[2]
            if now - self._reported.get(pair, float("-inf")) < AGAIN:
                continue
            if len(self._reported) >= REMEMBERED:
                self._reported.clear()
            self._reported[pair] = now
            due.append(pair)
        return due

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:  # there is no file yet
            return 0
