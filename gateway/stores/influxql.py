"""Parts of InfluxQL statements: conditions on tags and times, and names."""

from collections.abc import Iterator, Mapping, Sequence

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
