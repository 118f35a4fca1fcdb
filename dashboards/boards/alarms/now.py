"""InfluxQL for what is in alarm now. Limits stand in the query, as InfluxQL joins nothing."""

from collections.abc import Iterable
from functools import partial

from dashboards.boards import queries
from devices.pilots.alarms import Level

WATCHED_MINUTES = 65  # a point of the hour, written over each minute; an hour's first comes a little late
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


def nearest(signal: str, limits: Iterable[tuple[str, Level | None, Iterable[str]]], number: int) -> str:
    """Ids of the `number` places where the mean of the newest hour in the chosen range is furthest beyond
    alarm I of the signal, or nearest to it; without a level it is the highest mean. Each of `limits` with its
    pilot and the places that have levels of their own.
    """
    summed, counted = (queries.named("telemetry_hour", f"{signal}_{part}") for part in ("sum", "number"))
    newest, parts = f"last({summed}) / last({counted})", []
    for pilot, level, others in limits:
        where = queries.chosen("telemetry_hour", queries.RANGE, {"pilot": pilot}, anywhere=True)
        where += places(level.places if level is not None else (), others)
        beyond = newest
        if level is not None:
            one, other = (newest, level.levels[0]) if level.when == "over" else (level.levels[0], newest)
            beyond = f"{one} - {other}"
        parts.append(f'(SELECT {beyond} AS "beyond" FROM "telemetry_hour" {where} GROUP BY {PLACE})')
    most = f'SELECT top("beyond", {PLACE}, {number}) AS "beyond" FROM {", ".join(parts)}'
    return f"SELECT {PLACE} FROM ({most})"


def in_alarm() -> str:
    """Places that a gateway's watch found in alarm when it looked last, within the hour of now, for nobody is
    in alarm at the end of a plan: by how many quantities that have levels, as `beyond`.
    """
    name = partial(queries.named, "alarm_now")
    looked, state, level = name("looked"), name("state"), name("level")
    where = f"WHERE {queries.PILOT} AND {queries.COMMUNITY} AND time > now() - {WATCHED_MINUTES}m"
    newest_of_each = (
        f'SELECT last({looked}) AS {looked}, {state}, {level} FROM "alarm_now" {where} '
        f"GROUP BY {name('quantity')}, {name('community')}"
    )
    return (
        f'SELECT count({looked}) AS "beyond" FROM ({newest_of_each}) '
        f"WHERE {state} = 'firing' AND {level} != '' GROUP BY {name('community')}"
    )
