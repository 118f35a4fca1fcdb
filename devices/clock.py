"""Times and days. A time is epoch milliseconds; a time zone only decides how it is shown.

now_ms ─► epoch ms ─► moment_of (in a zone) ─► day_of ─► midnight_of ─► epoch ms
"""

import time
from datetime import UTC, date, datetime, tzinfo

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
YEAR_2020_MS = 1_577_836_800_000  # a node's clock that shows an earlier time is wrong
AHEAD_MS = 5 * MINUTE_MS  # a node's clock may run this far ahead of ours


def now_ms() -> int:
    """This machine's clock, in epoch ms."""
    return time.time_ns() // 1_000_000


def epoch_ms(moment: datetime) -> int:
    """Epoch milliseconds of any aware datetime, even one that lies before year 1 in another zone."""
    return round(moment.timestamp() * 1000)


def moment_of(at: int, zone: tzinfo = UTC) -> datetime:
    """Epoch ms `at` as a datetime of `zone`."""
    return datetime.fromtimestamp(at / 1000, zone)


def day_of(at: int, zone: tzinfo) -> date:
    """The calendar day, in `zone`, of epoch ms `at`."""
    return moment_of(at, zone).date()


def midnight_of(day: date, zone: tzinfo) -> int:
    """Epoch ms at which `day` begins in `zone`."""
    return epoch_ms(datetime(day.year, day.month, day.day, tzinfo=zone))
