"""The data folder and the registry of devices."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from devices.access.registry import Registry
from devices.files import to_read
from gateway.doctor.finding import Finding, Level, Visit, one_line
from gateway.ingest.spoolfile import MB


def folder(visit: Visit) -> Iterator[Finding]:
    """Whether the folder is there, may be written, and has room."""
    path = visit.settings.data
    if not path.is_dir():
        yield visit.finding("data", "warning", "data_none", folder=path)
        return
    if not os.access(path, os.W_OK | os.X_OK):
        yield visit.finding("data", "bad", "data_readonly", folder=path)
        return
    free, kept = shutil.disk_usage(path).free // MB, visit.settings.spool_free_mb
    level: Level = "bad" if free < kept else "warning" if free < 4 * kept else "ok"
    key = "data_ok" if level == "ok" else "data_full"
    yield visit.finding("data", level, key, folder=path, free=free, kept=kept)


def registry(visit: Visit) -> Iterator[Finding]:
    """How many devices may speak."""
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
