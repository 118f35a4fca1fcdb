"""The page of a lot: its record and its addenda, in the reader's language."""

import json
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import Markup

from devices.clock import day_of
from devices.contract.signals import SIGNALS
from devices.pilots.bounds import local
from devices.pilots.pilot import Pilot
from devices.texts import catalogue, day, moment, text
from traceability.digital_link import LotKey
from traceability.pages import chart
from traceability.pages.frame import PAGES
from traceability.pages.scans import packages
from traceability.records import record, story
from traceability.records.photos import State, photos_of

SHOWN = 60  # the last diary entries on a page; the record has all of them
REMEMBERED = 500  # pages in memory, some 15 kB each
SIGN, OPENED = "<!-- sign -->", "<!-- opened -->"  # placeholders for what changes with every opening


class Written(NamedTuple):
    """A page without its openings, whether its lot is recalled, and its number of packages."""

    body: str
    recalled: bool
    packages: int


@lru_cache(maxsize=REMEMBERED)
def photographs(*documents: bytes) -> tuple[str, ...]:
    """Hashes of the photographs that a record and its addenda name."""
    if not any(b'"photos":' in data for data in documents):
        return ()
    return tuple(dict.fromkeys(name for data in documents for name in photos_of(json.loads(data))))


def written(
    pilot: Pilot, base_url: str, key: LotKey, data: bytes, addenda: tuple[tuple[bytes, int | None], ...],
    gone: frozenset[LotKey], photos: tuple[tuple[str, State], ...], verified: int | None, trouble: str,
    lang: str, today: date,
) -> Written:  # fmt: skip
    """The page, valid until something is sealed or changed, or the day is over. `gone`: the recalled lots
    that got goods of this one.
    """
    content = json.loads(data)
    later = [json.loads(one) | {"leaf": leaf} for one, leaf in addenda]
    recalled = next((one for one in later if one["event"]["event"] == "revocation"), None)
    sealed_at, now_at = (  # compared as shown: a record has whole seconds, a diary may have fractions
        moment(at.astimezone(pilot.zone), lang)
        for at in (datetime.fromisoformat(content["times"]["harvested"]), story.harvested(content, later))
    )
    kilograms = story.kilograms(content, later)
    body = PAGES.body(
        "record.html",
        lang,
        record=content,
        key=key,
        uri=base_url + key.path,
        verified=verified,
        trouble=trouble,
        recalled=None if recalled is None else _shown_event(pilot, lang, recalled["event"]),
        gone={(one.gtin, one.lot) for one in gone},
        charts=_charts(content["conditions"], pilot, lang),
        harvested=sealed_at,
        harvested_now=now_at if now_at != sealed_at else "",
        kilograms_now=None if kilograms == content["quantity_kg"]["value"] else kilograms,
        corrected=any(one["correction"] is not None for one in later),
        events=[_shown_event(pilot, lang, event) for event in content["events"]["rows"][-SHOWN:]],
        hidden=max(0, len(content["events"]["rows"]) - SHOWN),
        later=[
            one
            | {
                "event": _shown_event(pilot, lang, one["event"]),
                "changes": _changes(one, lang, pilot),
                "market": _market(one.get("packing_house"), lang),
            }
            for one in later
        ],
        doubts=story.doubts(content, later, today, lang),
        breaks=story.breaks(later),
        intervals=[
            _shown_event(pilot, lang, row) | {"days": row["pre_harvest_days"]}
            for row in content.get("intervals", record.NONE_NAMED)["rows"]
        ],
        looked_back=content.get("intervals", record.NONE_NAMED)["days"],
        market=_market(content.get("planting_area"), lang),
        photos=dict(photos),
        wrong={one["correction"]["before"]["id"] for one in later if one["correction"] is not None},
        sign=Markup(SIGN),  # noqa: S704 -- ours
        opened=Markup(OPENED),  # noqa: S704
    )
    return Written(body, recalled is not None, packages(later))


def _shown_event(pilot: Pilot, lang: str, event: dict[str, Any]) -> dict[str, Any]:
    at = local(datetime.fromisoformat(event["ts"]), pilot.zone)
    words = {"when": moment(at, lang), "day": day(at, lang), "name": text(f"event.{event['event']}", lang)}
    if "level" in event:
        words["level"] = text(f"form.choice_{event['level']}", lang)
    return event | words


def _changes(one: dict[str, Any], lang: str, pilot: Pilot) -> list[tuple[str, str, str]]:
    return story.changes(one["correction"], lang, pilot.zone) if one["correction"] is not None else []


def _market(certified: dict[str, Any] | None, lang: str) -> str:
    """The market of a planting area's or packing house's code, by its name where the catalogue has one."""
    code = certified["market"] if certified else ""
    return text(f"page.market_{code}", lang) if f"page.market_{code}" in catalogue() else code


def _charts(conditions: dict[str, Any], pilot: Pilot, lang: str) -> list[dict[str, Any]]:
    first, last = (day_of(conditions[edge], pilot.zone) for edge in ("start", "stop"))
    return [
        {
            "name": SIGNALS[signal].name(lang),
            "low": SIGNALS[signal].amount(min(row[1] for row in rows), lang),
            "high": SIGNALS[signal].amount(max(row[3] for row in rows), lang),
            "mean": SIGNALS[signal].measured(
                sum(row[2] * row[4] for row in rows) / sum(row[4] for row in rows), lang
            ),
            "svg": Markup(  # noqa: S704 -- numbers alone, made by chart.py
                chart.daily(rows, first, last, lang, SIGNALS[signal].decimals)
            ),
        }
        for signal, rows in conditions["daily"].items()
        if signal in SIGNALS
    ]
