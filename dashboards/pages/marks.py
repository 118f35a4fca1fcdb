"""The mark of each place on the map: of the states that apply to it the worst, as a state and in words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dashboards.figures import Figures, Standing
from dashboards.map.picture import Mark
from dashboards.pages import today
from dashboards.pages.lately import Lately
from dashboards.pages.measured import silence
from devices.clock import day_of
from devices.contract.models import DIARY
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot
from devices.pilots.places import Place, Village
from devices.texts import text

# In alarm; all devices silent; counts; lacks the least of those that do not; others that joined; joins later.
STATES = ("alarm", "silent", "counted", "next", "missed", "later")
INVENTED = "*"  # behind a name, in place of words that a phone has no room for


def marks(
    figures: Figures,
    work: today.Work,
    recent: Lately,
    standing: Mapping[str, Standing],
    rows: Iterable[Mapping[str, Any]],
    now: int,
    lang: str,
) -> list[Mark]:
    """One mark per place of the pilot; `rows` are those of the list of places."""
    pilot, day = figures.pilot, day_of(now, figures.pilot.zone)
    alarmed = {place.id for place, _ in work.alarms}
    alarmed |= {one.place for one in recent.alarms if one.quantity in SIGNALS}
    silent = _silent(figures, recent, now)
    counted = {member for one in _standings(standing) for member in one.members}
    nearest = {place.id for name in today.COUNTED for place in _nearest(name, standing, pilot, lang)}
    row_of = {row["place"].id: row for row in rows}

    def state(place: Place) -> str:
        if place.id in alarmed:
            return "alarm"
        if place.joined > day:
            return "later"
        if place.id in silent:
            return "silent"
        return "counted" if place.id in counted else "next" if place.id in nearest else "missed"

    return [
        Mark(place.id, _short(place), place.lat, place.lon, known, isinstance(place, Village),
             _description(known, row_of[place.id], lang))
        for place in pilot.places
        for known in (state(place),)
    ]  # fmt: skip


def legend(marks: Sequence[Mark], lang: str) -> list[dict[str, Any]]:
    """Each state with its word and the number of places that are in it."""
    return [
        {"state": state, "word": text(f"overview.map_{state}", lang),
         "number": sum(mark.state == state for mark in marks)}
        for state in STATES
    ]  # fmt: skip


def _standings(standing: Mapping[str, Standing]) -> Iterable[Standing]:
    return (standing[name] for name in today.COUNTED if name in standing)


def _nearest(name: str, standing: Mapping[str, Standing], pilot: Pilot, lang: str) -> list[Place]:
    rows = today.missed(name, standing.get(name), pilot, lang)
    return rows[0]["places"] if rows else []


def _silent(figures: Figures, recent: Lately, now: int) -> set[str]:
    """Places whose devices have been heard before, but none of them lately."""
    newest: dict[str, int] = {}
    for device in figures.roster():
        if device.model != DIARY and (at := recent.heard.get(device.device)) is not None:
            newest[device.community] = max(at, newest.get(device.community, at))
    return {place for place, at in newest.items() if now - at > silence(figures.pilot)}


def _short(place: Place) -> str:
    """The name without the remark that it is invented, which a star stands for."""
    return place.name.partition(" (")[0] + INVENTED if place.fictional else place.name


def _description(state: str, row: Mapping[str, Any], lang: str) -> str:
    """A mark in words, for those who do not see it and for a pointer that rests on it."""
    words = f"{row['place'].name}, {row['commune']} ({row['kind']}): {text(f'overview.map_{state}', lang)}"
    return "; ".join([words, *([] if row["later"] else row["lacks"])])
