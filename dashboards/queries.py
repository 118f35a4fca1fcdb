"""InfluxQL for the boards. Names are checked against `gateway.points` when a query is written.

Three rules hold for every query:
- A variable stands as `=~ /^${name:regex}$/`, so that no value of it can break out of the pattern.
- What a board shows is as of the end of the chosen time range (`${__to}`, Grafana's own, epoch ms):
  a number computed last night is there when the last hour is looked at, and a rehearsed decade can be
  looked at year by year.
- The newest point is asked for with ORDER BY time DESC LIMIT 1, which keeps its time. An aggregate
  without GROUP BY time is stamped 1970; where one is used, the panel drops its time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from gateway.points import MEASUREMENTS

SOURCE = DataSourceRef(type_val="influxdb", uid="hoiquan")  # provisioning/datasources.yaml
PILOT = '"pilot" =~ /^${pilot:regex}$/'
UNTIL = "time <= ${__to}ms"

TABLE, SERIES = "table", "time_series"  # Grafana's result formats: one frame, or one a column


class UnknownName(ValueError):
    """The store has no such measurement, tag or field: mend the query or gateway/points.py."""


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
    """The newest row of `columns`, with its time; with `by`, of each value of that tag."""
    group = f" GROUP BY {_name(measurement, by)}" if by else ""
    return f"{_select(measurement, columns, UNTIL, tags)}{group} ORDER BY time DESC LIMIT 1"


def history(measurement: str, column: str, **tags: str) -> str:
    """Every point in the chosen time range."""
    return _select(measurement, [column], "$timeFilter", tags)


def every(measurement: str, column: str, **tags: str) -> str:
    """Every point there is, those of the future too: dated targets."""
    return _select(measurement, [column], "", tags)


def recent(measurement: str, columns: Iterable[str], days: int, limit: int, percent: str) -> str:
    """Rows of the last `days` days, newest first, at most `limit`; the share `percent` as 0..100."""
    rows = _select(measurement, columns, _window(days), {}, percent)
    return f"{rows} ORDER BY time DESC LIMIT {limit}"


def coverage(days: int) -> str:
    """By community: mean of its devices' newest coverage (0..100), newest `last_seen`, number of devices.

    The columns are `coverage`, `last_seen` and `devices`; the time is 1970 and means nothing.
    """
    share, seen = _name("device", "coverage"), _name("device", "last_seen")
    community, device = _name("device", "community"), _name("device", "device")
    newest = (
        f"SELECT last({share}) AS {share}, last({seen}) AS {seen} FROM {_name('device')} "
        f"WHERE {PILOT} AND {_window(days)} GROUP BY {community}, {device}"
    )
    return (
        f'SELECT mean({share}) * 100 AS {share}, max({seen}) AS {seen}, count({share}) AS "devices" '
        f"FROM ({newest}) GROUP BY {community}"
    )


def values(measurement: str, tag: str) -> str:
    """Every value of a tag, for a variable."""
    return f"SHOW TAG VALUES FROM {_name(measurement)} WITH KEY = {_name(measurement, tag)}"


def _select(
    measurement: str, columns: Iterable[str], when: str, tags: dict[str, str], percent: str = ""
) -> str:
    quoted = ((column, _name(measurement, column)) for column in columns)
    names = ", ".join(f"{name} * 100 AS {name}" if column == percent else name for column, name in quoted)
    equal = (f"{_name(measurement, tag)} = {_literal(value)}" for tag, value in tags.items())
    where = " AND ".join(part for part in (PILOT, *equal, when) if part)
    return f"SELECT {names} FROM {_name(measurement)} WHERE {where}"


def _window(days: int) -> str:
    return f"time > ${{__to}}ms - {days}d AND {UNTIL}"


def _name(measurement: str, column: str = "") -> str:
    """A measurement, or a tag or field of it, quoted. Raises UnknownName."""
    schema = MEASUREMENTS.get(measurement)
    if schema is None or (column and column not in (*schema.tags, *schema.fields)):
        raise UnknownName(f"gateway/points.py has no {measurement} {column}".rstrip())
    return f'"{column or measurement}"'


def _literal(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
