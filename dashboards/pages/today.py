"""Today's work (places in alarm, silent devices, advice), and the list of places.

devices ─► by place ─┬─► measured ─┬─► alarms
                     └─► silent    │
the gateway's watch ───────────────┘
advice ─► of each rule the newest sentence, and where else it holds
pilot, standing ─► rows of places, in Vietnamese order, found by a name without its marks
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from dashboards import wording
from dashboards.figures import AlarmNow, DeviceNow, Standing
from dashboards.pages.measured import GROUPS, Measured, levelled, may_be_behind, meaning, measured, silence
from devices.clock import day_of, moment_of
from devices.contract.models import device_name
from devices.pilots.alarms import STEPS
from devices.pilots.names import alphabetical, unmarked
from devices.pilots.pilot import INDICATORS, Pilot
from devices.pilots.places import Community, Place, Village
from devices.texts import age, moment, text
from gateway.control.alarms.rules import kind_of
from gateway.stores.store import Latest

OVER = 0  # the severity of advice that does not hold any more (gateway/control/rules.py)
COUNTED = ("iot_communities", "smart_villages")  # the indicators that places are members of
ELSEWHERE = ("silent", *INDICATORS)  # quantities whose alarms the page shows in lists of their own
SHOWN_NAMES = 4  # of silent devices of a place; the page of the place has them all


class Work(NamedTuple):
    """What the devices call for. `measured`: quantities with alarm levels, by place. `alarms`: those beyond a
    level, the highest level first. `silent`: each place with its silent devices, the longest silent first.
    """

    measured: list[tuple[Place, Measured]]
    alarms: list[tuple[Place, Measured]]
    silent: list[tuple[Place, list[DeviceNow]]]


def work(by_place: Mapping[str, list[DeviceNow]], pilot: Pilot, now: int) -> Work:
    """What the devices of each place call for."""
    signals = levelled(pilot)
    all_of_them = [
        (place, one)
        for place in pilot.places
        for one in measured(by_place.get(place.id, ()), place.id, pilot, now, signals)
    ]
    alarms = [of for of in all_of_them if of[1].reached]
    silent = [
        (place, sorted(some, key=lambda device: device.seen))
        for place in pilot.places
        if (some := [one for one in by_place.get(place.id, ()) if now - one.seen > silence(pilot)])
    ]
    return Work(
        all_of_them,
        sorted(alarms, key=lambda of: (-STEPS.index(of[1].reached), alphabetical(of[0].name))),
        sorted(silent, key=lambda of: alphabetical(of[0].name)),
    )


def nearest(work: Work, pilot: Pilot, now: int, lang: str) -> list[dict[str, Any]]:
    """For each quantity of water with alarm levels that is in alarm nowhere: the place nearest to one."""
    water = [signal for signal in levelled(pilot) if signal in GROUPS["water"]]
    by_signal: dict[str, list[tuple[Place, Measured]]] = {signal: [] for signal in water}
    for place, one in work.measured:
        if one.reached:
            by_signal.pop(one.signal, None)
        elif one.signal in by_signal and not one.silent:
            by_signal[one.signal].append((place, one))
    return [_alarm(*max(some, key=_near), pilot, now, lang) for some in by_signal.values() if some]


def _near(of: tuple[Place, Measured]) -> float:
    """How near a value is to the first level, as a part of that level: 0 at it, negative before it."""
    _, one = of
    beyond = one.worst - one.limit
    return (-beyond if one.level is not None and one.level.when == "under" else beyond) / (
        abs(one.limit) or 1
    )


def shown_silent(work: Work, pilot: Pilot, now: int, lang: str) -> list[dict[str, Any]]:
    """The silent devices by place, in words."""
    simulated = f"{text('overview.simulated', lang)}, "
    behind = f"; {text('overview.may_be_behind', lang)}"
    return [
        {
            "place": place,
            "commune": wording.commune(place, pilot, now),
            "number": len(some),
            "names": [
                f"{device_name(one.device, place.id, one.model, lang)} "
                f"({simulated if one.simulated else ''}{moment(moment_of(one.seen, pilot.zone), lang)}{more})"
                for one in some[:SHOWN_NAMES]
                for more in [behind * may_be_behind(now, one.seen, simulated=one.simulated)]
            ],
            "more": len(some) - SHOWN_NAMES,
        }
        for place, some in work.silent
    ]


def shown_alarms(
    work: Work, watched: Iterable[AlarmNow], pilot: Pilot, now: int, lang: str
) -> list[dict[str, Any]]:
    """The alarms in words: those of the gateway's watch, with since when they fire, then those of the last
    values that the watch does not have. Silent devices and targets have lists of their own.
    """
    mine = [one for one in watched if one.quantity not in ELSEWHERE]
    named = {(one.place, one.quantity) for one in mine}
    measured = [
        _alarm(place, one, pilot, now, lang)
        for place, one in work.alarms
        if (place.id, one.signal) not in named
    ]
    return [*(_watched(one, pilot, now, lang) for one in mine), *measured]


def alarms_of(
    values: Iterable[Measured], place: Place, pilot: Pilot, now: int, lang: str
) -> list[dict[str, Any]]:
    """The quantities of a place that are beyond a level, the highest level first, with what to do."""
    reached = sorted((one for one in values if one.reached), key=lambda one: -STEPS.index(one.reached))
    return [_alarm(place, one, pilot, now, lang) | {"do": _to_do(one, lang)} for one in reached]


def _to_do(one: Measured, lang: str) -> str:
    """What a message of this alarm tells people to do."""
    kind = "silent_in_alarm" if one.silent or one.level is None else kind_of(one.level)
    return text(f"alerts.{kind}_do", lang)


def _watched(one: AlarmNow, pilot: Pilot, now: int, lang: str) -> dict[str, Any]:
    place = pilot.place.get(one.place)
    return {
        "place": place,
        "commune": wording.commune(place, pilot, now) if place else "",
        "text": one.en if lang == "en" else one.vi,
        "since": text("alerts.since", lang, time=moment(moment_of(one.since, pilot.zone), lang)),
        "tag": "" if one.simulated is None else _tag(one.simulated, lang),
        "reached": True,
    }


def _alarm(place: Place, one: Measured, pilot: Pilot, now: int, lang: str) -> dict[str, Any]:
    return {
        "place": place,
        "commune": wording.commune(place, pilot, now),
        "name": wording.signal(one.signal, lang),
        "value": wording.measured(one.signal, one.worst, lang, one.beside),
        "meaning": meaning(one, lang),
        "age": age(now - one.at, lang),
        "tag": _tag(one.simulated, lang),
    }


def _tag(simulated: bool, lang: str) -> str:
    return text("overview.simulated" if simulated else "overview.real", lang)


def places(
    pilot: Pilot, standing: Mapping[str, Standing], now: int, lang: str, search: str = ""
) -> list[dict[str, Any]]:
    """Each place in Vietnamese order, with whether it counts and what it lacks. With a `search`, only places
    whose name, commune or product contains it; accents are ignored.
    """
    today, wanted = day_of(now, pilot.zone), unmarked(search)
    return [
        {
            "place": place,
            "commune": wording.commune(place, pilot, now),
            "kind": wording.kind(place, lang),
            "joined": wording.joined(place, pilot, now, lang),
            "later": place.joined > today,
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
    indicator = COUNTED[isinstance(place, Village)]
    mine = standing.get(indicator)  # None: nothing was counted yet, or it was not read yet
    lacking = [
        wording.lacks(name, one.missed[place.id], pilot, lang)
        for name, one in standing.items()
        if place.id in one.missed
    ]
    return {"counts": None if mine is None else place.id in mine.members, "lacks": lacking}


def missed(indicator: str, one: Standing | None, pilot: Pilot, lang: str) -> list[dict[str, Any]]:
    """The places that do not count, by what they lack; those that lack the least come first."""
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
    """How far a place is from counting: the number of missing devices, or of silent services."""
    first, slash, whole = has.partition("/")
    if slash and first.isdecimal() and whole.isdecimal():
        return int(whole) - int(first), has
    return has.count(", ") + 1, has


def advised(advice: Iterable[Latest], pilot: Pilot, now: int, lang: str) -> list[dict[str, Any]]:
    """The advice that still holds, by rule, the most urgent first; `advice` is to some places or to one."""
    rules: dict[str, list[dict[str, Any]]] = {}
    for latest in advice:
        at, severity = latest.fields.get("severity", (0, OVER))
        community = pilot.place.get(latest.tags.get("community", ""))
        if not severity or community is None:
            continue
        _, sentence = latest.fields.get("text_en" if lang == "en" else "text", (at, ""))
        if not sentence:  # the point is just being written
            continue
        rules.setdefault(latest.tags.get("rule", ""), []).append(
            {"severity": int(severity), "at": at, "text": str(sentence), "place": community,
             "crop": _crop(pilot, community.id, latest.tags.get("crop", ""), lang)}
        )  # fmt: skip
    return sorted((_rule(some, pilot, now, lang) for some in rules.values()), key=lambda one: one["order"])


def _rule(some: list[dict[str, Any]], pilot: Pilot, now: int, lang: str) -> dict[str, Any]:
    """One rule: its newest sentence, and the other places where the rule holds."""
    some = sorted(some, key=lambda one: (-one["at"], -one["severity"], alphabetical(one["place"].name)))
    first = some[0]
    others = {one["place"].id: one["place"] for one in some if one["place"].id != first["place"].id}
    crops = dict.fromkeys(one["crop"] for one in some if one["place"].id == first["place"].id and one["crop"])
    return {
        "order": (-first["severity"], alphabetical(first["place"].name), first["text"]),
        "urgent": first["severity"] == 3,
        "when": text(f"place.severity_{first['severity']}", lang),
        "text": first["text"],
        "place": first["place"],
        "commune": wording.commune(first["place"], pilot, now),
        "crops": list(crops),
        "age": age(now - first["at"], lang),
        "others": sorted(others.values(), key=lambda one: alphabetical(one.name)),
    }


def _crop(pilot: Pilot, community: str, crop: str, lang: str) -> str:
    """The names of the place's products of this crop (`crop` is an id)."""
    products = pilot.producers[community].products if community in pilot.producers else ()
    return ", ".join(product.name.get(lang) for product in products if product.crop == crop)
