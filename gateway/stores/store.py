"""The port to the store. Two adapters keep it: `influx.InfluxStore` and `sqlite.SqliteStore`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from devices.texts import Mendable
from gateway.stores.points import Point, Tags, Value

AT_ONCE = 100_000  # points that are read in one answer: some 50 MB


class RetryLater(Mendable):
    """The store cannot take it now (down, busy, token refused). Keep everything and try again.

    `alarm`: waiting alone will not help, a person has to fix something.
    """

    def __init__(self, key: str, *, alarm: bool = False, **values: object) -> None:
        super().__init__(key, **values)
        self.alarm = alarm


class TookTooLong(RetryLater):
    """The store did not answer in time: it is busy with the request, or it hangs."""


class RejectPoints(Exception):
    """The store refuses some points for good: `bad` maps their place in the batch to the store's reason.

    Every other point of the batch is stored. Do not send the bad ones again.
    """

    def __init__(self, bad: Mapping[int, str]) -> None:
        super().__init__(f"{len(bad)} points refused: {next(iter(bad.values()), '')}")
        self.bad = dict(bad)


Fields = dict[str, tuple[int, Value]]  # field → (epoch ms, value)
BySeries = dict[Tags, Fields]  # by series


class Latest(NamedTuple):
    """The newest value of each field of one series."""

    tags: dict[str, str]
    fields: Fields


class Bucket(NamedTuple):
    """One step of a summary; `time` is its beginning in epoch ms, `number` how many values it has (over 0).

    The `mean` of a direction is that of its vectors; its other parts, and a mean that does not exist, are NaN
    (`gateway.stores.heading`). Parts that were not asked for may be NaN.
    """

    time: int
    low: float
    mean: float
    high: float
    number: int


Function = Literal["count", "sum"]  # what InfluxQL and SQL call the same
SPREAD = ("low", "mean", "high")  # the parts of a Bucket beside the number


class Store(Protocol):
    """The store that the gateway writes and the pages read. Times are epoch ms, ranges [start, stop)."""

    def write(self, points: Sequence[Point]) -> None:
        """Write points; they are durable on return. The same measurement, tags and time overwrite field by
        field, so that writing twice changes nothing. Raises RetryLater (some may be stored: send all again)
        or RejectPoints.
        """

    def latest(
        self, measurement: str, where: Mapping[str, str], since: int, *, only: Sequence[str] = ()
    ) -> list[Latest]:
        """The newest values since `since` of every series whose tags contain `where`, of all fields or of
        `only` these. Fewer fields cost less: with ten thousand devices each takes InfluxDB half a second.
        Raises KeyError for a field that the measurement does not have.
        """

    def series(
        self, measurement: str, where: Mapping[str, str], start: int, stop: int, limit: int, *,
        only: Sequence[str] = (),
    ) -> list[Point]:  # fmt: skip
        """Raw points, newest first, at most `limit`. With `only`, points that have one of these fields,
        reduced to these fields. Raises KeyError as `latest` does.
        """

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
        """Lowest, mean and highest value by field, series and step of `step` ms counted from `origin` ms (so
        that days can be Vietnamese days); for a direction only the mean of its vectors. Empty steps are left
        out, so that a gap stays a gap; so are fields without values. `only` some parts cost less: with ten
        thousand devices each takes InfluxDB a second. Raises KeyError for a field that the measurement does
        not have.
        """

    def total(
        self, function: Function, measurement: str, fields: Sequence[str], where: Mapping[str, str],
        start: int, stop: int, step: int,
    ) -> dict[str, dict[int, float]]:  # fmt: skip
        """The number or the sum of each field's values, of all series together, by step of `step` ms from the
        epoch: its beginning in epoch ms → number or sum. Steps without values are left out. It costs InfluxDB
        less than a `summary`. Raises KeyError for a field that the measurement does not have.
        """

    def coverage(self, where: Mapping[str, str], start: int, stop: int, slot: int) -> dict[str, float]:
        """For each device with any good reading in `telemetry`: the share of the slots of `slot` ms, from
        start to stop, that have one.
        """

    def close(self) -> None:
        """Close connections and files."""


def all_points(
    store: Store, measurement: str, where: Mapping[str, str], start: int, stop: int, at_once: int = 0, *,
    only: Sequence[str] = (),
) -> Iterator[Point]:  # fmt: skip
    """All raw points of [start, stop), newest first, read `at_once` at a time (default AT_ONCE). `only`: as
    in `series`.
    """
    limit = at_once or AT_ONCE
    while True:
        points = store.series(measurement, where, start, stop, limit, only=only)
        if len(points) < limit:
            yield from points
            return
        oldest = points[-1].time  # this answer may not hold all points of its oldest time
        later = [point for point in points if point.time > oldest]
        yield from later
        stop = oldest + 1
        if not later:
            limit *= 2
