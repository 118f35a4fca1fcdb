"""Sums by the hour, so that a year on a board is read at once."""

from devices.clock import HOUR_MS
from devices.pilots.pilot import Pilot
from gateway.clerk.indicators import LEFT_DAYS
from gateway.indicators.hourly import WEEK_MS, catch_up, roll
from gateway.stores.store import Store

HOURS_MS = 2 * HOUR_MS  # whose hours are counted each time
WEEKS = LEFT_DAYS // 7 + 1  # one of which is looked at each time: all within an hour


class HourSheet:
    """Remembers how many weeks back it looks next."""

    def __init__(self, store: Store, pilot: Pilot) -> None:
        self._store, self._pilot = store, pilot
        self._week = 0

    def write(self, at: int) -> None:
        """The last hours before epoch ms `at`; and of the weeks before, each in its turn, those hours that
        readings came to late. A week that could not be looked at holds up no other: its turn comes again.
        """
        week, self._week = self._week, (self._week + 1) % WEEKS
        try:
            roll(self._store, self._pilot, at - HOURS_MS, at)
        finally:
            catch_up(self._store, self._pilot, at - week * WEEK_MS)
