"""What all devices measured last, and what is advised: read once for every page that shows places.

store ─► Lately ─► Kept ─┬─► overview.py   each few seconds, before anybody asks
                         └─► place.py
store ─► what real devices said in the last minute, each second ─► newest ─► overview.py
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from dashboards.figures import AlarmNow, DeviceNow, Figures, sensors
from dashboards.kept import Kept
from devices.clock import AHEAD_MS, DAY_MS, MINUTE_MS
from devices.contract.signals import SIGNALS
from gateway.indicators.count import MANY
from gateway.stores.points import FLAG_FALSE, FLAG_TRUE, Point
from gateway.stores.store import Latest

BACK_MS = 7 * DAY_MS  # how far back a device may have been heard last, whose values are shown
REMEMBERED_MS = 60 * DAY_MS  # and how far, to say since when it is silent
ADVICE_MS = DAY_MS  # advice is written again each hour as long as it holds
SPOKEN_MS = MINUTE_MS  # what came since `Lately` was read is within that: its age, and the road to the store


class Lately(NamedTuple):
    """As of epoch ms `at`: the devices heard within a week by place, when each was heard last (epoch ms), the
    advice, and what the gateway's watch found in alarm.
    """

    at: int
    devices: dict[str, list[DeviceNow]]
    heard: dict[str, int]
    advice: list[Latest]
    alarms: list[AlarmNow]

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
        advice = figures.store.latest("advice", where, now - ADVICE_MS)
        return cls(now, by_place, heard, advice, figures.alarms(now))


def kept(figures: Figures) -> Kept[Lately]:
    """The same, kept for pages to share."""
    return Kept(lambda: Lately.read(figures))


def spoken(figures: Figures) -> Kept[list[Point]]:
    """What real devices said in the last minute, the newest first: who has just put one up looks for it. One
    quick question: that of the simulated ones too takes InfluxDB twenty times as long.
    """

    def read() -> list[Point]:
        now = figures.now()
        where = {"pilot": figures.pilot.pilot, "simulated": FLAG_FALSE}
        return figures.store.series("telemetry", where, now - SPOKEN_MS, now + AHEAD_MS, MANY)

    return Kept(read, live=True)


def newest(recent: Lately, points: Sequence[Point], now: int, number: int) -> list[DeviceNow]:
    """At most `number` of the devices heard within a day, real ones first, the newest first among them: what
    is `recent`, and the `points` that came since.
    """
    by_id = {one.device: one for some in recent.devices.values() for one in some}
    for point in points:
        one = _spoke(point)
        by_id[one.device] = _both(by_id.get(one.device), one)
    return [one for one in sensors(by_id) if one.seen >= now - DAY_MS][:number]


def _spoke(point: Point) -> DeviceNow:
    tags = dict(point.tags)
    values = {name: (point.time, float(value)) for name, value in point.fields.items() if name in SIGNALS}
    return DeviceNow(
        tags["device"], tags.get("community", ""), tags.get("model", ""),
        tags.get("simulated") == FLAG_TRUE, point.time, values, {},
    )  # fmt: skip


def _both(known: DeviceNow | None, one: DeviceNow) -> DeviceNow:
    """Of a device's values the newer; neither is changed: other pages read them meanwhile."""
    if known is None:
        return one
    older, newer = sorted((known, one), key=lambda device: device.seen)
    values = older.values | newer.values
    for name, value in older.values.items():
        values[name] = max(values[name], value)
    return replace(newer, values=values, flagged=known.flagged)
