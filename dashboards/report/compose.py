"""Composes the report as blocks: `paper` makes a PDF of them, `word` a DOCX, `plain` Markdown.

    yearly (store) ─► results, places, due ─► Report ─┬─► paper.pdf       typst, Vietnamese fonts embedded
    pilot file ───────────────────────────────┘       ├─► word.docx       python-docx
                                                      └─► plain.markdown

A year without data is still a report: header, basis, targets, what is missing, signature. The report of
several years is a review: the report of the last year, and how the indicators went by year.
"""

from itertools import count as counting

from dashboards import wording
from dashboards.report.document import Block, Report
from dashboards.report.places import annexes, by_commune, communes
from dashboards.report.results import charts, course, targets
from dashboards.report.words import listed, named, roman, say
from dashboards.report.yearly import Year, mean
from devices.clock import day_of, moment_of
from devices.pilots.names import Names
from devices.pilots.pilot import Pilot
from devices.texts import day, moment, number, percent, text

DOTS = "……"
LINE = 28  # letters that fit into a line of an office's name


def compose(pilot: Pilot, years: tuple[Year, ...], lang: str, rehearsal: Names | None = None) -> Report:
    """The report of the last of `years`, which follow one another; of several years it is a review."""
    form, year = pilot.report_form, years[-1]
    made = moment_of(year.at, pilot.zone)
    office = form.office.get(lang)
    period = {"first": years[0].year, "last": year.year, "years": len(years)}
    key = "subject" if len(years) == 1 else "subject_review"
    subject = say(lang, key, pilot=pilot.name.get(lang), **period)
    numbered = say(lang, "number", dots=DOTS, symbol=form.symbol)
    # nobody knows here in which year the report of a past year will be signed
    over = day_of(year.until + 1, pilot.zone).year > year.year
    dated = say(lang, "date", dots=DOTS, year=DOTS if over else year.year)
    attached = say(lang, "attached", dots=DOTS, symbol=form.symbol, date=dated, office=office)
    to = tuple(one.get(lang) for one in form.to)
    blocks = [
        *([Block("text", say(lang, "no_data", year=year.year))] if year.empty else []),
        *targets(pilot, year, lang),
        *(course(pilot, years, lang) if len(years) > 1 else []),
        *by_commune(pilot, year, lang),
        *charts(years, lang),
        *_coverage(pilot, year, lang),
        *_computed(pilot, year, lang),
        *_due(pilot, year, lang),
    ]
    return Report(
        lang=lang, made=made, above=_lines(form.above.get(lang)), office=_lines(office),
        state=say(lang, "state"), motto=say(lang, "motto"), number=numbered,
        place_and_date=say(lang, "place_and_date", place=form.place.get(lang), date=dated),
        title=say(lang, "title"), subject=subject, addressed=say(lang, "addressed"), to=_listed(to),
        basis=tuple(
            say(lang, "based_on", document=one.get(lang))
            for one in form.basis
            if one.holds(years[0].year, year.year)
        ),
        opening=say(lang, "opening", office=office, subject=subject[0].lower() + subject[1:]),
        blocks=_numbered(blocks),
        closing=say(lang, "closing", office=office, to=listed(to, lang, "closing")),
        recipients_title=say(lang, "recipients"),
        recipients=(say(lang, "as_above"), *(f"{one.get(lang)};" for one in form.copies),
                    say(lang, "filed", where=form.filed)),
        signatures=tuple(one.get(lang) for one in form.signatures),
        annexes=annexes(pilot, year, attached, lang), mark=_mark(years, lang, rehearsal),
    )  # fmt: skip


def _listed(to: tuple[str, ...]) -> tuple[str, ...]:
    """Whom the report is addressed to; of several, the last ends in a stop, the others in a semicolon."""
    return to if len(to) == 1 else (*(f"{one};" for one in to[:-1]), f"{to[-1]}.")


def _lines(name: str) -> tuple[str, ...]:
    """An office's name in capitals, in two halves where it is too long for its side of the page's head."""
    words = name.upper().split()
    half = -(-len(words) // 2)
    return (" ".join(words),) if len(name) <= LINE else (" ".join(words[:half]), " ".join(words[half:]))


def _numbered(blocks: list[Block]) -> tuple[Block, ...]:
    """Headings as the decree has them: with a Roman number, in capitals."""
    part = counting(1)
    return tuple(
        Block("heading", f"{roman(next(part))}. {one.text.upper()}") if one.kind == "heading" else one
        for one in blocks
    )


def _mark(years: tuple[Year, ...], lang: str, rehearsal: Names | None) -> str:
    """The note for every page, where numbers are of a rehearsal or simulated; "" where all are real."""
    if rehearsal is not None:
        return say(lang, "rehearsal", name=rehearsal.get(lang))
    return say(lang, "simulated") if any(year.simulated for year in years) else ""


def _coverage(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    """The section on coverage: how much is known, and the limits of the numbers."""
    blocks = [Block("heading", say(lang, "coverage"))]
    if not year.empty:
        ids = [place.id for commune in communes(pilot, year) for place in commune.places]
        shares = [year.coverage[one] for one in ids if one in year.coverage]
        devices, simulated = (sum(some.get(one, 0) for one in ids) for some in (year.devices, year.invented))
        of_them = say(lang, "coverage_simulated", number=number(simulated, lang)) if simulated else ""
        heard = say(lang, "coverage_nobody")
        if shares:
            covered = percent(mean(shares), lang)
            heard = say(
                lang, "coverage_heard", devices=number(devices, lang), simulated=of_them, coverage=covered
            )
        blocks.append(
            Block(
                "text",
                say(lang, "coverage_text", counted=number(year.counted, lang), days=number(year.days, lang),
                    heard=heard, doubted=number(sum(year.doubted.values()), lang)),
            )
        )  # fmt: skip
        reasons = [(r, n) for r, n in sorted(year.doubted.items(), key=lambda one: -one[1]) if n]
        if reasons:
            rows = [(say(lang, "column_reason"), say(lang, "column_number"))]
            rows += [(text(f"boards.reason_{name}", lang), number(times, lang)) for name, times in reasons]
            rows.append((say(lang, "sum"), number(sum(times for _, times in reasons), lang)))
            blocks.append(Block("table", "", tuple(rows), (4, 1), summed=True))
    organisations = pilot.organisations_of(year.year)
    limits = [say(lang, f"limit_{name}") for name in ("window", "simulated", "places", "forecast")]
    if organisations.assumption:
        limits.append(
            say(lang, "limit_organisations", hoi_quan=number(organisations.hoi_quan, lang),
                htx=number(organisations.htx, lang), year=organisations.year)
        )  # fmt: skip
    limits.append(say(lang, "limit_made", time=moment(moment_of(year.at, pilot.zone), lang)))
    return [*blocks, Block("list", rows=tuple((one,) for one in limits))]


def _computed(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    rows = tuple(
        (f"{named(name, lang)}: {wording.rule(name, pilot, year.year, lang)}",)
        for name in (target.indicator for target in pilot.targets)
    )
    return [Block("heading", say(lang, "computed")), Block("list", rows=rows)]


def _due(pilot: Pilot, year: Year, lang: str) -> list[Block]:
    """The section on dates: when reports are due in the year, how far off the next is, and the reviews."""
    due = [
        say(lang, "due_on", day=day(one.of(year.year), lang), to=one.to.get(lang)) for one in pilot.reports
    ]
    due += wording.reviews(pilot, year.year, lang)
    blocks = [Block("heading", say(lang, "due")), Block("list", rows=tuple((f"{one}.",) for one in due))]
    if not year.empty:
        today = day_of(year.until, pilot.zone)
        sentence = say(
            lang, "counted_from", day=day(today, lang), due=wording.next_report(pilot, today, lang)
        )
        blocks.append(Block("text", sentence))
    return blocks if due else []
