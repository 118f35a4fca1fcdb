"""How much of a rule's window each device covered, asked of the store as seldom as possible."""

import time
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from devices.clock import DAY_MS, MINUTE_MS
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from gateway.stores.store import Store

SHARE_OF_TIME = 0.01  # largest part of a running gateway's time spent on coverage queries
TURN = 2.0  # seconds of coverage queries in one call; the rest follows in later calls


class Coverage:
    """Returns how much of the rule's window each device covered. Windows of neighbouring days share most of
    their days, so each day is queried once and a window of whole days is added up from its days.
    """

    def __init__(self, store: Store, pilot: Pilot) -> None:
        rule = pilot.rules.iot_communities
        self._store = store
        self._where = {"pilot": pilot.pilot}
        self._window = rule.window_days * DAY_MS
        self._slot = rule.slot_minutes * MINUTE_MS
        self._slots = DAY_MS // self._slot  # in a day
        self._latest: dict[str, float] | None = None
        self._at = 0  # epoch ms of the window `_latest` is for
        self._again = 0.0  # when to query again, s, monotonic
        self._asking: int | None = None  # epoch ms of the window being queried
        self._days_left: list[int] = []  # its days that are not queried yet
        self._took = 0.0  # seconds its queries took so far
        # one more than a window, so that the newest day does not push out a day that is about to be used
        self._of_day = lru_cache(maxsize=rule.window_days + 1)(self._ask_day)

    def until(self, at: int) -> dict[str, float]:
        """Device → share of the slots of the window before epoch ms `at` that have a reading of it."""
        days, whole = self._days(at), self._window // self._slot
        if not days:
            return self.once(at)
        filled: Counter[str] = Counter()
        for day in days:
            filled.update(self._of_day(day))
        return {device: slots / whole for device, slots in filled.items()}

    def once(self, at: int) -> dict[str, float]:
        """The same for a caller that counts one moment only: one query costs less than one for each day."""
        return self._store.coverage(self._where, at - self._window, at, self._slot)

    def lately(self, at: int) -> dict[str, float]:
        """The same, but possibly from a while ago: a window of days hardly changes within a minute, and its
        queries take a minute for ten thousand devices. They take at most SHARE_OF_TIME of the time. Once a
        result is known, one call takes at most TURN and one more day's query. If a day's query fails, the
        next call goes on from that day. Raises RetryLater.
        """
        before = time.monotonic()
        latest = self._latest
        if latest is None or before >= self._again or abs(at - self._at) >= self._slot:
            if self._asking is None or not 0 <= at - self._asking < self._slot:
                self._asking, self._days_left, self._took = at, [*self._days(at)], 0.0
                self._of_day.cache_clear()  # late readings count in this round
            try:
                while self._days_left:
                    self._of_day(self._days_left[0])
                    del self._days_left[0]
                    if self._days_left and latest is not None and time.monotonic() - before > TURN:
                        return latest
                latest = self.until(self._asking)
            finally:
                self._took += time.monotonic() - before
            self._latest, self._at, self._asking = latest, self._asking, None
            self._again = time.monotonic() + self._took / SHARE_OF_TIME
        return latest

    def in_place(self, devices: Iterable[Device], at: int) -> dict[str, float]:
        """The same for these devices, counting only readings from where they stand now. Each of their
        communities is queried, so `devices` should be few.
        """
        places: dict[str, list[str]] = {}
        for device in devices:
            places.setdefault(device.community, []).append(device.device)
        coverage = {}
        for place, names in places.items():
            where = self._where | {"community": place}
            shares = self._store.coverage(where, at - self._window, at, self._slot)
            coverage.update({name: shares.get(name, 0.0) for name in names})
        return coverage

    def begun(self, at: int) -> bool:
        """Whether readings began before the window that ends at epoch ms `at`, or on its first day."""
        start = at - self._window
        spans = (start, start + DAY_MS), (0, start)  # the first is found at once, and holds almost always
        return any(self._store.series("telemetry", self._where, *span, 1) for span in spans)

    def _days(self, at: int) -> range:
        """Where the days of the window before epoch ms `at` begin; empty if a day is not whole slots."""
        return range(0) if DAY_MS % self._slot else range(at - self._window, at, DAY_MS)

    def _ask_day(self, start: int) -> dict[str, int]:
        """Device → number of slots with a reading of it, in the day from epoch ms `start`."""
        shares = self._store.coverage(self._where, start, start + DAY_MS, self._slot)
        return {device: round(share * self._slots) for device, share in shares.items()}
