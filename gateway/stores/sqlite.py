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
from devices.salvage import damaged, why
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
from gateway.stores.storefile import StoreFile

TOGETHER = 50  # series whose newest values are read per turn of the lock: two milliseconds


class SqliteStore:
    """A file that several processes may read and write at once (WAL). `mend`: see `StoreFile`."""

    def __init__(self, path: Path, *, mend: bool = False) -> None:
        self._file = StoreFile(path, mend=mend)
        self._series: dict[tuple[str, Tags], int] = {}  # numbers of known series, whose tags are fit
        self._index = Index()
        self._reported: dict[tuple[str, ...], set[int]] = {}  # series by the fields that came together

    def close(self) -> None:
        self._file.close()

    def write(self, points: Sequence[Point]) -> None:
        rows: dict[tuple[str, int, int], Mapping[str, Value]] = {}  # (measurement, series, time) → fields
        bad: dict[int, str] = {}
        with self._file.turn(write=True) as db:
            try:
                db.execute("BEGIN IMMEDIATE")
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
                        series = self._series_id(db, name, tags)
                    key = (name, series, time)
                    before = rows.get(key)
                    rows[key] = fields if before is None else {**before, **fields}
                groups: dict[tuple[str, tuple[str, ...]], list[tuple[Value, ...]]] = {}
                for (name, series, time), fields in rows.items():
                    names = tuple(fields)
                    groups.setdefault((name, names), []).append((series, time, *fields.values()))
                    if series not in self._reported.get(names, ()):
                        self._report(db, series, names)
                for (name, names), values in groups.items():
                    db.executemany(_upsert(name, names), values)
                db.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                self._series.clear()  # the rollback removes series made in this transaction
                self._reported.clear()
                if db.in_transaction:
                    db.execute("ROLLBACK")
                if not isinstance(error, sqlite3.OperationalError) or damaged(error):
                    raise
                raise RetryLater("store.file", why=why(error)) from error
        if bad:
            raise RejectPoints(bad)

    def latest(
        self, measurement: str, where: Mapping[str, str], since: int, *, only: Sequence[str] = ()
    ) -> list[Latest]:
        check_fields(measurement, only)
        with self._file.turn() as db:
            matching = self._find(db, measurement, where, only)
        result = []
        for first in range(0, len(matching), TOGETHER):  # other threads get the lock in between
            with self._file.turn() as db:
                some = matching[first : first + TOGETHER]
                result += self._latest(db, measurement, some, since, frozenset(only))
        return result

    def _latest(
        self,
        db: sqlite3.Connection,
        measurement: str,
        some: Sequence[tuple[int, Tags]],
        since: int,
        only: frozenset[str],
    ) -> list[Latest]:
        """`latest` of some series."""
        schema = MEASUREMENTS[measurement]
        result = []
        reported = self._reported_by(db, [series for series, _ in some])
        for series, tags in some:
            columns = reported.get(series, frozenset())
            names = _in_order(measurement, columns & only if only else columns)
            if not names:
                continue
            fields: dict[str, tuple[int, Value]] = {}
            query = _newest(measurement, names)
            for time, *values in db.execute(query, (series, since)):
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
        with self._file.turn() as db:
            chosen = sorted(self._find(db, measurement, where, only), key=lambda one: one[1])
            names = self._names(db, schema, [series for series, _ in chosen], only)
            flags = [name for name in names if schema.fields[name] == "bool"]
            query = (
                "WITH wanted(rank, number) AS (SELECT key, value FROM json_each(?)) "
                f"SELECT rank, time, {_columns(names)} FROM wanted JOIN {measurement} ON series=number "
                f"WHERE time>=? AND time<? {_any_of(names if only else ())}ORDER BY time DESC, rank LIMIT ?"
            )
            numbers = json.dumps([series for series, _ in chosen])
            rows = db.execute(query, (numbers, start, stop, limit)) if names else ()
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
        with self._file.turn() as db:
            names = dict(self._find(db, measurement, where, fields))
            query = (
                f"SELECT series, (time-?)/?, {aggregates} FROM {measurement} "
                f"WHERE series IN ({_list(names)}) AND time>=? AND time<? GROUP BY 1, 2 ORDER BY 1, 2"
            )
            for series, number, *rest in db.execute(query, (origin, step, start, stop)):
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
        with self._file.turn() as db:
            some = _list(series for series, _ in self._find(db, measurement, where, fields))
            selected = ", ".join(f'iif(count("{it}"), {function}("{it}"), NULL)' for it in fields)
            span = f"WHERE series IN ({some}) AND time>=? AND time<? GROUP BY 1 ORDER BY 1"
            query = f"SELECT time/?*?, {selected} FROM {measurement} {span}"
            for time, *row in db.execute(query, (step, step, start, stop)):
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
        with self._file.turn() as db:
            for series, tags in self._find(db, "telemetry", where):
                if device := dict(tags).get("device"):  # else somebody else wrote it
                    devices.setdefault(device, []).append(series)
            rows = db.execute(query, (start, slot, start, stop, json.dumps(devices))).fetchall()
        return {device: count / slots for device, count in rows if count}

    def _series_id(self, db: sqlite3.Connection, measurement: str, tags: Tags) -> int:
        text = encode(tags)
        db.execute("INSERT OR IGNORE INTO series(measurement, tags) VALUES(?,?)", (measurement, text))
        row = db.execute(
            "SELECT id FROM series WHERE measurement=? AND tags=?", (measurement, text)
        ).fetchone()
        number: int = row[0]
        self._series[measurement, tags] = number
        return number

    def _report(self, db: sqlite3.Connection, series: int, names: tuple[str, ...]) -> None:
        """Note which fields a series has, so that `latest` knows when it has found them all."""
        db.executemany("INSERT OR IGNORE INTO reported VALUES(?,?)", [(series, name) for name in names])
        self._reported.setdefault(names, set()).add(series)

    def _find(
        self, db: sqlite3.Connection, measurement: str, where: Mapping[str, str], fields: Sequence[str] = ()
    ) -> list[tuple[int, Tags]]:
        """Series whose tags contain `where`; with `fields`, only series that ever had one of them."""
        # A series never changes, and a new one has a higher number: only new series are read. The + keeps
        # SQLite from sorting by the index on (measurement, tags), which it would read from end to end.
        query = "SELECT id, measurement, tags FROM series WHERE id>? ORDER BY +measurement, +tags"
        new = db.execute(query, (self._index.newest,))
        for number, name, text in new:
            self._index.add(number, name, decode(text))
        matching = self._index.matching(measurement, where)
        if not fields or not matching:
            return matching
        having = set(self._having(db, [number for number, _ in matching], fields))
        return [one for one in matching if one[0] in having]

    def _having(self, db: sqlite3.Connection, series: Iterable[int], fields: Sequence[str]) -> Iterator[int]:
        """The series among these that ever had one of the fields."""
        query = (
            "SELECT DISTINCT series FROM reported WHERE series IN (SELECT value FROM json_each(?)) "
            "AND name IN (SELECT value FROM json_each(?))"
        )
        parameters = json.dumps(list(series)), json.dumps(fields)
        return (number for (number,) in db.execute(query, parameters))

    def _reported_by(self, db: sqlite3.Connection, series: Iterable[int]) -> dict[int, frozenset[str]]:
        """The fields that each series ever had."""
        query = (
            "SELECT series, group_concat(name) FROM reported "
            "WHERE series IN (SELECT value FROM json_each(?)) GROUP BY series"
        )
        rows = db.execute(query, (json.dumps(list(series)),))
        return {number: frozenset(names.split(",")) for number, names in rows}

    def _names(
        self, db: sqlite3.Connection, schema: Measurement, series: Iterable[int], only: Sequence[str]
    ) -> list[str]:
        """The fields, all or `only` these, that any of the series ever had: fewer than the table has."""
        query = f"SELECT DISTINCT name FROM reported WHERE series IN ({_list(series)})"
        reported = {name for (name,) in db.execute(query)}
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
