"""What a place measures now: the newest believed value of each quantity, its age, its alarm level.

devices of a place ─► the real ones, where there are any ─► those heard lately ─► Measured
                                                            └─ none: the newest, which is marked as silent
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dashboards import wording
from dashboards.figures import DeviceNow
from devices.clock import AHEAD_MS, HOUR_MS, MINUTE_MS
from devices.pilots.alarms import Level
from devices.pilots.pilot import Pilot
from devices.probes.meant import VIETNAM_MS
from devices.texts import text

GROUPS = {
    "water": ("water_level", "salinity", "water_ph", "water_temperature", "dissolved_oxygen", "ammonia",
              "turbidity", "water_ec", "water_volume"),
    "soil": ("soil_moisture", "soil_moisture_2", "soil_moisture_3", "soil_moisture_4", "soil_temperature",
             "soil_temperature_2", "soil_temperature_3", "soil_temperature_4", "soil_ec", "soil_ph",
             "soil_nitrogen", "soil_phosphorus", "soil_potassium"),
    "air": ("air_temperature", "relative_humidity", "rainfall", "rain_rate", "wind_speed",
            "wind_direction", "solar_radiation", "illuminance", "leaf_wetness", "air_pressure", "co2",
            "pm2_5", "pm10", "noise"),
    "pests": ("pest_count",),
}  # fmt: skip
SIGNALS = tuple(signal for signals in GROUPS.values() for signal in signals)
SUMS = ("rainfall", "pest_count")  # what came since the reading before: pages show the sum of a day
BETWEEN_MS = 30 * MINUTE_MS  # Assumption: a device that sends does so at least this often
SILENT_HOURS = 3  # assumption, where a pilot has no alarms


@dataclass(frozen=True, slots=True)
class Measured:
    """A quantity at a place: from `low` to `high` over its `devices`, the newest at epoch ms `at`.

    `reached` is the highest alarm level that the quantity is beyond, "" for none. `silent`: no new value came
    for some hours, so that nobody knows whether the last one still holds.
    """

    signal: str
    low: float
    high: float
    at: int
    devices: int
    simulated: bool
    level: Level | None
    reached: str
    silent: bool

    @property
    def worst(self) -> float:
        """The value that is compared with the levels."""
        return self.low if self.level is not None and self.level.when == "under" else self.high

    @property
    def limit(self) -> float:
        """The limit of the level that is reached, else of the first level."""
        assert self.level is not None
        return dict(self.level.named())[self.reached or self.level.named()[0][0]]

    @property
    def beside(self) -> float | None:
        """The limit that pages show beside the values; None where there are no levels."""
        return self.limit if self.level is not None else None


def silence(pilot: Pilot) -> int:
    """Milliseconds without a reading after which a device is called silent. Where the pilot does not say, one
    missed reading is not enough.
    """
    if pilot.alarms is not None:
        return pilot.alarms.silent_hours * HOUR_MS
    return max(SILENT_HOURS * HOUR_MS, 2 * pilot.rules.iot_communities.slot_minutes * MINUTE_MS)


def may_be_behind(now: int, heard: int, *, simulated: bool) -> bool:
    """Whether a device that was last heard at epoch ms `heard` may send still, with its clock seven hours
    behind: UTC sent as Vietnamese time is believed, and looks like a silence of that length.
    """
    return not simulated and -AHEAD_MS <= now - heard - VIETNAM_MS <= BETWEEN_MS


def measured(
    devices: Iterable[DeviceNow], place: str, pilot: Pilot, now: int, signals: Sequence[str]
) -> list[Measured]:
    """What the devices of a place measure, in the order of `signals`; unmeasured signals are left out."""
    of_place = list(devices)
    return [one for signal in signals if (one := _measured(of_place, signal, place, pilot, now)) is not None]


def _measured(
    devices: Sequence[DeviceNow], signal: str, place: str, pilot: Pilot, now: int
) -> Measured | None:
    mine = [(*one.values[signal], one.simulated) for one in devices if signal in one.values]
    if not mine:
        return None
    if not all(simulated for *_, simulated in mine):
        mine = [one for one in mine if not one[2]]
    newest = max(mine)
    fresh = [one for one in mine if now - one[0] <= silence(pilot)]
    values = [value for _, value, _ in fresh or [newest]]
    level = pilot.alarms.of(signal, place) if pilot.alarms else None
    low, high = min(values), max(values)
    worst = low if level is not None and level.when == "under" else high
    return Measured(
        signal, low, high, newest[0], len(values), newest[2], level,
        level.reached(worst) if level else "", silent=not fresh,
    )  # fmt: skip


def levelled(pilot: Pilot) -> tuple[str, ...]:
    """The signals that have levels of alarm, in the order of the pilot file."""
    return tuple(dict.fromkeys(level.signal for level in pilot.alarms.levels)) if pilot.alarms else ()


def meaning(one: Measured, lang: str) -> str:
    """What a value means against the levels of alarm; "" where the pilot has none for it."""
    if one.level is None:
        return ""
    state = "reached" if one.reached else "calm"
    words = text(
        f"place.{state}_{one.level.when}",
        lang,
        level=one.reached or one.level.named()[0][0],
        limit=wording.measured(one.signal, one.limit, lang),
    )
    if one.silent:
        words = text(f"place.silent_{state}", lang, words=words)
    return words + (text("place.gauge", lang, gauge=one.level.gauge) if one.level.gauge else "")
