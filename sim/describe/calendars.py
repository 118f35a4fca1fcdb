"""Calendars of the pilot's products over a year: the file's windows, and one seed's crops within them."""

from collections.abc import Iterator
from datetime import date, timedelta
from html import escape

from devices.pilots.calendar import Crop, tet
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community, Product
from devices.texts import Lang, day, number, text
from sim.describe.drawing import figure
from sim.physics.growing import ANNUAL, FED, FIRST_DAY, PROCESSED, crops

_WIDTH, _LEFT, _ROW, _TOP = 960, 210, 26, 22
Span = tuple[str, date, date]  # class of the bar, first and last day


def calendars(seed: int, pilot: Pilot, year: int, lang: Lang) -> str:
    """Draw each product with its own calendar in a row, and list the sources of the calendars."""
    rows: dict[tuple[str, tuple[Crop, ...]], list[tuple[Community, Product]]] = {}
    for community in pilot.communities:
        for product in community.products:
            if product.crop not in PROCESSED:
                rows.setdefault((product.crop, product.calendar), []).append((community, product))
    height = _TOP + _ROW * len(rows) + 6
    parts = [_months(height), *_tet(year, height, lang)]
    sources = []
    for number_, grown in enumerate(rows.values()):
        community, product = grown[0]
        parts.append(_row(seed, community, product, year, _TOP + _ROW * number_, lang))
        sources.append(f"<li>{escape(_source(product, lang))}</li>")
    key = "".join(
        f'<svg width="14" height="10"><rect class="{name}" width="14" height="10"/></svg> '
        f"{escape(text(f'describe.{name}', lang))} · "
        for name in ("sown", "grows", "picked")
    )
    title = text("describe.calendars", lang, year=str(year))
    return (
        figure(title, "", "", "".join(parts), _WIDTH, height)
        + f'<p class="key">{key}{escape(text("describe.once", lang))}</p>'
        + f'<ul class="key">{"".join(sources)}</ul>'
    )


def _x(when: date, year: int) -> float:
    """Return the x of a day, limited to the edges of the year."""
    days = min(max((when - date(year, 1, 1)).days, 0), 366)
    return round(_LEFT + (_WIDTH - _LEFT - 8) * days / 366, 1)


def _months(height: int) -> str:
    parts = []
    for month in range(1, 13):
        x = _x(date(2024, month, 1), 2024)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP - 6}" y2="{height}"/>')
        parts.append(f'<text x="{x + 30}" y="12" text-anchor="middle">{month}</text>')
    return "".join(parts)


def _tet(year: int, height: int, lang: Lang) -> Iterator[str]:
    first = tet(year)
    if first is not None:
        x, name = _x(first, year), f"{text('describe.tet', lang)} {day(first, lang)}"
        yield f'<line class="tet" x1="{x}" x2="{x}" y1="{_TOP - 6}" y2="{height}"/>'
        yield f'<text x="{x + 3}" y="{_TOP - 1}">{name}</text>'


def _row(seed: int, community: Community, product: Product, year: int, top: int, lang: Lang) -> str:
    spans = [span for row in product.calendar for span in _spans(row, product.crop, year)]
    parts = [f'<text class="name" x="4" y="{top + 14}">{escape(product.name.get(lang))}</text>']
    for name in ("grows", "sown", "picked"):
        for kind, first, last in spans:
            left, right = _x(first, year), _x(last + timedelta(days=1), year)
            if kind == name and right > left:
                parts.append(
                    f'<rect class="{name}" x="{left}" y="{top + 4}" '
                    f'width="{round(right - left, 1)}" height="11"/>'
                )
    low, high = ((date(one, 1, 1) - FIRST_DAY).days for one in (year, year + 1))
    if max(row.times for row in product.calendar) == 1:
        for crop in crops(seed, community, product, low, high):
            left, right = (
                _x(FIRST_DAY + timedelta(days=when), year) for when in (crop.sown, crop.picked[-1])
            )
            parts.append(
                f'<line class="once" x1="{left}" x2="{right}" y1="{top + 20}" y2="{top + 20}"/>'
                + "".join(
                    f'<circle cx="{_x(FIRST_DAY + timedelta(days=when), year)}" cy="{top + 20}" r="2"/>'
                    for when in crop.picked
                    if low <= when < high
                )
            )
    return "".join(parts)


def _spans(row: Crop, crop: str, year: int) -> Iterator[Span]:
    """Yield the row's windows that begin in the year before, in this one or in the next."""
    short, long = (timedelta(days=count) for count in row.days)
    lasts = timedelta(days=(row.pickings - 1) * row.apart)
    for one in (year - 1, year, year + 1):
        for begin, end in row.windows(one):
            if row.sown is not None:
                yield "sown", begin, end
                yield "grows", begin, end + long
                yield "picked", begin + short, end + long + lasts
            else:
                if crop in ANNUAL and row.times == 1:
                    yield "sown", begin - long, end - short
                yield "grows", begin - long, end
                yield "picked", begin, end + lasts


def _source(product: Product, lang: Lang) -> str:
    """Return the sources in the words of the pilot file, each once."""
    sources = dict.fromkeys(row.source or f"Assumption: {row.assumption}" for row in product.calendar)
    tonnes = sum(row.times * sum(row.kg_ha) / 2 for row in product.calendar) / 1000
    unit = text("describe.a_year_fish" if product.crop in FED else "describe.a_year", lang)
    return f"{product.name.get(lang)} ({number(tonnes, lang, most=1)} {unit}): {'; '.join(sources)}"
