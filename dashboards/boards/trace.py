"""The board “Truy xuất nguồn gốc”: the traceability share against its targets, and the lots behind it.

the share in one line │ lots of a year, verified ones
share over time with its targets and forecast │ lots a day
by community: lots, kilograms, coverage       │ coverage of lots a day
scans a day by community                      │ lots scanned most, and their packages
who counts, who does not
lots of the last 30 days
"""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import stat, table, timeseries

from dashboards.boards import frame, indicator, naming, queries, style
from dashboards.boards.queries import DAY, SERIES, InfluxQL
from dashboards.boards.style import Say, Spot
from devices.pilots.pilot import SHARE

DAYS = 30
LOTS = 500
# A lot whose quantity is over 0 is a harvest. The products of a split or merge have none: nobody measured how
# they grew. Nor has the point that a lot leaves behind where its time was corrected.
HARVESTED = "quantity"
SCANNED = 20
KINDS = {"real": False, "simulated": True}  # of lots, by the field `simulated`
COLOURS = {"real": style.REAL, "simulated": style.SIMULATED}
YEAR = 365 * 24  # hours; as far as the rule of the default pilot looks back


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = Say(lang)
    return (
        frame.begin("trace", lang, say)
        .with_panel(indicator.line(Spot(1, 0, 0, 18, 5), say, SHARE))
        .with_panel(_verified(Spot(4, 18, 0, 6, 5), say))
        .with_panel(indicator.progress(Spot(5, 0, 5, 12, 10), say, SHARE))
        .with_panel(_a_day(Spot(6, 12, 5, 12, 10), say))
        .with_panel(_by_community(Spot(7, 0, 15, 12, 10), say))
        .with_panel(_coverage(Spot(8, 12, 15, 12, 10), say))
        .with_panel(_scans(Spot(11, 0, 25, 12, 10), say))
        .with_panel(_most_scanned(Spot(12, 12, 25, 12, 10), say))
        .with_panel(indicator.standing(Spot(9, 0, 35, 24, 10), say, SHARE))
        .with_panel(lots(Spot(10, 0, 45, 24, 10), say))
    )


def lots(spot: Spot, say: Say) -> table.Panel:
    """The lots of the last 30 days at the chosen places."""
    fields = ("community", "product", "lot", "quantity", "coverage", "verified", "simulated")
    titles = {field: say(field) for field in fields} | {"Time": say("time")}
    titles |= {"community": say("lot_community"), "simulated": say("is_simulated")}
    panel = style.listed(
        style.rows(sort=titles["Time"], falling=True), spot, say, *style.meanings(say),
        title=say("lots"), about=say("lots_about"),
    ).decimals(0)  # fmt: skip
    rows = queries.recent("lot", fields, DAYS, LOTS, percent="coverage", over_0=HARVESTED)
    panel.with_target(InfluxQL(rows))
    return style.covered(style.reshape(panel, titles), titles["coverage"])


def _verified(spot: Spot, say: Say) -> stat.Panel:
    titles = {name: say(f"lots_{name}") for name in KINDS} | {"verified": say("lots_verified")}
    panel = style.dress(
        style.number(named=True), spot, say,
        title=say("lots_count"), about=say("lots_count_about"), unit=style.COUNT,
    )  # fmt: skip
    fields = {name: ("simulated", simulated) for name, simulated in KINDS.items()}
    fields["verified"] = "verified", True
    for ref, (name, (field, is_)) in zip("ABC", fields.items(), strict=True):
        query = queries.counted("lot", HARVESTED, YEAR, shown=name, field=field, is_=is_)
        panel.with_target(InfluxQL(query, ref))
    return style.reshape(panel, titles, style.without_time())


def _a_day(spot: Spot, say: Say) -> timeseries.Panel:
    panel = style.dress(
        style.bars(), spot, say, title=say("lots_a_day"), about=say("lots_a_day_about"), unit=style.COUNT
    )
    for ref, (name, simulated) in zip("AB", KINDS.items(), strict=True):
        query = queries.trend(
            "lot", "quantity", "count", step=DAY, fill="none", over_0=HARVESTED, simulated=simulated
        )
        panel.with_target(InfluxQL(query, ref, SERIES, say(f"lots_{name}")))
        style.paint(panel, say(f"lots_{name}"), color=style.fixed(COLOURS[name]))
    return panel


def _coverage(spot: Spot, say: Say) -> timeseries.Panel:
    panel = style.dress(
        style.lines(), spot, say,
        title=say("lots_coverage"), about=say("lots_coverage_about"), unit=style.SHARE,
    ).max(1)  # fmt: skip
    query = queries.trend("lot", "coverage", step=DAY, over_0=HARVESTED)
    return panel.with_target(InfluxQL(query, "A", SERIES, say("coverage_share")))


def _scans(spot: Spot, say: Say) -> timeseries.Panel:
    panel = style.dress(
        style.bars(), spot, say, title=say("scans"), about=say("scans_about"), unit=style.COUNT
    )
    query = queries.trend("scan", "scans", "sum", by="community", step=DAY, fill="none")
    panel.transformations(naming.legends(say.lang, "community"))
    return panel.with_target(InfluxQL(query, "A", SERIES, "$tag_community"))


def _most_scanned(spot: Spot, say: Say) -> table.Panel:
    fields = ("lot", "community", "packages", "far_more")
    titles = {"community": say("lot_community"), "lot": say("lot"), "scans": say("scans")}
    titles |= {"packages": say("packages"), "far_more": say("far_more"), "Time": say("time")}
    panel = style.listed(
        style.rows(sort=titles["scans"], falling=True), spot, say,
        *style.meanings(say, yes=style.BAD, no=style.PLAIN),
        title=say("scans_most"), about=say("scans_most_about"),
    ).decimals(0)  # fmt: skip
    panel.with_target(InfluxQL(queries.most("lot", "scans", fields, YEAR // 24, SCANNED, called="lot")))
    return style.reshape(panel, titles)


def _by_community(spot: Spot, say: Say) -> table.Panel:
    columns = {
        f"{column}_{name}": queries.within(
            "lot",
            "quantity",
            of,
            YEAR,
            by="community",
            shown=f"{column}_{name}",
            over_0=HARVESTED,
            simulated=simulated,
        )
        for name, simulated in KINDS.items()
        for column, of in (("lots", "count"), ("weight", "sum"))
    }
    columns["coverage"] = queries.within(
        "lot", "coverage", "mean", YEAR, by="community", shown="coverage", times=100, over_0=HARVESTED
    )
    titles = {"community": say("lot_community")} | {column: say(column) for column in columns}
    panel = style.listed(
        style.rows(sort=titles["lots_real"], falling=True), spot, say,
        title=say("lots_by_community"), about=say("lots_by_community_about"),
    ).decimals(0)  # fmt: skip
    frame.by_place(panel, say, titles, columns.values())
    return style.covered(panel, titles["coverage"])
