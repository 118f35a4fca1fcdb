"""InfluxDB's two languages: parts of InfluxQL statements (conditions on tags and times, names), and line
protocol, in which points are written.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from pydantic_core import to_json

from gateway.stores.points import MEASUREMENTS, Point, Tags, Value, unfit

KNOWN_SERIES = 1 << 16  # series whose line prefix is cached
_MILLION = 1_000_000  # conditions are in the server's own ns, answers in ms


def where(tags: Mapping[str, str], start: int, stop: int | None = None) -> str:
    """The clause for these tags in [start, stop) epoch ms."""
    parts = [f"time >= {int(start) * _MILLION}"]
    if stop is not None:
        parts.append(f"time < {int(stop) * _MILLION}")
    if condition := matching(tags):
        parts.append(condition)
    return "WHERE " + " AND ".join(parts)


def matching(tags: Mapping[str, str]) -> str:
    """The condition for these tags; the value "" matches series without the tag."""
    quoted = {name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in tags.items()}
    return " AND ".join(f"\"{name}\" = '{value}'" for name, value in quoted.items())


def names(measurement: str, tag: str, tags: Mapping[str, str], more: str = "") -> str:
    """The statement for the values that a tag ever had."""
    condition = (matching(tags) + more).removeprefix(" AND ")
    named = f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{tag}"'
    return f"{named} WHERE {condition}" if condition else named


def columns(*names: str) -> str:
    """Quoted names of fields and tags, to select them."""
    return ", ".join(f'"{name}"' for name in names)


def any_of(name: str, values: Sequence[str]) -> str:
    """A further condition: the tag has one of these values."""
    return f" AND ({' OR '.join(matching({name: value}) for value in values)})"


def batched(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """`items` in runs of at most `size` (itertools has it from Python 3.12)."""
    return (items[at : at + size] for at in range(0, len(items), size))


def line(point: Point) -> str:
    """One line of line protocol, time in milliseconds; "" if line protocol cannot express the tags."""
    measurement, tags, fields, time = point
    prefix = _prefix(measurement, tags)
    if not prefix:
        return ""
    if measurement == "telemetry":
        # All fields are numbers, hundreds of thousands a second. JSON writes numbers as line protocol does,
        # and pydantic finds the shortest exact digits in a third of repr's time.
        written = to_json(fields)[2:-1].replace(b'":', b"=").replace(b',"', b",").decode()
    else:
        written = ",".join([f"{name}={_field(measurement, name, value)}" for name, value in fields.items()])
    return f"{prefix} {written} {time}"


@lru_cache(KNOWN_SERIES)
def _prefix(measurement: str, tags: Tags) -> str:
    if unfit(tags):
        return ""
    return ",".join([measurement, *(f"{key}={_escape(value)}" for key, value in tags if value)])


def _escape(value: str) -> str:
    # a backslash stands for itself, except before one of these marks
    for mark in (",", " ", "="):
        value = value.replace(mark, "\\" + mark)
    return value


def _field(measurement: str, name: str, value: Value) -> str:
    """A value in the spelling of its field's kind: the server holds a field to the kind that it first had."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        schema = MEASUREMENTS.get(measurement)
        return repr(float(value)) if schema and schema.fields.get(name) == "float" else f"{value}i"
    if isinstance(value, float):
        return repr(value)
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
