"""Whether a gateway is well: small files that tell health checks and people.

A gateway is well if a heartbeat that it sent through the broker within the last `LATE` seconds came back (or
stands behind messages that are not read yet), the spool takes a write, and nothing is being retried. Then
`alive` is touched; otherwise `trouble` says what is wrong, in each language, for the one who runs it and for
anybody. A third file, `faults`, lists the defects of our own code that were met: the gateway works around
them, and somebody should know.
"""

import time
from collections.abc import Sequence
from typing import Protocol

from devices.files import replace
from devices.texts import Mendable
from gateway.ingest.faults import Faults
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import SpoolFull
from gateway.instance import Files, trouble_text
from gateway.intake.receive import Receiver
from gateway.stores.waiting import Waiting

BEAT_EVERY = 5.0  # seconds between two heartbeats, and between two looks at the spool
FULL = ("sqlite.full", "path.full", "path.disk_full")  # the mends of a full disk
LATE = 15.0  # seconds after which a heartbeat that did not come back is a sign of trouble


class Loop(Protocol):
    """A loop beside the pipeline. `trouble` is what it waits for; None while it goes on."""

    trouble: Mendable | None


class Health:
    """Keeps the three files; call `look` once a second. `troubles` is empty while all is well."""

    def __init__(
        self,
        files: Files,
        receiver: Receiver,
        spool: Spool,
        pipeline: Pipeline,
        loops: Sequence[Loop],
        faults: Faults,
    ) -> None:
        self._faults = faults
        self._faults_written = self._trouble_written = ""
        self._files = files
        self._receiver = receiver
        self._spool = spool
        self._pipeline, self._loops = pipeline, loops
        self._next = float("-inf")
        self._full: Mendable | None = None
        self._waiting, self._unwritten = Waiting("the spool takes nothing"), Waiting("health is not written")
        self.troubles = [Mendable("unwell.starting")]
        files.alive.unlink(missing_ok=True)
        files.trouble.unlink(missing_ok=True)
        files.faults.unlink(missing_ok=True)

    def look(self) -> None:
        """Send a heartbeat when one is due, and bring the three files up to date."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + BEAT_EVERY
            self._receiver.beat()
            self._full = self._checked()
            if self._full is None:
                self._waiting.over()
            else:  # the pipeline says so only when a message comes
                self._waiting.on(self._full)
        self.troubles = self._all_troubles()
        text = trouble_text(self.troubles)
        try:
            if not self.troubles:
                self._files.alive.touch()
                self._files.trouble.unlink(missing_ok=True)
            elif text != self._trouble_written:
                replace(self._files.trouble, text)
            self._trouble_written = text
            if (faults := self._faults.text()) != self._faults_written:
                replace(self._files.faults, faults)
                self._faults_written = faults
        except OSError as error:  # a full disk; `alive` grows old, which tells of trouble as well
            self._unwritten.on(error)
        else:
            self._unwritten.over()

    def end(self) -> None:
        """Remove the files: this gateway no longer runs."""
        self._files.alive.unlink(missing_ok=True)
        self._files.trouble.unlink(missing_ok=True)

    def _checked(self) -> Mendable | None:
        try:
            self._spool.check()
        except SpoolFull as error:
            return error
        return None

    def _all_troubles(self) -> list[Mendable]:
        troubles = self._pipeline.troubles
        waiting = [loop.trouble for loop in self._loops]
        others = (None if troubles else self._full, self._receiver.trouble, *waiting)
        once: dict[str, Mendable] = {}
        for one in (*troubles, *others):
            if one is not None:
                once.setdefault(cause(one), one)
        if not once and self._receiver.silence > LATE:
            return [Mendable("unwell.silent", seconds=round(LATE))]
        return list(once.values())


def cause(trouble: Mendable) -> str:
    """What is behind a trouble: several loops may name it, each for the file that it cannot write. All files
    of a gateway are on one disk.
    """
    full = trouble.key == "spool.disk" or any(
        isinstance(value, Mendable) and value.key in FULL for value in trouble.values.values()
    )
    return "disk" if full else trouble.key
