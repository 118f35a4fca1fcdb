"""Sun, air and reference evapotranspiration after FAO-56; each function cites its equation there.

    day of the year, latitude ─► sun ─► radiation ─┐
    temperature, vapour, wind ─────────────────────┴─► reference evapotranspiration

"FAO-56": Allen, Pereira, Raes and Smith, Crop evapotranspiration, FAO Irrigation and Drainage Paper 56
(1998). All values are of a day: °C, kPa, m/s, MJ/m2 and mm a day, angles in radians.
"""

from dataclasses import dataclass

import numpy as np

from sim.physics.streams import Array, Index

SOLAR_CONSTANT = 0.0820  # MJ/m2 a minute, eq. 21
_ALBEDO = 0.23  # of the reference grass, eq. 38
_STEFAN_BOLTZMANN = 4.903e-9  # MJ/K4/m2 a day, eq. 39
_EVAPORATES = 0.408  # mm of water evaporated by an MJ/m2: one over the latent heat, eq. 20
_MERIDIAN = 105.0  # degrees east, of Vietnam's clock


@dataclass(frozen=True, slots=True)
class Sun:
    """The sun over one place, by day: all arrays have an entry a day."""

    distance: Array  # relative, inverse, squared: eq. 23
    sine: Array  # sin(latitude) sin(declination)
    cosine: Array  # cos(latitude) cos(declination)
    noon: Array  # clock hour at which it stands highest
    sunset: Array  # its hour angle at sunset: eq. 25
    daily: Array  # the sine of its height, summed over the hour angles of half a day

    @property
    def daylight(self) -> Array:
        """Hours of daylight, eq. 34."""
        return 24 / np.pi * self.sunset

    @property
    def radiation(self) -> Array:
        """Radiation above the atmosphere on a level plane, MJ/m2 a day: eq. 21."""
        return 1440 / np.pi * SOLAR_CONSTANT * self.distance * self.daily

    def height(self, day: Index, hour: Array) -> Array:
        """Sine of its height over the horizon, negative at night: the integrand of eq. 28."""
        angle = (hour - self.noon[day]) * np.pi / 12
        return np.asarray(self.sine[day] + self.cosine[day] * np.cos(angle))

    def clear(self, day: Index, hour: Array) -> Array:
        """Radiation through a cloudless sky on a level plane, W/m2 (Haurwitz 1945, J. Meteorology 2)."""
        height = self.height(day, hour)
        return np.where(height > 0, 1098 * height * np.exp(-0.057 / np.maximum(height, 1e-3)), 0.0)

    def passed(self, day: Index, hour: Array) -> Array:
        """Share of the day's clear-sky radiation received so far, 0 to 1: eq. 28 from sunrise."""
        sunset, half = self.sunset[day], self.daily[day]
        angle = np.clip((hour - self.noon[day]) * np.pi / 12, -sunset, sunset)
        return np.asarray((self.sine[day] * angle + self.cosine[day] * np.sin(angle) + half) / (2 * half))


def sun(day_of_year: Array, latitude: float, longitude: float) -> Sun:
    """The sun on days counted from 1 on 1 January, seen from degrees north and east, by Vietnam's clock."""
    angle = 2 * np.pi / 365 * day_of_year
    declination = 0.409 * np.sin(angle - 1.39)  # eq. 24
    north = np.radians(latitude)
    sine, cosine = np.sin(north) * np.sin(declination), np.cos(north) * np.cos(declination)
    noon = 12 + (_MERIDIAN - longitude) / 15 - equation_of_time(day_of_year)  # eq. 31
    sunset = np.arccos(np.clip(-sine / cosine, -1, 1))
    daily = sunset * sine + cosine * np.sin(sunset)
    return Sun(1 + 0.033 * np.cos(angle), sine, cosine, noon, sunset, daily)


def equation_of_time(day_of_year: Array) -> Array:
    """Hours by which a sundial is ahead of the clock: eqs. 32 and 33."""
    b = 2 * np.pi * (day_of_year - 81) / 364
    return np.asarray(0.1645 * np.sin(2 * b) - 0.1255 * np.cos(b) - 0.025 * np.sin(b))


def transmitted(sunshine: Array | float) -> Array:
    """Share of the radiation that reaches the ground when `sunshine` of the possible hours shine: eq. 35."""
    return np.asarray(0.25 + 0.50 * sunshine)


def vapour_pressure(celsius: Array | float) -> Array:
    """Vapour pressure at saturation, kPa: eq. 11."""
    return np.asarray(0.6108 * np.exp(17.27 * celsius / (celsius + 237.3)))


def air_pressure(altitude: float) -> float:
    """kPa at an altitude in metres: eq. 7."""
    return float(101.3 * ((293 - 0.0065 * altitude) / 293) ** 5.26)


def net_radiation(
    low: Array, high: Array, vapour: Array, top: Array, sunshine: Array, altitude: float = 0
) -> Array:
    """Net radiation of grass, from sun and sky, MJ/m2 a day: eqs. 37 to 40.

    `low` and `high` are the day's temperatures, `vapour` its actual vapour pressure, `top` the radiation
    above the atmosphere, `sunshine` the share of possible hours.
    """
    short = transmitted(sunshine) * top
    clear = (0.75 + 2e-5 * altitude) * top  # eq. 37
    black = _STEFAN_BOLTZMANN * ((low + 273.16) ** 4 + (high + 273.16) ** 4) / 2
    cloudy = 1.35 * np.clip(short / clear, 0.3, 1) - 0.35  # thick clouds return at most what a dull sky does
    long = black * (0.34 - 0.14 * np.sqrt(vapour)) * cloudy  # eq. 39
    return np.asarray((1 - _ALBEDO) * short - long)


def reference(
    low: Array,
    high: Array,
    vapour: Array,
    wind: Array | float,
    net: Array,
    ground: Array | float = 0.0,
    altitude: float = 0,
) -> Array:
    """Reference evapotranspiration, mm a day: Penman-Monteith, eq. 6.

    `wind` is at 2 m, `net` the net radiation, `ground` the heat that the soil takes (zero over a day, eq.
    42). The result is never negative: dew does not count.
    """
    mean = (low + high) / 2  # eq. 9
    saturated = (vapour_pressure(low) + vapour_pressure(high)) / 2  # eq. 12
    slope = 4098 * vapour_pressure(mean) / (mean + 237.3) ** 2  # eq. 13
    psychrometric = 0.665e-3 * air_pressure(altitude)  # eq. 8
    dry = 900 / (mean + 273) * wind * np.maximum(saturated - vapour, 0)
    wet = _EVAPORATES * slope * (net - ground)
    return np.maximum((wet + psychrometric * dry) / (slope + psychrometric * (1 + 0.34 * wind)), 0.0)
