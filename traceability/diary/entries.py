"""The fields of each kind of diary event, and how a filled-in form becomes an event."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any, NamedTuple

from devices.clock import epoch_ms, moment_of
from devices.contract.diary import DiaryEvent, decode_diary, encode_diary
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.pilots.bounds import local
from devices.pilots.pilot import Pilot
from devices.texts import day, spelt
from traceability.digital_link import LotKey


class Lot(NamedTuple):
    """A sealed lot. `harvest` is its id in the diary.

    `kilograms` is the weight that no split took, `time` is epoch ms; both are as corrected.
    """

    harvest: str
    key: LotKey
    kilograms: float
    time: int
    plot: str
    crop: str
    simulated: bool


class Field(NamedTuple):
    """A field of a form. `kind`: text, number, whole, choice, area (the code of a planting area or packing
    house), lot, code (of a lot, as on its label), lots, kilograms (several numbers), photo.
    """

    name: str
    kind: str
    choices: tuple[str, ...] = ()
    optional: bool = False


CODE = "code"  # names a lot that is in no list; not part of the event
_OF_LOT = Field("harvest", "lot", optional=True)
_PHOTOS = Field("photos", "photo", optional=True)
FORMS: dict[str, tuple[Field, ...]] = {
    "planting": (Field("seed", "text"), Field("area_ha", "number")),
    "input": (
        Field("product", "text"),
        Field("purpose", "choice", ("fertiliser", "pesticide", "feed", "other")),
        Field("dose", "text"),
        Field("pre_harvest_days", "whole", optional=True),
    ),
    "irrigation": (Field("minutes", "number"),),
    "pest_observation": (Field("pest", "text"), Field("level", "choice", ("none", "low", "medium", "high"))),
    "harvest": (Field("quantity_kg", "number"), Field("area_code", "area", optional=True), _PHOTOS),
    "packing": (
        _OF_LOT,
        Field("quantity_kg", "number"),
        Field("packages", "whole"),
        Field("house_code", "area", optional=True),
        _PHOTOS,
    ),
    "shipping": (_OF_LOT, Field("quantity_kg", "number"), Field("buyer", "text")),
    "split": (Field("harvest", "lot"), Field("parts", "kilograms")),
    "merge": (Field("harvests", "lots"),),
    "revocation": (Field("harvest", "lot"), Field(CODE, CODE, optional=True), Field("reason", "text")),
}
PLAIN = ("planting", "input", "irrigation", "pest_observation", "harvest", "packing", "shipping")
# work on the land, which may be older than the group's membership
WORK = ("planting", "input", "irrigation", "pest_observation")
OLDER = "older"
CORRECTION = "correction"
MINUTE = timedelta(minutes=1)
WAS = "was_"  # prefix of a field that holds the value the person was shown
_CORRECTED = ("text", "number", "whole", "choice", "area")  # kinds of field that a correction may change
_NUMBERS = {"number": float, "whole": int}
_WEIGHTS = ("quantity_kg", "parts")
_GROUPED = re.compile(r"[1-9]\d{0,2}([.,]\d{3})+")


def corrigible(event: DiaryEvent) -> tuple[Field, ...]:
    """The fields of the event that a correction may change; none if it may not be corrected."""
    if event.event not in PLAIN:
        return ()
    return tuple(field for field in FORMS[event.event] if field.kind in _CORRECTED)


def event_of(
    pilot: Pilot, device: Device, kind: str, written: Mapping[str, str], lots: Mapping[str, Lot]
) -> DiaryEvent:
    """The event of a filled-in form; `lots` by the harvest's id. Raises PayloadError."""
    whole = _common(pilot, kind, written)
    for field in FORMS[kind]:
        if field.kind != CODE and (value := written.get(field.name, "").strip()):
            whole[field.name] = _read(field, value)
    if kind in WORK and written.get(OLDER):
        whole[OLDER] = True
    if kind in PLAIN:
        grown = {product.crop for product in pilot.producers[device.community].products}
        if whole.get("crop") not in grown:
            raise PayloadError("bad_diary", "crop")
        event = decode_diary(json.dumps(whole).encode())
        _in_order(event, lots.get(getattr(event, "harvest", None) or ""), pilot.zone)
        return event
    named = FORMS[kind][0].name
    chosen = [lots.get(id) for id in written.get(named, "").split()]
    offered = [lot for lot in chosen if lot is not None]
    if not chosen or len(offered) < len(chosen):
        raise PayloadError("bad_diary", named)
    event = decode_diary(json.dumps(whole | {"plot": offered[0].plot, "crop": offered[0].crop}).encode())
    for one in offered:
        _in_order(event, one, pilot.zone)
    return event


def _in_order(event: DiaryEvent, lot: Lot | None, zone: tzinfo) -> None:
    """Nothing happens to a lot before its harvest. Raises PayloadError."""
    if lot is not None and epoch_ms(event.ts) < lot.time:
        times = (local(event.ts, zone), moment_of(lot.time, zone))
        happened, harvested = (at.replace(tzinfo=None).isoformat(" ", "minutes") for at in times)
        raise PayloadError("before_harvest", f"ts {happened} < {harvested}")


def correction_of(pilot: Pilot, written: Mapping[str, str], wrong: DiaryEvent) -> DiaryEvent:
    """The correction of an event, from its form, with the changed fields. Raises PayloadError."""
    whole = _common(pilot, CORRECTION, written) | {"plot": wrong.plot, "crop": wrong.crop, "of": wrong.id}
    was, shown = json.loads(encode_diary(wrong)), {**filled(pilot, wrong), **written}
    changes = dict[str, Any]()

    def changed(name: str) -> str:
        """The new value where it differs from the value the person was shown; else ""."""
        value = _typed(written.get(name, ""))
        return "" if value == _typed(shown[WAS + name]) else value

    for field in corrigible(wrong):
        if value := changed(field.name):
            read = _read(field, value)
            if read != was.get(field.name):
                changes[field.name] = read
    if value := changed("when"):
        when, before = (_moment(pilot, one, "when") for one in (value, shown[f"{WAS}when"]))
        if when not in (before, wrong.ts):  # a browser may spell the same moment differently
            changes["ts"] = when.isoformat()
    if not changes:
        raise PayloadError("bad_diary", "changes")
    whole |= {"reason": written.get("reason", "").strip(), "changes": changes}
    return decode_diary(json.dumps(whole).encode())


def filled(pilot: Pilot, wrong: DiaryEvent) -> dict[str, str]:
    """The initial values of a correction's form.

    Each field comes twice: once to edit, and once under a name that begins with WAS, which the browser sends
    back unchanged: the value that the person was shown.
    """
    was = json.loads(encode_diary(wrong))
    shown = {field.name: was.get(field.name, "") for field in corrigible(wrong)}
    texts = {name: spelt(value) if isinstance(value, float) else str(value)
             for name, value in shown.items()}  # fmt: skip
    texts["when"] = _to_the_digit(local(wrong.ts, pilot.zone))
    return texts | {WAS + name: value for name, value in texts.items()}


def named(kind: str, where: str) -> str:
    """The form's field for the path in an error of decode_diary, such as `harvest.quantity_kg`."""
    names = {"ts", "plot", "crop", "by", "when", "reason", "changes"}
    if kind in FORMS:
        names |= {field.name for field in FORMS[kind]}
    return next((part for part in reversed(where.split(".")) if part in names), "ts")


def sides(field: str, lang: str) -> dict[str, str]:
    """The day and its bound in an error such as `ts 2015-04-01 < 2022-09-01`, as people write days."""
    shown = re.sub(r"\d{4}-\d\d-\d\d", lambda iso: day(date.fromisoformat(iso[0]), lang), field)
    written, _, bound = shown.partition(" < " if " < " in shown else " > ")
    return {"given": written.partition(" ")[2], "bound": bound}


def _common(pilot: Pilot, kind: str, written: Mapping[str, str]) -> dict[str, Any]:
    whole: dict[str, Any] = {"event": kind}
    for name in ("id", "plot", "crop", "by"):
        if value := written.get(name, "").strip():
            whole[name] = value
    return whole | {"ts": _moment(pilot, written.get("ts", ""), "ts").isoformat()}


def _moment(pilot: Pilot, value: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value).replace(tzinfo=pilot.zone)
    except ValueError:
        raise PayloadError("bad_diary", name) from None
    # time zones before 1900 differ by seconds
    offset = (moment.utcoffset() or timedelta()) // MINUTE * MINUTE
    return moment.replace(tzinfo=timezone(offset))


def _to_the_digit(moment: datetime) -> str:
    """A moment in the form of a page's input field, with seconds if there are any."""
    digits = "milliseconds" if moment.microsecond else "seconds" if moment.second else "minutes"
    return moment.replace(tzinfo=None).isoformat(timespec=digits)


def _typed(value: str) -> str:
    """A text as a one-line input field sends it back: a browser removes line ends."""
    return value.replace("\r", "").replace("\n", "").strip()


def _read(field: Field, value: str) -> Any:
    try:
        if field.kind in _NUMBERS:
            return _NUMBERS[field.kind](_clear(field, value))
        if field.kind == "kilograms":  # such as 400; 450,5
            parts = value.replace(";", " ").split()
            return [float(_clear(field, part).replace(",", ".")) for part in parts]
    except ValueError as error:
        raise error if isinstance(error, PayloadError) else PayloadError("bad_diary", field.name) from None
    return value.split() if field.kind in ("lots", "photo") else value


def _clear(field: Field, value: str) -> str:
    """The number, unless it can be read in two ways. Raises PayloadError.

    A machine reads 1.500 kg as one and a half; a person who writes as our pages do means fifteen hundred.
    """
    if field.name in _WEIGHTS and _GROUPED.fullmatch(value):
        raise PayloadError("thousands", f"{field.name} {value}")
    return value
