"""Sums by the hour, so that a year on a board is read at once."""

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import Pilot
from gateway.clerk.indicators import BACKFILL_DAYS, LEFT_DAYS
from gateway.indicators.hourly import WEEK_MS, catch_up, roll
from gateway.stores.store import Store

HOURS_MS = 2 * HOUR_MS  # whose hours are counted each time
WEEKS = LEFT_DAYS // 7 + 1  # one of which is looked at each time: all within an hour


class HourSheet:
    """Remembers how many weeks back it looks next."""

    def __init__(self, store: Store, pilot: Pilot) -> None:
        self._store, self._pilot = store, pilot
        self._week = 0
        self._late = False  # readings of an earlier day came since the first week was looked at
        self._day: int | None = None  # UTC's, over at seven in Vietnam: what came in the night is in it

    def write(self, at: int) -> bool:
        """The last hours before epoch ms `at`; and of the weeks before, each in its turn, those hours that
        readings came to late. A week that could not be looked at holds up no other: its turn comes again.
        Whether indicators of earlier days are to be counted again: said once all weeks were looked at, so
        that nodes which empty their buffers all day have a month counted anew once an hour.
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
