"""Turn InfluxDB's answers into series, values and buckets."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import nan
from operator import itemgetter
from typing import Any

from gateway.stores.points import MEASUREMENTS, Tags, Value
from gateway.stores.store import SPREAD, Bucket, BySeries

_SPREAD = dict(zip(SPREAD, ("min", "mean", "max"), strict=True))  # the functions' names in InfluxQL


def columns(only: Sequence[str]) -> list[str]:
    """The InfluxQL functions for a bucket with `only` these parts of SPREAD."""
    return [*(_SPREAD[part] for part in SPREAD if part in only), "count"]


def summed(
    result: Mapping[str, Any], measurement: str, fields: Sequence[str], step: int, origin: int, most: int
) -> dict[str, dict[Tags, list[Bucket]]] | None:
    """Sum up raw values into buckets. `result` answers one statement that selects these fields and then all
    tags, oldest first. None where it has `most` rows: there may be more.
    """
    names = MEASUREMENTS[measurement].tags
    rows = [row for series in result.get("series", ()) for row in series["values"]]
    if len(rows) >= most:
        return None
    values: dict[tuple[str, tuple[str | None, ...], int], list[float]] = {}
    for time, *cells in rows:
        begin, of = (time - origin) // step * step + origin, tuple(cells[len(fields) :])
        for field, cell in zip(fields, cells, strict=False):
            if cell is not None:
                values.setdefault((field, of, begin), []).append(cell)
    sums: dict[str, dict[Tags, list[Bucket]]] = {}
    for (field, of, begin), some in values.items():
        tags = tuple((name, label) for name, label in zip(names, of, strict=True) if label)
        bucket = Bucket(begin, min(some), sum(some) / len(some), max(some), len(some))
        sums.setdefault(field, {}).setdefault(tuple(sorted(tags)), []).append(bucket)
    return sums


def tables(result: Mapping[str, Any], measurement: str) -> Iterator[tuple[Tags, list[dict[str, Any]]]]:
    """The series of one statement's answer: their tags, and their rows by column name."""
    for series in result.get("series", ()):
        rows = [dict(zip(series["columns"], values, strict=True)) for values in series["values"]]
        yield _tags(series, measurement), rows


def newest(result: Mapping[str, Any], measurement: str, fields: Sequence[str]) -> BySeries:
    """What the first point of each series has of these fields."""
    return {
        tags: {
            name: (row["time"], value(measurement, name, row[name]))
            for name in fields
            if row.get(name) is not None
        }
        for tags, (row, *_) in tables(result, measurement)
    }


def lacking(found: BySeries, fields: Sequence[str]) -> dict[str, tuple[list[str], list[str]]]:
    """Model → the fields that only some of its series have, and those that none has; "" is no model."""
    of_model: dict[str, Counter[str]] = {}
    series = Counter[str]()
    for tags, there in found.items():
        model = dict(tags).get("model", "")
        series[model] += 1
        of_model.setdefault(model, Counter()).update(there.keys())
    return {
        model: (
            [name for name in fields if 0 < has[name] < series[model]],
            [name for name in fields if not has[name]],
        )
        for model, has in of_model.items()
    }


def _tags(series: Mapping[str, Any], measurement: str) -> Tags:
    """A series' own tags: GROUP BY * names every tag of the measurement, with "" where a series has none."""
    labels = series.get("tags", {})
    return tuple(sorted((name, labels[name]) for name in MEASUREMENTS[measurement].tags if labels.get(name)))


def _maker(columns: Sequence[str]) -> Callable[..., Bucket]:
    """A function that makes a bucket of its time and the values of these columns; a missing part is NaN."""
    places = [columns.index(name) if name in columns else None for name in _SPREAD.values()]

    def make(time: int, *values: Any) -> Bucket:
        low, mean, high = (nan if place is None else values[place] for place in places)
        return Bucket(time, low, mean, high, values[-1])

    return make


def buckets(
    result: Mapping[str, Any],
    measurement: str,
    fields: Sequence[str],
    columns: Sequence[str],
    make: Callable[..., Bucket] | None = None,
) -> dict[str, dict[Tags, list[Bucket]]]:
    """One statement's buckets by field and series: what `make` makes of a time and a field's `columns`."""
    make = make or (Bucket if len(columns) > len(SPREAD) else _maker(columns))
    result_of: dict[str, dict[Tags, list[Bucket]]] = {}
    for series in result.get("series", ()):
        tags, names = _tags(series, measurement), series["columns"]
        for field in fields:
            wanted = itemgetter(0, *(names.index(f"{field} {column}") for column in columns))  # time first
            # the server computes each function by itself: one of them may miss what was just written
            cells = map(wanted, series["values"])
            if filled := [make(*cell) for cell in cells if cell[-1] and None not in cell]:
                result_of.setdefault(field, {})[tags] = filled
    return result_of


def value(measurement: str, field: str, raw: Any) -> Value:
    """A value of the field's kind: JSON has one kind of number, so that 20.0 comes back as 20."""
    if MEASUREMENTS[measurement].fields[field] == "float":
        return float(raw)
    result: Value = raw
    return result
