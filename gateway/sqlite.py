"""The embedded store: one SQLite file with InfluxDB's rules, for machines without InfluxDB.

Each measurement is a table of (series, time) with one column a field; a series is a set of tags.
Writing the same series and time again overwrites the given fields and leaves the others.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from gateway.points import MEASUREMENTS, UNFIT_TAG, Kind, Measurement, Point, Tags, Value, unfit
from gateway.store import Bucket, Latest, RejectPoints, RetryLater

_TYPES: dict[Kind, str] = {"float": "REAL", "int": "INTEGER", "text": "TEXT", "bool": "INTEGER"}


class SqliteStore:
    """A file that several processes may read and write at once (WAL)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._series: dict[tuple[str, Tags], int] = {}
        self._reported: set[tuple[int, tuple[str, ...]]] = set()
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
                    if unfit(tags):
                        bad[index] = UNFIT_TAG
                        continue
                    key = (name, self._series_id(name, tags), time)
                    before = rows.get(key)
                    rows[key] = fields if before is None else {**before, **fields}
                groups: dict[tuple[str, tuple[str, ...]], list[tuple[Value, ...]]] = {}
                for (name, series, time), fields in rows.items():
                    names = tuple(fields)
                    groups.setdefault((name, names), []).append((series, time, *fields.values()))
                    if (series, names) not in self._reported:
                        self._report(series, names)
                for (name, names), values in groups.items():
                    self._db.executemany(_upsert(name, names), values)
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._series.clear()  # ids made in this transaction are gone with it
                self._reported.clear()
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise RetryLater(f"the store file cannot be written: {error}") from error
        if bad:
            raise RejectPoints(bad)

    def latest(self, measurement: str, where: Mapping[str, str], since: int) -> list[Latest]:
        schema = MEASUREMENTS[measurement]
        result = []
        with self._lock:
            for series, tags in self._find(measurement, where):
                reported = self._db.execute("SELECT name FROM reported WHERE series=?", (series,))
                names = [name for (name,) in reported if name in schema.fields]
                if not names:
                    continue
                fields: dict[str, tuple[int, Value]] = {}
                query = (
                    f"SELECT time, {_columns(names)} FROM {measurement} "
                    "WHERE series=? AND time>=? ORDER BY time DESC"
                )
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
        self, measurement: str, where: Mapping[str, str], start: int, stop: int, limit: int
    ) -> list[Point]:
        schema = MEASUREMENTS[measurement]
        names = list(schema.fields)
        points: list[Point] = []
        query = (
            f"SELECT time, {_columns(names)} FROM {measurement} "
            "WHERE series=? AND time>=? AND time<? ORDER BY time DESC LIMIT ?"
        )
        with self._lock:
            for series, tags in self._find(measurement, where):
                for time, *values in self._db.execute(query, (series, start, stop, limit)):
                    fields = {
                        name: _value(schema.fields[name], value)
                        for name, value in zip(names, values, strict=True)
                        if value is not None
                    }
                    points.append(Point(measurement, tags, fields, time))
        return sorted(points, key=lambda point: (-point.time, point.tags))[:limit]

    def summary(
        self,
        measurement: str,
        field: str,
        where: Mapping[str, str],
        start: int,
        stop: int,
        step: int,
        origin: int = 0,
    ) -> dict[Tags, list[Bucket]]:
        if field not in MEASUREMENTS[measurement].fields:
            raise KeyError(field)
        origin %= step  # so that no time is before it: SQLite divides towards zero
        result: dict[Tags, list[Bucket]] = {}
        with self._lock:
            names = dict(self._find(measurement, where, field))
            query = (
                f'SELECT series, (time-?)/?, min("{field}"), avg("{field}"), max("{field}"), '
                f'count("{field}") FROM {measurement} WHERE series IN ({_list(names)}) '
                f'AND time>=? AND time<? AND "{field}" IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2'
            )
            for series, number, *rest in self._db.execute(query, (origin, step, start, stop)):
                result.setdefault(names[series], []).append(Bucket(number * step + origin, *rest))
        return result

    def coverage(self, where: Mapping[str, str], start: int, stop: int, slot: int) -> dict[str, float]:
        slots = max(1, -(-(stop - start) // slot))
        devices: dict[str, list[int]] = {}  # a device that was enrolled anew has several series
        query = (
            "SELECT key, (SELECT count(DISTINCT (time-?)/?) FROM telemetry "
            "WHERE series IN (SELECT value FROM json_each(device.value)) AND time>=? AND time<?) "
            "FROM json_each(?) AS device"
        )
        with self._lock:
            for series, tags in self._find("telemetry", where):
                devices.setdefault(dict(tags)["device"], []).append(series)
            found = self._db.execute(query, (start, slot, start, stop, json.dumps(devices))).fetchall()
        return {device: count / slots for device, count in found if count}

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
            there = {row[1] for row in self._db.execute(f"PRAGMA table_info({measurement.name})")}
            for name, kind in measurement.fields.items():
                if name not in there:  # a signal that joined after the file was made
                    self._db.execute(f'ALTER TABLE {measurement.name} ADD COLUMN "{name}" {_TYPES[kind]}')

    def _series_id(self, measurement: str, tags: Tags) -> int:
        known = self._series.get((measurement, tags))
        if known is not None:
            return known
        text = _encode(tags)
        self._db.execute("INSERT OR IGNORE INTO series(measurement, tags) VALUES(?,?)", (measurement, text))
        row = self._db.execute(
            "SELECT id FROM series WHERE measurement=? AND tags=?", (measurement, text)
        ).fetchone()
        number: int = row[0]
        self._series[measurement, tags] = number
        return number

    def _report(self, series: int, names: tuple[str, ...]) -> None:
        """Remember which fields a series has, so that `latest` knows when it has found them all."""
        self._db.executemany("INSERT OR IGNORE INTO reported VALUES(?,?)", [(series, name) for name in names])
        self._reported.add((series, names))

    def _find(self, measurement: str, where: Mapping[str, str], field: str = "") -> list[tuple[int, Tags]]:
        """Series whose tags contain `where` and that, with `field`, ever had it."""
        query = "SELECT id, tags FROM series WHERE measurement=?"
        values = [measurement]
        if field:
            query += " AND EXISTS (SELECT 1 FROM reported WHERE series=id AND name=?)"
            values.append(field)
        wanted = set(where.items())
        decoded = ((number, _decode(text)) for number, text in self._db.execute(query, values).fetchall())
        return [(number, tags) for number, tags in decoded if wanted <= set(tags)]


def _upsert(measurement: str, fields: tuple[str, ...]) -> str:
    updates = ", ".join(f'"{name}"=excluded."{name}"' for name in fields)
    marks = ",".join("?" * (len(fields) + 2))
    return (
        f"INSERT INTO {measurement}(series, time, {_columns(fields)}) VALUES({marks}) "
        f"ON CONFLICT(series, time) DO UPDATE SET {updates}"
    )


def _columns(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _list(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _encode(tags: Tags) -> str:
    return "\n".join(f"{key}={value}" for key, value in tags)


@cache
def _decode(text: str) -> Tags:
    return tuple((key, value) for key, _, value in (line.partition("=") for line in text.split("\n")))


def _value(kind: Kind, value: Value) -> Value:
    return bool(value) if kind == "bool" else value
