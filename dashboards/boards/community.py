"""The board “Hội quán”: what one community measures, is advised and harvests.

what is in alarm now
what to do: the newest advice of each rule
commune, kind, products, when it joined
air │ humidity │ rain a day
soil │ salt in the soil │ nutrients
canal level │ canal salinity │ pests a day          with alarm levels
pond oxygen │ pond ammonia │ its water's temperature
devices
lots
wind direction │ rain intensity │ light             signals that few places measure come last
dust │ noise │ water used a day
"""

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import table

from dashboards.boards import frame, queries, readings, style, today, trace
from dashboards.boards.queries import InfluxQL
from dashboards.boards.style import Say, Spot

FIRST = "my-dien"  # the community of the default pilot with the most kinds of device
HOURS = 30 * 24

# Panels by signal or subject; an alarm's message links to the panel of its signal.
PANELS = {
    "air_temperature": 2, "relative_humidity": 3, "rainfall": 4, "soil_moisture": 5, "soil_ec": 6,
    "soil_nitrogen": 7, "soil_phosphorus": 7, "soil_potassium": 7, "water_level": 8, "salinity": 9,
    "pest_count": 10, "dissolved_oxygen": 11, "ammonia": 12, "advice": 13, "devices": 14,
    "wind_direction": 16, "rain_rate": 17, "illuminance": 18, "pm2_5": 19, "pm10": 19, "noise": 20,
    "water_volume": 21,
}  # fmt: skip


def board(lang: str) -> build.Dashboard:
    """The board in `lang`."""
    say = Say(lang)
    return (
        frame.begin("community", lang, say, FIRST)
        .with_panel(today.alarms(Spot(22, 0, 0, 24, 5), say))
        .with_panel(today.advice(Spot(13, 0, 5, 24, 8), say))
        .with_panel(_who(Spot(1, 0, 13, 24, 4), say))
        .with_panel(readings.course(Spot(2, 0, 17, 8, 8), lang, "air_temperature"))
        .with_panel(readings.course(Spot(3, 8, 17, 8, 8), lang, "relative_humidity"))
        .with_panel(readings.day_by_day(Spot(4, 16, 17, 8, 8), lang, "rainfall", "sum"))
        .with_panel(readings.course(Spot(5, 0, 25, 8, 8), lang, "soil_moisture"))
        .with_panel(readings.course(Spot(6, 8, 25, 8, 8), lang, "soil_ec"))
        .with_panel(
            readings.together(
                Spot(7, 16, 25, 8, 8), lang, "soil_nitrogen", "soil_phosphorus", "soil_potassium"
            )
        )
        .with_panel(readings.course(Spot(8, 0, 33, 8, 8), lang, "water_level", levels=True))
        .with_panel(readings.course(Spot(9, 8, 33, 8, 8), lang, "salinity", levels=True))
        .with_panel(readings.day_by_day(Spot(10, 16, 33, 8, 8), lang, "pest_count", "sum"))
        .with_panel(readings.course(Spot(11, 0, 41, 8, 8), lang, "dissolved_oxygen", levels=True))
        .with_panel(readings.course(Spot(12, 8, 41, 8, 8), lang, "ammonia", levels=True))
        .with_panel(readings.course(Spot(23, 16, 41, 8, 8), lang, "water_temperature"))
        .with_panel(readings.devices(Spot(14, 0, 49, 24, 9), lang, HOURS))
        .with_panel(trace.lots(Spot(15, 0, 58, 24, 9), say))
        .with_panel(readings.heading(Spot(16, 0, 67, 8, 8), lang, "wind_direction"))
        .with_panel(readings.day_by_day(Spot(17, 8, 67, 8, 8), lang, "rain_rate", "max"))
        .with_panel(readings.course(Spot(18, 16, 67, 8, 8), lang, "illuminance"))
        .with_panel(readings.together(Spot(19, 0, 75, 8, 8), lang, "pm2_5", "pm10"))
        .with_panel(readings.day_by_day(Spot(20, 8, 75, 8, 8), lang, "noise", "max"))
        .with_panel(readings.used(Spot(21, 16, 75, 8, 8), lang, "water_volume"))
    )


def _who(spot: Spot, say: Say) -> table.Panel:
    roster = ("commune", "kind", "products", "joined", "active", "fictional")
    titles = {"community": say("place")} | {field: say(field) for field in roster}
    panel = style.listed(
        style.rows(), spot, say, *style.meanings(say), title=say("who"), about=say("who_about")
    )
    panel.with_target(InfluxQL(queries.latest("community", roster, by="community")))
    return style.reshape(panel, titles, style.without_time())
