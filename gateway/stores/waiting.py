"""What a loop writes into the log while it has to wait: each cause once, then rarely, and that it goes on."""

import logging
import time

from devices.texts import Mendable

log = logging.getLogger(__name__)
FIRST, LONGEST = 60.0, 3600.0  # seconds until a cause that lasts is logged again: twice as long each time


class Waiting:
    """Logs for one loop. `what` says who waits, as in "answers to commands wait"."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._cause = ""
        self._due = self._pause = 0.0

    def on(self, error: Exception) -> None:
        """Log that the loop waits for `error`, unless that was logged a short while ago."""
        cause = repr(error)
        if isinstance(error, Mendable):  # its values vary, such as the megabytes that are free
            cause = error.key
        elif isinstance(error, OSError):  # so does the name of a draft
            cause = f"{type(error)} {error.errno}"
        now = time.monotonic()
        if cause != self._cause:
            self._cause, self._pause = cause, FIRST
        elif now < self._due:
            return
        else:
            self._pause = min(2 * self._pause, LONGEST)
        self._due = now + self._pause
        log.warning("%s: %s; it is tried again", self._what, error)

    def over(self) -> None:
        """Log that the loop goes on, if it had to wait."""
        if self._cause:
            log.warning("%s: that is over now", self._what)
        self._cause = ""
