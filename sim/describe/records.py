"""Published values for the page's plots, with their sources: FACTS sections 3 and 5."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Published:
    """Published values of one plot. `key` is of the title in the catalogue, `source` of the source.

    `months` is a yearly curve (January first); `levels` are single values, each with a catalogue key or a
    plain name.
    """

    key: str
    unit: str
    months: tuple[float, ...] = ()
    levels: tuple[tuple[str, float], ...] = ()
    source: str = ""


# Ho Chi Minh City's WMO normals, 120 km away, give the shape of the year.
TEMPERATURE = Published(
    "temperature", "°C", source="normals",
    months=(26.4, 27.7, 29.2, 30.2, 29.6, 28.5, 28.2, 28.1, 27.9, 27.6, 26.9, 26.1),
    levels=(("year_here", 27.0),),
)  # fmt: skip
RAIN = Published(
    "rain", "mm", source="normals",
    months=(13.8, 4.1, 10.5, 50.4, 218.4, 311.7, 293.7, 269.8, 327.1, 266.7, 116.5, 48.3),
    levels=(("october_here", 248.0),),
)  # fmt: skip
HUMIDITY = Published(
    "humidity", "%", source="normals",
    months=(69, 68, 68, 70, 76, 80, 80, 81, 82, 83, 78, 73), levels=(("year_here", 82.5),),
)  # fmt: skip
RADIATION = Published("radiation", "W/m²", source="nothing")
# The plots between years show thirty years of the seed, whatever year is drawn.
YEARS = 30
PEAKS = Published(
    "peaks", "m", source="tan_chau",
    levels=(("2000", 5.06), ("alarm_iii", 4.5), ("2024", 3.26), ("2015", 2.55)),
)  # fmt: skip
RAINS = Published("rains", "mm", source="portals", levels=(("lowest", 1500.0), ("highest", 2005.0)))
SALT = Published("salt_line", "km", source="press", levels=(("2020", 60.0), ("2022", 40.0)))
TIDE = Published("tide", "m", source="ticon", levels=(("spring_range", 1.35), ("", -1.35)))
NEW_MOON = datetime(2026, 9, 11, tzinfo=UTC)
TAN_CHAU = 10.80, 105.24
# FACTS section 5, from a thesis of ponds in Thanh Bình; t/ha a crop, mg/L.
CROP, OXYGEN, NITROGEN = (357.0, 391.0), (3.5, 4.5), (0.5, 5.0)
