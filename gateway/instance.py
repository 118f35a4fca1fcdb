"""The files in a data folder that belong to one gateway alone; they are named after its instance.

The first instance's files have no ending, so that a folder of an earlier version keeps working.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from devices.credentials import FIRST_INSTANCE
from devices.texts import LANGS, Mendable

PATIENCE = 3.0  # seconds to wait for an earlier process of this instance to end
STALE = 30.0  # an `alive` older than this many seconds says that its gateway is not well


class InstanceBusy(Mendable, OSError):
    """Another process runs as this instance on this folder."""


class Files(NamedTuple):
    """`alive` is touched while all is well; `trouble` says what is wrong (see `trouble_text`); `group` holds
    the name of the group that the broker's session belongs to; `faults` lists the defects met since the
    start; `alarms` holds the alarms that fire and what people were told of them.
    """

    spool: Path
    alive: Path
    trouble: Path
    lock: Path
    group: Path
    faults: Path
    alarms: Path


def files(data: Path, instance: str) -> Files:
    """The files of an instance in the data folder."""
    folder, end = data / "gateway", "" if instance == FIRST_INSTANCE else f"-{instance}"
    names = ("alive", "trouble", "lock", "group", "faults", "alarms")
    return Files(folder / f"spool{end}.sqlite", *(folder / f"{name}{end}" for name in names))


def instances(data: Path) -> list[str]:
    """The instances that have a spool in this folder, the first one first."""
    ends = [path.stem.removeprefix("spool") for path in (data / "gateway").glob("spool*.sqlite")]
    return sorted((end[1:] or FIRST_INSTANCE for end in ends), key=lambda name: (len(name), name))


@contextmanager
def claimed(lock: Path, instance: str) -> Iterator[None]:
    """Hold this instance's lock until the end of the block or of the process. Raises InstanceBusy."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _locked(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise InstanceBusy("setting.instance_busy", instance=instance, folder=lock.parent.parent)
            time.sleep(0.05)
        os.utime(descriptor)  # the lock's time is the start of this run
        yield
    finally:
        os.close(descriptor)


def runs(lock: Path) -> bool:
    """Whether a process holds this instance's lock now."""
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def trouble_text(troubles: Iterable[Mendable]) -> str:
    """The text of `trouble`: one line per language for the one who runs the gateway, then one per language
    for anybody.
    """
    some = list(troubles)
    full = ["; ".join(one.sentence(lang) for one in some) for lang in LANGS]
    public = ["; ".join(one.public(lang) for one in some) for lang in LANGS]
    return "".join(" ".join(line.split()) + "\n" for line in (*full, *public))


def trouble(own: Files, lang: str, *, public: bool = False) -> str:
    """Why a gateway is not well, out of `trouble`; "" if there is no such line or it cannot be read.
    `public`: in words for anybody (see `Mendable.public`).
    """
    try:
        lines = own.trouble.read_text("utf-8").splitlines()
    except OSError:
        return ""
    place = LANGS.index(lang) + len(LANGS) * public
    return lines[place] if place < len(lines) else ""


def unwell(data: Path) -> list[tuple[str, Files]]:
    """The gateways of the folder that run and have not been well for `STALE` seconds. This holds on a full
    disk, too: an existing file can be touched there, so that only an unwell gateway's `alive` grows old.
    """
    result = []
    for name in instances(data):
        own = files(data, name)
        try:
            since = max(path.stat().st_mtime for path in (own.alive, own.lock) if path.exists())
            if time.time() - since > STALE and runs(own.lock):
                result.append((name, own))
        except (OSError, ValueError):  # the gateway never ran, or is ending
            continue
    return result


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
