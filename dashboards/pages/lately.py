"""What all devices measured last, and what is advised: read once for every page that shows places.

store ─► Lately ─► Kept ─┬─► overview.py   each few seconds, before anybody asks
                         └─► place.py
"""

from typing import NamedTuple

from dashboards.figures import DeviceNow, Figures
from dashboards.pages.kept import Kept
from devices.clock import DAY_MS
from gateway.stores.store import Latest

BACK_MS = 7 * DAY_MS  # how far back a device may have been heard last, whose values are shown
REMEMBERED_MS = 60 * DAY_MS  # and how far, to say since when it is silent
ADVICE_MS = DAY_MS  # advice is written again each hour as long as it holds


class Lately(NamedTuple):
    """The devices heard within a week by place, when each was heard last (epoch ms), and the advice."""

    devices: dict[str, list[DeviceNow]]
    heard: dict[str, int]
    advice: list[Latest]

    @classmethod
    def read(cls, figures: Figures) -> "Lately":
        """As of now. Raises RetryLater."""
        now, where = figures.now(), {"pilot": figures.pilot.pilot}
        by_place: dict[str, list[DeviceNow]] = {}
        heard = {
            latest.tags.get("device", ""): int(latest.fields["last_seen"][1])
            for latest in figures.store.latest("device", where, now - REMEMBERED_MS)
            if "last_seen" in latest.fields
        }
        for device in figures.heard(now, BACK_MS):
            by_place.setdefault(device.community, []).append(device)
            heard[device.device] = device.seen
        return cls(by_place, heard, figures.store.latest("advice", where, now - ADVICE_MS))


def kept(figures: Figures) -> Kept[Lately]:
    """The same, kept for pages to share."""
    return Kept(lambda: Lately.read(figures))
