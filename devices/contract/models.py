"""Models of nodes: which signals each reports, and how often.

A real device is enrolled as one of these models, so that its coverage can be judged by the interval that the
model promises; a model says nothing about the maker. Assumption: intervals and sets of signals are the
pilot's own choice, after what the Tân Thuận Tây pilot measures (moisture of soil and water, salinity, pH,
temperature).
"""

from dataclasses import dataclass

from devices.contract.signals import LAYERED, LAYERS, SIGNALS
from devices.texts import text


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of node. It reports `signals` every `interval` seconds (0: only on events); a real one may also
    report `more`. `usual`: a value of the first signal, for an example. `on_plot`: the node measures, or
    works on, the one plot that it stands on.
    """

    id: str
    vi: str
    en: str
    interval: int
    signals: tuple[str, ...]
    usual: float = 0
    on_plot: bool = False
    more: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = {*self.signals, *self.more} - SIGNALS.keys()
        if unknown:
            raise ValueError(f"model {self.id}: unknown signals {sorted(unknown)}")

    def name(self, lang: str) -> str:
        """The model's name in "vi" or "en"."""
        return self.en if lang == "en" else self.vi


DIARY = "diary"  # the one model that writes a diary: it measures nothing and is not counted as a sensor
_POWER = ("battery_voltage", "rssi")
_LAYERS = tuple(f"{name}_{number}" for name in LAYERED for number in LAYERS)
TEN_MINUTES = 600

MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model("weather-station", "Trạm thời tiết", "Weather station", TEN_MINUTES,
              ("air_temperature", "relative_humidity", "air_pressure", "rainfall", "wind_speed",
               "solar_radiation", *_POWER), 29.3,
              more=("wind_direction", "rain_rate", "illuminance", "co2", "leaf_wetness", "pm2_5", "pm10",
                    "noise", "battery_level")),
        Model("soil-probe", "Đầu đo đất", "Soil probe", TEN_MINUTES,
              ("soil_moisture", "soil_temperature", "soil_ec", *_POWER), 31.5, on_plot=True,
              more=("soil_ph", "soil_nitrogen", "soil_phosphorus", "soil_potassium", "air_temperature",
                    "relative_humidity", "illuminance", "battery_level", *_LAYERS)),
        Model("nutrient-probe", "Đầu đo dinh dưỡng đất", "Soil nutrient probe", TEN_MINUTES,
              ("soil_nitrogen", "soil_phosphorus", "soil_potassium", "soil_ph", *_POWER), 40,
              on_plot=True, more=("soil_moisture", "soil_temperature", "soil_ec", "battery_level")),
        Model("canal-gauge", "Trạm đo kênh rạch", "Canal gauge", TEN_MINUTES,
              ("water_level", "water_temperature", "water_ph", "salinity", "turbidity", *_POWER), 1.2,
              more=("water_ec", "dissolved_oxygen", "rainfall", "battery_level")),
        Model("pond-buoy", "Phao đo ao nuôi", "Pond buoy", TEN_MINUTES,
              ("water_temperature", "water_ph", "dissolved_oxygen", "ammonia", *_POWER), 29.3, on_plot=True,
              more=("water_ec", "salinity", "turbidity", "water_level", "battery_level")),
        Model("pest-trap", "Bẫy đèn đếm rầy", "Light trap", TEN_MINUTES, ("pest_count", *_POWER), 12,
              more=("air_temperature", "relative_humidity", "battery_level")),
        Model("pump-controller", "Tủ điều khiển bơm", "Pump controller", TEN_MINUTES,
              ("pump_state", "energy", "rssi"), on_plot=True,
              more=("valve_state", "aerator_state", "water_volume", "battery_voltage", "battery_level")),
        Model(DIARY, "Nhật ký canh tác", "Farm diary", 0, ()),
    )
}  # fmt: skip


def device_name(device: str, community: str, model: str, lang: str) -> str:
    """A device's name for people: its model, then a simulated device's number or a real device's id."""
    known = MODELS.get(model)
    kind = text("place.device", lang) if known is None else known.name(lang)
    number = device.removeprefix(f"{community}-{model}-")
    return f"{kind} {int(number)}" if number != device and number.isdecimal() else f"{kind} “{device}”"
