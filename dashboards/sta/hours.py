"""Observations: a datastream's believed values by the hour, as `/api/v1/series` has them.

They are hourly, as the id of an observation must be small and must never change (`dashboards.sta.numbers`).
The running hour is there too, up to now.
"""

from collections.abc import Sequence
from math import isnan
from typing import Any, NamedTuple

from dashboards.figures import Figures, iso
from dashboards.sta.network import Stream
from dashboards.sta.numbers import observation_id, observed_at
from dashboards.sta.sets import BadQuery, Entity
from devices.clock import DAY_MS, HOUR_MS, YEAR_2020_MS
from gateway.stores.store import Bucket

MOST_QUESTIONS = 400  # to the store per request: a page of Datastreams, each with its newest observation
MOST_READ = 150_000  # observations that one request may look through: seventeen years of one datastream
SECOND_MS = 1000


class Span(NamedTuple):
    """A span of time [start, stop) in epoch ms; None: no limit."""

    start: int | None = None
    stop: int | None = None

    def within(self, other: "Span") -> "Span":
        """The time that both spans have in common."""
        starts = [one for one in (self.start, other.start) if one is not None]
        stops = [one for one in (self.stop, other.stop) if one is not None]
        return Span(max(starts, default=None), min(stops, default=None))


class Hours:
    """Reads observations for one request: make one per request, as it remembers and counts what it read."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._now = figures.now()
        self._read_so_far = 0
        self._questions = 0
        self._lately: dict[int, list[Entity]] = {}

    def between(self, streams: Sequence[Stream], span: Span) -> list[Entity]:
        """Observations in order of datastream and time. For several datastreams without a start, those of the
        last day. Raises BadQuery where they would be too many, RetryLater.
        """
        stop = self._now + 1 if span.stop is None else min(span.stop, self._now + 1)
        several = stop - DAY_MS if len(streams) > 1 else YEAR_2020_MS
        start = max(YEAR_2020_MS, several if span.start is None else span.start)
        start -= start % HOUR_MS
        if start >= stop or not streams:
            return []
        hours = -(-(stop - start) // HOUR_MS)
        if len(streams) > 1 and hours * len(streams) > MOST_READ:
            raise BadQuery(
                f"{hours} hours of {len(streams)} of them are more than {MOST_READ}: take one Datastream, "
                "or a shorter phenomenonTime"
            )
        return self._read(streams, start, stop)

    def remember(self, streams: Sequence[Stream]) -> None:
        """Read the last day of these in one query, as each will be asked for its newest (`lately`)."""
        missing = [stream for stream in streams if stream.number not in self._lately]
        self._lately |= {stream.number: [] for stream in missing}
        for one in self.between(missing, Span(self._now - DAY_MS)):
            self._lately[observed_at(one.id)[0]].append(one)

    def lately(self, stream: Stream) -> list[Entity] | None:
        """The last day of a datastream, if `remember` has read it."""
        return self._lately.get(stream.number)

    def back(self, span: Span, far: int | None) -> Span:
        """The part of a span that is at most `far` ms before its end; the whole span if `far` is None."""
        if far is None:
            return span
        return span.within(Span((self._now if span.stop is None else span.stop) - far))

    def _read(self, streams: Sequence[Stream], start: int, stop: int) -> list[Entity]:
        self._questions += 1
        if self._questions > MOST_QUESTIONS:
            raise BadQuery(f"more than {MOST_QUESTIONS} series are asked for one by one: take a smaller $top")
        where = {"pilot": self._figures.pilot.pilot}
        for name in ("device", "community"):
            values = {getattr(stream, name) for stream in streams}
            if len(values) == 1:
                where[name] = values.pop()
        wanted = {(stream.device, stream.signal): stream.number for stream in streams}
        signals = tuple(dict.fromkeys(stream.signal for stream in streams))
        summary = self._figures.store.summary("telemetry", signals, where, start, stop, HOUR_MS)
        hours: dict[int, Bucket] = {}
        for signal, series in summary.items():
            for tags, buckets in series.items():
                number = wanted.get((dict(tags).get("device", ""), signal))
                if number is None:
                    continue
                for bucket in buckets:
                    if not isnan(bucket.mean):
                        key = observation_id(number, bucket.time)
                        hours[key] = joined(hours[key], bucket) if key in hours else bucket
        self._read_so_far += len(hours)
        if self._read_so_far > MOST_READ:
            raise BadQuery(
                f"more than {MOST_READ} Observations are to be looked through: ask for a shorter "
                "phenomenonTime, or for the newest with $orderby=phenomenonTime desc and without $count"
            )
        return [self._entity(number, hours[number]) for number in sorted(hours)]

    def _entity(self, number: int, bucket: Bucket) -> Entity:
        begin, now = bucket.time, self._now - self._now % SECOND_MS
        end = iso(max(begin, min(begin + HOUR_MS, now)))
        parameters: dict[str, Any] = {"number": bucket.number}
        if not isnan(bucket.low):
            parameters |= {"low": bucket.low, "high": bucket.high}
        fields = {
            "phenomenonTime": f"{iso(begin)}/{end}",
            "resultTime": end,
            "result": round(bucket.mean, 6),
            "parameters": parameters,
        }
        return Entity("Observations", number, fields)


def joined(one: Bucket, other: Bucket) -> Bucket:
    """Merge two buckets of the same hour, of a device that was enrolled anew in between. Directions cannot be
    merged: of these the second bucket is taken.
    """
    if isnan(one.low) or isnan(other.low):
        return other
    number = one.number + other.number
    mean = (one.mean * one.number + other.mean * other.number) / number
    return Bucket(one.time, min(one.low, other.low), mean, max(one.high, other.high), number)
