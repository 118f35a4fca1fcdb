"""Checks each gateway of the data folder: whether it runs and is well, and the messages in its spool."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from devices.clock import DAY_MS, HOUR_MS
from devices.contract.payloads import PayloadError
from devices.credentials import FIRST_INSTANCE
from gateway import instance
from gateway.doctor.finding import Finding, Level, Visit, one_line
from gateway.ingest.batch import split_memory
from gateway.ingest.decode import Decoder
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import MB

WAITS = 60.0  # seconds that a message may wait in the spool before it is reported
NEARLY = 0.9  # share of the allowed spool size that is reported as full
WORST = 3  # most devices or reasons that a sentence names


class _Gateway(NamedTuple):
    """A gateway with its files and its spool."""

    name: str
    files: instance.Files
    spool: Spool


def gateways(visit: Visit) -> Iterator[Finding]:
    """All gateways that ever ran on the folder."""
    data = visit.settings.data
    names = instance.instances(data)
    if not names:
        yield visit.finding("gateway", "bad", "gateway_none", folder=data)
    for name in names:
        files = instance.files(data, name)
        yield _running(visit, name, files)
        try:
            with closing(Spool.to_read(files.spool)) as spool:
                one = _Gateway(name, files, spool)
                yield _books(visit, one)
                yield _spooled(visit, one)
                yield _quarantine(visit, one)
                yield _gaps(visit, one)
                yield from _restarts(visit, one)
            yield from _faults(visit, name, files)
        except sqlite3.Error as error:
            yield visit.finding("spool", "bad", "spool_bad", path=files.spool, error=one_line(error))


def _running(visit: Visit, name: str, files: instance.Files) -> Finding:
    try:
        running = instance.runs(files.lock)
        age = time.time() - files.alive.stat().st_mtime if files.alive.exists() else None
        trouble = instance.trouble(files, visit.lang)
    except OSError as error:
        return visit.finding("gateway", "bad", "gateway_ill", instance=name, trouble=one_line(error))
    if not running:
        if name != FIRST_INSTANCE and _left(visit, files):  # never the first: it watches the alarms for all
            return visit.finding("gateway", "warning", "gateway_left", instance=name, path=files.spool)
        return visit.finding("gateway", "bad", "gateway_off", instance=name)
    if trouble:
        return visit.finding("gateway", "bad", "gateway_ill", instance=name, trouble=trouble)
    if age is None or age > instance.STALE:
        return visit.finding("gateway", "bad", "gateway_stale", instance=name)
    return visit.finding("gateway", "ok", "gateway_ok", instance=name, age=round(age))


def _left(visit: Visit, files: instance.Files) -> bool:
    """Whether a gateway that does not run wrote nothing for a day, and has nothing waiting in its spool."""
    written = (files.spool, Path(f"{files.spool}-wal"))
    try:
        if visit.now - max(path.stat().st_mtime for path in written if path.exists()) * 1000 < DAY_MS:
            return False
        with closing(Spool.to_read(files.spool)) as spool:
            return not spool.books().spooled
    except (OSError, sqlite3.Error):
        return False


def _books(visit: Visit, gateway: _Gateway) -> Finding:
    """Whether every message is accounted for."""
    books = gateway.spool.books()
    counts = {part: getattr(books, part) for part in
              ("received", "stored", "duplicate", "quarantined", "spooled")}  # fmt: skip
    if books.balanced:
        return visit.finding("books", "ok", "books_ok", instance=gateway.name, **counts)
    lost = books.received - (books.stored + books.duplicate + books.quarantined + books.spooled)
    return visit.finding("books", "bad", "books_bad", instance=gateway.name, lost=lost, **counts)


def _spooled(visit: Visit, gateway: _Gateway) -> Finding:
    """Messages that wait for the store or for the registry."""
    books, used, most = gateway.spool.books(), gateway.spool.used(), visit.settings.spool_max_mb
    values = {"instance": gateway.name, "number": books.spooled, "used": used // MB, "most": most}
    age = max(0, visit.now - books.oldest) / 1000 if books.oldest is not None else 0.0
    if books.spooled and used >= NEARLY * most * MB:
        return visit.finding("spool", "bad", "spool_full", **values)
    if age > WAITS:
        level: Level = "warning" if age * 1000 < HOUR_MS else "bad"
        return visit.finding("spool", level, "spool_waits", minutes=round(age / 60), **values)
    return visit.finding("spool", "ok", "spool_ok", **values)


def _quarantine(visit: Visit, gateway: _Gateway) -> Finding:
    """Messages refused within the hour, by reason."""
    books, reasons = gateway.spool.books(), gateway.spool.reasons(visit.now - HOUR_MS)
    kept = books.quarantined - books.forgotten
    if not reasons:
        return visit.finding("quarantine", "ok", "quarantine_ok", instance=gateway.name, kept=kept)
    sentences = "; ".join(
        f"{count} × {PayloadError(reason, field).sentence(visit.lang)}"
        for (reason, field), count in list(reasons.items())[:WORST]
    )
    return visit.finding(
        "quarantine", "warning", "quarantine_grows", instance=gateway.name, number=sum(reasons.values()),
        reasons=one_line(sentences),
    )  # fmt: skip


def _gaps(visit: Visit, gateway: _Gateway) -> Finding:
    """Numbered messages that never came; a gateway of a group cannot tell."""
    group = gateway.files.group
    if group.exists() and group.read_text("utf-8"):
        return visit.finding("gaps", "ok", "gaps_shared", instance=gateway.name)
    missing = _decoder(visit, gateway).missing()
    if not missing:
        return visit.finding("gaps", "ok", "gaps_ok", instance=gateway.name)
    return visit.finding(
        "gaps", "warning", "gaps_some", instance=gateway.name, number=sum(missing.values()),
        devices=len(missing), worst=_worst(missing),
    )  # fmt: skip


def _restarts(visit: Visit, gateway: _Gateway) -> Iterator[Finding]:
    """Devices whose counter restarted within one boot: this loses nothing, but is worth mentioning."""
    if again := _decoder(visit, gateway).restarts():
        yield visit.finding(
            "counters", "ok", "restarts_some", instance=gateway.name, number=len(again), worst=_worst(again)
        )


def _faults(visit: Visit, name: str, files: instance.Files) -> Iterator[Finding]:
    """Defects of the program that a running gateway met."""
    try:
        faults = files.faults.read_text("utf-8")
    except OSError:
        return
    if faults:
        lines = "; ".join(faults.splitlines())
        yield visit.finding("gateway", "warning", "faults_some", instance=name, faults=one_line(lines))


def _decoder(visit: Visit, gateway: _Gateway) -> Decoder:
    """A decoder with the gateway's memory of its devices' counters."""
    seen, _ = split_memory(gateway.spool.seen())
    return Decoder(visit.pilot.pilot, visit.pilot.fleet.get, seen)


def _worst(counts: Mapping[str, int]) -> str:
    """Name the devices with the highest counts."""
    worst = sorted(counts, key=lambda device: -counts[device])[:WORST]
    return ", ".join(f"{device} ({counts[device]})" for device in worst)
