"""Checks the data folder, the registry of devices, and the probe files that decode their messages."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from devices.access.registry import Registry
from devices.files import to_read
from devices.probes.shelf import Shelf
from gateway.doctor.finding import Finding, Level, Visit, one_line
from gateway.ingest.spoolfile import MB

WORST = 3  # most devices that a sentence names


def folder(visit: Visit) -> Iterator[Finding]:
    """Whether the folder exists, may be written, and has room."""
    path = visit.settings.data
    if not path.is_dir():
        yield visit.finding("data", "warning", "data_none", folder=path)
        return
    if not os.access(path, os.W_OK | os.X_OK):
        yield visit.finding("data", "bad", "data_readonly", folder=path)
        return
    free, reserve = shutil.disk_usage(path).free // MB, visit.settings.spool_free_mb
    level: Level = "bad" if free < reserve else "warning" if free < 4 * reserve else "ok"
    key = "data_ok" if level == "ok" else "data_full"
    yield visit.finding("data", level, key, folder=path, free=free, kept=reserve)


def registry(visit: Visit) -> Iterator[Finding]:
    """How many devices are enrolled now."""
    url = visit.settings.registry_url
    try:
        if "://" in url:
            number = sum(row.revoked is None for row in Registry(url, visit.pilot).enrolled())
        elif not Path(url).exists():
            yield visit.finding("registry", "warning", "registry_none", url=url)
            return
        else:
            with closing(to_read(Path(url), 1)) as db:
                question = "SELECT count(*) FROM device WHERE revoked IS NULL"
                number = db.execute(question).fetchone()[0]
    except (sqlite3.Error, SQLAlchemyError, OSError) as error:
        yield visit.finding("registry", "bad", "registry_bad", error=one_line(error))
        return
    yield visit.finding("registry", "ok", "registry_ok", number=number)


def probes(visit: Visit) -> Iterator[Finding]:
    """The user's probe files that cannot be used, and devices whose probe file is missing."""
    shelf = Shelf(visit.settings.probes)
    shelved = shelf.probes
    for trouble in shelf.troubles:
        yield visit.finding("probes", "bad", "probes_bad", error=trouble)
    read = {device: probe for device, probe in enrolled(visit).items() if probe is not None}
    lost = sorted({probe for probe in read.values() if probe not in shelved})
    for probe in lost:
        names = ", ".join([device for device, one in read.items() if one == probe][:WORST])
        yield visit.finding("probes", "bad", "probes_lost", probe=probe, devices=names)
    if read and not lost and not shelf.troubles:
        yield visit.finding("probes", "ok", "probes_ok", number=len(read))


def enrolled(visit: Visit) -> dict[str, str | None]:
    """Real devices that may connect, each with its probe file; empty where `registry` reports a registry that
    it cannot read.
    """
    url = visit.settings.registry_url
    try:
        if "://" in url:
            rows = [row.device for row in Registry(url, visit.pilot).enrolled() if row.revoked is None]
            return {row.device: row.probe for row in rows}
        if not Path(url).exists():
            return {}
        with closing(to_read(Path(url), 1)) as db:
            query = "SELECT device, probe FROM device WHERE revoked IS NULL"
            return dict(db.execute(query).fetchall())
    except (sqlite3.Error, SQLAlchemyError, OSError):
        return {}
