"""The board “Hội quán”: one community, what its devices measure, what it is advised, what it harvested.

who it is
air │ humidity │ rain a day
soil │ salt in the soil │ nutrients
canal level │ canal salinity │ pests a day          with alarm levels
pond oxygen │ pond ammonia │ advice
devices
lots
wind direction │ rain intensity │ light             what few places measure stands last
dust │ noise │ water used a day
"""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table

from dashboards.boards import frame, queries, readings, style, trace
from dashboards.boards.queries import InfluxQL
from dashboards.boards.style import Say, Spot

FIRST = "my-dien"  # of the default pilot the one with the most kinds of device
ADVICE = 50
HOURS = 30 * 24

# Panels that an alarm's message leads to, by what it is about.
PANELS = {
    "air_temperature": 2, "relative_humidity": 3, "rainfall": 4, "soil_moisture": 5, "soil_ec": 6,
    "soil_nitrogen": 7, "soil_phosphorus": 7, "soil_potassium": 7, "water_level": 8, "salinity": 9,
    "pest_count": 10, "dissolved_oxygen": 11, "ammonia": 12, "advice": 13, "devices": 14,
    "wind_direction": 16, "rain_rate": 17, "illuminance": 18, "pm2_5": 19, "pm10": 19, "noise": 20,
    "water_volume": 21,
}  # fmt: skip


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = style.words(lang)
    return (
        frame.begin("community", lang, say, FIRST)
        .with_panel(_who(Spot(1, 0, 0, 24, 4), say))
        .with_panel(readings.course(Spot(2, 0, 4, 8, 8), lang, "air_temperature"))
        .with_panel(readings.course(Spot(3, 8, 4, 8, 8), lang, "relative_humidity"))
        .with_panel(readings.day_by_day(Spot(4, 16, 4, 8, 8), lang, "rainfall", "sum"))
        .with_panel(readings.course(Spot(5, 0, 12, 8, 8), lang, "soil_moisture"))
        .with_panel(readings.course(Spot(6, 8, 12, 8, 8), lang, "soil_ec"))
        .with_panel(
            readings.together(
                Spot(7, 16, 12, 8, 8), lang, "soil_nitrogen", "soil_phosphorus", "soil_potassium"
            )
        )
        .with_panel(readings.course(Spot(8, 0, 20, 8, 8), lang, "water_level", levels=True))
        .with_panel(readings.course(Spot(9, 8, 20, 8, 8), lang, "salinity", levels=True))
        .with_panel(readings.day_by_day(Spot(10, 16, 20, 8, 8), lang, "pest_count", "sum"))
        .with_panel(readings.course(Spot(11, 0, 28, 8, 8), lang, "dissolved_oxygen", levels=True))
        .with_panel(readings.course(Spot(12, 8, 28, 8, 8), lang, "ammonia", levels=True))
        .with_panel(_advice(Spot(13, 16, 28, 8, 8), lang, say))
        .with_panel(readings.devices(Spot(14, 0, 36, 24, 9), lang, HOURS))
        .with_panel(trace.lots(Spot(15, 0, 45, 24, 9), say))
        .with_panel(readings.heading(Spot(16, 0, 54, 8, 8), lang, "wind_direction"))
        .with_panel(readings.day_by_day(Spot(17, 8, 54, 8, 8), lang, "rain_rate", "max"))
        .with_panel(readings.course(Spot(18, 16, 54, 8, 8), lang, "illuminance"))
        .with_panel(readings.together(Spot(19, 0, 62, 8, 8), lang, "pm2_5", "pm10"))
        .with_panel(readings.day_by_day(Spot(20, 8, 62, 8, 8), lang, "noise", "max"))
        .with_panel(readings.used(Spot(21, 16, 62, 8, 8), lang, "water_volume"))
    )


def _who(spot: Spot, say: Say) -> table.Panel:
    roster = ("name", "kind", "products", "joined", "active", "fictional")
    titles = {field: say(field) for field in ("community", *roster)}
    kinds = style.meanings(say, hoi_quan=say("kind_hoi_quan"), htx=say("kind_htx"))
    panel = style.dress(
        style.rows(), spot, say, title=say("who"), about=say("who_about"), unit=style.COUNT
    ).mappings(kinds)
    panel.with_target(InfluxQL(queries.latest("community", roster, by="community")))
    return style.reshape(panel, titles, style.without_time())


def _advice(spot: Spot, lang: str, say: Say) -> table.Panel:
    words = "text" if lang == "vi" else "text_en"
    titles = {"Time": say("time")} | {name: say(f"advice_{name}") for name in ("crop", "rule", "severity")}
    titles[words] = say("advice_text")
    panel = style.dress(
        style.rows(sort=titles["Time"], falling=True), spot, say,
        title=say("advice"), about=say("advice_about"), unit=style.COUNT,
    )  # fmt: skip
    panel.with_target(InfluxQL(queries.recent("advice", ("crop", "rule", "severity", words), 30, ADVICE)))
    return style.reshape(panel, titles)
