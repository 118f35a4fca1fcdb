"""The board “Thủy văn và mặn”: water levels against alarms I to III, and salt in the canals.

every place: level and salinity now, highest of a day, alarm I
level of the chosen place with its alarms │ levels of the places nearest to alarm
its highest level a day                   │ its highest salinity a day
salinity of the chosen place, with alarms │ salinity of the places nearest to alarm
water temperature │ pH │ turbidity
"""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table

from dashboards.boards import community, frame, queries, readings, style
from dashboards.boards.style import Say, Spot

HOURS = 24


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = Say(lang)
    return (
        frame.begin("water", lang, say, community.FIRST)
        .with_variable(readings.nearest(say, "water_level"))
        .with_variable(readings.nearest(say, "salinity"))
        .with_panel(_places(Spot(1, 0, 0, 24, 9), say))
        .with_panel(readings.course(Spot(2, 0, 9, 12, 9), lang, "water_level", levels=True))
        .with_panel(readings.everywhere(Spot(3, 12, 9, 12, 9), lang, "water_level"))
        .with_panel(readings.course(Spot(4, 0, 18, 12, 9), lang, "salinity", levels=True))
        .with_panel(readings.everywhere(Spot(5, 12, 18, 12, 9), lang, "salinity"))
        .with_panel(readings.day_by_day(Spot(6, 0, 27, 12, 8), lang, "water_level", "max"))
        .with_panel(readings.day_by_day(Spot(7, 12, 27, 12, 8), lang, "salinity", "max"))
        .with_panel(readings.course(Spot(8, 0, 35, 8, 8), lang, "water_temperature"))
        .with_panel(readings.course(Spot(9, 8, 35, 8, 8), lang, "water_ph"))
        .with_panel(readings.course(Spot(10, 16, 35, 8, 8), lang, "turbidity"))
    )


def _places(spot: Spot, say: Say) -> table.Panel:
    """One row per place. Alarm I differs by place, so it is shown beside the values."""
    columns = {
        "level": queries.within(
            "telemetry", "water_level", "last", HOURS, by="community", shown="level", anywhere=True
        ),
        "highest": queries.within(
            "telemetry", "water_level", "max", HOURS, by="community", shown="highest", anywhere=True
        ),
        "alarm": queries.first_level("water_level", shown="alarm"),
        "salt": queries.within(
            "telemetry", "salinity", "last", HOURS, by="community", shown="salt", anywhere=True
        ),
        "saltiest": queries.within(
            "telemetry", "salinity", "max", HOURS, by="community", shown="saltiest", anywhere=True
        ),
        "salt_alarm": queries.first_level("salinity", shown="salt_alarm"),
    }
    titles = {"community": say("place")} | {name: say(f"water_{name}") for name in columns}
    panel = style.listed(
        style.rows(sort=titles["highest"], falling=True), spot, say,
        title=say("water_places"), about=say("water_places_about"),
    ).decimals(2)  # fmt: skip
    return frame.by_place(panel, say, titles, columns.values())
