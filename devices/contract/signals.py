"""The one table of the signals: their names, their units and which of their values are believed.

Units are UCUM (`unit`), RFC 8428/8798 (`senml`) and UN/ECE Recommendation 20 (`unece`, for EPCIS).
`low`/`high` bound what the quantity can be in the delta's farms and waters (gross-range check), not what a
probe can print. `rate` is the largest credible change per minute, `flat` the seconds after which an unchanged
value means a stuck sensor (None: it may stay unchanged for ever). Assumption: limits without a row in the
project's sources are instrument makers' common ranges narrowed to the climate of the delta; they are wide on
purpose, and a pilot file may narrow them. A quantity that follows the sun or the tide changes within half a
day; humidity, wind and light may stay unchanged for a night, wet ground for two days. `rainfall` and
`pest_count` are what fell or was caught since the device's last reading. A direction has no lowest and no
highest value, and its mean is that of its vectors (`CIRCULAR`).
"""

from dataclasses import dataclass, replace

from devices.texts import number, telling, with_unit


@dataclass(frozen=True, slots=True)
class Signal:
    """One measured quantity. `resolution` is the step of printed readings, in `unit`."""

    id: str
    vi: str
    en: str
    unit: str
    senml: str | None
    epcis: str
    unece: str
    low: float
    high: float
    resolution: float
    rate: float
    flat: int | None

    def __post_init__(self) -> None:
        if not (self.low < self.high and self.resolution > 0 and self.rate > 0):
            raise ValueError(f"{self.id}: low < high, resolution > 0 and rate > 0 must hold")

    def name(self, lang: str) -> str:
        """The signal's name in "vi" or "en"."""
        return self.en if lang == "en" else self.vi

    @property
    def shown_unit(self) -> str:
        """The unit as people write it; "" if there is none to write."""
        return _SHOWN.get(self.unit, self.unit)

    @property
    def circular(self) -> bool:
        """Whether the signal is a direction: 359° is beside 1°."""
        return self.id in CIRCULAR

    @property
    def decimals(self) -> int:
        """Decimal places that `resolution` needs."""
        text = f"{self.resolution:.6f}".rstrip("0")
        return len(text.partition(".")[2])

    def amount(self, value: float, lang: str, limit: float | None = None) -> str:
        """A value as people write it, with the signal's decimal places; told from the `limit` beside it."""
        places = self.decimals if limit is None else telling(value, limit, self.decimals)
        return number(value, lang, places)

    def measured(self, value: float, lang: str, limit: float | None = None) -> str:
        """The same with its unit."""
        return with_unit(self.amount(value, lang, limit), self.shown_unit)


_SHOWN = {
    "Cel": "°C",
    "[pH]": "",
    "W/m2": "W/m²",
    "[ppm]": "ppm",
    "{NTU}": "NTU",
    "{count}": "",
    "1": "",
    "dB[mW]": "dBm",
    "kW.h": "kWh",
    "m3": "m³",
    "lx": "lux",
    "deg": "°",
    "ug/m3": "µg/m³",
    "dB[SPL]": "dB(A)",
}
HOUR = 3600
DAY = 24 * HOUR

_ROWS = (
    # id, Vietnamese, English, UCUM, SenML, EPCIS type, UN/ECE, low, high, resolution, rate/min, flat s
    ("air_temperature", "Nhiệt độ không khí", "Air temperature", "Cel", "Cel", "Temperature", "CEL", 5, 50, 0.1, 2, 6 * HOUR),
    ("relative_humidity", "Độ ẩm không khí", "Relative humidity", "%", "%RH", "RelativeHumidity", "P1", 10, 100, 0.1, 10, 16 * HOUR),
    ("air_pressure", "Áp suất không khí", "Air pressure", "hPa", "hPa", "Pressure", "A97", 960, 1050, 0.1, 2, 6 * HOUR),
    ("rainfall", "Lượng mưa", "Rainfall", "mm", "mm", "Length", "MMT", 0, 150, 0.2, 150, None),
    ("wind_speed", "Tốc độ gió", "Wind speed", "m/s", "m/s", "Speed", "MTS", 0, 60, 0.1, 30, 16 * HOUR),
    ("solar_radiation", "Bức xạ mặt trời", "Solar radiation", "W/m2", "W/m2", "Irradiance", "D54", 0, 1400, 1, 1000, 16 * HOUR),
    ("leaf_wetness", "Độ ướt lá", "Leaf wetness", "%", "%", "Dimensionless", "P1", 0, 100, 1, 100, None),
    ("co2", "CO₂", "Carbon dioxide", "[ppm]", "ppm", "Dimensionless", "59", 300, 5000, 1, 500, DAY),
    ("soil_moisture", "Độ ẩm đất", "Volumetric soil moisture", "%", "%", "Dimensionless", "P1", 0, 70, 0.1, 10, 2 * DAY),
    ("soil_temperature", "Nhiệt độ đất", "Soil temperature", "Cel", "Cel", "Temperature", "CEL", 10, 50, 0.1, 1, 12 * HOUR),
    ("soil_ec", "Độ dẫn điện của đất", "Soil conductivity", "dS/m", None, "Conductivity", "H61", 0, 20, 0.01, 1, 4 * DAY),
    ("soil_ph", "pH đất", "Soil pH", "[pH]", "pH", "Dimensionless", "Q30", 2.5, 10, 0.01, 0.5, None),
    ("soil_nitrogen", "Đạm trong đất (N)", "Soil nitrogen", "mg/kg", None, "Dimensionless", "NA", 0, 2000, 1, 50, None),
    ("soil_phosphorus", "Lân trong đất (P)", "Soil phosphorus", "mg/kg", None, "Dimensionless", "NA", 0, 2000, 1, 50, None),
    ("soil_potassium", "Kali trong đất (K)", "Soil potassium", "mg/kg", None, "Dimensionless", "NA", 0, 2000, 1, 50, None),
    ("water_level", "Mực nước", "Water level", "m", "m", "Length", "MTR", -3, 8, 0.01, 0.2, DAY),
    ("water_temperature", "Nhiệt độ nước", "Water temperature", "Cel", "Cel", "Temperature", "CEL", 10, 45, 0.1, 1, 12 * HOUR),
    ("water_ph", "pH nước", "Water pH", "[pH]", "pH", "Dimensionless", "Q30", 3, 11, 0.01, 0.5, DAY),
    ("water_ec", "Độ dẫn điện của nước", "Water conductivity", "dS/m", None, "Conductivity", "H61", 0, 60, 0.01, 5, 7 * DAY),
    ("salinity", "Độ mặn", "Salinity", "g/L", None, "MassConcentration", "GL", 0, 40, 0.01, 2, None),
    ("turbidity", "Độ đục", "Turbidity", "{NTU}", "NTU", "Dimensionless", "C62", 0, 4000, 1, 500, 2 * DAY),
    ("dissolved_oxygen", "Oxy hòa tan", "Dissolved oxygen", "mg/L", None, "MassConcentration", "M1", 0, 20, 0.01, 1, 12 * HOUR),
    ("ammonia", "Amoniac (NH₃)", "Un-ionised ammonia", "mg/L", None, "MassConcentration", "M1", 0, 20, 0.001, 1, None),
    ("pest_count", "Số rầy vào bẫy", "Pests in the trap since the last reading", "{count}", "count", "Count", "H87", 0, 20000, 1, 20000, None),
    ("battery_voltage", "Điện áp pin", "Battery voltage", "V", "V", "Dimensionless", "VLT", 0, 30, 0.01, 5, None),
    ("rssi", "Cường độ sóng", "Signal strength", "dB[mW]", "dBm", "Dimensionless", "DBM", -150, 0, 1, 100, None),
    ("pump_state", "Máy bơm", "Pump", "1", "/", "Dimensionless", "C62", 0, 1, 1, 1, None),
    ("valve_state", "Van, cống", "Valve or sluice", "1", "/", "Dimensionless", "C62", 0, 1, 0.01, 1, None),
    ("aerator_state", "Quạt nước, sục khí", "Aerator", "1", "/", "Dimensionless", "C62", 0, 1, 1, 1, None),
    ("energy", "Điện năng", "Energy, running total", "kW.h", "kWh", "Energy", "KWH", 0, 1e9, 0.01, 1000, None),
    ("battery_level", "Mức pin", "Battery level", "%", "%EL", "Dimensionless", "P1", 0, 100, 1, 100, None),
    ("illuminance", "Độ rọi", "Illuminance", "lx", "lx", "Illuminance", "LUX", 0, 200000, 1, 200000, None),
    ("wind_direction", "Hướng gió", "Wind direction, from which it blows", "deg", "deg", "Angle", "DD", 0, 360, 1, 360, None),
    ("water_volume", "Lượng nước", "Water volume, running total", "m3", "m3", "Volume", "MTQ", 0, 1e9, 0.001, 100, None),
    ("rain_rate", "Cường độ mưa", "Rain intensity", "mm/h", "mm/h", "Speed", "H67", 0, 500, 0.1, 500, None),
    ("pm2_5", "Bụi mịn PM2,5", "Particulate matter PM2.5", "ug/m3", "ug/m3", "MassConcentration", "GQ", 0, 1000, 1, 500, None),
    ("pm10", "Bụi PM10", "Particulate matter PM10", "ug/m3", "ug/m3", "MassConcentration", "GQ", 0, 2000, 1, 1000, None),
    ("noise", "Độ ồn", "Sound level, A-weighted", "dB[SPL]", None, "Dimensionless", "2N", 20, 140, 0.1, 100, None),
)  # fmt: skip

CIRCULAR = frozenset({"wind_direction"})
SWITCHES = frozenset(row[0] for row in _ROWS if row[3] == "1")  # devices may send them as true and false
# A probe that measures at several depths reports the uppermost as the signal itself. The layers below follow
# in their order, each as a signal of its own with the same limits and units: `soil_moisture_2`. The maker
# says at which depth each lies.
LAYERS = (2, 3, 4)
LAYERED = ("soil_moisture", "soil_temperature")


def _layer(signal: Signal, number: int) -> Signal:
    vi, en = f"{signal.vi}, lớp {number}", f"{signal.en}, layer {number}"
    return replace(signal, id=f"{signal.id}_{number}", vi=vi, en=en)


SIGNALS: dict[str, Signal] = {row[0]: Signal(*row) for row in _ROWS}
SIGNALS |= {one.id: one for name in LAYERED for number in LAYERS for one in (_layer(SIGNALS[name], number),)}


def heading(degrees: float) -> float:
    """The same direction, from 0 to less than 360: as a float, a trifle below 0 would be rounded to 360."""
    turned = degrees % 360
    return float(turned if turned < 360 else 0)
