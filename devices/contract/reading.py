"""What a node said, once it is understood."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Device:
    """Who measures, and where. These are the tags of its points, so they are few and bounded; `plot` is none:
    it is the plot that the device stands on, None where it measures for the whole community. `probe`: the
    probe file that reads what it says, None where it speaks the contract; `site`: values of the place that
    the file needs, such as the height of the mounting in m.
    """

    pilot: str
    community: str
    device: str
    model: str
    simulated: bool
    plot: str | None = None
    probe: str | None = None
    site: tuple[tuple[str, float], ...] = ()


class Reading(NamedTuple):
    """One message of telemetry that was understood. A tuple: there are tens of thousands a second.

    `values` maps signal id to a number in the signal's unit. Times are epoch milliseconds: `time` is
    the one that is stored, `device_time` what the device claimed where that was not believed.
    """

    device: Device
    time: int
    values: dict[str, float]
    device_time: int | None = None
    seq: int | None = None
    boot: str | None = None
