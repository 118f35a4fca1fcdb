"""Today's work: who is in alarm by what was measured last, which devices are silent; and the list of places.

devices ─► by place ─┬─► measured ─► alarms
                     └─► silent
pilot, standing ─► rows of places, in Vietnamese order, found by a name without its marks
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dashboards import wording
from dashboards.figures import DeviceNow, Figures, Standing
from dashboards.pages.measured import Measured, levelled, meaning, measured, silence
from devices.clock import DAY_MS, day_of, moment_of
from devices.pilots.alarms import STEPS
from devices.pilots.names import alphabetical, unmarked
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community, Place, Village
from devices.texts import text

BACK_MS = 7 * DAY_MS  # how far back a device may have been heard last that is missed
SHOWN_NAMES = 4  # of silent devices of a place; the page of the place has them all


class Work(NamedTuple):
    """Each place and quantity beyond a level, the highest level first; each place with silent devices, the
    longest silent first.
    """

    alarms: list[tuple[Place, Measured]]
    silent: list[tuple[Place, list[DeviceNow]]]


def work(figures: Figures, now: int) -> Work:
    """As of now. Raises RetryLater."""
    pilot, signals = figures.pilot, levelled(figures.pilot)
    by_place: dict[str, list[DeviceNow]] = {}
    for device in figures.heard(now, BACK_MS):
        by_place.setdefault(device.community, []).append(device)
    places = sorted(pilot.places, key=lambda place: alphabetical(place.name))
    alarms = [
        (place, one)
        for place in places
        for one in measured(by_place.get(place.id, ()), place.id, pilot, now, signals)
        if one.reached
    ]
    silent = [
        (place, sorted(some, key=lambda device: device.seen))
        for place in places
        if (some := [one for one in by_place.get(place.id, ()) if now - one.seen > silence(pilot)])
    ]
    return Work(sorted(alarms, key=lambda of: -STEPS.index(of[1].reached)), silent)


def shown_silent(work: Work, pilot: Pilot, now: int, lang: str) -> list[dict[str, Any]]:
    """The silent devices by place, in words."""
    return [
        {
            "place": place,
            "commune": wording.commune(place),
            "number": len(some),
            "names": [
                f"{wording.device(one.device, place.id, one.model, lang)} "
                f"({moment_of(one.seen, pilot.zone):%d/%m/%Y %H:%M})"
                for one in some[:SHOWN_NAMES]
            ],
            "more": len(some) - SHOWN_NAMES,
        }
        for place, some in work.silent
    ]


def shown_alarms(work: Work, now: int, lang: str) -> list[dict[str, Any]]:
    """The alarms in words."""
    return [
        {
            "place": place,
            "commune": wording.commune(place),
            "name": wording.signal(one.signal, lang),
            "value": wording.measured(one.signal, one.worst, lang),
            "meaning": meaning(one, lang),
            "age": wording.age(now - one.at, lang),
        }
        for place, one in work.alarms
    ]


def places(
    pilot: Pilot, standing: Mapping[str, Standing], now: int, lang: str, asked: str = ""
) -> list[dict[str, Any]]:
    """Each place in Vietnamese order, with whether it counts and what it lacks. Where something is `asked`,
    those whose name, commune or product has it in it, with its marks or without them.
    """
    day, wanted = day_of(now, pilot.zone), unmarked(asked)
    return [
        {
            "place": place,
            "commune": wording.commune(place),
            "kind": wording.kind(place, lang),
            "joined": text(
                f"place.joins{'_later' if place.joined > day else ''}", lang, day=f"{place.joined:%d/%m/%Y}"
            ),
            "later": place.joined > day,
            **_stands(place, pilot, standing, lang),
        }
        for place in sorted(pilot.places, key=lambda one: alphabetical(one.name))
        if wanted in unmarked(_findable(place, lang))
    ]


def _findable(place: Place, lang: str) -> str:
    products = place.products if isinstance(place, Community) else ()
    names = " ".join(product.name.get(lang) for product in products)
    return f"{place.name} {place.commune_new or ''} {place.commune_old} {names}"


def _stands(place: Place, pilot: Pilot, standing: Mapping[str, Standing], lang: str) -> dict[str, Any]:
    indicator = "smart_villages" if isinstance(place, Village) else "iot_communities"
    mine = standing.get(indicator)
    lacking = [
        wording.lacks(name, one.missed[place.id], pilot, lang)
        for name, one in standing.items()
        if place.id in one.missed
    ]
    return {"counts": bool(mine and place.id in mine.members), "lacks": lacking}


def missed(indicator: str, one: Standing | None, pilot: Pilot, lang: str) -> list[dict[str, Any]]:
    """Who does not count, by what is lacking; those who lack the least come first."""
    by_lack: dict[str, list[Place]] = {}
    for place, has in (one.missed if one else {}).items():
        if place in pilot.place:
            by_lack.setdefault(has, []).append(pilot.place[place])
    nearest = sorted(by_lack.items(), key=lambda lack: _far(lack[0]))
    return [
        {
            "lack": wording.lacks(indicator, has, pilot, lang),
            "places": sorted(some, key=lambda place: alphabetical(place.name)),
        }
        for has, some in nearest
    ]


def _far(has: str) -> tuple[int, str]:
    """How far from counting: devices that lack, or services that are silent."""
    first, slash, whole = has.partition("/")
    if slash and first.isdecimal() and whole.isdecimal():
        return int(whole) - int(first), has
    return has.count(", ") + 1, has
