"""Who changed the registry, when and how: one row per act, written in the transaction of the act itself.

Rows are added and never changed. Their times rise, so that each act has a time of its own: in the table, and
as a point of the store.
"""

import os
import pwd
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from devices.access.database import ACTS
from devices.clock import now_ms

_NOBODY = 2**32 - 1  # the login uid of a process that no login began


class Act(NamedTuple):
    """Epoch ms, what was done (`audit.*` of the catalogue), to which object, and by whom."""

    time: int
    what: str
    object: str
    who: str


def note(connection: Connection, pilot: str, what: str, objects: Iterable[str]) -> None:
    """Record that this account did `what` to each of `objects`, in the transaction of `connection`, which
    must keep other writers out.
    """
    last = connection.execute(select(func.coalesce(func.max(ACTS.c.time), 0))).scalar_one()
    first, who = max(now_ms(), int(last) + 1), account()
    rows = [
        {"time": first + place, "pilot": pilot, "what": what, "object": one, "who": who}
        for place, one in enumerate(objects)
    ]
    if rows:
        connection.execute(insert(ACTS), rows)


def acts(connection: Connection, pilot: str, since: int) -> list[Act]:
    """The acts since epoch ms `since`, the oldest first."""
    query = select(ACTS.c.time, ACTS.c.what, ACTS.c.object, ACTS.c.who)
    query = query.where(ACTS.c.pilot == pilot, ACTS.c.time >= since).order_by(ACTS.c.time)
    return [Act(*row) for row in connection.execute(query)]


def account() -> str:
    """The account of this machine in whose name the process runs: the one that logged in, which Linux
    remembers through `sudo` and `su`; else the process's own. A container knows only its own accounts.
    """
    for uid in (_logged_in(), os.getuid()):
        with suppress(KeyError):
            return pwd.getpwuid(uid).pw_name[:64]
    return str(os.getuid())


def _logged_in() -> int:
    with suppress(OSError, ValueError):
        return int(Path("/proc/self/loginuid").read_text("ascii"))
    return _NOBODY
