"""InfluxQL for the boards. Names are checked against `gateway.stores.points` when a query is written.

Four rules hold for every query:
- A variable stands as `=~ /^${name:regex}$/`, so that no value of it can break out of the pattern.
- Boards show values as of the end of the chosen time range (`${__to}`, Grafana's own, epoch ms): a number
  computed last night is there when the last hour is chosen, and a rehearsed decade can be viewed year by
  year.
- Days are Vietnamese days, by an offset of seven hours (no summer time since 1975): `tz()` needs the server's
  zone database, and some versions of Grafana 11 read it wrongly beside a regex.
- The newest point is queried with ORDER BY time DESC LIMIT 1, which keeps its time. An aggregate without
  GROUP BY time is stamped 1970; where one is used, the panel drops its time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import radians

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from dashboards.figures import BOOKS
from devices.contract.signals import CIRCULAR
from devices.pilots.alarms import STEPS
from gateway.stores.heading import vectors
from gateway.stores.points import MEASUREMENTS

SOURCE = DataSourceRef(type_val="influxdb", uid="hoiquan")  # provisioning/datasources.yaml
PILOT = '"pilot" =~ /^${pilot:regex}$/'
COMMUNITY = '"community" =~ /^${community:regex}$/'
INSTANCE = '"instance" =~ /^${instance:regex}$/'
UNTIL = "time <= ${__to}ms"
RANGE = "time >= ${__from}ms AND time <= ${__to}ms"  # for variables: only panels know $timeFilter for certain
DAY = "time(1d, -7h)"
STEP = "time($__interval)"
_OF_ANYTHING = ("last", "first", "count")  # aggregates that a direction has too
TABLE, SERIES = "table", "time_series"  # Grafana's result formats: one frame, or one per column


class UnknownName(ValueError):
    """The store has no such measurement, tag or field: mend the query or gateway/stores/points.py."""


class NoMean(ValueError):
    """The query asks for the mean, the sum or the ends of a direction."""


@dataclass(frozen=True)
class InfluxQL(Dataquery, Builder[Dataquery]):
    """One InfluxQL query of a panel; the SDK has none. It is its own builder.

    `alias` names the series of the format SERIES; columns of a TABLE keep their own names.
    """

    query: str
    ref: str = "A"
    form: str = TABLE
    alias: str = ""

    def build(self) -> Dataquery:
        return self

    def to_json(self) -> dict[str, object]:
        """As Grafana's InfluxDB plugin saves it."""
        return {
            "refId": self.ref,
            "datasource": SOURCE,
            "query": self.query,
            "rawQuery": True,
            "resultFormat": self.form,
            "alias": self.alias,
        }


def latest(measurement: str, columns: Iterable[str], *, by: str = "", **tags: str) -> str:
    """The newest row of `columns` with its time; with `by`, one row per value of that tag."""
    group = f" GROUP BY {named(measurement, by)}" if by else ""
    return f"{_select(measurement, columns, UNTIL, tags)}{group} ORDER BY time DESC LIMIT 1"


def every(measurement: str, column: str, **tags: str) -> str:
    """Every point of a column, also those in the future, such as dated targets."""
    return _select(measurement, [column], "", tags)


def recent(
    measurement: str, columns: Iterable[str], days: int, limit: int, percent: str = "", over_0: str = ""
) -> str:
    """Rows of the last `days` days, newest first, at most `limit`; the share `percent` as 0..100. `over_0`: a
    field that must be over 0 in each row.
    """
    rows = _select(measurement, columns, _over_0(measurement, over_0, window(days)), {}, percent)
    return f"{rows} ORDER BY time DESC LIMIT {limit}"


def most(
    measurement: str, column: str, columns: Iterable[str], days: int, number: int, *, called: str
) -> str:
    """The `number` rows of the last `days` days with the highest `column`, and their other `columns`. The
    text field `called` must not be empty.
    """
    name, when = named(measurement, column), f"{named(measurement, called)} != '' AND {window(days)}"
    others = ", ".join(named(measurement, one) for one in columns)
    return (
        f"SELECT top({name}, {number}) AS {name}, {others} FROM {named(measurement)} "
        f"{chosen(measurement, when, {})}"
    )


def trend(
    measurement: str, column: str, of: str = "mean", *, by: str = "", step: str = STEP, fill: str = "null",
    among: str = "", over_0: str = "", **equal: str | bool,
) -> str:  # fmt: skip
    """The aggregate `of` (mean, max, sum, …) of a column in each step of the chosen range, per value of the
    tag `by` where given. An empty step is a null, so that a line ends there; bars need no nulls (`fill`
    none). `over_0`: as in `recent`. `equal`: values of tags and of boolean fields.
    """
    name = _straight(measurement, column, of)
    group = f", {named(measurement, by)}" if by else ""
    where = chosen(measurement, _over_0(measurement, over_0, "$timeFilter"), equal, among=among)
    return (
        f"SELECT {of}({name}) AS {name} FROM {named(measurement)} {where} GROUP BY {step}{group} fill({fill})"
    )


def heading(signal: str) -> str:
    """A direction's mean per device and step of the chosen range, 0 to 360: that of its vectors
    (`gateway.stores.heading`).
    """
    group, name = named("telemetry", "device"), named("telemetry", signal)
    where = chosen("telemetry", "$timeFilter", {})
    inner = f'SELECT {vectors(signal)} FROM "telemetry" {where} GROUP BY {group}'
    mean = f'atan2(mean("east"), mean("north")) / {radians(1)!r}'
    return (
        f"SELECT ({mean} + 360) % 360 AS {name} FROM ({inner}) WHERE $timeFilter "
        f"GROUP BY {STEP}, {group} fill(none)"
    )


def used(signal: str) -> str:
    """The rise of a device's running total on each Vietnamese day since the last day with readings. A total
    that fell has begun again and gives no value.
    """
    name = named("telemetry", signal)
    return (
        f'SELECT non_negative_difference(last({name})) AS {name} FROM "telemetry" '
        f"{chosen('telemetry', '$timeFilter', {})} GROUP BY {DAY}, {named('telemetry', 'device')} fill(none)"
    )


def hourly(signal: str, among: str) -> str:
    """A signal's mean per step and place, of the places in the variable `among`. It is computed from the
    hourly sums (`gateway.indicators.hourly`), which gives the mean of the readings for a sixth of the work.
    """
    summed, number = (named("telemetry_hour", f"{signal}_{part}") for part in ("sum", "number"))
    where = chosen("telemetry_hour", "$timeFilter", {}, anywhere=True, among=among)
    return (
        f'SELECT sum({summed}) / sum({number}) AS "{signal}" FROM "telemetry_hour" {where} '
        f"GROUP BY {STEP}, {named('telemetry_hour', 'community')} fill(null)"
    )


def newest(measurement: str, columns: Iterable[str], *by: str, hours: int, among: str = "") -> str:
    """The newest value of each column within the last `hours` hours, one row per value of the tags `by`.

    Unlike with `latest` the columns may be of different times, and the row's own time means nothing. The
    outer query puts all series into one table: the engine answers for 14,000 devices in a third of the time.
    The query in between makes one row of each series again: InfluxDB 2.7 hands the innermost columns to an
    ungrouped query each in the order of its own times, and then writes a series into several rows.
    """
    names = [named(measurement, one) for one in columns]
    newest_of = ", ".join(
        f"{_newest_of(one)}({name}) AS {name}" for one, name in zip(columns, names, strict=True)
    )
    tagged = [named(measurement, tag) for tag in by]
    group = f"GROUP BY {', '.join(tagged)}"
    where = chosen(measurement, window(hours, "h"), {}, among=among)
    each = f"SELECT {newest_of} FROM {named(measurement)} {where} {group}"
    whole = f"SELECT {newest_of} FROM ({each}) {group}"
    return f"SELECT {', '.join([*names, *tagged])} FROM ({whole})"


def within(
    measurement: str, column: str, of: str, hours: int, *, shown: str, by: str = "", times: int = 1,
    anywhere: bool = False, among: str = "", over_0: str = "", **equal: str | bool,
) -> str:  # fmt: skip
    """The aggregate `of` a column over the last `hours` hours as column `shown`, one row per value of `by`.
    Its time means nothing. `over_0`: as in `recent`. `equal`: as in `trend`.
    """
    name, scale = _straight(measurement, column, of), f" * {times}" if times != 1 else ""
    when = _over_0(measurement, over_0, window(hours, "h"))
    where = chosen(measurement, when, equal, anywhere, among)
    group = f" GROUP BY {named(measurement, by)}" if by else ""
    return f'SELECT {of}({name}){scale} AS "{shown}" FROM {named(measurement)} {where}{group}'


def counted(measurement: str, column: str, hours: int, *, shown: str, field: str, is_: bool) -> str:
    """The number of points with `column` over 0 whose boolean `field` is `is_`, as column `shown`: 0 where
    none is (a plain count gives no row). Without any point with `column` over 0 there is no row.
    """
    source, when = named(measurement), _over_0(measurement, column, window(hours, "h"))
    counts = (
        f'(SELECT count({named(measurement, column)}) * {times} AS "{shown}" FROM {source} '
        f"{chosen(measurement, when, {field: value})})"
        for times, value in ((1, is_), (0, not is_))
    )
    return f'SELECT sum("{shown}") AS "{shown}" FROM {", ".join(counts)}'


def lowest(measurement: str, column: str, by: str, hours: int, number: int, *, shown: str) -> str:
    """The `number` values of the tag `by` with the lowest of a column over the last `hours` hours: the lowest
    as `shown`, and when. It takes the engine half the time of computing every minimum.
    """
    name = _straight(measurement, column, "bottom")
    where = chosen(measurement, window(hours, "h"), {})
    picked = f'bottom({name}, {named(measurement, by)}, {number}) AS "{shown}"'
    return f"SELECT {picked} FROM {named(measurement)} {where}"


def _newest_of(column: str) -> str:
    return "max" if column == "last_seen" else "last"  # an older row may be updated with a newer time


def standings(*by: str, **tags: str) -> str:
    """The newest standing per combination of the tags `by`, of any age: the plan's range ends years ahead."""
    shown = ", ".join(
        f"last({name}) AS {name}" for name in (named("standing", one) for one in ("counted", "has"))
    )
    group = ", ".join(named("standing", tag) for tag in by)
    return f"SELECT {shown} FROM {named('standing')} {chosen('standing', UNTIL, tags)} GROUP BY {group}"


def standings_of(indicator: str, *, counted: bool) -> str:
    """The places that counted for an indicator at the newest count, or those that did not."""
    who = named("standing", "community")
    rows = standings("community", indicator=indicator)
    return f'SELECT "has" FROM ({rows}) WHERE "counted" = {_literal(counted)} GROUP BY {who}'


def course(indicator: str) -> str:
    """The newest numbers of an indicator, and as `course` how far it is ahead of the plan's path."""
    numbers = ", ".join(named("kpi", one) for one in ("value", "value_real", "target", "path", "course"))
    where = chosen("kpi", UNTIL, {"indicator": indicator})
    return f'SELECT {numbers} FROM "kpi" {where} ORDER BY time DESC LIMIT 1'


def forecast(indicator: str) -> str:
    """The forecast for its last year: the likely value, and the low and high end of its band."""
    return (
        'SELECT "value" AS "forecast", "low", "high" FROM "kpi_forecast" '
        f"{chosen('kpi_forecast', '', {'indicator': indicator})} ORDER BY time DESC LIMIT 1"
    )


def advice(words: str, days: int) -> str:
    """The newest advice of each rule and crop at the chosen places, with its time, if it still holds."""
    severity, phrase = named("advice", "severity"), named("advice", words)
    group = ", ".join(named("advice", tag) for tag in ("community", "crop", "rule"))
    where = chosen("advice", window(days), {})
    newest_of_each = f'SELECT last({severity}) AS {severity}, {phrase} FROM "advice" {where} GROUP BY {group}'
    return f"SELECT {severity}, {phrase} FROM ({newest_of_each}) WHERE {severity} > 0 GROUP BY {group}"


def first_level(signal: str, *, shown: str) -> str:
    """Alarm I of a signal at each place, as column `shown`. Its time means nothing."""
    where = chosen("alarm", "", {"signal": signal, "level": STEPS[0]}, anywhere=True)
    value = named("alarm", "value")
    return f'SELECT last({value}) AS "{shown}" FROM "alarm" {where} GROUP BY {named("alarm", "community")}'


def levels(signal: str) -> str:
    """The alarm levels of a signal at the chosen place, a line each from before the plan to after it."""
    where = chosen("alarm", "", {"signal": signal})
    group = ", ".join(named("alarm", tag) for tag in ("level", "community"))
    return f'SELECT {named("alarm", "value")} FROM "alarm" {where} GROUP BY {group}'


def balance() -> str:
    """Per gateway its newest books, and as `missing` the messages not accounted for (0: they balance)."""
    whole, *parts = (named("gateway", part) for part in BOOKS)
    by = named("gateway", "instance")
    newest_of_each = ", ".join(f"last({name}) AS {name}" for name in (whole, *parts))
    inner = f'SELECT {newest_of_each} FROM "gateway" {chosen("gateway", window(24, "h"), {})} GROUP BY {by}'
    shown = ", ".join((whole, *parts))
    return f'SELECT {shown}, {whole} - {" - ".join(parts)} AS "missing" FROM ({inner}) GROUP BY {by}'


def values(measurement: str, tag: str) -> str:
    """Every value of a tag within the chosen pilot, for a variable; of the tag `pilot`, all values."""
    where = f" WHERE {PILOT}" if tag != "pilot" and "pilot" in MEASUREMENTS[measurement].tags else ""
    return f"SHOW TAG VALUES FROM {named(measurement)} WITH KEY = {named(measurement, tag)}{where}"


def _select(
    measurement: str, columns: Iterable[str], when: str, tags: dict[str, str], percent: str = ""
) -> str:
    quoted = ((column, named(measurement, column)) for column in columns)
    names = ", ".join(f"{name} * 100 AS {name}" if column == percent else name for column, name in quoted)
    return f"SELECT {names} FROM {named(measurement)} {chosen(measurement, when, tags)}"


def chosen(
    measurement: str, when: str, equal: Mapping[str, str | bool], anywhere: bool = False, among: str = ""
) -> str:
    """The WHERE clause: the chosen pilot, gateway and community (unless `anywhere`) as far as the measurement
    has such tags, the places in the variable `among` where given, the conditions `equal`, and `when`.
    """
    known = MEASUREMENTS[measurement].tags
    chosen = (
        ("pilot", PILOT),
        ("instance", INSTANCE),
        *((("community", COMMUNITY),) if not anywhere else ()),
        *((("community", f'"community" =~ /^${{{among}:regex}}$/'),) if among else ()),
    )
    exact = (f"{named(measurement, name)} = {_literal(value)}" for name, value in equal.items())
    parts = [*(clause for tag, clause in chosen if tag in known), *exact, when]
    return "WHERE " + " AND ".join(part for part in parts if part)


def _over_0(measurement: str, column: str, when: str) -> str:
    return f"{named(measurement, column)} > 0 AND {when}" if column else when


def window(number: int, unit: str = "d") -> str:
    return f"time > ${{__to}}ms - {number}{unit} AND {UNTIL}"


def named(measurement: str, column: str = "") -> str:
    """A measurement, or a tag or field of it, quoted. Raises UnknownName."""
    schema = MEASUREMENTS.get(measurement)
    if schema is None or (column and column not in (*schema.tags, *schema.fields)):
        raise UnknownName(f"gateway/stores/points.py has no {measurement} {column}".rstrip())
    return f'"{column or measurement}"'


def _straight(measurement: str, column: str, of: str) -> str:
    """The quoted name of a column, which has the aggregate `of`. Raises NoMean where it has not."""
    if column in CIRCULAR and of not in _OF_ANYTHING:
        raise NoMean(f"{of} of {column}: of a direction there is none; `heading` is the mean of its vectors")
    return named(measurement, column)


def _literal(value: str | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
