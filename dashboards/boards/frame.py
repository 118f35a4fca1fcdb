"""What every board has around its panels: its uid, the variables, and links to the other boards.

Links keep the time range and the variables, so that a place chosen on one board stays chosen on the next. The
variable `community` also takes all places at once.
"""

from collections.abc import Iterable, Mapping

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table, timeseries
from grafana_foundation_sdk.models import dashboard

from dashboards.boards import naming, queries, style
from dashboards.boards.queries import SERIES, InfluxQL
from dashboards.boards.style import Say

NAMES = ("targets", "community", "water", "trace", "quality", "operations")
PILOT = naming.DEFAULT  # chosen at first, where the store has it
MOST = 32  # places that a panel shows at most, a line or row each: as many as the default pilot has
EVERYWHERE = ".*"  # the pattern that “all” stands for


def uid(name: str, lang: str) -> str:
    """A board's uid. The English twin has one of its own, so that both can be provisioned."""
    return f"hoiquan-{name}" if lang == "vi" else f"hoiquan-{name}-{lang}"


def begin(name: str, lang: str, say: Say, community: str = "") -> build.Dashboard:
    """A board without panels; `community` is its first choice of place, "" for all places."""
    board = (
        style.board(uid(name, lang), say(f"{name}_title"), say(f"{name}_about"))
        .with_variable(_pilot(say))
        .with_variable(_community(say, community))
    )
    for other in NAMES:
        if other != name:
            board.link(
                build.DashboardLink(say(f"{other}_title"))
                .type(dashboard.DashboardLinkType.LINK)
                .url(f"/d/{uid(other, lang)}")
                .include_vars(True)
                .keep_time(True)
                .icon("dashboard")
            )
    return board


def to_community(say: Say) -> list[dict[str, object]]:
    """A link from a place's name to its board; the cell's raw value is the place's id."""
    url = f"/d/{uid('community', say.lang)}?var-pilot=${{pilot:percentencode}}"
    url += "&var-community=${__value.raw:percentencode}&${__url_time_range}"
    return [{"title": say("see_community"), "url": url, "targetBlank": False}]


def linked(panel: table.Panel, say: Say, column: str) -> table.Panel:
    """Link the column of places to each place's board."""
    return style.paint(panel, column, links=to_community(say), custom_width=220)


def by_place(
    panel: table.Panel, say: Say, titles: Mapping[str, str], selects: Iterable[str],
    *after: dashboard.DataTransformerConfig,
) -> table.Panel:  # fmt: skip
    """One row per place: joins the queries `selects` by community and links each place to its board. `after`
    are further transformations.
    """
    for ref, query in zip("ABCDEF", selects, strict=False):
        panel.with_target(InfluxQL(query, ref))
    linked(panel, say, titles["community"])
    return style.reshape(panel, titles, style.without_time(), style.joined("community"), *after)


def by_gateway(panel: timeseries.Panel, of: str, names: Mapping[str, str]) -> timeseries.Panel:
    """One line per gateway and field, the aggregate `of` (max, sum) in each step. `names`: field → a name to
    put before the gateway's, "" for the gateway's alone.
    """
    for ref, (field, name) in zip("ABCDEF", names.items(), strict=False):
        query = queries.trend("gateway", field, of, by="instance")
        panel.with_target(InfluxQL(query, ref, SERIES, f"{name} $tag_instance".strip()))
    return panel


def instance(say: Say) -> build.QueryVariable:
    """The variable that chooses a gateway."""
    variable = build.QueryVariable("instance").label(say("instance")).all_value(EVERYWHERE)
    return all_of(variable.query(queries.values("gateway", "instance")), say)


def some(name: str, query: str, say: Say) -> build.QueryVariable:
    """A variable of the places that `query` finds, for panels that cannot show all places. It is hidden, as
    its choices would be ids.
    """
    return all_of(build.QueryVariable(name).hide(dashboard.VariableHide.HIDE_VARIABLE).query(query), say)


def all_of(variable: build.QueryVariable, say: Say) -> build.QueryVariable:
    """Complete a variable: until the user chooses, it has all that its query finds in the chosen range."""
    return (
        variable.datasource(queries.SOURCE)
        .include_all(True)
        .current(dashboard.VariableOption(selected=True, text=say("all"), value="$__all"))
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def _pilot(say: Say) -> build.QueryVariable:
    default = dashboard.VariableOption(selected=True, text=PILOT, value=PILOT)
    return (
        build.QueryVariable("pilot")
        .label(say("pilot"))
        .datasource(queries.SOURCE)
        .query(queries.values("community", "pilot"))
        .current(default)
        .refresh(dashboard.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )


def _community(say: Say, chosen: str) -> build.CustomVariable:
    """The variable of places, listed by name; a variable queried from the store would show ids."""
    shown, value = (naming.places()[chosen], chosen) if chosen else (say("all"), "$__all")
    return (
        build.CustomVariable("community")
        .label(say("place"))
        .values(naming.options())
        .include_all(True)
        .all_value(EVERYWHERE)
        .current(dashboard.VariableOption(selected=True, text=shown, value=value))
    )
