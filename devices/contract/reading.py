"""A decoded message of a node: which device measured, what and when."""

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Device:
    """Which device measures, and where. Pilot, community, device, model and `simulated` are tags of its
    points, so they are few and bounded. The others are no tags. `plot`: the plot that the device stands on,
    None if it measures for the whole community. `probe`: the probe file that decodes its messages, None if it
    speaks the contract; `site`: values of the place that the file needs, such as the height of the mounting
    in m. `enrolled`: since when it is enrolled, epoch ms; 0 for a simulated one. Enrolled again it is another
    device, whose boots, numbers and counters have nothing to do with the former's.
    """

    pilot: str
    community: str
    device: str
    model: str
    simulated: bool
    plot: str | None = None
    probe: str | None = None
    site: tuple[tuple[str, float], ...] = ()
    enrolled: int = field(default=0, compare=False)


class Reading(NamedTuple):
    """One decoded telemetry message. It is a tuple, because there are tens of thousands a second.

    `values` maps signal id to a number in the signal's unit. Times are epoch milliseconds: `time` is the one
    that is stored, `device_time` the device's own if that was not believed.
    """

    device: Device
    time: int
    values: dict[str, float]
    device_time: int | None = None
    seq: int | None = None
    boot: str | None = None
