"""Units as makers write them, and conversion between them: UCUM's names, and other common spellings.

The table is our own: a general library takes long to import and reads "C" as coulomb; here an unknown
spelling is an error, never a guess. Factors: SI brochure, 9th edition; NIST SP 811, appendix B (psi, inHg,
mmHg, gallons, knots, inches).
"""

from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of a `dimension`: a value times `times`, then plus `plus`, is in the dimension's own unit."""

    dimension: str
    times: float
    plus: float = 0.0


_ROWS: dict[str, dict[str, tuple[float, float] | float]] = {
    # dimension: {unit: factor or (factor, offset)}; its own unit has the factor 1
    "temperature": {"Cel": 1, "K": (1, -273.15), "[degF]": (5 / 9, -160 / 9)},
    "share": {"%": 1, "1": 100, "m3/m3": 100, "[ppth]": 0.1},
    "concentration in air": {"[ppm]": 1, "[ppb]": 1e-3},
    "pressure": {"Pa": 0.01, "hPa": 1, "mbar": 1, "kPa": 10, "MPa": 1e4, "bar": 1000,
                 "[psi]": 68.94757293168, "mm[Hg]": 1.33322387415, "[in_i'Hg]": 33.86389,
                 "atm": 1013.25},
    "length": {"m": 1, "cm": 0.01, "mm": 0.001, "km": 1000, "[ft_i]": 0.3048, "[in_i]": 0.0254},
    "speed": {"m/s": 1, "km/h": 1 / 3.6, "[kn_i]": 1852 / 3600, "[mi_i]/h": 0.44704},
    "rate of rain": {"mm/h": 1, "mm/min": 60, "[in_i]/h": 25.4, "mm/d": 1 / 24},
    "irradiance": {"W/m2": 1, "kW/m2": 1000},
    "illuminance": {"lx": 1, "klx": 1000},
    "angle": {"deg": 1, "rad": 57.29577951308232},
    "conductivity": {"dS/m": 1, "mS/cm": 1, "uS/cm": 0.001, "S/m": 10, "mS/m": 0.01, "S/cm": 1000},
    "voltage": {"V": 1, "mV": 0.001, "uV": 1e-6},
    "energy": {"kW.h": 1, "W.h": 0.001, "MW.h": 1000, "J": 1 / 3.6e6, "kJ": 1 / 3600,
               "MJ": 1 / 3.6},
    "volume": {"m3": 1, "L": 0.001, "mL": 1e-6, "dL": 1e-4, "hL": 0.1, "[gal_us]": 0.003785411784,
               "[cft_i]": 0.028316846592},
    # one formazin scale, three ways to look at it: ISO 7027-1 (FNU, FAU), EPA 180.1 (NTU)
    "turbidity": {"{NTU}": 1, "{FNU}": 1, "{FTU}": 1, "{FAU}": 1},
    "mass in water": {"mg/L": 1, "ug/L": 0.001, "g/L": 1000, "kg/m3": 1000},
    "mass in soil": {"mg/kg": 1, "g/kg": 1000},
    "dust": {"ug/m3": 1, "mg/m3": 1000},
    "acidity": {"[pH]": 1},
    "sound": {"dB[SPL]": 1},
    "radio": {"dB[mW]": 1},
    "count": {"{count}": 1},
}  # fmt: skip
_SPELT = {
    "Cel": "°C ℃ C degC celsius ºC deg_C Celsius",
    "[degF]": "°F ℉ F degF fahrenheit",
    "K": "kelvin",
    "%": "percent %RH %rh %VWC RH% pct %EL",
    "m3/m3": "m³/m³ m³⋅m⁻³ m³·m⁻³",
    "[ppm]": "ppm",
    "[ppb]": "ppb",
    "mbar": "mb millibar",
    "[psi]": "psi PSI",
    "mm[Hg]": "mmHg",
    "[in_i'Hg]": "inHg",
    "[ft_i]": "ft",
    "[in_i]": "in inch",
    "m/s": "m⋅s⁻¹ mps",
    "km/h": "kmh kph",
    "[mi_i]/h": "mph",
    "[kn_i]": "kn kt",
    "mm/h": "mm/hr mm⋅h⁻¹",
    "W/m2": "W/m² W⋅m⁻²",
    "lx": "lux Lux LUX",
    "deg": "° degree degrees",
    "uS/cm": "µS/cm μS/cm us/cm µS⋅cm⁻¹ μS⋅cm⁻¹",
    "mS/cm": "mS⋅cm⁻¹ ms/cm",
    "dS/m": "ds/m dS⋅m⁻¹",
    "V": "volt v",
    "mV": "mv",
    "kW.h": "kWh kwh KWh",
    "W.h": "Wh wh",
    "MW.h": "MWh",
    "m3": "m³ M3 m^3",
    "L": "l liter litre",
    "[gal_us]": "gal gallon",
    "[cft_i]": "ft3",
    "{NTU}": "NTU ntu",
    "{FNU}": "FNU",
    "{FTU}": "FTU",
    "{FAU}": "FAU",
    "mg/L": "mg/l mg⋅L⁻¹",
    "ug/L": "µg/L μg/L ug/l",
    "g/L": "g/l g⋅L⁻¹",
    "ug/m3": "µg/m³ μg/m³ ug/m³ µg⋅m⁻³ µg/m3",
    "[pH]": "pH ph PH",
    "dB[SPL]": "dB dBA dB(A)",
    "dB[mW]": "dBm",
    "{count}": "count",
}

UNITS: dict[str, Unit] = {
    name: Unit(dimension, *(row if isinstance(row, tuple) else (row,)))
    for dimension, rows in _ROWS.items()
    for name, row in rows.items()
}
_UCUM = {name: name for name in UNITS} | {w: name for name, words in _SPELT.items() for w in words.split()}
UNITS |= {word: UNITS[name] for word, name in _UCUM.items()}


def unit_of(text: str) -> Unit | None:
    """The unit with this spelling; None if it is unknown."""
    return UNITS.get(text) or UNITS.get(text.strip())


def ucum(text: str) -> str:
    """UCUM's own name of a known unit, however it is written."""
    return _UCUM.get(text.strip(), text)


def convert(value: float, source: Unit, target: Unit) -> float:
    """A value converted to another unit of its dimension, to twelve digits: 0.27576 × 100 is 27.576."""
    if source is target or source == target:
        return value
    return float(f"{(value * source.times + source.plus - target.plus) / target.times:.12g}")


def spellings(dimension: str) -> list[str]:
    """The UCUM names of a dimension's units."""
    return list(_ROWS[dimension])
