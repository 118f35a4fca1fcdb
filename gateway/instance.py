"""What belongs to one gateway alone in a data folder: its files are named after its instance.

The first keeps the names without an ending, so that a folder of an earlier version goes on.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from devices.credentials import FIRST_INSTANCE
from devices.texts import Mendable

PATIENCE = 3.0  # seconds in which the one before may still be ending


class InstanceBusy(Mendable, OSError):
    """Another process runs as this instance on this folder."""


class Files(NamedTuple):
    """`alive` is touched while all is well; `trouble` holds a sentence while it is not; `group` holds the
    name of the group that the broker's session belongs to; `faults` the defects met since the start; `alarms`
    what fires and what people were told of it.
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
    """Those that have a spool in this folder, the first one first."""
    ends = [path.stem.removeprefix("spool") for path in (data / "gateway").glob("spool*.sqlite")]
    return sorted((end[1:] or FIRST_INSTANCE for end in ends), key=lambda name: (len(name), name))


@contextmanager
def claimed(lock: Path, instance: str) -> Iterator[None]:
    """Be this instance until the end of the block or of the process. Raises InstanceBusy."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _locked(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise InstanceBusy("setting.instance_busy", instance=instance, folder=lock.parent.parent)
            time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def runs(lock: Path) -> bool:
    """Whether a process is this instance now."""
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
