"""What a loop writes into the log while it has to wait: each cause once, then rarely, and that it goes on."""

import logging
import time

from devices.files import mend
from devices.texts import Mendable
from gateway.stores.store import RejectPoints

log = logging.getLogger(__name__)
FIRST, LONGEST = 60.0, 3600.0  # seconds until a cause that lasts is logged again: twice as long each time


class Waiting:
    """Logs for one loop. `what` says who waits, as in "answers to commands wait"."""

    def __init__(self, what: str) -> None:
        self._what = what
        # by cause: when it is logged again (s, monotonic), and the pause before. One round may meet several.
        self._logged: dict[str, tuple[float, float]] = {}

    def on(self, error: Exception) -> None:
        """Log that the loop waits for `error`, unless its cause was logged a short while ago. With `alarm` it
        is an error, because a person has to mend something.
        """
        cause = repr(error)
        if isinstance(error, Mendable):  # its values vary, such as the megabytes that are free
            cause = error.key
        elif isinstance(error, RejectPoints):  # and the number of points
            cause = next(iter(error.bad.values()), "")
        elif isinstance(error, OSError):  # so does the name of a draft
            cause = f"{type(error)} {error.errno}"
        now = time.monotonic()
        due, pause = self._logged.get(cause, (now, FIRST / 2))
        if now < due:
            return
        pause = min(2 * pause, LONGEST)
        self._logged[cause] = now + pause, pause
        level = logging.ERROR if getattr(error, "alarm", False) else logging.WARNING
        log.log(level, "%s: %s; it is tried again", self._what, mend(error))

    def over(self) -> None:
        """Log that the loop goes on, if it had to wait."""
        if self._logged:
            log.warning("%s: that is over now", self._what)
        self._logged.clear()
