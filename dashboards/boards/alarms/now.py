"""InfluxQL for what is in alarm now. Limits stand in the query, as InfluxQL joins nothing."""

from collections.abc import Iterable

from dashboards.boards import queries
from devices.pilots.alarms import Level

PLACE = queries.named("telemetry", "community")


def alarmed(level: Level, others: Iterable[str], step: int, *, pilot: str, quantity: int, hours: int) -> str:
    """Of each chosen place that stands at the level number `step` (0 is I), at no higher: the worst value of
    the last `hours` hours, the level's limit, and as numbers `quantity` and `level`. `others` are places
    with levels of their own.
    """
    name, worst = queries.named("telemetry", level.signal), '"worst"'
    where = queries.chosen("telemetry", queries.window(hours, "h"), {"pilot": pilot})
    where += places(level.places, others)
    of = f"{'max' if level.when == 'over' else 'min'}({name})"
    inner = f'SELECT {of} AS {worst} FROM "telemetry" {where} GROUP BY {PLACE}'
    beyond, within = (">", "<=") if level.when == "over" else ("<", ">=")
    between = f"{worst} {beyond} {level.levels[step]!r}"
    if step + 1 < len(level.levels):
        between += f" AND {worst} {within} {level.levels[step + 1]!r}"
    fixed = {"quantity": quantity, "level": step + 1, "limit": level.levels[step]}
    shown = ", ".join(f'{worst} * 0 + {value!r} AS "{column}"' for column, value in fixed.items())
    return f"SELECT {worst}, {shown} FROM ({inner}) WHERE {between} GROUP BY {PLACE}"


def places(own: Iterable[str], others: Iterable[str]) -> str:
    """Places with levels of their own; of the levels of everywhere, all but the `others`."""
    if own:
        return " AND (" + " OR ".join(f"{PLACE} = '{place}'" for place in own) + ")"
    return "".join(f" AND {PLACE} != '{place}'" for place in others)


def in_alarm(levels: Iterable[tuple[str, Level, Iterable[str]]], hours: int) -> str:
    """Places that are beyond a first level by what was measured in the last hours of now, for nobody is in
    alarm at the end of a plan: of how many quantities, as `worst`. Each of `levels` with its pilot and the
    places that have levels of their own.
    """
    parts = []
    for pilot, level, others in levels:
        name = queries.named("telemetry", level.signal)
        where = queries.chosen("telemetry", f"time > now() - {hours}h", {"pilot": pilot})
        where += places(level.places, others)
        of, beyond = ("max", ">") if level.when == "over" else ("min", "<")
        inner = f'SELECT {of}({name}) AS "worst" FROM "telemetry" {where} GROUP BY {PLACE}'
        parts.append(
            f'(SELECT "worst" FROM ({inner}) WHERE "worst" {beyond} {level.levels[0]!r} GROUP BY {PLACE})'
        )
    return f'SELECT count("worst") AS "worst" FROM {", ".join(parts)} GROUP BY {PLACE}'
