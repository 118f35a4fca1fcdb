"""Hourly sums, so that a board can read a year of them at once."""

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import Pilot
from gateway.clerk.indicators import BACKFILL_DAYS
from gateway.indicators.hourly import WEEK_MS, catch_up, roll
from gateway.stores.store import Store

HOURS_MS = 2 * HOUR_MS  # the hours counted in every call
WEEKS = 366 // 7 + 1  # one week of the year is checked in each call, so that all are checked within an hour


class HourSheet:
    """Writes hourly sums, and remembers which past week it checks next."""

    def __init__(self, store: Store, pilot: Pilot) -> None:
        self._store, self._pilot = store, pilot
        self._week = 0
        self._late = False  # readings of an earlier day came since the first week was checked
        # day in UTC; it ends at 07:00 in Vietnam, so readings that came in the night belong to it
        self._day: int | None = None

    def write(self, at: int) -> bool:
        """Count the last hours before epoch ms `at`, and recount hours with late readings in one past week.

        The weeks take turns, one a call. A week that failed does not hold up the others; its turn comes
        again. Returns whether indicators of earlier days need a recount. This is reported only after the last
        week of a turn, so nodes that empty their buffers all day cause one recount of the month an hour.
        """
        week, self._week = self._week, (self._week + 1) % WEEKS
        try:
            roll(self._store, self._pilot, at - HOURS_MS, at)
        finally:
            today = at // DAY_MS * DAY_MS
            self._late |= self._day not in (None, today)
            self._day = today
            for day in catch_up(self._store, self._pilot, at - week * WEEK_MS):
                self._late |= today - BACKFILL_DAYS * DAY_MS <= day < today
        if self._week:
            return False
        late, self._late = self._late, False
        return late
