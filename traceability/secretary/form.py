"""The farm diary on a phone: a group's secretary signs in and writes events, in pages without a script.

    sign in (a diary device's account) ─► choose ─► form ─► entries ─► Post.send ─► broker ─► gateway
           └─ throttle                              └─ a photograph ─► photos

An event takes the same way as a device's message, under the secretary's own account: it is authorised,
checked and stored like one. Each form carries its event's id, so sending it twice changes nothing.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response

from devices.clock import moment_of, now_ms
from devices.contract.diary import DiaryEvent, encode_diary
from devices.contract.payloads import MAX_BYTES, PayloadError
from devices.contract.reading import Device
from devices.pilots.bounds import local, within
from devices.pilots.names import alphabetical
from devices.pilots.pilot import Pilot
from devices.texts import day, moment, number, text
from devices.web.language import language
from traceability.diary import entries
from traceability.diary.entries import CODE, CORRECTION, FORMS, Lot
from traceability.diary.reader import ShownEntry
from traceability.records import picture
from traceability.records.photos import Photos
from traceability.records.picture import BadPicture
from traceability.secretary.book import Book
from traceability.secretary.post import NotSent
from traceability.secretary.sign_in import WITHIN, Accounts, Door, Session, show
from traceability.secretary.upload import Posted, posted


def router(
    folder: Path,
    pilot: Pilot,
    accounts: Accounts,
    send: Callable[[Device, str, bytes], None],
    *,
    secure: bool,
) -> APIRouter:
    """Routes of the diary's pages. `folder` holds the diary so far and the photographs.

    `send` raises NotSent. `secure`: the pages are served over https.
    """
    routes = APIRouter(include_in_schema=False)
    photos, book = Photos(folder), Book(folder, pilot)
    door = Door(accounts, secure=secure)
    door.add_to(routes)

    @routes.get("/diary")
    def menu(request: Request, sent: str = "") -> Response:
        session = door.known(request)
        if session is None:
            return show("sign_in.html", request, 200, wrong="")
        done = sent if sent in FORMS or sent == CORRECTION else ""
        rows = [_row(pilot, entry, language(request)) for entry in book.entries(session.device.community)]
        return show("diary.html", request, 200, session=session, kinds=FORMS, sent=done, rows=rows)

    @routes.get("/diary/{kind}")
    def form(request: Request, kind: str, of: str = "") -> Response:
        session = door.known(request)
        if session is None:
            return RedirectResponse("/diary", 303, WITHIN)
        desk = _Desk(request, pilot, session, kind, of, book)
        if not desk.exists:
            return RedirectResponse("/diary", 303, WITHIN)
        now = f"{datetime.now(pilot.zone):%Y-%m-%dT%H:%M}"
        plot = next(iter(pilot.producers[session.device.community].hectares))
        fresh = {"id": f"{kind.replace('_', '-')}-{secrets.token_hex(8)}", "ts": now, "plot": plot}
        if desk.wrong is not None:
            fresh |= entries.filled(pilot, desk.wrong)
        return desk.form(fresh, "", 200)

    @routes.post("/diary/{kind}")
    async def write(request: Request, kind: str) -> Response:
        session = await run_in_threadpool(door.known, request)
        takes = session is not None and any(field.kind == "photo" for field in FORMS.get(kind, ()))
        written = await posted(request, MAX_BYTES + (picture.MOST if takes else 0))
        if session is None:
            return RedirectResponse("/diary", 303, WITHIN)
        return await run_in_threadpool(take, request, session, kind, written)

    def take(request: Request, session: Session, kind: str, posted_form: Posted) -> Response:
        written = posted_form.fields
        desk = _Desk(request, pilot, session, kind, written.get("of", ""), book)
        if not desk.exists:
            return RedirectResponse("/diary", 303, WITHIN)
        if not session.same(written):
            return desk.form(written, "form.again", 403)
        try:
            if not posted_form.whole:
                raise BadPicture("too_large")
            if posted_form.file:
                written["photos"] = photos.keep(session.device.device, posted_form.file)
            event = desk.event(written)
        except BadPicture as error:
            return desk.form(written, f"form.photo_{error.reason}", 422)
        except Apart as error:
            return desk.form(written, f"form.{error}", 422)
        except PayloadError as error:
            # an impossible day or plot: the text names field, bound and remedy
            if error.reason != "bad_diary":
                return desk.form(
                    written, f"form.{error.reason}", 422, entries.sides(error.field, language(request))
                )
            return desk.form(written, f"form.{entries.named(kind, error.field)}", 422)
        try:
            send(session.device, session.password, encode_diary(event))
        except NotSent:
            return desk.form(written, "form.not_sent", 503)
        return RedirectResponse(f"/diary?sent={kind}", 303, WITHIN)

    return routes


class Apart(Exception):
    """The chosen lots do not go together; the argument is a key of the catalogue `form.*`."""


class _Desk:
    """One form: for a kind of event, or for the correction of the event `of`."""

    def __init__(
        self, request: Request, pilot: Pilot, session: Session, kind: str, of: str, book: Book
    ) -> None:
        self._request, self._pilot, self._session, self._kind = request, pilot, session, kind
        self._book, community = book, session.device.community
        self.wrong = book.find(community, of) if kind == CORRECTION else None
        right = entries.corrigible(self.wrong) if self.wrong is not None else ()
        self._fields = FORMS.get(kind, right)
        self.exists = bool(self._fields)
        chooses_lots = any(field.kind in ("lot", "lots") for field in self._fields)
        self._lots: dict[str, Lot] = book.lots(community, kind) if chooses_lots else {}

    def event(self, written: Mapping[str, str]) -> DiaryEvent:
        """The event of a filled-in form. Raises PayloadError, Apart."""
        if self.wrong is not None:
            event = entries.correction_of(self._pilot, written, self.wrong)
        else:
            written, lots = self._by_code(written)
            event = entries.event_of(self._pilot, self._session.device, self._kind, written, lots)
        within(self._pilot, self._session.device, event, now_ms())
        return event

    def _by_code(self, written: Mapping[str, str]) -> tuple[Mapping[str, str], Mapping[str, Lot]]:
        """Add the lot whose code was typed in, which need not be in the list.

        Raises PayloadError for an unknown code, and Apart if another lot is chosen in the list or if lots of
        two products are chosen.
        """
        chosen = [self._lots[id] for id in written.get("harvests", "").split() if id in self._lots]
        if len({lot.key.gtin for lot in chosen}) > 1:
            raise Apart("other_product")
        code = written.get(CODE, "").strip()
        if not code:
            return written, self._lots
        lot = self._book.lot(self._session.device.community, code)
        if lot is None:
            raise PayloadError("bad_diary", CODE)
        if written.get("harvest") not in (None, "", lot.harvest):
            raise Apart("two_lots")
        return {**written, "harvest": lot.harvest}, {lot.harvest: lot}

    def form(
        self, written: Mapping[str, str], wrong: str, status: int, sides: Mapping[str, str] | None = None
    ) -> Response:
        """The page, filled in. `wrong` is the catalogue key of an error, and `sides` fill its text."""
        grower = self._pilot.producers[self._session.device.community]
        records = self._pilot.records
        areas = [area.code for area in records.planting_areas if area.community == grower.id]
        houses = [house.code for house in records.packing_houses if house.community == grower.id]
        return show(
            "diary_form.html", self._request, status, session=self._session, kind=self._kind,
            fields=self._fields, given=written, wrong=wrong, products=sorted(
                grower.products, key=lambda one: alphabetical(one.name.get(language(self._request)))
            ), codes={"area_code": areas, "house_code": houses},
            lots=[
                _shown(self._pilot, grower.id, lot, language(self._request)) for lot in self._lots.values()
            ],
            plain=self._kind in entries.PLAIN, corrects=self.wrong, plots=grower.hectares,
            measured=bool(grower.plots), told=text(wrong, language(self._request), **sides) if sides else "",
            asks_older=wrong == "form.date_early" and self._kind in entries.WORK,
        )  # fmt: skip


def _row(pilot: Pilot, entry: ShownEntry, lang: str) -> dict[str, Any]:
    event = entry.event
    return {
        "event": event,
        "when": moment(local(event.ts, pilot.zone), lang),
        "kilograms": getattr(event, "quantity_kg", None),
        "product": getattr(event, "product", None),
        "simulated": entry.simulated,
        "lot": entry.lot,
        "refused": entry.refused,
        "may_correct": bool(entries.corrigible(event)),
    }


def _shown(pilot: Pilot, community: str, lot: Lot, lang: str) -> dict[str, str]:
    """A lot in a list, with its product if the group has several."""
    on = day(moment_of(lot.time, pilot.zone), lang)
    products = {one.gtin: one.name.get(lang) for one in pilot.producers[community].products}
    product = products.get(lot.key.gtin) if len(products) > 1 else None
    simulated = text("overview.simulated", lang) if lot.simulated else None
    parts = (product, lot.key.lot, on, f"{number(lot.kilograms, lang)} kg", simulated)
    return {"id": lot.harvest, "name": " · ".join(part for part in parts if part)}
