"""What a record and its addenda say together, for readers without a server.

    record ─► verified ┐
    addenda, each verified, each of this record ─► recalled? corrected? packed, shipped … ─► sentences

If there are no addenda, the sentences say so: a record alone cannot know of its own recall. `later` always
means a lot's addenda (addendum.py), in the order of the log.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from devices.pilots.bounds import local
from devices.pilots.places import FIRST
from devices.texts import catalogue, day, moment, number, shown, text
from traceability.digital_link import LotKey
from traceability.records import address, record

RECALL, CORRECTION, HARVEST = "revocation", "correction", "harvest"
ROUNDING = 1e-6  # kilograms


def is_entry(content: dict[str, Any]) -> bool:
    """Whether a verified document is an addendum."""
    return bool(content["format"] == record.ADDENDUM)


def belongs(content: dict[str, Any], data: bytes) -> bool:
    """Whether a verified document is an addendum to the record whose bytes are `data`."""
    return is_entry(content) and content["of"]["sha256"] == hashlib.sha256(data).hexdigest()


def recalled(later: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the addenda recalls the lot."""
    return any(one["event"]["event"] == RECALL for one in later)


def page(content: dict[str, Any]) -> str:
    """The address of the lot's page, from its record; empty if the record has none."""
    base = address.sealed(content)
    return base and base + LotKey(content["gtin"], content["lot"]).path


def breaks(later: Sequence[Mapping[str, Any]]) -> str:
    """Why the lot would not have been sealed as is known now, a key of the catalogue `lot.*`; "" if it would.

    The last judgement counts: every correction judges anew.
    """
    for one in reversed(later):
        if one["correction"] is not None:
            return str(one["correction"]["breaks"])
        if one.get("breaks"):
            return str(one["breaks"])
    return ""


def unfit(content: dict[str, Any], later: Sequence[dict[str, Any]]) -> str:
    """Why no more goods may be sold under the lot's code, a key of the catalogue `unfit.*`; "" if they may.

    The lot was recalled, or would not have been sealed as is known now, or all of it went into other lots.
    """
    if recalled(later):
        return "recalled"
    if breaks(later):
        return "broken"
    merged = any(one["event"]["event"] == "merge" for one in later)
    parts = sum(part["quantity_kg"] for one in later for part in one["lots"])
    return "passed_on" if merged or parts > kilograms(content, later) - ROUNDING else ""


def held(later: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The corrected entries by id, each as its last correction leaves it."""
    mended = [one["correction"]["after"] for one in later if one["correction"] is not None]
    return {event["id"]: event for event in mended}


def holding(content: dict[str, Any], later: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A record whose entries are replaced by their corrected versions."""
    mended = held(later)
    lists = {name: content[name] for name in ("events", "intervals") if name in content}
    return content | {
        name: one | {"rows": [mended.get(row["id"], row) for row in one["rows"]]}
        for name, one in lists.items()
    }


def harvested(content: dict[str, Any], later: Sequence[dict[str, Any]]) -> datetime:
    """When a lot was harvested, as corrected, by the clock where it grew; the last of several harvests.

    An uncorrected row that is later than the sealed time counts as the sealed time: that harvest had been
    corrected before sealing, which earlier versions did not show.
    """
    sealed = datetime.fromisoformat(content["times"]["harvested"])
    mended = {id: event for id, event in held(later).items() if event["event"] == HARVEST}
    if not mended:
        return sealed
    rows = [row for row in content["events"]["rows"] if row["event"] == HARVEST and row["id"] not in mended]
    others = [min(sealed, datetime.fromisoformat(row["ts"])) for row in rows]
    last = max([datetime.fromisoformat(event["ts"]) for event in mended.values()] + others)
    return local(last, sealed.tzinfo)


def kilograms(content: dict[str, Any], later: Sequence[dict[str, Any]]) -> float:
    """A harvest's weight as corrected; a lot made by a split or merge has the weight that was sealed."""
    if not content["made_from"]:
        for event in held(later).values():
            if event["event"] == HARVEST:
                return float(event["quantity_kg"])
    return float(content["quantity_kg"]["value"])


def doubts(content: dict[str, Any], later: Sequence[dict[str, Any]], today: date, lang: str) -> list[str]:
    """Why a record is doubtful although nothing was changed: impossible dates, in their corrected form.

    Such dates are refused today; earlier versions sealed them. `today` is the date where the lot grew. A
    simulated record has no doubts, because a rehearsal plays in other times than now.
    """
    if "times" not in content or content["simulated"]:
        return []
    at, mended, lines = harvested(content, later), held(later), []
    if at.date() > today + timedelta(days=1):
        lines.append(text("verify.doubt_future", lang, day=day(at, lang)))
    if at.date() < FIRST:
        lines.append(text("verify.doubt_past", lang, day=day(at, lang)))
    for one in later:
        event = one["event"]
        when = local(datetime.fromisoformat(mended.get(event["id"], event)["ts"]), at.tzinfo)
        if event["event"] not in (CORRECTION, "input") and when < at:
            name = text(f"event.{event['event']}", lang)
            lines.append(text("verify.doubt_order", lang, event=name, day=day(when, lang)))
    return lines


def invented(content: dict[str, Any], lang: str) -> list[str]:
    """What of a record or addendum is not real, as sentences: its lot, group and measuring devices."""
    keys = [f"verify.{key}" for key in ("simulated", "fictional") if content.get(key)]
    devices, simulated = (
        content.get("conditions", {}).get(key, 0) for key in ("devices", "devices_simulated")
    )
    lines = [text(key, lang) for key in keys]
    if simulated:
        lines.append(text("verify.devices_simulated", lang, devices=devices, simulated=simulated))
    return lines


def sentences(content: dict[str, Any], later: Sequence[dict[str, Any]], lang: str) -> list[str]:
    """The addenda as sentences, recalls first, and at the end their number and the lot page's address."""
    first = sorted(later, key=lambda one: one["event"]["event"] != RECALL)
    lines = [sentence for one in first for sentence in _entry(one, lang)]
    key = "verify.later_some" if later else "verify.later_none"
    return [*lines, f"{text(key, lang, number=len(later))} {page(content)}".strip()]


def warning(content: dict[str, Any], later: Sequence[dict[str, Any]], lang: str) -> str:
    """Why no more goods may be sold under the lot's code, in words; "" if they may."""
    match unfit(content, later):
        case "recalled":
            return next(_entry(one, lang)[0] for one in later if recalled([one]))
        case "broken":
            return text("verify.breaks", lang, reason=text(f"lot.{breaks(later)}", lang))
        case "passed_on":
            lots = ", ".join(part["lot"] for one in later for part in one["lots"])
            return text("label.passed_on", lang, lots=lots)
    return ""


def _entry(one: dict[str, Any], lang: str) -> list[str]:
    event: dict[str, Any] = {
        name: shown(value) if isinstance(value, str) else value for name, value in one["event"].items()
    }
    at = datetime.fromisoformat(one["epcis"]["creationDate"])  # by the local clock of the village
    on = day(at, lang)
    kilograms = number(event["quantity_kg"], lang) if "quantity_kg" in event else ""
    match event["event"]:
        case "revocation":
            return [text("verify.recalled", lang, day=on, reason=event["reason"])]
        case "correction":
            changed = changes(one["correction"], lang, at.tzinfo)
            listed = "; ".join(f"{name} {before} → {after}" for name, before, after in changed)
            lines = [text("verify.corrected", lang, day=on, changes=listed, reason=event["reason"])]
            if breaks := one["correction"]["breaks"]:
                lines.append(text("verify.breaks", lang, reason=text(f"lot.{breaks}", lang)))
            return lines
        case "input":
            reason = text(f"lot.{one['breaks']}", lang)
            words = {"product": event["product"], "days": event["pre_harvest_days"]}
            return [text("verify.input", lang, day=on, **words), text("verify.breaks", lang, reason=reason)]
        case "packing":
            return [text("verify.packing", lang, day=on, kilograms=kilograms, packages=event["packages"])]
        case "shipping":
            return [text("verify.shipping", lang, day=on, kilograms=kilograms, buyer=event["buyer"])]
    lots = ", ".join(f"{lot['lot']} ({number(lot['quantity_kg'], lang)} kg)" for lot in one["lots"])
    return [text(f"verify.{event['event']}", lang, day=on, lots=lots)]


def changes(correction: dict[str, Any], lang: str, zone: tzinfo | None) -> list[tuple[str, str, str]]:
    """(field, old value, new value) of a correction, in words; – for a missing value."""
    before, after = correction["before"], correction["after"]
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [
        (
            _field(name, lang),
            _value(name, before.get(name), lang, zone),
            _value(name, after.get(name), lang, zone),
        )
        for name in names
    ]


def _field(name: str, lang: str) -> str:
    key = "form.when" if name == "ts" else f"form.{name}"
    return text(key, lang) if key in catalogue() else name


def _value(name: str, value: Any, lang: str, zone: tzinfo | None) -> str:
    if value is None:
        return "–"
    if name == "ts":
        at = local(datetime.fromisoformat(value), zone)
        return moment(at, lang, seconds=at.second > 0)
    if isinstance(value, int | float):
        return number(value, lang)
    choice = f"form.choice_{value}"
    return text(choice, lang) if name in ("purpose", "level") and choice in catalogue() else shown(str(value))
