"""The embedded store: one SQLite file with InfluxDB's rules, for machines without InfluxDB.

Each measurement is a table of (series, time) with one column a field; a series is a set of tags.
Writing the same series and time again overwrites the given fields and leaves the others.
"""

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.points import MEASUREMENTS, Kind, Measurement, Point, Tags, Value
from gateway.store import Bucket, Latest, RejectPoints, RetryLater

_TYPES: dict[Kind, str] = {"float": "REAL", "int": "INTEGER", "text": "TEXT", "bool": "INTEGER"}
_LATEST_ROWS = 16  # of a series that are looked at for the newest value of each field


class SqliteStore:
    """A file that several processes may read and write at once (WAL)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._series: dict[tuple[str, Tags], int] = {}
        for measurement in MEASUREMENTS.values():
            self._create(measurement)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def write(self, points: Sequence[Point]) -> None:
        groups: dict[tuple[str, tuple[str, ...]], list[tuple[Value, ...]]] = {}
        bad: dict[int, str] = {}
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                for index, point in enumerate(points):
                    schema = MEASUREMENTS.get(point.measurement)
                    if schema is None or not point.fields or not point.fields.keys() <= schema.fields.keys():
                        bad[index] = f"{point.measurement}: unknown measurement or field"
                        continue
                    row = (self._series_id(point.measurement, point.tags), point.time, *point.fields.values())
                    groups.setdefault((point.measurement, tuple(point.fields)), []).append(row)
                for (name, fields), rows in groups.items():
                    self._db.executemany(_upsert(name, fields), rows)
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._series.clear()  # ids made in this transaction are gone with it
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise RetryLater(f"the store file cannot be written: {error}") from error
        if bad:
            raise RejectPoints(bad)

    def latest(self, measurement: str, where: Mapping[str, str], since: int) -> list[Latest]:
        schema = MEASUREMENTS[measurement]
        names = list(schema.fields)
        result = []
        query = (
            f"SELECT time, {_columns(names)} FROM {measurement} "
            f"WHERE series=? AND time>=? ORDER BY time DESC LIMIT {_LATEST_ROWS}"
        )
        with self._lock:
            for series, tags in self._find(measurement, where):
                fields: dict[str, tuple[int, Value]] = {}
                for time, *values in self._db.execute(query, (series, since)):
                    for name, value in zip(names, values, strict=True):
                        if value is not None and name not in fields:
                            fields[name] = (time, _value(schema.fields[name], value))
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
        query = (
            f'SELECT (time-?)/?, min("{field}"), avg("{field}"), max("{field}"), count("{field}") '
            f'FROM {measurement} WHERE series=? AND time>=? AND time<? AND "{field}" IS NOT NULL '
            "GROUP BY 1 ORDER BY 1"
        )
        result: dict[Tags, list[Bucket]] = {}
        with self._lock:
            for series, tags in self._find(measurement, where):
                rows = self._db.execute(query, (origin, step, series, start, stop)).fetchall()
                if rows:
                    result[tags] = [Bucket(n * step + origin, *rest) for n, *rest in rows]
        return result

    def coverage(self, where: Mapping[str, str], start: int, stop: int, slot: int) -> dict[str, float]:
        slots = max(1, -(-(stop - start) // slot))
        query = "SELECT count(DISTINCT (time-?)/?) FROM telemetry WHERE series=? AND time>=? AND time<?"
        filled: dict[str, float] = {}
        with self._lock:
            for series, tags in self._find("telemetry", where):
                (count,) = self._db.execute(query, (start, slot, series, start, stop)).fetchone()
                if count:
                    device = dict(tags)["device"]
                    filled[device] = max(filled.get(device, 0.0), count / slots)
        return filled

    def _create(self, measurement: Measurement) -> None:
        with self._lock:
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS series(id INTEGER PRIMARY KEY, "
                "measurement TEXT NOT NULL, tags TEXT NOT NULL, UNIQUE(measurement, tags))"
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

    def _find(self, measurement: str, where: Mapping[str, str]) -> list[tuple[int, Tags]]:
        rows = self._db.execute("SELECT id, tags FROM series WHERE measurement=?", (measurement,)).fetchall()
        wanted = set(where.items())
        decoded = ((number, _decode(text)) for number, text in rows)
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


def _encode(tags: Tags) -> str:
    return "\n".join(f"{key}={value}" for key, value in tags)


def _decode(text: str) -> Tags:
    return tuple((key, value) for key, _, value in (line.partition("=") for line in text.split("\n")))


def _value(kind: Kind, value: Value) -> Value:
    return bool(value) if kind == "bool" else value
