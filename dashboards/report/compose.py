"""The yearly report: what the office hands in, as blocks that `paper` sets as PDF and `plain` as Markdown.

    yearly (store) ─► Report: header, blocks, signatures ─┬─► paper.pdf   typst, Vietnamese fonts embedded
    pilot file ───────┘                                   └─► plain.markdown

A year without data is still a report: header, basis, targets, what is missing, signatures.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from dashboards import wording
from dashboards.report import drawing
from dashboards.report.yearly import Harvested, Year
from devices.clock import day_of, moment_of
from devices.pilots.names import Names
from devices.pilots.pilot import Pilot, TargetPoint
from devices.pilots.places import Place
from devices.pilots.reporting import ReportForm
from devices.texts import text

DOTS = "………"
Kind = Literal["heading", "text", "note", "list", "table", "chart"]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the body. `rows` of a table begin with its head; a chart has its numbers."""

    kind: Kind
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    svg: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report in one language."""

    lang: str
    above: str
    office: str
    state: str
    motto: str
    number: str
    place_and_date: str
    title: str
    subject: str
    blocks: tuple[Block, ...]
    recipients_title: str
    recipients: tuple[str, ...]
    signatures: tuple[str, ...]
    sign_here: str
    foot: str


def compose(pilot: Pilot, year: Year, lang: str, rehearsal: Names | None = None) -> Report:
    """The report of `year`."""
    say = partial(_say, lang)
    form = pilot.report_form or _bare(pilot)
    day = moment_of(year.at, pilot.zone)
    blocks = [
        *_notes(year, say, rehearsal, lang),
        Block("heading", say("basis")),
        Block("list", rows=tuple((one.get(lang),) for one in form.basis)),
        *_targets(pilot, year, lang),
        *_charts(year, lang),
        *_communes(pilot, year, lang),
        *_coverage(pilot, year, lang),
        *_computed(pilot, year, lang),
        *_due(pilot, year, lang),
    ]
    return Report(
        lang, form.above.get(lang), form.office.get(lang), say("state"), say("motto"), say("number"),
        say("place_and_date", place=form.place.get(lang), dots=DOTS, year=day.year), say("title"),
        say("subject", year=year.year, pilot=pilot.name.get(lang)), tuple(blocks), say("recipients"),
        tuple(f"{one.to.get(lang)}" for one in pilot.reports),
        tuple(one.get(lang) for one in form.signatures), say("sign_here"),
        say("foot", time=day.strftime("%d/%m/%Y %H:%M"), pilot=pilot.pilot),
    )  # fmt: skip


def _say(lang: str, key: str, **values: object) -> str:
    return text(f"report.{key}", lang, **values)


def _bare(pilot: Pilot) -> ReportForm:
    """The form of a pilot file that has none: its sources, and dots to fill in."""
    sources = dict.fromkeys([t.source for t in pilot.targets] + [r.source for r in pilot.reports])
    dots = Names(vi=DOTS, en=DOTS)
    return ReportForm(
        above=dots, office=dots, place=pilot.name, signatures=(dots,),
        basis=tuple(Names(vi=one, en=one) for one in sources),
    )  # fmt: skip


def _notes(year: Year, say: "partial[str]", rehearsal: Names | None, lang: str) -> list[Block]:
    notes = []
    if rehearsal is not None:
        notes.append(Block("note", say("rehearsal", name=rehearsal.get(lang))))
    if year.empty:
        notes.append(Block("note", say("no_data", year=year.year)))
    elif any(one.simulated for one in year.indicators):
        notes.append(Block("note", say("simulated")))
    return notes


def _targets(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    """One row an indicator, as of the newest count of the year."""
    say = partial(_say, lang)
    head = ("indicator", "target", "value", "real", "simulated_only", "gap", "assessment")
    rows = [tuple(say(f"column_{name}") for name in head)]
    by_id = {one.id: one for one in year.indicators}
    for target in pilot.targets:
        name = text(f"overview.{target.indicator}", lang)
        one = by_id.get(target.indicator)
        if one is None:
            due = next((p for p in target.points if year.year <= p.year), target.points[-1])
            none = say("none")
            rows.append((name, _due_text(target.indicator, due, lang), none, none, none, none, none))
            continue
        number = partial(wording.number, one, lang=lang)
        reached = "reached" if one.gap >= 0 else "on_course" if one.on_course else "behind"
        rows.append(
            (name, _due_text(one.id, one.due, lang), number(one.value), number(one.real),
             number(one.simulated), wording.gap(one, lang),
             say(f"assessment_{reached}", path=number(one.path)))
        )  # fmt: skip
    as_of = "" if year.empty else say("as_of", time=_local(pilot, year.at))
    blocks = [Block("heading", say("targets")), Block("table", as_of, tuple(rows))]
    for one in year.indicators:
        last = one.forecasts[-1]
        number = partial(wording.number, one, lang=lang)
        blocks.append(
            Block(
                "text",
                say("forecast", indicator=text(f"overview.{one.id}", lang), year=last.year,
                    value=number(last.value), low=number(last.low), high=number(last.high),
                    target=_due_text(one.id, one.targets[-1], lang)),
            )
        )  # fmt: skip
    return blocks


def _due_text(indicator: str, point: TargetPoint, lang: str) -> str:
    def number(value: float) -> str:
        return f"{value * 100:g}" if indicator == "traceability_share" else f"{value:g}"

    shown = number(point.at_least)
    if point.up_to is not None:
        shown += f"–{number(point.up_to)}"
    shown += " %" if indicator == "traceability_share" else ""
    key = "over" if point.strictly_over else "at_least"
    return _say(lang, key, value=shown, year=point.year)


def _charts(year: Year, lang: str) -> list[Block]:
    say = partial(_say, lang)
    words = {key: say(f"legend_{key}") for key in ("measured", "target", "forecast")}
    blocks = [Block("heading", say("charts"))] if year.indicators else []
    for one in year.indicators:
        number = partial(wording.number, one, lang=lang)
        dated = {point.year: _due_text(one.id, point, lang) for point in one.targets}
        rows = [(say("column_year"), say("legend_target"), say("legend_forecast"))]
        for ahead in one.forecasts:
            band = f"{number(ahead.value)} ({number(ahead.low)} – {number(ahead.high)})"
            rows.append((str(ahead.year), dated.get(ahead.year, "–"), band))
        picture = drawing.draw(one, words)
        blocks.append(Block("chart", text(f"overview.{one.id}", lang), tuple(rows), picture))
    return blocks


def _communes(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    """Each place that has joined by the end of the year, by its commune of today."""
    say = partial(_say, lang)
    head = ("commune", "place", "joined", "devices", "coverage", "lots", "kilograms", "counts")
    rows = [tuple(say(f"column_{name}") for name in head)]
    states = _states(year, lang)
    day = day_of(year.at, pilot.zone)
    villages = {village.id for village in pilot.villages}
    there = [place for place in pilot.places if place.joined <= day and place.joined.year <= year.year]
    for place in sorted(there, key=lambda one: (one.commune_new or one.commune_old, one.name)):
        kind = say("village") if place.id in villages else say("community")
        share = year.coverage.get(place.id)
        lots = year.lots.get(place.id, Harvested(0, 0.0))
        rows.append(
            (_commune(place, lang), f"{place.name} ({kind})", place.joined.strftime("%d/%m/%Y"),
             str(year.devices.get(place.id, 0)), say("none") if share is None else f"{share * 100:.0f} %",
             str(lots.number), f"{lots.kilograms:,.0f}".replace(",", "." if lang == "vi" else ","),
             states.get(place.id, say("none")))
        )  # fmt: skip
    if len(rows) == 1:
        return [Block("heading", say("communes")), Block("text", say("nobody_yet"))]
    return [Block("heading", say("communes")), Block("table", say("communes_note"), tuple(rows))]


def _commune(place: Place, lang: str) -> str:
    if place.commune_new:
        return _say(lang, "commune", new=place.commune_new, old=place.commune_old)
    return place.commune_old


def _states(year: Year, lang: str) -> dict[str, str]:
    """For each place: counts, or what it has of what it needs."""
    states: dict[str, str] = {}
    for count in year.evaluation.counts[:2] if year.evaluation else ():
        states |= dict.fromkeys(count.members, _say(lang, "counts"))
        states |= {place: _say(lang, "misses", has=has) for place, has in count.missed}
    return states


def _coverage(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    """How much is known, and where the numbers end."""
    say = partial(_say, lang)
    blocks = [Block("heading", say("coverage"))]
    if not year.empty:
        mean = sum(year.coverage.values()) / len(year.coverage) if year.coverage else 0.0
        blocks.append(
            Block(
                "text",
                say("coverage_text", counted=year.counted, days=year.days, coverage=f"{mean * 100:.0f}",
                    devices=sum(year.devices.values()), doubted=sum(year.doubted.values())),
            )
        )  # fmt: skip
        reasons = [(r, n) for r, n in sorted(year.doubted.items(), key=lambda one: -one[1]) if n]
        if reasons:
            rows = [(say("column_reason"), say("column_number"))]
            rows += [(text(f"boards.reason_{reason}", lang), str(number)) for reason, number in reasons]
            blocks.append(Block("table", "", tuple(rows)))
    organisations = pilot.organisations_of(year.year)
    limits = [say("limit_window"), say("limit_simulated"), say("limit_places"), say("limit_forecast")]
    if organisations.assumption:
        limits.append(
            say("limit_organisations", hoi_quan=organisations.hoi_quan, htx=organisations.htx,
                year=organisations.year)
        )  # fmt: skip
    blocks.append(Block("list", rows=tuple((one,) for one in limits)))
    return blocks


def _computed(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    rows = tuple(
        (f"{text(f'overview.{name}', lang)}: {wording.rule(name, pilot, year.year, lang)}",)
        for name in (target.indicator for target in pilot.targets)
    )
    return [Block("heading", _say(lang, "computed")), Block("list", rows=rows)]


def _due(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    rows = []
    for one in pilot.reports:
        month, day = one.day.split("-")
        rows.append((_say(lang, "due_on", day=f"{day}/{month}/{year.year}", to=one.to.get(lang)),))
    return [Block("heading", _say(lang, "due")), Block("list", rows=tuple(rows))] if rows else []


def _local(pilot: Pilot, ms: int) -> str:
    return moment_of(ms, pilot.zone).strftime("%d/%m/%Y %H:%M")
