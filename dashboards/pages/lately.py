"""What all devices measured last, and what is advised: read once for every page that shows places.

store ─► Lately ─► Kept ─┬─► overview.py   each few seconds, before anybody asks
                         └─► place.py
store ─► what real devices said in the last minutes, each second ─► newest ─► overview.py
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from dashboards.figures import AlarmNow, DeviceNow, Figures, gathered, sensors
from dashboards.kept import Kept
from dashboards.newest_file import NewestFile
from devices.clock import AHEAD_MS, DAY_MS, MINUTE_MS
from devices.contract.signals import SIGNALS
from gateway.stores.newest import Newest
from gateway.stores.points import FLAG_FALSE, FLAG_TRUE, READINGS, Point
from gateway.stores.store import Latest, all_points

BACK_MS = 7 * DAY_MS  # values are shown of devices that were heard within this time
REMEMBERED_MS = 60 * DAY_MS  # of devices heard within this time, pages say since when they are silent
ASKED_AGAIN_MS = 10 * MINUTE_MS  # how often these are read again: a device silent for days stays silent
ADVICE_MS = DAY_MS  # advice is written again each hour as long as it holds
SPOKEN_MS = 5 * MINUTE_MS  # covers what came since `Lately` was read: its age, and a point's way to the store


@dataclass(frozen=True)
class Lately:
    """What pages know of all devices, as of epoch ms `at`.

    `known`: the devices heard within a week, in the order of `sensors`, then real devices of the roster that
    have been silent for longer. `heard`: device → when it was last heard (epoch ms). `advice`: what is
    advised. `alarms`: what the gateway's watch found in alarm.
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
        """Read it as of now, for all places or for one. `remembered`: when devices were last heard, as the
        clerk stored it, if that was read lately. `said`: the newest values of all devices, from a caller that
        reads again and again. Raises RetryLater.
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
        """Place → its devices."""
        by_place: dict[str, list[DeviceNow]] = {}
        for device in self.known:
            by_place.setdefault(device.community, []).append(device)
        return by_place

    @cached_property
    def advised(self) -> dict[str, list[Latest]]:
        """Place → the advice to it."""
        by_place: dict[str, list[Latest]] = {}
        for one in self.advice:
            by_place.setdefault(one.tags.get("community", ""), []).append(one)
        return by_place

    @cached_property
    def of_a_day(self) -> list[DeviceNow]:
        """The devices heard within a day, each with the values of that day only."""
        since = self.at - DAY_MS
        return [_since(device, since) for device in self.known if device.seen >= since]


def _remembered(figures: Figures, where: Mapping[str, str], now: int) -> dict[str, int]:
    """Device → when it was last heard (epoch ms), as the clerk stored it."""
    return {
        latest.tags.get("device", ""): int(latest.fields["last_seen"][1])
        for latest in figures.store.latest("device", where, now - REMEMBERED_MS, only=["last_seen"])
        if "last_seen" in latest.fields
    }


def _since(device: DeviceNow, since: int) -> DeviceNow:
    """A device with only the values since epoch ms `since`."""
    return replace(
        device,
        values={name: one for name, one in device.values.items() if one[0] >= since},
        flagged={name: one for name, one in device.flagged.items() if one[0] >= since},
    )


def kept(figures: Figures, folder: Path | None = None, source: str = "") -> Kept[Lately]:
    """`Lately`, read in the background for all pages, with all that is derived from it. The newest values of
    a large store wait in `folder` for the next start; `source` names the store.
    """

    pilot = figures.pilot.pilot
    said = [Newest(figures.store, name, {"pilot": pilot}, BACK_MS) for name in READINGS]
    files: list[NewestFile] = []
    if folder is not None:
        files += (
            NewestFile(folder / f"newest-{pilot}-{name}.json", source, one)
            for name, one in zip(READINGS, said, strict=True)
        )
    remembered: tuple[int, dict[str, int]] = (-ASKED_AGAIN_MS, {})  # when it was read, epoch ms
    begun = False

    def read() -> Lately:
        nonlocal remembered, begun
        now = figures.now()
        if not begun:
            begun = True
            for one in files:
                one.take(now)
        if not 0 <= now - remembered[0] < ASKED_AGAIN_MS:  # a clock may be put back
            remembered = now, _remembered(figures, {"pilot": figures.pilot.pilot}, now)
        made = Lately.read(figures, remembered=remembered[1], said=said)
        _ = made.devices, made.advised, made.of_a_day  # derived now, not when the first page asks
        for one in files:
            one.keep()
        return made

    return Kept(read)


def of_a_day(figures: Figures, recent: Kept[Lately], place: str | None = None) -> list[DeviceNow]:
    """The devices heard within a day, of all places or of one. Before the first reading of all places has
    ended, a request for one place reads that one only. Raises RetryLater.
    """
    if place is None:
        return recent.get().of_a_day
    if recent.begins:
        return figures.devices(figures.now(), community=place)
    return [device for device in recent.get().of_a_day if device.community == place]


def spoken(figures: Figures) -> Kept[list[Point]]:
    """The points of real devices of the last minutes, the newest first: whoever has just put up a device
    looks for it. It is one quick query; with the simulated devices it takes InfluxDB twenty times as long.
    """

    def read() -> list[Point]:
        now = figures.now()
        where = {"pilot": figures.pilot.pilot, "simulated": FLAG_FALSE}
        return [*all_points(figures.store, "telemetry", where, now - SPOKEN_MS, now + AHEAD_MS)]

    return Kept(read, live=True)


def newest(recent: Lately, points: Sequence[Point], now: int, number: int) -> list[DeviceNow]:
    """At most `number` of the devices heard within a day, real ones first; of each kind, the last heard
    first. They are those of `recent`, with the `points` that came since.
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
    """A device with the newer of its values. Neither argument is changed: other pages read them meanwhile."""
    if known is None:
        return one
    older, newer = sorted((known, one), key=lambda device: device.seen)
    values = older.values | newer.values
    for name, value in older.values.items():
        values[name] = max(values[name], value)
    return replace(newer, values=values, flagged=known.flagged)
