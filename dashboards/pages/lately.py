"""What all devices measured last, and what is advised: read once for every page that shows places.

store ─► Lately ─► Kept ─┬─► overview.py   each few seconds, before anybody asks
                         └─► place.py
store ─► what real devices said in the last minute, each second ─► newest ─► overview.py
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from dashboards.figures import AlarmNow, DeviceNow, Figures, gathered, sensors
from dashboards.kept import Kept
from devices.clock import AHEAD_MS, DAY_MS, MINUTE_MS
from devices.contract.signals import SIGNALS
from gateway.stores.leftover import Leftover
from gateway.stores.newest import Newest
from gateway.stores.points import FLAG_FALSE, FLAG_TRUE, READINGS, Point
from gateway.stores.store import Latest, all_points

BACK_MS = 7 * DAY_MS  # how far back a device may have been heard last, whose values are shown
REMEMBERED_MS = 60 * DAY_MS  # and how far, to say since when it is silent
ASKED_AGAIN_MS = 10 * MINUTE_MS  # how often that is asked for: who is silent for days goes on being so
ADVICE_MS = DAY_MS  # advice is written again each hour as long as it holds
SPOKEN_MS = (
    5 * MINUTE_MS
)  # what came since `Lately` was read is within that: its age, and the road to the store


@dataclass(frozen=True)
class Lately:
    """As of epoch ms `at`: the devices heard within a week, in the order of `sensors`, then real ones that
    may speak and have been silent for longer; when each was heard last (epoch ms); the advice; and what the
    gateway's watch found in alarm.
    """

    at: int
    known: list[DeviceNow]
    heard: dict[str, int]
    advice: list[Latest]
    alarms: list[AlarmNow]

    @classmethod
    def read(
        cls,
        figures: Figures,
        place: str = "",
        remembered: Mapping[str, int] | None = None,
        said: Sequence[Newest] = (),
    ) -> "Lately":
        """As of now, of all places, or of one. `remembered`: when devices were heard before the last days,
        where that was read lately; `said`: what all of them said last, where that is asked again and again.
        Raises RetryLater.
        """
        now, where = figures.now(), {"pilot": figures.pilot.pilot}
        of_place = {"community": place} if place else {}
        known = gathered(*(one.at(now) for one in said)) if said else figures.heard(now, BACK_MS, **of_place)
        heard = {**(_remembered(figures, where | of_place, now) if remembered is None else remembered)}
        heard |= {device.device: device.seen for device in known}
        there = {device.device for device in known}
        known += [
            DeviceNow(one.device, one.community, one.model, False, heard[one.device], {}, {})
            for one in figures.roster()
            if not one.simulated and one.device in heard and one.device not in there
            if place in ("", one.community)
        ]
        advice = figures.store.latest("advice", where | of_place, now - ADVICE_MS)
        return cls(now, known, heard, advice, figures.alarms(now, **of_place))

    @cached_property
    def devices(self) -> dict[str, list[DeviceNow]]:
        """Those of each place."""
        by_place: dict[str, list[DeviceNow]] = {}
        for device in self.known:
            by_place.setdefault(device.community, []).append(device)
        return by_place

    @cached_property
    def advised(self) -> dict[str, list[Latest]]:
        """The advice to each place."""
        by_place: dict[str, list[Latest]] = {}
        for one in self.advice:
            by_place.setdefault(one.tags.get("community", ""), []).append(one)
        return by_place

    @cached_property
    def of_a_day(self) -> list[DeviceNow]:
        """The devices heard within a day, and what each said in it."""
        since = self.at - DAY_MS
        return [_since(device, since) for device in self.known if device.seen >= since]


def _remembered(figures: Figures, where: Mapping[str, str], now: int) -> dict[str, int]:
    """When each device was heard last, as the clerk wrote it down (epoch ms)."""
    return {
        latest.tags.get("device", ""): int(latest.fields["last_seen"][1])
        for latest in figures.store.latest("device", where, now - REMEMBERED_MS, only=["last_seen"])
        if "last_seen" in latest.fields
    }


def _since(device: DeviceNow, since: int) -> DeviceNow:
    """A device with what it said since epoch ms `since` alone."""
    return replace(
        device,
        values={name: one for name, one in device.values.items() if one[0] >= since},
        flagged={name: one for name, one in device.flagged.items() if one[0] >= since},
    )


def kept(figures: Figures, folder: Path | None = None, source: str = "") -> Kept[Lately]:
    """The same, kept for pages to share, with all that is derived from it. The newest values of a large store
    wait in `folder` for the next start; `source` names the store.
    """

    pilot = figures.pilot.pilot
    said = [Newest(figures.store, name, {"pilot": pilot}, BACK_MS) for name in READINGS]
    left: list[Leftover] = []
    if folder is not None:
        left += (
            Leftover(folder / f"newest-{pilot}-{name}.json", source, one)
            for name, one in zip(READINGS, said, strict=True)
        )
    remembered: tuple[int, dict[str, int]] = (-ASKED_AGAIN_MS, {})  # when it was read, epoch ms
    begun = False

    def read() -> Lately:
        nonlocal remembered, begun
        now = figures.now()
        if not begun:
            begun = True
            for one in left:
                one.take(now)
        if not 0 <= now - remembered[0] < ASKED_AGAIN_MS:  # a clock may be put back
            remembered = now, _remembered(figures, {"pilot": figures.pilot.pilot}, now)
        made = Lately.read(figures, remembered=remembered[1], said=said)
        _ = made.devices, made.advised, made.of_a_day  # now, not when the first page asks
        for one in left:
            one.keep()
        return made

    return Kept(read)


def of_a_day(figures: Figures, recent: Kept[Lately], place: str | None = None) -> list[DeviceNow]:
    """The devices heard within a day, of all places or of one; who asks before the first reading of all
    places waits for his one alone. Raises RetryLater.
    """
    if place is None:
        return recent.get().of_a_day
    if recent.begins:
        return figures.devices(figures.now(), community=place)
    return [device for device in recent.get().of_a_day if device.community == place]


def spoken(figures: Figures) -> Kept[list[Point]]:
    """What real devices said in the last minutes, the newest first: who has just put one up looks for it. One
    quick question: that of the simulated ones too takes InfluxDB twenty times as long.
    """

    def read() -> list[Point]:
        now = figures.now()
        where = {"pilot": figures.pilot.pilot, "simulated": FLAG_FALSE}
        return [*all_points(figures.store, "telemetry", where, now - SPOKEN_MS, now + AHEAD_MS)]

    return Kept(read, live=True)


def newest(recent: Lately, points: Sequence[Point], now: int, number: int) -> list[DeviceNow]:
    """At most `number` of the devices heard within a day, real ones first, the newest first among them: what
    is `recent`, and the `points` that came since.
    """
    by_id: dict[str, DeviceNow] = {}
    for one in (_spoke(point) for point in points if "device" in dict(point.tags)):
        there = recent.devices.get(one.community, ())
        known = by_id.get(one.device) or next((its for its in there if its.device == one.device), None)
        by_id[one.device] = _both(known, one)
    lately = (one for one in recent.known if one.seen >= now - DAY_MS and one.device not in by_id)
    first = {one.device: one for one in islice(lately, number)}
    return [one for one in sensors(by_id | first) if one.seen >= now - DAY_MS][:number]


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
