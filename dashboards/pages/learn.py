"""The page `/learn`: paste what a probe sends, choose the field of each signal, get the probe file.

payload ─► fields, proposals ─► a person chooses field and unit ─► what would be stored, and the file's text

Nothing is kept and nothing is written: the operator puts the file into DATA/probes by hand.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from dashboards.pages.check import HEADERS, form_of
from dashboards.pages.frame import PAGES
from devices.contract.models import DIARY, MODELS
from devices.contract.payloads import PayloadError
from devices.contract.signals import SIGNALS
from devices.probes.envelope import content, parsed_json, server
from devices.probes.learn import Choice, Field, asks_unit, fields, meant, proposals, signals_of, text_of
from devices.probes.probe import COUNTED
from devices.probes.reader import Reader
from devices.probes.shelf import ProbeError, parse
from devices.texts import number, text, with_unit
from devices.web.language import language

EXAMPLE = '{"BatV":3.61,"temp_SOIL":"27.10","water_SOIL":"31.20","conduct_SOIL":420}'
HEIGHT = 2.0  # m, the example's value for what enrolment sets, such as a gauge's height
NAME = "own-probe"
LABEL = 60  # characters shown of a path, its end; a path is listed once for every signal


class Unit(NamedTuple):
    """A unit that a field may have, the value that it would give, and whether it is chosen."""

    name: str
    shown: str
    chosen: bool


class Row(NamedTuple):
    """One signal's questions: which field, which unit, which kind of counter."""

    signal: str
    label: str
    path: str
    units: tuple[Unit, ...]
    counter: str
    counted: bool
    down: bool


def router() -> APIRouter:
    """The page."""
    routes = APIRouter()

    @routes.get("/learn", include_in_schema=False)
    def empty(request: Request) -> Response:
        return _page(request, {"payload": EXAMPLE, "model": "soil-probe"}, [], [], error="")

    @routes.post("/learn", include_in_schema=False)
    async def learn(request: Request) -> Response:
        form = await form_of(request)
        return await run_in_threadpool(answered, request, form)

    def answered(request: Request, form: dict[str, str] | None) -> Response:
        lang = language(request)
        if form is None:
            return _page(request, {}, [], [], error=text("rejected.too_large", lang, field=""), status=413)
        try:
            message = _message(form.get("payload", ""))
        except PayloadError as error:
            return _page(request, form, [], [], error=error.sentence(lang))
        some = fields([message])
        if not some:
            return _page(request, form, [], [], error=text("learn.no_numbers", lang))
        model = form.get("model", "")
        model = model if model in MODELS and model != DIARY else "soil-probe"
        form["model"] = model
        chosen = {name: form[f"path {name}"] for name in signals_of(model) if f"path {name}" in form}
        if not chosen:
            chosen = {name: field.path for name, field in proposals(some, model).items()}
        rows = [_row(name, chosen.get(name, ""), some, form, lang) for name in signals_of(model)]
        return _page(request, form, some, rows, error="", message=message)

    return routes


def _message(payload: str) -> Any:
    """What the probe sent, taken out of a network server's envelope if it has one. Raises PayloadError."""
    data = parsed_json(payload.encode("utf-8", "replace"))
    return content(data, server(data))


def _row(name: str, path: str, some: list[Field], form: Mapping[str, str], lang: str) -> Row:
    signal = SIGNALS[name]
    field = next((one for one in some if one.path == path), None)
    if field is None:
        return Row(name, signal.name(lang), "", (), "", name in COUNTED, False)
    chosen = form.get(f"unit {name}", "")
    offered = meant(field, name)
    if chosen not in [one.unit for one in offered]:
        chosen = "" if asks_unit(field, name) else (field.unit or signal.unit)
    units = tuple(
        Unit(one.unit, _amount(name, one.value, lang, plausible=one.plausible), one.unit == chosen)
        for one in offered
    )
    counter = form.get(f"counter {name}", "")
    down = "distance" in path.lower() if f"path {name}" not in form else f"down {name}" in form
    return Row(name, signal.name(lang), path, units, counter, name in COUNTED, name == "water_level" and down)


def _label(field: Field, lang: str) -> str:
    path = field.path if len(field.path) <= LABEL else f"…{field.path[1 - LABEL :]}"
    return f"{path} = {with_unit(number(field.number, lang), field.unit)}"


def _amount(signal: str, value: float, lang: str, *, plausible: bool = True) -> str:
    shown = with_unit(number(value, lang), SIGNALS[signal].shown_unit)
    return shown if plausible else f"{shown} ({text('learn.implausible', lang)})"


def _choices(rows: list[Row]) -> tuple[dict[str, Choice], list[str]]:
    """What was chosen, and the signals whose unit or kind of counter is not chosen yet."""
    choices: dict[str, Choice] = {}
    open_questions = []
    for row in rows:
        if not row.path:
            continue
        unit = next((one.name for one in row.units if one.chosen), "")
        if (row.units and not unit) or (row.counted and not row.counter):
            open_questions.append(row.signal)
        kind = row.counter if row.counter in ("daily", "total") else ""
        choices[row.signal] = Choice(row.path, unit, kind, row.down)
    return choices, open_questions


def _page(
    request: Request,
    form: Mapping[str, str],
    some: list[Field],
    rows: list[Row],
    error: str,
    message: Any = None,
    status: int = 200,
) -> Response:
    lang = language(request)
    choices, open_questions = _choices(rows)
    written, stored = "", list[tuple[bool, str]]()
    kinds = [
        ("since", "learn.counts_since"),
        ("daily", "learn.counts_daily"),
        ("total", "learn.counts_total"),
    ]
    if choices and not open_questions:
        written, stored, error = _file(form.get("name", NAME), choices, message, lang)
    return PAGES.answer(
        "learn.html", lang, status, HEADERS,
        payload=form.get("payload", ""), model=form.get("model", ""), name=form.get("name", NAME),
        models=[(one.id, one.name(lang)) for one in MODELS.values() if one.id != DIARY],
        fields=[(one.path, _label(one, lang)) for one in some],
        rows=rows, asked=[SIGNALS[one].name(lang) for one in open_questions], written=written, stored=stored,
        kinds=[(kind, text(key, lang)) for kind, key in kinds], error=error,
    )  # fmt: skip


def _file(
    name: str, choices: Mapping[str, Choice], message: Any, lang: str
) -> tuple[str, list[tuple[bool, str]], str]:
    """The probe file's text, the values that would be stored (each with whether it is in the signal's range),
    and what is wrong, if anything.
    """
    written = text_of(name, "-", choices)
    try:
        (probe,) = parse(written, Path(f"{name}.yaml"))
    except ProbeError as error:
        return "", [], error.sentence(lang)
    measured = Reader(probe).read(message, dict.fromkeys(probe.place_values, HEIGHT))
    stored = [
        (
            SIGNALS[signal].low <= value <= SIGNALS[signal].high,
            text("learn.stored", lang, signal=signal, value=_amount(signal, value, lang)),
        )
        for signal, value in measured.values.items()
    ]
    stored += [
        (True, text("learn.counter", lang, signal=signal, value=_amount(signal, total, lang)))
        for signal, (_, total) in measured.totals.items()
    ]
    return written, stored, ""
