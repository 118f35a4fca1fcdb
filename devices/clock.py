"""Times and days: a time is epoch milliseconds, and what it is called is a matter of the zone.

now_ms ─► epoch ms ─► moment_of (in a zone) ─► day_of ─► midnight_of ─► epoch ms
"""

import time
from datetime import UTC, date, datetime, tzinfo

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
YEAR_2020_MS = 1_577_836_800_000  # no node's clock is right that shows an earlier time
AHEAD_MS = 5 * MINUTE_MS  # a node's clock may run this far ahead of ours


def now_ms() -> int:
    """What this machine's clock shows, epoch ms."""
    return time.time_ns() // 1_000_000


def epoch_ms(moment: datetime) -> int:
    """Epoch milliseconds of any aware moment: also of one whose day in another zone is before year 1."""
    return round(moment.timestamp() * 1000)


def moment_of(at: int, zone: tzinfo = UTC) -> datetime:
    """Epoch ms `at` as a zone's clock shows it."""
    return datetime.fromtimestamp(at / 1000, zone)


def day_of(at: int, zone: tzinfo) -> date:
    """The zone's own calendar day of epoch ms `at`."""
    return moment_of(at, zone).date()


def midnight_of(day: date, zone: tzinfo) -> int:
    """Epoch ms at which a day of the zone begins."""
    return epoch_ms(datetime(day.year, day.month, day.day, tzinfo=zone))
