"""InfluxQL for what is in alarm now. The alarm limits are part of the queries, as InfluxQL has no joins."""

from collections.abc import Iterable
from functools import partial

from dashboards.boards import queries
from devices.pilots.alarms import Level

WATCHED_MINUTES = 65  # the watch has a point per hour, rewritten each minute; an hour's first is a bit late
PLACE = queries.named("telemetry", "community")


def alarmed(level: Level, others: Iterable[str], step: int, *, pilot: str, quantity: int, hours: int) -> str:
    """The chosen places whose worst value is beyond the level number `step` (0 is I) and not beyond the next.
    Columns: `worst` of the last `hours` hours, `limit` of the level, and the numbers `quantity` and `level`.
    `others` are places with levels of their own.
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
    """A condition on the place: a level with places of its `own` is for these only, any other level for all
    places but the `others`, which have levels of their own.
    """
    if own:
        return " AND (" + " OR ".join(f"{PLACE} = '{place}'" for place in own) + ")"
    return "".join(f" AND {PLACE} != '{place}'" for place in others)


def nearest(signal: str, limits: Iterable[tuple[str, Level | None, Iterable[str]]], number: int) -> str:
    """Ids of the `number` places where the newest hourly mean in the chosen range is furthest beyond alarm I
    of the signal, or nearest to it; without a level, where the mean is highest. Each of `limits` is a pilot,
    its level, and the places that have levels of their own.
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
    """Places that were in alarm when a gateway's watch last looked; `beyond` is the number of their
    quantities that have levels and are in alarm. The query looks back from now, not from the end of the
    range: at the end of a plan nobody is in alarm.
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
