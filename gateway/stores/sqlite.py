"""The embedded store: one SQLite file with InfluxDB's rules, for machines without InfluxDB.

Each measurement is a table of (series, time) with one column a field; a series is a set of tags.
Writing the same series and time again overwrites the given fields and leaves the others.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from devices.contract.signals import CIRCULAR
from devices.salvage import why
from devices.texts import Mendable
from gateway.stores import heading
from gateway.stores.points import (
    MEASUREMENTS,
    UNFIT_TAG,
    Kind,
    Measurement,
    Point,
    Tags,
    Value,
    check_fields,
    unfit,
)
from gateway.stores.series import Index, decode, encode
from gateway.stores.store import SPREAD, Bucket, Function, Latest, RejectPoints, RetryLater
from gateway.stores.turns import Turns

TOGETHER = 50  # series whose newest values are read per turn of the lock: two milliseconds
_TYPES: dict[Kind, str] = {"float": "REAL", "int": "INTEGER", "text": "TEXT", "bool": "INTEGER"}


class NotOpened(Mendable, OSError):
    """The file cannot be opened."""


class SqliteStore:
    """A file that several processes may read and write at once (WAL)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = Turns()
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            # SQLite has sin and cos only if it was built with mathematical functions
            for name, part in (("east", heading.east), ("north", heading.north)):
                self._db.create_function(name, 1, part, deterministic=True)
        except sqlite3.Error as error:
            raise NotOpened("path.store", path=path, error=error) from None
        self._series: dict[tuple[str, Tags], int] = {}  # numbers of known series, whose tags are fit
        self._index = Index()
        self._reported: dict[tuple[str, ...], set[int]] = {}  # series by the fields that came together
        for measurement in MEASUREMENTS.values():
            self._create(measurement)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def write(self, points: Sequence[Point]) -> None:
        rows: dict[tuple[str, int, int], Mapping[str, Value]] = {}  # (measurement, series, time) → fields
        bad: dict[int, str] = {}
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                for index, (name, tags, fields, time) in enumerate(points):
                    schema = MEASUREMENTS.get(name)
                    if schema is None or not fields or not fields.keys() <= schema.fields.keys():
                        bad[index] = f"{name}: unknown measurement or field"
                        continue
                    series = self._series.get((name, tags))
                    if series is None:
                        if unfit(tags):
                            bad[index] = UNFIT_TAG
                            continue
                        series = self._series_id(name, tags)
                    key = (name, series, time)
                    before = rows.get(key)
                    rows[key] = fields if before is None else {**before, **fields}
                groups: dict[tuple[str, tuple[str, ...]], list[tuple[Value, ...]]] = {}
                for (name, series, time), fields in rows.items():
                    names = tuple(fields)
                    groups.setdefault((name, names), []).append((series, time, *fields.values()))
                    if series not in self._reported.get(names, ()):
                        self._report(series, names)
                for (name, names), values in groups.items():
                    self._db.executemany(_upsert(name, names), values)
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._series.clear()  # the rollback removes series made in this transaction
                self._reported.clear()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise RetryLater("store.file", why=why(error)) from error
        if bad:
            raise RejectPoints(bad)

    def latest(
        self, measurement: str, where: Mapping[str, str], since: int, *, only: Sequence[str] = ()
    ) -> list[Latest]:
        check_fields(measurement, only)
        with self._lock:
            matching = self._find(measurement, where, only)
        result = []
        for first in range(0, len(matching), TOGETHER):  # other threads get the lock in between
            with self._lock:
                some = matching[first : first + TOGETHER]
                result += self._latest(measurement, some, since, frozenset(only))
        return result

    def _latest(
        self, measurement: str, some: Sequence[tuple[int, Tags]], since: int, only: frozenset[str]
    ) -> list[Latest]:
        """`latest` of some series."""
        schema = MEASUREMENTS[measurement]
        result = []
        reported = self._reported_by([series for series, _ in some])
        for series, tags in some:
            columns = reported.get(series, frozenset())
            names = _in_order(measurement, columns & only if only else columns)
            if not names:
                continue
            fields: dict[str, tuple[int, Value]] = {}
            query = _newest(measurement, names)
            for time, *values in self._db.execute(query, (series, since)):
                for name, value in zip(names, values, strict=True):
                    if value is not None and name not in fields:
                        fields[name] = (time, _value(schema.fields[name], value))
                if len(fields) == len(names):
                    break
            if fields:
                result.append(Latest(dict(tags), fields))
        return result

    def series(
        self, measurement: str, where: Mapping[str, str], start: int, stop: int, limit: int, *,
        only: Sequence[str] = (),
    ) -> list[Point]:  # fmt: skip
        check_fields(measurement, only)
        schema = MEASUREMENTS[measurement]
        points: list[Point] = []
        with self._lock:
            chosen = sorted(self._find(measurement, where, only), key=lambda one: one[1])
            names = self._names(schema, [series for series, _ in chosen], only)
            flags = [name for name in names if schema.fields[name] == "bool"]
            query = (
                "WITH wanted(rank, number) AS (SELECT key, value FROM json_each(?)) "
                f"SELECT rank, time, {_columns(names)} FROM wanted JOIN {measurement} ON series=number "
                f"WHERE time>=? AND time<? {_any_of(names if only else ())}ORDER BY time DESC, rank LIMIT ?"
            )
            numbers = json.dumps([series for series, _ in chosen])
            rows = self._db.execute(query, (numbers, start, stop, limit)) if names else ()
            for rank, time, *values in rows:
                fields: dict[str, Value] = {
                    name: value for name, value in zip(names, values, strict=True) if value is not None
                }
                for name in flags:
                    if name in fields:
                        fields[name] = bool(fields[name])
                points.append(Point(measurement, chosen[rank][1], fields, time))
        return points

    def summary(
        self,
        measurement: str,
        fields: Sequence[str],
        where: Mapping[str, str],
        start: int,
        stop: int,
        step: int,
        origin: int = 0,
        *,
        only: Sequence[str] = SPREAD,  # ignored: one pass over the rows gives all parts
    ) -> dict[str, dict[Tags, list[Bucket]]]:
        check_fields(measurement, fields)
        origin %= step  # so that no time is before `origin`: SQLite's division rounds towards zero
        aggregates = ", ".join(
            f'avg(east("{field}")), avg(north("{field}")), NULL, count("{field}")'
            if field in CIRCULAR
            else f'min("{field}"), avg("{field}"), max("{field}"), count("{field}")'
            for field in fields
        )
        result: dict[str, dict[Tags, list[Bucket]]] = {}
        with self._lock:
            names = dict(self._find(measurement, where, fields))
            query = (
                f"SELECT series, (time-?)/?, {aggregates} FROM {measurement} "
                f"WHERE series IN ({_list(names)}) AND time>=? AND time<? GROUP BY 1, 2 ORDER BY 1, 2"
            )
            for series, number, *rest in self._db.execute(query, (origin, step, start, stop)):
                time, tags = number * step + origin, names[series]
                for field, at in zip(fields, range(0, len(rest), 4), strict=True):
                    low, mean, high, count = rest[at : at + 4]
                    if count:
                        if field in CIRCULAR:  # then the first two columns are the means of east and north
                            bucket = heading.bucket(time, low, mean, count)
                        else:
                            bucket = Bucket(time, low, mean, high, count)
                        result.setdefault(field, {}).setdefault(tags, []).append(bucket)
        return result

    def total(
        self, function: Function, measurement: str, fields: Sequence[str], where: Mapping[str, str],
        start: int, stop: int, step: int,
    ) -> dict[str, dict[int, float]]:  # fmt: skip
        check_fields(measurement, fields)
        totals: dict[str, dict[int, float]] = {}
        with self._lock:
            some = _list(series for series, _ in self._find(measurement, where, fields))
            selected = ", ".join(f'iif(count("{it}"), {function}("{it}"), NULL)' for it in fields)
            span = f"WHERE series IN ({some}) AND time>=? AND time<? GROUP BY 1 ORDER BY 1"
            query = f"SELECT time/?*?, {selected} FROM {measurement} {span}"
            for time, *row in self._db.execute(query, (step, step, start, stop)):
                for field, value in zip(fields, row, strict=True):
                    if value is not None:
                        totals.setdefault(field, {})[time] = value
        return totals

    def coverage(self, where: Mapping[str, str], start: int, stop: int, slot: int) -> dict[str, float]:
        slots = max(1, -(-(stop - start) // slot))
        devices: dict[str, list[int]] = {}  # series by device: one that was enrolled anew has several
        query = (
            "SELECT key, (SELECT count(DISTINCT (time-?)/?) FROM telemetry "
            "WHERE series IN (SELECT value FROM json_each(device.value)) AND time>=? AND time<?) "
            "FROM json_each(?) AS device"
        )
        with self._lock:
            for series, tags in self._find("telemetry", where):
                if device := dict(tags).get("device"):  # else somebody else wrote it
                    devices.setdefault(device, []).append(series)
            rows = self._db.execute(query, (start, slot, start, stop, json.dumps(devices))).fetchall()
        return {device: count / slots for device, count in rows if count}

    def _create(self, measurement: Measurement) -> None:
        with self._lock:
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS series(id INTEGER PRIMARY KEY, "
                "measurement TEXT NOT NULL, tags TEXT NOT NULL, UNIQUE(measurement, tags))"
            )
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS reported("
                "series INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY(series, name)) WITHOUT ROWID"
            )
            columns = ", ".join(f'"{name}" {_TYPES[kind]}' for name, kind in measurement.fields.items())
            self._db.execute(
                f"CREATE TABLE IF NOT EXISTS {measurement.name}("
                f"series INTEGER NOT NULL, time INTEGER NOT NULL, {columns}, "
                "PRIMARY KEY(series, time)) WITHOUT ROWID"
            )
            existing = {row[1] for row in self._db.execute(f"PRAGMA table_info({measurement.name})")}
            for name, kind in measurement.fields.items():
                if name not in existing:  # a field that is newer than the file
                    self._db.execute(f'ALTER TABLE {measurement.name} ADD COLUMN "{name}" {_TYPES[kind]}')

    def _series_id(self, measurement: str, tags: Tags) -> int:
        text = encode(tags)
        self._db.execute("INSERT OR IGNORE INTO series(measurement, tags) VALUES(?,?)", (measurement, text))
        row = self._db.execute(
            "SELECT id FROM series WHERE measurement=? AND tags=?", (measurement, text)
        ).fetchone()
        number: int = row[0]
        self._series[measurement, tags] = number
        return number

    def _report(self, series: int, names: tuple[str, ...]) -> None:
        """Note which fields a series has, so that `latest` knows when it has found them all."""
        self._db.executemany("INSERT OR IGNORE INTO reported VALUES(?,?)", [(series, name) for name in names])
        self._reported.setdefault(names, set()).add(series)

    def _find(
        self, measurement: str, where: Mapping[str, str], fields: Sequence[str] = ()
    ) -> list[tuple[int, Tags]]:
        """Series whose tags contain `where`; with `fields`, only series that ever had one of them."""
        # A series never changes, and a new one has a higher number: only new series are read. The + keeps
        # SQLite from sorting by the index on (measurement, tags), which it would read from end to end.
        query = "SELECT id, measurement, tags FROM series WHERE id>? ORDER BY +measurement, +tags"
        new = self._db.execute(query, (self._index.newest,))
        for number, name, text in new:
            self._index.add(number, name, decode(text))
        matching = self._index.matching(measurement, where)
        if not fields or not matching:
            return matching
        having = set(self._having([number for number, _ in matching], fields))
        return [one for one in matching if one[0] in having]

    def _having(self, series: Iterable[int], fields: Sequence[str]) -> Iterator[int]:
        """The series among these that ever had one of the fields."""
        query = (
            "SELECT DISTINCT series FROM reported WHERE series IN (SELECT value FROM json_each(?)) "
            "AND name IN (SELECT value FROM json_each(?))"
        )
        parameters = json.dumps(list(series)), json.dumps(fields)
        return (number for (number,) in self._db.execute(query, parameters))

    def _reported_by(self, series: Iterable[int]) -> dict[int, frozenset[str]]:
        """The fields that each series ever had."""
        query = (
            "SELECT series, group_concat(name) FROM reported "
            "WHERE series IN (SELECT value FROM json_each(?)) GROUP BY series"
        )
        rows = self._db.execute(query, (json.dumps(list(series)),))
        return {number: frozenset(names.split(",")) for number, names in rows}

    def _names(self, schema: Measurement, series: Iterable[int], only: Sequence[str]) -> list[str]:
        """The fields, all or `only` these, that any of the series ever had: fewer than the table has."""
        query = f"SELECT DISTINCT name FROM reported WHERE series IN ({_list(series)})"
        reported = {name for (name,) in self._db.execute(query)}
        return [name for name in only or schema.fields if name in reported]


@cache
def _in_order(measurement: str, names: frozenset[str]) -> tuple[str, ...]:
    """These fields in the measurement's order."""
    return tuple(name for name in MEASUREMENTS[measurement].fields if name in names)


@cache
def _newest(measurement: str, names: tuple[str, ...]) -> str:
    return f"SELECT time, {_columns(names)} FROM {measurement} WHERE series=? AND time>=? ORDER BY time DESC"


def _upsert(measurement: str, fields: tuple[str, ...]) -> str:
    updates = ", ".join(f'"{name}"=excluded."{name}"' for name in fields)
    marks = ",".join("?" * (len(fields) + 2))
    return (
        f"INSERT INTO {measurement}(series, time, {_columns(fields)}) VALUES({marks}) "
        f"ON CONFLICT(series, time) DO UPDATE SET {updates}"
    )


def _columns(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _any_of(names: Sequence[str]) -> str:
    """A further condition: a row has a value in one of these columns. "" without columns."""
    return f"AND coalesce({_columns(names)}, NULL) IS NOT NULL " if names else ""


def _list(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _value(kind: Kind, value: Value) -> Value:
    return bool(value) if kind == "bool" else value
