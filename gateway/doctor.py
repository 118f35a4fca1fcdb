"""`hoiquan doctor`: looks at each part and says what is wrong and what to do.

It only reads, so that it may run beside a gateway, and it works where nothing runs: then it says so.
"""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import typer
from sqlalchemy.exc import SQLAlchemyError

from devices.access.registry import Registry
from devices.contract.payloads import PayloadError
from devices.credentials import READER
from devices.files import to_read
from devices.pilots.pilot import Pilot
from devices.settings import Settings
from devices.texts import Mendable, text
from gateway import instance
from gateway.control.client import NotHeard, connected, reached
from gateway.indicators.count import DAY_MS, HOUR_MS
from gateway.ingest.decode import Decoder
from gateway.ingest.pipeline import split_memory
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import MB
from gateway.stores.store import RetryLater, Store
from traceability.diary.file import MARK
from traceability.tlog.merkle import ProofError
from traceability.tlog.note import NoteError, Verifier, open_note
from traceability.tlog.tiles import LogCorrupt, LogMissing, LogReader

Level = Literal["ok", "warning", "bad"]
MARKS: dict[Level, str] = {"ok": "✓", "warning": "!", "bad": "✗"}
STALE = 30.0  # seconds after which `alive` says that its gateway is not well
WAITS = 60.0  # seconds that a message may wait without a word
NEARLY = 0.9  # of what the spool may hold
QUIET_MS = HOUR_MS  # no new reading for so long is a reason to look
ENTRIES = 200  # of the log that are checked
TIMEOUT = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one part; `mend` is empty where all is well."""

    part: str
    level: Level
    sentence: str
    mend: str


class Doctor:
    """One round. `open_store` gives the store that the settings name."""

    def __init__(
        self, settings: Settings, lang: str, open_store: Callable[[Settings], AbstractContextManager[Store]]
    ) -> None:
        self._settings = settings
        self._lang = lang
        self._open_store = open_store
        self._now = time.time_ns() // 1_000_000

    def round(self) -> Iterator[Finding]:
        """Everything, from the settings to the pages."""
        try:
            pilot = self._settings.loaded_pilot
        except ValueError as error:
            yield self._found("settings", "bad", "settings_bad", error=error)
            return
        yield self._found("settings", "ok", "settings_ok", pilot=pilot.pilot, places=len(pilot.place))
        yield self._data()
        yield self._registry(pilot)
        yield self._broker()
        yield from self._gateways(pilot)
        yield from self._store(pilot)
        yield self._log()
        yield self._pages()

    def _found(self, part: str, level: Level, key: str, **values: object) -> Finding:
        mend = "" if level == "ok" else text(f"doctor.{key}_mend", self._lang, **values)
        return Finding(part, level, text(f"doctor.{key}", self._lang, **values), mend)

    def _data(self) -> Finding:
        folder = self._settings.data
        if not folder.is_dir():
            return self._found("data", "warning", "data_none", folder=folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            return self._found("data", "bad", "data_readonly", folder=folder)
        free, kept = shutil.disk_usage(folder).free // MB, self._settings.spool_free_mb
        level: Level = "bad" if free < kept else "warning" if free < 4 * kept else "ok"
        key = "data_ok" if level == "ok" else "data_full"
        return self._found("data", level, key, folder=folder, free=free, kept=kept)

    def _registry(self, pilot: Pilot) -> Finding:
        url = self._settings.registry_url
        try:
            if "://" in url:
                number = sum(row.revoked is None for row in Registry(url, pilot).enrolled())
            elif not Path(url).exists():
                return self._found("registry", "warning", "registry_none", url=url)
            else:
                with closing(to_read(Path(url), 1)) as db:
                    asked = "SELECT count(*) FROM device WHERE revoked IS NULL"
                    number = db.execute(asked).fetchone()[0]
        except (sqlite3.Error, SQLAlchemyError, OSError) as error:
            return self._found("registry", "bad", "registry_bad", error=_line(error))
        return self._found("registry", "ok", "registry_ok", number=number)

    def _broker(self) -> Finding:
        """Logged in as `reader`: the gateway's own account would take its connection away."""
        settings, password = self._settings, self._settings.reader_password.get_secret_value()
        values = {"url": settings.mqtt, "account": READER, "seconds": round(TIMEOUT)}
        try:
            if not password:
                reached(settings, TIMEOUT)
                return self._found("broker", "ok", "broker_there", **values)
            client, _ = connected(settings, READER, password, TIMEOUT)
            client.disconnect()
            client.loop_stop()
        except NotHeard as error:
            return self._found("broker", "bad", f"broker_{error.why}", error=_line(error.said), **values)
        except ValueError as error:  # of the address, or of what HOIQUAN_MQTT_CA names
            return self._found("broker", "bad", "broker_bad", error=_line(error))
        return self._found("broker", "ok", "broker_ok", **values)

    def _gateways(self, pilot: Pilot) -> Iterator[Finding]:
        names = instance.instances(self._settings.data)
        if not names:
            yield self._found("gateway", "bad", "gateway_none", folder=self._settings.data)
        for name in names:
            own = instance.files(self._settings.data, name)
            yield self._gateway(name, own)
            try:
                with closing(Spool.to_read(own.spool)) as spool:
                    yield self._books(name, spool)
                    yield self._spooled(name, spool)
                    yield self._quarantine(name, spool)
                    yield self._gaps(name, own, spool, pilot)
                    yield from self._restarts(name, spool, pilot)
                yield from self._faults(name, own)
            except sqlite3.Error as error:
                yield self._found("spool", "bad", "spool_bad", path=own.spool, error=_line(error))
        yield from self._diary()

    def _gateway(self, name: str, own: instance.Files) -> Finding:
        try:
            running = instance.runs(own.lock)
            age = time.time() - own.alive.stat().st_mtime if own.alive.exists() else None
            trouble = own.trouble.read_text("utf-8").strip() if own.trouble.exists() else ""
        except OSError as error:
            return self._found("gateway", "bad", "gateway_ill", instance=name, trouble=_line(error))
        if not running:
            return self._found("gateway", "bad", "gateway_off", instance=name)
        if trouble:
            return self._found("gateway", "bad", "gateway_ill", instance=name, trouble=trouble)
        if age is None or age > STALE:
            return self._found("gateway", "bad", "gateway_stale", instance=name)
        return self._found("gateway", "ok", "gateway_ok", instance=name, age=round(age))

    def _books(self, name: str, spool: Spool) -> Finding:
        books = spool.books()
        counts = {part: getattr(books, part) for part in
                  ("received", "stored", "duplicate", "quarantined", "spooled")}  # fmt: skip
        if books.balanced:
            return self._found("books", "ok", "books_ok", instance=name, **counts)
        others = books.stored + books.duplicate + books.quarantined + books.spooled
        return self._found("books", "bad", "books_bad", instance=name, lost=books.received - others, **counts)

    def _spooled(self, name: str, spool: Spool) -> Finding:
        books, used, most = spool.books(), spool.used(), self._settings.spool_max_mb
        values = {"instance": name, "number": books.spooled, "used": used // MB, "most": most}
        age = max(0, self._now - books.oldest) / 1000 if books.oldest is not None else 0.0
        if books.spooled and used >= NEARLY * most * MB:
            return self._found("spool", "bad", "spool_full", **values)
        if age > WAITS:
            level: Level = "warning" if age * 1000 < HOUR_MS else "bad"
            return self._found("spool", level, "spool_waits", minutes=round(age / 60), **values)
        return self._found("spool", "ok", "spool_ok", **values)

    def _quarantine(self, name: str, spool: Spool) -> Finding:
        books, reasons = spool.books(), spool.reasons(self._now - HOUR_MS)
        kept = books.quarantined - books.forgotten
        if not reasons:
            return self._found("quarantine", "ok", "quarantine_ok", instance=name, kept=kept)
        told = "; ".join(
            f"{count} × {PayloadError(reason, field).sentence(self._lang)}"
            for (reason, field), count in list(reasons.items())[:3]
        )
        number = sum(reasons.values())
        return self._found(
            "quarantine", "warning", "quarantine_grows", instance=name, number=number, reasons=_line(told)
        )

    def _gaps(self, name: str, own: instance.Files, spool: Spool, pilot: Pilot) -> Finding:
        if own.group.exists() and own.group.read_text("utf-8"):
            return self._found("gaps", "ok", "gaps_shared", instance=name)
        seen, _ = split_memory(spool.seen())
        missing = Decoder(pilot.pilot, pilot.fleet.get, seen).missing()
        if not missing:
            return self._found("gaps", "ok", "gaps_ok", instance=name)
        worst = sorted(missing, key=lambda device: -missing[device])[:3]
        return self._found(
            "gaps", "warning", "gaps_some", instance=name, number=sum(missing.values()),
            devices=len(missing), worst=", ".join(f"{device} ({missing[device]})" for device in worst),
        )  # fmt: skip

    def _restarts(self, name: str, spool: Spool, pilot: Pilot) -> Iterator[Finding]:
        """Devices whose counter began again under the same boot, which costs nothing but is worth a word."""
        again = Decoder(pilot.pilot, pilot.fleet.get, split_memory(spool.seen())[0]).restarts()
        if again:
            some = sorted(again, key=lambda device: -again[device])[:3]
            told = ", ".join(f"{device} ({again[device]})" for device in some)
            yield self._found("counters", "ok", "restarts_some", instance=name, number=len(again), worst=told)

    def _diary(self) -> Iterator[Finding]:
        """A diary that was damaged, and that nobody has looked at since."""
        path = self._settings.data / "trace" / "trace.sqlite"
        if (mark := path.with_suffix(MARK)).exists():
            yield self._found("diary", "bad", "diary_mended", path=path, mark=mark)

    def _faults(self, name: str, own: instance.Files) -> Iterator[Finding]:
        """Defects of the program that a running gateway has met."""
        try:
            told = own.faults.read_text("utf-8")
        except OSError:
            return
        if told:
            lines = "; ".join(told.splitlines())
            yield self._found("gateway", "warning", "faults_some", instance=name, faults=_line(lines))

    def _store(self, pilot: Pilot) -> Iterator[Finding]:
        settings = self._settings
        if not settings.influx_url and not (settings.data / "store.sqlite").exists():
            yield self._found("store", "warning", "store_none")
            return
        try:
            with self._open_store(settings) as store:
                where = {"pilot": pilot.pilot}
                newest = max(
                    (at for row in store.latest("telemetry", where, self._now - 7 * DAY_MS)
                     for at, _ in row.fields.values()),
                    default=None,
                )  # fmt: skip
                written = store.series("gateway", {}, self._now - DAY_MS, self._now + 1, 50_000)
        except (RetryLater, sqlite3.Error, OSError) as error:
            yield self._found("store", "bad", "store_bad", error=_line(error))
            return
        if newest is None:
            yield self._found("store", "warning", "store_empty")
        else:
            quiet = self._now - newest > QUIET_MS
            level: Level = "warning" if quiet else "ok"
            minutes = max(0, self._now - newest) // 60_000
            yield self._found("store", level, "store_quiet" if quiet else "store_ok", minutes=minutes)
        counts: dict[str, list[int]] = {}  # of each gateway, the newest first: all hear the same broker
        for point in written:
            if "broker_dropped" in point.fields:
                of_one = counts.setdefault(dict(point.tags)["instance"], [])
                of_one.append(int(point.fields["broker_dropped"]))
        # a broker that starts again counts from 0
        drops = max(
            (sum(a - b if a >= b else a for a, b in pairwise(one)) for one in counts.values()), default=0
        )
        if not counts:
            yield self._found("drops", "ok", "drops_unknown")
        elif drops:
            yield self._found("drops", "warning", "drops_some", number=drops)
        else:
            yield self._found("drops", "ok", "drops_ok")

    def _log(self) -> Finding:
        folder = self._settings.data / "trace"
        log = LogReader(folder / "log")
        try:
            verifier = Verifier.parse((folder / "log.vkey").read_text("utf-8").strip())
            open_note(log.checkpoint(), [verifier])
            size = log.size
            chosen = sorted({*range(0, size, size // ENTRIES + 1), *range(size - 1, size)} - {-1})
            for index in chosen:
                log.entry(index)
                log.inclusion_proof(index)
        except (LogMissing, FileNotFoundError):
            return self._found("log", "ok", "log_none")
        except (LogCorrupt, NoteError, ProofError, OSError) as error:
            return self._found("log", "bad", "log_bad", error=_line(error))
        return self._found("log", "ok", "log_ok", size=size, checked=len(chosen))

    def _pages(self) -> Finding:
        url = (self._settings.web_url or self._settings.base_url).rstrip("/") + "/healthz"
        try:
            if urlsplit(url).scheme not in ("http", "https"):
                raise ValueError("expected http:// or https://")
            with urlopen(url, timeout=TIMEOUT):  # noqa: S310 -- http and https alone
                return self._found("pages", "ok", "pages_ok", url=url)
        except HTTPError as error:
            said = error.read(200).decode("utf-8", "replace")
            return self._found("pages", "bad", "pages_bad", url=url, error=_line(said))
        except (OSError, ValueError, HTTPException) as error:
            return self._found("pages", "bad", "pages_bad", url=url, error=_line(error))


def report(
    read: Callable[[], Settings],
    lang: str,
    open_store: Callable[[Settings], AbstractContextManager[Store]],
    *,
    as_json: bool,
) -> int:
    """Print a round over the settings that `read` gives; returns 1 where a part is bad, else 0."""
    try:
        found = list(Doctor(read(), lang, open_store).round())
    except ValueError as error:  # of the settings, which name variable and cause
        values = {"error": _line(error)}
        said, mend = (text(f"doctor.settings_bad{end}", lang, **values) for end in ("", "_mend"))
        found = [Finding("settings", "bad", said, mend)]
    levels = [finding.level for finding in found]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2, ensure_ascii=False))
    else:
        for finding in found:
            level = text(f"doctor.level_{finding.level}", lang)
            typer.echo(f"{MARKS[finding.level]} {level}: {finding.sentence}")
            if finding.mend:
                typer.echo("    " + text("doctor.mend", lang, mend=finding.mend))
        some = {level: levels.count(level) for level in ("bad", "warning")}
        well = not any(some.values())
        typer.echo(text("doctor.all_well", lang) if well else text("doctor.some_bad", lang, **some))
    return int("bad" in levels)


def _line(said: object) -> object:
    return said if isinstance(said, Mendable) else " ".join(str(said).split())
