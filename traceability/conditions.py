"""What was sensed where a lot grew: the port to whoever keeps the readings, and its summary."""

from dataclasses import dataclass
from typing import Any, Protocol

SENSED = (
    "air_temperature", "relative_humidity", "rainfall", "soil_moisture", "soil_ph", "water_temperature",
    "dissolved_oxygen", "salinity",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conditions:
    """Readings of one community between two moments, summed up.

    `daily` maps signal id to rows of [day YYYY-MM-DD, low, mean, high, number]; a day without a row is
    a gap. `coverage` is the mean share of hours that a device reported in, 0 without a device.
    `flagged` is the share of values that a check did not believe. `raw_sha256` covers every good row.
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


class Grew(Protocol):
    """Whoever can say how it grew."""

    def conditions(self, community: str, start: int, stop: int) -> Conditions:
        """Conditions in [start, stop) epoch ms. May raise the store's RetryLater."""
