"""Checks the store: whether it answers, how old its newest reading is, which devices it does not believe, and
what the broker dropped and whom it refused.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from devices.contract.signals import SIGNALS
from devices.salvage import aside
from devices.texts import text
from gateway.doctor.data import WORST, enrolled
from gateway.doctor.finding import Finding, Level, Visit, one_line
from gateway.stores.opening import FILE, open_store
from gateway.stores.points import Point
from gateway.stores.store import Latest, RetryLater
from gateway.stores.storefile import damage

QUIET_MS = HOUR_MS  # a store without a new reading for this long is reported
POINTS = 50_000  # most book points to read: a gateway writes one every five minutes


def store(visit: Visit) -> Iterator[Finding]:
    """Check the readings of the last week, and the books of the last day."""
    settings, now = visit.settings, visit.now
    path = settings.data / FILE
    if not settings.influx_url:
        if not path.exists():
            yield visit.finding("store", "warning", "store_none")
            return
        for kept in aside(path):
            yield visit.finding("kept", "warning", "store_mended", path=kept)
        if (fault := damage(path)) is not None:
            yield visit.finding("store", "bad", "store_damaged", path=path, error=fault)
            return
    try:
        with open_store(settings) as opened:
            where = {"pilot": visit.pilot.pilot}
            believed = opened.latest("telemetry", where, now - 7 * DAY_MS)
            doubted = opened.latest("telemetry_flagged", {**where, "simulated": "false"}, now - DAY_MS)
            books = opened.series("gateway", {}, now - DAY_MS, now + 1, POINTS)
    except (RetryLater, sqlite3.Error, OSError) as error:
        if (fault := damage(path)) is not None and not settings.influx_url:
            yield visit.finding("store", "bad", "store_damaged", path=path, error=fault)
        else:
            key = "store_bad" if settings.influx_url else "store_file_bad"
            yield visit.finding("store", "bad", key, error=one_line(error))
        return
    yield _readings(visit, max((at for row in believed for at, _ in row.fields.values()), default=None))
    yield from _doubted(visit, believed, doubted)
    yield from _drops(visit, books)


def _readings(visit: Visit, newest: int | None) -> Finding:
    """Report the age of the newest reading; `newest` is its time, epoch ms."""
    if newest is None:
        return visit.finding("store", "warning", "store_empty")
    quiet = visit.now - newest > QUIET_MS
    level: Level = "warning" if quiet else "ok"
    minutes = max(0, visit.now - newest) // MINUTE_MS
    return visit.finding("store", level, "store_quiet" if quiet else "store_ok", minutes=minutes)


def _doubted(visit: Visit, believed: Sequence[Latest], doubted: Sequence[Latest]) -> Iterator[Finding]:
    """Real devices with a signal that was not believed once for a day. `believed` and `doubted`: the newest
    values, the doubted ones of that day alone.
    """
    since, allowed = visit.now - DAY_MS, enrolled(visit)
    good = {
        (row.tags.get("device"), name)
        for row in believed
        for name, (at, _) in row.fields.items()
        if at >= since
    }
    bad: dict[str, dict[str, tuple[int, str]]] = {}  # device → signal → when it was last doubted, and why
    for row in doubted:
        device, signal, reason = (row.tags.get(tag, "") for tag in ("device", "signal", "reason"))
        if device in allowed and signal in SIGNALS and (device, signal) not in good:
            last = max(at for at, _ in row.fields.values()), reason
            signals = bad.setdefault(device, {})
            signals[signal] = max(last, signals.get(signal, last))
    if bad:
        told = [f"{device}: {_reasons(visit, bad[device])}" for device in sorted(bad)[:WORST]]
        yield visit.finding(
            "doubted", "warning", "doubted_some", number=len(bad), worst="; ".join(told), device=min(bad)
        )


def _reasons(visit: Visit, signals: Mapping[str, tuple[int, str]]) -> str:
    """Each reason with the signals that it was last given for, in words."""
    names: dict[str, list[str]] = {}
    for signal, (_, reason) in sorted(signals.items()):
        names.setdefault(reason, []).append(SIGNALS[signal].name(visit.lang))
    return ", ".join(
        f"{', '.join(some)} ({text(f'boards.reason_{reason}', visit.lang)})" for reason, some in names.items()
    )


def _drops(visit: Visit, books: Sequence[Point]) -> Iterator[Finding]:
    """Messages that the broker dropped, and logins that it refused: as one gateway of all counted the most,
    for all use the same broker.
    """
    drops, logins = _rise(books, "broker_dropped"), _rise(books, "refused_logins")
    if drops is None:
        yield visit.finding("drops", "ok", "drops_unknown")
    elif drops:
        yield visit.finding("drops", "warning", "drops_some", number=drops)
    else:
        yield visit.finding("drops", "ok", "drops_ok")
    if logins:  # no fault of the installation: whoever reaches the broker may try
        yield visit.finding("logins", "ok", "logins_some", number=logins)


def _rise(books: Sequence[Point], field: str) -> int | None:
    """By how much a count rose in the time of these points, newest first; None if no gateway has it."""
    counts: dict[str, list[int]] = {}  # by gateway
    for point in books:
        if field in point.fields:
            counts.setdefault(dict(point.tags)["instance"], []).append(int(point.fields[field]))
    # whoever restarted counts from 0 again
    return max(
        (sum(a - b if a >= b else a for a, b in pairwise(one)) for one in counts.values()), default=None
    )
