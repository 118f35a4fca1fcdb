"""The page of a lot: what its record says and what came later, in the reader's language."""

import json
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import Markup

from devices.clock import day_of
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import Pilot
from devices.texts import text
from traceability.digital_link import LotKey
from traceability.pages import chart
from traceability.pages.frame import PAGES
from traceability.pages.scans import packages
from traceability.records import record, story
from traceability.records.photos import State, photos_of

SHOWN = 60  # diary entries on a page, the last ones; all of them stand in the record
REMEMBERED = 500  # pages that are remembered as they are, some 15 kB each
SIGN, OPENED = "<!-- sign -->", "<!-- opened -->"  # in their places comes what changes with every opening


class Written(NamedTuple):
    """A page but for its openings, whether its lot is recalled, and how many packages there are of it."""

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
    photos: tuple[tuple[str, State], ...], verified: int | None, trouble: str, lang: str, today: date,
) -> Written:  # fmt: skip
    """The page as it stays until something is sealed or changed, or the day is over."""
    content = json.loads(data)
    later = [json.loads(one) | {"leaf": leaf} for one, leaf in addenda]
    recalled = next((one for one in later if one["event"]["event"] == "revocation"), None)
    body = PAGES.body(
        "record.html",
        lang,
        record=content,
        key=key,
        uri=base_url + key.path,
        verified=verified,
        trouble=trouble,
        recalled=None if recalled is None else _told(pilot, lang, recalled["event"]),
        charts=_charts(content["conditions"], pilot, lang),
        harvested=_local(pilot, content["times"]["harvested"]),
        events=[_told(pilot, lang, event) for event in content["events"]["rows"][-SHOWN:]],
        hidden=max(0, len(content["events"]["rows"]) - SHOWN),
        later=[
            one | {"event": _told(pilot, lang, one["event"]), "changes": _changes(pilot, one["correction"])}
            for one in later
        ],
        doubts=story.doubts(content, later, today, lang),
        breaks=story.breaks(later),
        intervals=[
            _told(pilot, lang, row) | {"days": row["pre_harvest_days"]}
            for row in content.get("intervals", record.NONE_NAMED)["rows"]
        ],
        looked_back=content.get("intervals", record.NONE_NAMED)["days"],
        photos=dict(photos),
        wrong={one["correction"]["before"]["id"] for one in later if one["correction"] is not None},
        sign=Markup(SIGN),  # noqa: S704 -- ours
        opened=Markup(OPENED),  # noqa: S704
    )
    return Written(body, recalled is not None, packages(later))


def _told(pilot: Pilot, lang: str, event: dict[str, Any]) -> dict[str, Any]:
    return event | {"when": _local(pilot, event["ts"]), "name": text(f"event.{event['event']}", lang)}


def _changes(pilot: Pilot, correction: dict[str, Any] | None) -> list[tuple[str, Any, Any]]:
    """(field, as it was, as it is) of a correction; "" for what was not there."""
    if correction is None:
        return []
    before, after = correction["before"], correction["after"]
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [
        (
            name,
            *(
                _local(pilot, side[name], exact=True) if name == "ts" else side.get(name, "")
                for side in (before, after)
            ),
        )
        for name in names
    ]


def _charts(conditions: dict[str, Any], pilot: Pilot, lang: str) -> list[dict[str, Any]]:
    def day(ms: int) -> Any:
        return day_of(ms, pilot.zone)

    first, last = day(conditions["start"]), day(conditions["stop"])
    return [
        {
            "name": SIGNALS[signal].name(lang),
            "unit": SIGNALS[signal].shown_unit,
            "low": min(row[1] for row in rows),
            "high": max(row[3] for row in rows),
            "mean": round(sum(row[2] * row[4] for row in rows) / sum(row[4] for row in rows), 2),
            "svg": Markup(chart.daily(rows, first, last, lang)),  # noqa: S704 -- numbers alone, made by chart.py
        }
        for signal, rows in conditions["daily"].items()
        if signal in SIGNALS
    ]


def _local(pilot: Pilot, moment: str, *, exact: bool = False) -> str:
    """A moment there; to the second where there are any and it is to be `exact`."""
    at = datetime.fromisoformat(moment).astimezone(pilot.zone)
    return f"{at:%d/%m/%Y %H:%M:%S}" if exact and at.second else f"{at:%d/%m/%Y %H:%M}"
