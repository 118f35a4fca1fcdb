"""Growing conditions of a lot: the port to whatever keeps the readings, and their summary."""

from dataclasses import dataclass
from typing import Any, Protocol

SENSED = (
    "air_temperature", "relative_humidity", "rainfall", "soil_moisture", "soil_ph", "water_temperature",
    "dissolved_oxygen", "salinity", "illuminance",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conditions:
    """A summary of the readings for one plot of a community between two moments (epoch ms).

    `daily` maps signal id to rows of [day YYYY-MM-DD, low, mean, high, number]; a day without a row is a gap.
    Of the `devices`, `on_plot` stand on the plot and the others measure for the whole community; for a signal
    that both measure, the plot's readings count. `coverage` is the mean over all hours of the share of
    devices that reported, 0 for hours without any device. If devices are meant to measure on the plot, only
    those count, because coverage says how well the plot is known: a weather station that never fails must not
    hide a probe that failed or never started. `flagged` is the share of values that a check did not believe.
    `raw_sha256` covers every good row.
    """

    start: int
    stop: int
    devices: int
    simulated: int
    coverage: float
    flagged: float
    daily: dict[str, list[list[Any]]]
    raw_rows: int
    raw_sha256: str
    on_plot: int = 0


class Grew(Protocol):
    """The port to the source of growing conditions."""

    def conditions(self, community: str, plot: str, start: int, stop: int) -> Conditions:
        """Conditions of the community's plot in [start, stop) epoch ms. May raise the store's RetryLater."""
