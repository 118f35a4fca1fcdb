"""What is to be done: of each rule of a pilot's advice the newest sentence, and where else it holds."""

from typing import Any

from dashboards import wording
from dashboards.figures import Figures
from devices.clock import DAY_MS
from devices.pilots.names import alphabetical
from devices.pilots.pilot import Pilot
from devices.texts import text

OVER = 0  # the severity of what does not hold any more (gateway/control/rules.py)


def advised(figures: Figures, now: int, lang: str, place: str = "") -> list[dict[str, Any]]:
    """The rules that hold, what presses most first, at all places or at one. Raises RetryLater."""
    pilot = figures.pilot
    where = {"pilot": pilot.pilot} | ({"community": place} if place else {})
    rules: dict[str, list[dict[str, Any]]] = {}
    for latest in figures.store.latest("advice", where, now - DAY_MS):
        at, severity = latest.fields.get("severity", (0, OVER))
        community = pilot.place.get(latest.tags.get("community", ""))
        if not severity or community is None:
            continue
        said = latest.fields.get("text_en" if lang == "en" else "text", (at, ""))[1]
        rules.setdefault(latest.tags.get("rule", ""), []).append(
            {"severity": int(severity), "at": at, "text": str(said), "place": community,
             "crop": _crop(pilot, community.id, latest.tags.get("crop", ""), lang)}
        )  # fmt: skip
    return sorted((_rule(some, now, lang) for some in rules.values()), key=lambda one: one["order"])


def _rule(some: list[dict[str, Any]], now: int, lang: str) -> dict[str, Any]:
    """One rule: its newest sentence, and the other places where it holds."""
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
        "commune": wording.commune(first["place"]),
        "crops": list(crops),
        "age": wording.age(now - first["at"], lang),
        "others": sorted(others.values(), key=lambda one: alphabetical(one.name)),
    }


def _crop(pilot: Pilot, community: str, crop: str, lang: str) -> str:
    """What grows there by that name: the products' own, for a crop is an id."""
    products = pilot.producers[community].products if community in pilot.producers else ()
    return ", ".join(product.name.get(lang) for product in products if product.crop == crop)
