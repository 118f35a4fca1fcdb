"""Models of node: what each carries and how often it reports.

A real device is enrolled as one of these, so that its coverage can be judged by the interval it
promised; a model says nothing of the maker. Assumption: intervals and sets of signals are the
pilot's own choice, after what the Tân Thuận Tây pilot measures (moisture of soil and water,
salinity, pH, temperature).
"""

from dataclasses import dataclass

from devices.contract.signals import SIGNALS


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of node: `signals` it reports every `interval` seconds (0: only on events).
    `on_plot`: it measures, or works on, the one plot that it stands on.
    """

    id: str
    vi: str
    en: str
    interval: int
    signals: tuple[str, ...]
    on_plot: bool = False

    def __post_init__(self) -> None:
        unknown = set(self.signals) - SIGNALS.keys()
        if unknown:
            raise ValueError(f"model {self.id}: unknown signals {sorted(unknown)}")


DIARY = "diary"  # the one model that writes a diary: it measures nothing and is counted as no sensor
_POWER = ("battery_voltage", "rssi")
TEN_MINUTES = 600

MODELS: dict[str, Model] = {
    model.id: model
    for model in (
        Model("weather-station", "Trạm thời tiết", "Weather station", TEN_MINUTES,
              ("air_temperature", "relative_humidity", "air_pressure", "rainfall", "wind_speed",
               "solar_radiation", *_POWER)),
        Model("soil-probe", "Đầu đo đất", "Soil probe", TEN_MINUTES,
              ("soil_moisture", "soil_temperature", "soil_ec", *_POWER), on_plot=True),
        Model("nutrient-probe", "Đầu đo dinh dưỡng đất", "Soil nutrient probe", TEN_MINUTES,
              ("soil_nitrogen", "soil_phosphorus", "soil_potassium", "soil_ph", *_POWER),
              on_plot=True),
        Model("canal-gauge", "Trạm đo kênh rạch", "Canal gauge", TEN_MINUTES,
              ("water_level", "water_temperature", "water_ph", "salinity", "turbidity", *_POWER)),
        Model("pond-buoy", "Phao đo ao nuôi", "Pond buoy", TEN_MINUTES,
              ("water_temperature", "water_ph", "dissolved_oxygen", "ammonia", *_POWER), on_plot=True),
        Model("pest-trap", "Bẫy đèn đếm rầy", "Light trap", TEN_MINUTES, ("pest_count", *_POWER)),
        Model("pump-controller", "Tủ điều khiển bơm", "Pump controller", TEN_MINUTES,
              ("pump_state", "energy", "rssi"), on_plot=True),
        Model(DIARY, "Nhật ký canh tác", "Farm diary", 0, ()),
    )
}  # fmt: skip
