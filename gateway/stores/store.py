"""The port to the store. Two adapters keep it: `influx.InfluxStore` and `sqlite.SqliteStore`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from devices.texts import Mendable
from gateway.stores.points import Point, Tags, Value

AT_ONCE = 100_000  # points that are read in one answer: some 50 MB


class RetryLater(Mendable):
    """The store cannot take it now (down, busy, token refused). Keep everything and try again.

    `alarm` says that waiting will not help by itself: a person has to mend something.
    """

    def __init__(self, key: str, *, alarm: bool = False, **values: object) -> None:
        super().__init__(key, **values)
        self.alarm = alarm


class TookTooLong(RetryLater):
    """It did not answer within the time that one is waited for: busy with what was asked, or it hangs."""


class RejectPoints(Exception):
    """The store refuses some points for good: `bad` maps their place in the batch to its sentence.

    Every other point of the batch is stored. Do not send the bad ones again.
    """

    def __init__(self, bad: Mapping[int, str]) -> None:
        super().__init__(f"{len(bad)} points refused: {next(iter(bad.values()), '')}")
        self.bad = dict(bad)


class Latest(NamedTuple):
    """The newest value of each field of one series: field → (epoch ms, value)."""

    tags: dict[str, str]
    fields: dict[str, tuple[int, Value]]


class Bucket(NamedTuple):
    """One step of a summary; `time` is its beginning in epoch ms, `number` the values in it (over 0).

    Of a direction `mean` is that of its vectors; what it has none of is NaN (`gateway.stores.heading`),
    and what was not asked for may be.
    """

    time: int
    low: float
    mean: float
    high: float
    number: int


SPREAD = ("low", "mean", "high")  # of a Bucket, beside the number


class Store(Protocol):
    """What the gateway writes and the pages read. Times are epoch milliseconds, ranges [start, stop)."""

    def write(self, points: Sequence[Point]) -> None:
        """Durable on return. Same measurement, tags and time overwrite field by field, so writing
        twice changes nothing. Raises RetryLater (some may be stored: send all again) or RejectPoints.
        """

    def latest(
        self, measurement: str, where: Mapping[str, str], since: int, *, only: Sequence[str] = ()
    ) -> list[Latest]:
        """The newest values since `since` of every series whose tags contain `where`: of all fields, or of
        `only` these, which costs less: of ten thousand devices each is half a second of InfluxDB's. Raises
        KeyError for a field that the measurement does not have.
        """

    def series(
        self, measurement: str, where: Mapping[str, str], start: int, stop: int, limit: int, *,
        only: Sequence[str] = (),
    ) -> list[Point]:  # fmt: skip
        """Raw points, newest first, at most `limit`; with `only`, those that have one of these fields, and
        no other field of theirs. Raises KeyError as `latest` does.
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
        """Lowest, mean and highest by field, series and step of `step` ms counted from `origin` ms (so
        that days can be Vietnamese days); of a direction the mean of its vectors alone. Empty steps are left
        out: a gap stays a gap; so is a field without any. `only` some of them cost less: of ten thousand
        devices each is a second of InfluxDB's. Raises KeyError for a field that the measurement does not
        have.
        """

    def coverage(self, where: Mapping[str, str], start: int, stop: int, slot: int) -> dict[str, float]:
        """For each device with any good reading in `telemetry`: the share of slots of `slot` ms, from
        start to stop, that have one.
        """

    def close(self) -> None:
        """Let go of connections and files."""


def all_points(
    store: Store, measurement: str, where: Mapping[str, str], start: int, stop: int, at_once: int = 0, *,
    only: Sequence[str] = (),
) -> Iterator[Point]:  # fmt: skip
    """All raw points of [start, stop), newest first, however many they are: `at_once` in an answer, or
    AT_ONCE. `only`: as `series` has it.
    """
    limit = at_once or AT_ONCE
    while True:
        points = store.series(measurement, where, start, stop, limit, only=only)
        if len(points) < limit:
            yield from points
            return
        oldest = points[-1].time  # of which there may be more than are here
        later = [point for point in points if point.time > oldest]
        yield from later
        stop = oldest + 1
        if not later:
            limit *= 2
