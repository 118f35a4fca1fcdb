"""Asks a person at the terminal which of a probe's fields is which signal, and in which unit.

fields ─► shown ─► for each signal proposed: is it? ─► its unit, each with the resulting value ─► Choice
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import typer

from devices import terminal
from devices.clock import DAY_MS, now_ms
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.probes.learn import Choice, Field, asks_unit, meant, proposals, signals_of
from devices.probes.probe import COUNTED
from devices.probes.reader import Reader
from devices.settings import Settings
from devices.texts import Misuse, number, shown, text, with_unit
from gateway.stores.opening import open_store
from gateway.stores.store import RetryLater

KINDS = ("total", "daily")  # kinds of counter


def show(some: Sequence[Field], lang: str) -> None:
    """Print the fields as a table."""
    names = [text(f"learn.{name}", lang) for name in ("number", "field", "value", "unit")]
    cells = [
        (str(place), shown(one.path), number(one.number, lang),
         text("learn.sentinel", lang) if one.sentinel else one.unit)
        for place, one in enumerate(some, 1)
    ]  # fmt: skip
    terminal.show(names, cells, whole=(0, 1))


def from_options(take: Sequence[str], some: Sequence[Field]) -> dict[str, Choice]:
    """The choices given as options: SIGNAL=PATH, then optionally :UNIT and :total or :daily."""
    choices: dict[str, Choice] = {}
    paths = {one.path: one for one in some}
    for one in take:
        signal, _, rest = one.partition("=")
        path = next((path for path in sorted(paths, key=len, reverse=True) if _begins(rest, path)), rest)
        if signal not in SIGNALS:
            raise Misuse("probe.no_signal", signal=signal)
        if path not in paths:
            raise Misuse("learn.no_field", path=path)
        more = rest[len(path) + 1 :].split(":") if len(rest) > len(path) else []
        counter = next((word for word in more if word in KINDS), "")
        unit = next((word for word in more if word not in KINDS), paths[path].unit)
        down = signal == "water_level" and "distance" in path.lower()
        choices[signal] = Choice(path, unit, counter, down)
    return choices


def _begins(rest: str, path: str) -> bool:
    return rest == path or rest.startswith(f"{path}:")


def from_person(some: Sequence[Field], device: Device, settings: Settings, lang: str) -> dict[str, Choice]:
    """Ask a person at the terminal for the choices."""
    proposed = proposals(some, device.model)
    today = _today(settings, device)
    choices: dict[str, Choice] = {}
    typer.echo(text("learn.how", lang))
    for signal in signals_of(device.model):
        field = proposed.get(signal)
        row = SIGNALS[signal]
        if field is None:
            continue
        question = text(
            "learn.is_it", lang, name=row.name(lang), signal=signal, path=shown(field.path),
            value=number(field.number, lang),
        )  # fmt: skip
        answer = typer.prompt(question, default=text("option.agreed", lang)).strip().lower()
        if answer.isdecimal() and 1 <= int(answer) <= len(some):
            field = some[int(answer) - 1]
        elif answer not in terminal.YES:
            continue
        choices[signal] = _choice(signal, field, today.get(signal), lang)
    missing = [signal for signal in signals_of(device.model) if signal not in choices]
    while missing:
        typer.echo(text("learn.others", lang, signals=", ".join(missing)))
        answer = typer.prompt(text("learn.other", lang), default="", show_default=False).strip()
        if not answer:
            break
        signal, _, place = (part.strip() for part in answer.partition("="))
        if signal in missing and place.isdecimal() and 1 <= int(place) <= len(some):
            choices[signal] = _choice(signal, some[int(place) - 1], today.get(signal), lang)
            missing.remove(signal)
    return choices


def _choice(signal: str, field: Field, today: tuple[float, float] | None, lang: str) -> Choice:
    """Ask for the unit, the kind of counter and the direction of one signal, where they are not plain."""
    row = SIGNALS[signal]
    units = meant(field, signal)
    if today is not None:
        low, high = row.amount(today[0], lang), row.measured(today[1], lang)
        typer.echo("   " + text("learn.today", lang, low=low, high=high))
    unit = field.unit
    own = next((one for one in units if one.unit == row.unit), None)
    if not asks_unit(field, signal) and own is not None and own.plausible:
        unit = unit or own.unit  # makers use this unit alone, and the value is plausible in it
    if not unit and len(units) > 1:
        for place, one in enumerate(units, 1):
            doubt = "" if one.plausible else f"   ({text('learn.implausible', lang)})"
            value = with_unit(number(one.value, lang, most=6), row.shown_unit)
            typer.echo(f"   {place}) {one.unit} ─► {value}{doubt}")
        while True:
            answer = typer.prompt("   " + text("learn.which_unit", lang))
            if str(answer).isdecimal() and 1 <= int(answer) <= len(units):
                unit = units[int(answer) - 1].unit
                break
    counter = ""
    if signal in COUNTED:
        kinds = {"1": "", "2": "daily", "3": "total"}
        while (answer := typer.prompt("   " + text("learn.which_counter", lang))) not in kinds:
            pass
        counter = kinds[answer]
    down = signal == "water_level" and terminal.agreed(
        "   " + text("learn.down", lang), lang, default="distance" in field.path.lower()
    )
    return Choice(field.path, unit, counter, down)


def _today(settings: Settings, device: Device) -> dict[str, tuple[float, float]]:
    """Lowest and highest value of each signal at the device's place in the last day; empty if unknown."""
    now = now_ms()
    ranges: dict[str, tuple[float, float]] = {}
    where = {"pilot": device.pilot, "community": device.community}
    with suppress(RetryLater, OSError), open_store(settings) as store:
        for signal in signals_of(device.model):
            if SIGNALS[signal].circular:
                continue  # a direction has neither a lowest nor a highest
            with suppress(KeyError):
                rows = store.summary("telemetry", [signal], where, now - DAY_MS, now, DAY_MS).get(signal, {})
                buckets = [bucket for some in rows.values() for bucket in some]
                if buckets:
                    ranges[signal] = min(one.low for one in buckets), max(one.high for one in buckets)
    return ranges


def stored(reader: Reader, message: Any, site: Mapping[str, float], lang: str) -> Iterator[str]:
    """What would be stored of a message, what is out of range, and what cannot be read, a line each."""
    reading = reader.read(message, site)
    for signal, value in reading.values.items():
        row = SIGNALS[signal]
        fine = row.low <= value <= row.high
        shown_value = with_unit(number(value, lang), row.shown_unit)
        yield text("learn.stored" if fine else "learn.doubted", lang, signal=signal, value=shown_value)
    for signal, (_, total) in reading.totals.items():
        amount = with_unit(number(total, lang), SIGNALS[signal].shown_unit)
        yield text("learn.counter", lang, signal=signal, value=amount)
    for one in reading.unread:
        yield text(one.why, lang, signal=one.signal, path=one.path, value=one.value)
