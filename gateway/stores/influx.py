"""The InfluxDB store: writes line protocol, reads with InfluxQL.

The official client's batching WriteApi retries a few times and then drops points, so this module does batches
and the search for a bad point itself, and its caller retries. InfluxQL runs on 1.x, 2.x and 3.x.
"""

import gzip
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from devices.clock import DAY_MS, HOUR_MS
from devices.contract.signals import CIRCULAR
from gateway.stores import answers, heading, influxql
from gateway.stores.points import MEASUREMENTS, UNFIT_TAG, WIDEST, Point, Tags, check_fields
from gateway.stores.server import Refused, Server
from gateway.stores.store import SPREAD, Bucket, BySeries, Function, Latest, RejectPoints, TookTooLong

LINES = 5000  # lines of a write request: what the server takes best
# Up to SHORT_MS (of one place or device: OF_ONE_MS) and SHORT values, a summary asks for raw values and sums
# them up here: a tenth of the time of the server's own sums for ten thousand devices, for one place half.
SHORT_MS = 3 * HOUR_MS
OF_ONE_MS = 8 * DAY_MS
SHORT = 50_000
TOGETHER = 50  # places or devices that one query names: they fit into an address, too
LARGER_S = 1800.0  # seconds after which queries that took too long may name twice as many places again
FEW = 2  # up to so many fields are asked for directly: they are fields that almost every series has
_T = TypeVar("_T")


class InfluxStore:
    """One bucket of an InfluxDB server; the bucket is also the name of the InfluxQL database. `reread` reads
    the current token anew.
    """

    def __init__(
        self, url: str, token: str, org: str, bucket: str, reread: Callable[[], str] | None = None
    ) -> None:
        self._server = Server(url, token, org, bucket, reread)
        self._places = 0  # most places per query, since one took too long; 0: no limit
        self._larger = 0.0  # when that limit is raised again, s, monotonic
        self._sparse = False  # whether more than half of the slots that were last asked for were empty

    def close(self) -> None:
        self._server.close()

    def write(self, points: Sequence[Point]) -> None:
        lines = list(map(influxql.line, points))
        bad = {index: UNFIT_TAG for index, text in enumerate(lines) if not text}
        for first in range(0, len(lines), LINES):
            self._write_or_bisect(lines, first, min(first + LINES, len(lines)), bad)
        if bad:
            raise RejectPoints(bad)

    def latest(
        self, measurement: str, where: Mapping[str, str], since: int, *, only: Sequence[str] = ()
    ) -> list[Latest]:
        check_fields(measurement, only)
        fields = only or (*MEASUREMENTS[measurement].fields,)
        newest: BySeries = {}

        def ask(places: str) -> BySeries:
            source = f'"{measurement}" {influxql.where(where, since)}{places}'
            found, older = BySeries(), dict.fromkeys(fields, "")
            if len(fields) > FEW:
                found, older = self._newest_points(measurement, fields, source)
            # last() of several fields in one SELECT loses each value's time, so each field is a statement
            last = (f'SELECT last("{it}") AS v FROM {source}{of} GROUP BY *' for it, of in older.items())
            for name, result in zip(older, self._server.query(*last), strict=True):
                for tags, (row, *_) in answers.tables(result, measurement):
                    found.setdefault(tags, {})[name] = row["time"], answers.value(measurement, name, row["v"])
            return found

        for some in self._by_places(measurement, where, ask):
            newest |= some
        return [Latest(dict(tags), there) for tags, there in newest.items() if there]

    def series(
        self, measurement: str, where: Mapping[str, str], start: int, stop: int, limit: int, *,
        only: Sequence[str] = (),
    ) -> list[Point]:  # fmt: skip
        check_fields(measurement, only)
        schema = MEASUREMENTS[measurement]
        columns = influxql.columns(*only, *schema.tags) if only else "*"
        # Not grouped: else the limit would hold per series, and a fleet's answer could have any size.
        newest = f"ORDER BY time DESC LIMIT {int(limit)}"
        query = f'SELECT {columns} FROM "{measurement}" {influxql.where(where, start, stop)} {newest}'
        points = [
            Point(
                measurement,
                tuple(sorted((name, row[name]) for name in schema.tags if row.get(name))),
                {
                    name: answers.value(measurement, name, value)
                    for name, value in row.items()
                    if name in schema.fields and value is not None
                },
                row["time"],
            )
            for _, rows in answers.tables(self._server.query(query)[0], measurement)
            for row in rows
        ]
        return sorted(points, key=lambda point: (-point.time, point.tags))

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
        only: Sequence[str] = SPREAD,
    ) -> dict[str, dict[Tags, list[Bucket]]]:
        check_fields(measurement, fields)
        steps = f"GROUP BY time({int(step)}ms, {int(origin % step)}ms), * fill(none)"
        straight = [field for field in fields if field not in CIRCULAR]
        columns = answers.columns(only)
        inside = influxql.where({}, start, stop)

        def ask(places: str) -> dict[str, dict[Tags, list[Bucket]]]:
            source = f'"{measurement}" {influxql.where(where, start, stop)}{places}'
            result: dict[str, dict[Tags, list[Bucket]]] = {}
            if _by_model(measurement, where) and stop - start > SHORT_MS:
                models = self._models(source, fields)
                if not models:
                    return result
                source += _any_model(models)
            short = straight and stop - start <= (OF_ONE_MS if _of_one(where) else SHORT_MS)
            few = self._few(measurement, straight, source, step, origin) if short else None
            if few is not None:
                result |= few
            elif straight:
                selected = ", ".join(
                    f'{function}("{field}") AS "{field} {function}"'
                    for field in straight
                    for function in columns
                )
                (answer,) = self._server.query(f"SELECT {selected} FROM {source} {steps}")
                result |= answers.buckets(answer, measurement, straight, columns)
            for field in CIRCULAR.intersection(fields):
                parts = f"SELECT {heading.vectors(field)} FROM {source} GROUP BY *"
                selected = f'mean("east") AS "{field} east", mean("north") AS "{field} north"'
                selected += f', count("east") AS "{field} count"'
                (answer,) = self._server.query(f"SELECT {selected} FROM ({parts}) {inside} {steps}")
                maker = ("east", "north", "count"), heading.bucket
                result |= answers.buckets(answer, measurement, [field], *maker)
            return result

        merged: dict[str, dict[Tags, list[Bucket]]] = {}
        for some in self._by_places(measurement, where, ask):
            for field, series in some.items():
                merged.setdefault(field, {}).update(series)
        return merged

    def total(
        self, function: Function, measurement: str, fields: Sequence[str], where: Mapping[str, str],
        start: int, stop: int, step: int,
    ) -> dict[str, dict[int, float]]:  # fmt: skip
        check_fields(measurement, fields)
        selected = ", ".join(f'{function}("{field}") AS "{field}"' for field in fields)
        asked = f'SELECT {selected} FROM "{measurement}" {influxql.where(where, start, stop)}'
        steps = f"GROUP BY time({int(step)}ms) fill(none)"
        totals: dict[str, dict[int, float]] = {}
        for (answer,) in self._by_places(
            measurement, where, lambda places: self._server.query(f"{asked}{places} {steps}")
        ):
            for _, rows in answers.tables(answer, measurement):
                for row in rows:
                    for field in fields:
                        if row[field] is not None:
                            of_step = totals.setdefault(field, {})
                            of_step[row["time"]] = of_step.get(row["time"], 0) + row[field]
        return totals

    def coverage(self, where: Mapping[str, str], start: int, stop: int, slot: int) -> dict[str, float]:
        slots = max(1, math.ceil((stop - start) / slot))
        steps = f"GROUP BY time({int(slot)}ms, {int(start % slot)}ms), device fill(none)"
        span, inside = influxql.where(where, start, stop), influxql.where({}, start, stop)

        def counted(condition: str) -> list[Mapping[str, Any]]:
            # Count points by a tag, which every point has: counting every column costs ten times as much.
            rows = f'SELECT "device" AS "said", * FROM "telemetry" {span}{condition} GROUP BY device'
            answer: list[Mapping[str, Any]] = self._server.query(
                f'SELECT count("said") FROM ({rows}) {inside} {steps}'
            )[0]["series"]
            return answer

        def ask(places: str) -> list[Mapping[str, Any]]:
            """The slots of each device that have a point, in one query or two. Where readings are dense
            almost all devices send `WIDEST` in every slot: the first query counts it for all devices, the
            second counts any points of the other devices. Where readings are sparse no device fills every
            slot: one query counts any points of all devices.
            """
            if self._sparse:
                series = counted(places)
            else:
                listed, most = self._server.query(
                    influxql.names("telemetry", "device", where, places),
                    f'SELECT count("{WIDEST}") FROM "telemetry" {span}{places} {steps}',
                )
                series = most["series"]
                full = {one["tags"]["device"] for one in series if len(one["values"]) == slots}
                rest = [name for one in listed["series"] for _, name in one["values"] if name not in full]
                for some in influxql.batched(rest, TOGETHER):
                    series += counted(influxql.any_of("device", some))
            of_each = {one["tags"]["device"]: len(one["values"]) for one in series}
            self._sparse = 2 * sum(of_each.values()) < slots * len(of_each)
            return series

        filled: dict[str, set[int]] = {}  # by device: one that moved to another place counts once
        for series in self._by_places("telemetry", where, ask, heavy=True):
            for one in series:
                filled.setdefault(one["tags"]["device"], set()).update(time for time, _ in one["values"])
        filled.pop("", None)  # points without a device, which somebody else wrote
        return {device: len(times) / slots for device, times in filled.items()}

    def admits(self, actions: Sequence[str]) -> bool:
        """Whether the token permits all `actions` ("read", "write"). Raises RetryLater without an answer."""
        return all(self._server.admits(action, _body("")) for action in actions)

    def _newest_points(
        self, measurement: str, fields: Sequence[str], source: str
    ) -> tuple[BySeries, dict[str, str]]:
        """What the newest point of each series has of these fields, and the fields that older points have to
        be asked for, each with the condition for the models that it is about. InfluxDB takes a third of the
        time of finding the last value of each field.
        """
        columns = influxql.columns(*fields)
        newest = f"SELECT {columns} FROM {source} GROUP BY * ORDER BY time DESC LIMIT 1"
        (answer,) = self._server.query(newest)
        found = answers.newest(answer, measurement, fields)
        lacking = answers.lacking(found, fields)
        absent = {model: names for model, (_, names) in lacking.items() if names}
        asked = self._server.query(
            *(
                f"SELECT {influxql.columns(*names)} FROM {source}{_any_model([model])} LIMIT 1"
                for model, names in absent.items()
            )
        )
        older: dict[str, list[str]] = {}
        for model, (names, _) in lacking.items():
            for name in names:
                older.setdefault(name, []).append(model)
        for (model, names), result in zip(absent.items(), asked, strict=True):
            for name in names if result["series"] else ():
                older.setdefault(name, []).append(model)
        return found, {name: _any_model(models) for name, models in older.items()}

    def _models(self, source: str, fields: Sequence[str]) -> list[str]:
        """The models of devices that have any of these fields. Finding them takes InfluxDB a tenth of the
        time of summing up fields that most series do not have.
        """
        some = f"SELECT {influxql.columns(*fields)} FROM {source} GROUP BY model LIMIT 1"
        return [one.get("tags", {}).get("model", "") for one in self._server.query(some)[0]["series"]]

    def _few(
        self, measurement: str, fields: Sequence[str], source: str, step: int, origin: int
    ) -> dict[str, dict[Tags, list[Bucket]]] | None:
        """`summary` of these fields, summed up here from the raw values; None where these are too many."""
        columns = influxql.columns(*fields, *MEASUREMENTS[measurement].tags)
        (answer,) = self._server.query(f"SELECT {columns} FROM {source} LIMIT {SHORT}")
        return answers.summed(answer, measurement, fields, step, origin, SHORT)

    def _by_places(
        self, measurement: str, where: Mapping[str, str], ask: Callable[[str], _T], *, heavy: bool = False
    ) -> Iterator[_T]:
        """Yield the results of `ask` for some places after the others; `ask` gets the condition that selects
        them. Unless `heavy`, all places are asked about at once, which is a little cheaper, until that once
        took too long. A group of places that takes too long is halved, and later groups stay as small, until
        after LARGER_S they may double: what was busy may have become idle. Raises RetryLater.
        """
        if _of_one(where):
            yield ask("")
            return
        if self._places and time.monotonic() >= self._larger:
            self._limit(2 * self._places if self._places < TOGETHER else 0)
        if not heavy and not self._places:
            try:
                yield ask("")
            except TookTooLong:
                self._server.ask_something_small()  # raises if the server hangs
                self._limit(TOGETHER)
            else:
                return
        (listed,) = self._server.query(influxql.names(measurement, "community", where))
        places = [name for one in listed["series"] for _, name in one["values"]]
        if len(places) <= (self._places or TOGETHER):
            yield ask("")
            return
        places.append("")  # for points without a place, which somebody else wrote
        while places:
            some = places[: self._places or TOGETHER]
            try:
                yield ask(influxql.any_of("community", some))
            except TookTooLong:
                if len(some) == 1:
                    raise
                self._server.ask_something_small()
                self._limit((len(some) + 1) // 2)
            else:
                del places[: len(some)]

    def _limit(self, places: int) -> None:
        self._places, self._larger = places, time.monotonic() + LARGER_S

    def _write_or_bisect(self, lines: Sequence[str], first: int, last: int, bad: dict[int, str]) -> None:
        """Write lines[first:last]; if the server refuses, halve until each bad line stands alone."""
        text = "\n".join(filter(None, lines[first:last]))
        if not text:
            return
        try:
            self._server.write(_body(text))
        except Refused as error:
            if last - first == 1:
                bad[first] = str(error)
                return
            middle = (first + last) // 2
            self._write_or_bisect(lines, first, middle, bad)
            self._write_or_bisect(lines, middle, last, bad)


def _of_one(where: Mapping[str, str]) -> bool:
    return "community" in where or "device" in where


def _by_model(measurement: str, where: Mapping[str, str]) -> bool:
    """Whether asking first which models have a field saves time: most of many series do not have it."""
    return "model" in MEASUREMENTS[measurement].tags and not _of_one(where)


def _any_model(models: Sequence[str]) -> str:
    return influxql.any_of("model", models) if len(models) <= TOGETHER else ""


def _body(text: str) -> bytes:
    # level 1: the official client's level 9 takes nine times the work for a body a third smaller
    return gzip.compress(text.encode(), 1)
