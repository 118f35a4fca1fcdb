"""The overview at `/` for machines without Grafana: one page, no script, printable."""

from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response

from dashboards import progress, wording
from dashboards.earlier import EarlierPages
from dashboards.figures import DeviceNow, Figures, Indicator, Standing, balanced
from dashboards.kept import Kept
from dashboards.map.land import NOWHERE, lands
from dashboards.map.picture import draw
from dashboards.pages import lately, marks, today
from dashboards.pages.frame import PAGES, Lasting
from dashboards.pages.gateways import troubled
from dashboards.pages.lately import Lately
from dashboards.progress import Progress
from devices.clock import day_of, moment_of
from devices.contract.models import DIARY, device_name
from devices.pilots.pilot import Pilot
from devices.pilots.reporting import upcoming
from devices.texts import LANGS, day, moment, number, text
from devices.web.frame import HTML, headers
from devices.web.language import VARY, language
from gateway.stores.points import Point

REFRESH = 15  # seconds after which a browser asks again, where its reader wants that
FIRST = 1.0  # seconds after the start in which a reader waits for the first page
SOON = 5  # the same while the start is still under way: its page says little, and is soon another
SHOWN_DEVICES, SHOWN_LOTS, SHOWN_RECALLS = 10, 8, 5
HEADERS = headers(vary=VARY, forms=True, cache="no-cache")
LONGEST = 80  # characters of a search at most
MAIN = '<main id="main">'  # of base.html
CUT = "\0"  # marks a gap in a page; no page contains it, as hidden characters are spelt out


def router(
    figures: Figures, recent: Kept[Lately], earlier: EarlierPages, standing: Kept[Progress], data: Path
) -> APIRouter:
    """The page and its style sheet, in the reader's language.

    While the application runs, the page is drawn in the background each time `recent` (shared with other
    pages) has been read, so that no reader waits while a thousand places are written down. Until the first
    drawing readers get the page of the `earlier` run, or else one without the devices' values. What a
    real device says is on the page within two seconds. `standing` is shared with the open data; `data` is the
    folder of this machine's gateways.
    """
    spoken = lately.spoken(figures)

    def read() -> Drawn:
        targets, lately = progress.lately(figures, standing), recent.get()
        return kept_for_the_next(Drawn.of(figures, targets, lately, lasting[LANGS[0]]))

    def again(lang: str) -> Drawn:
        first = newest(LANGS[0])
        return kept_for_the_next(Drawn.of(figures, first.progress, first.recent, lasting[lang], first.work))

    def kept_for_the_next(drawn: Drawn) -> Drawn:
        earlier.keep(drawn.lang, partial(drawn.page, refresh=SOON))
        return drawn

    def newest(lang: str) -> Drawn:
        """The page that was drawn last; once there is a first count, a page from before it is drawn anew."""
        drawn = shown[lang].get()
        if not drawn.progress.indicators and figures.indicators(figures.now()):
            return shown[lang].get(anew=True)
        return drawn

    lasting: dict[str, Lasting] = {lang: Lasting(lang) for lang in LANGS}
    starting: dict[str, Lasting] = {lang: Lasting(lang) for lang in LANGS}
    # one language after the other, so that the first is there soon
    shown: dict[str, Kept[Drawn]] = {LANGS[0]: Kept(read, after=recent)}
    for lang in LANGS[1:]:
        shown[lang] = Kept(partial(again, lang), after=shown[LANGS[0]])

    @asynccontextmanager
    async def ready(_: FastAPI) -> AsyncIterator[None]:
        PAGES.prepare("overview.html")
        with ExitStack() as running:
            for run in (recent.running, standing.running, spoken.running):
                running.enter_context(run())
            for one in shown.values():
                running.enter_context(one.running())
            yield

    routes = APIRouter(lifespan=ready)

    @routes.get("/", include_in_schema=False)
    def overview(request: Request, q: str = "", live: str = "") -> Response:
        """A page that loads itself again takes a reader's focus, opened parts and typed text away: it does
        so where the reader asked for it (`live=1`) and, until he forbids it (`live=0`), during the start.
        """
        search, lang = q.strip()[:LONGEST], language(request)
        every = REFRESH if live == "1" and not search else 0
        soon = SOON if live != "0" and not search else 0
        page = earlier.page(lang) if shown[lang].begins and soon else None
        if page is None and shown[lang].begins and shown[lang].known(FIRST) is None:
            page = begun(figures, standing.known(), starting[lang], search, refresh=soon)
        if page is not None:
            every = soon
        else:
            drawn = newest(lang)
            page = drawn.search(search) if search else drawn.page(spoken.get(), refresh=every)
        page = noted(page, troubled(data, lang))
        sent = HEADERS | {"Refresh": str(every)} if every else HEADERS
        return Response(page, media_type=HTML, headers=sent)

    PAGES.style(routes, "overview.css")
    return routes


@dataclass(frozen=True)
class Drawn:
    """The page in one language as of when `progress` and `recent` were read, in `parts`. What changes between
    two drawings is put between the parts.
    """

    figures: Figures
    progress: Progress
    recent: Lately
    work: today.Work
    lang: str
    parts: list[str]

    @classmethod
    def of(
        cls,
        figures: Figures,
        progress: Progress,
        recent: Lately,
        lasting: Lasting,
        work: today.Work | None = None,
    ) -> "Drawn":
        """Draw the page; unchanged parts come from `lasting`, and `work` from another language, if given."""
        work = today.work(recent.devices, figures.pilot, figures.now()) if work is None else work
        parts = _drawn(figures, progress, recent, work, lasting).split(CUT)
        return cls(figures, progress, recent, work, lasting.lang, parts)

    def page(self, spoken: Sequence[Point] = (), *, refresh: int = 0) -> str:
        """The page as HTML, with what was `spoken` since. It says that it loads itself again after `refresh`
        seconds, or with 0 that it does not.
        """
        pilot, now = self.figures.pilot, self.figures.now()
        devices = [
            _device(device, pilot, self.lang)
            for device in lately.newest(self.recent, spoken, now, SHOWN_DEVICES)
            if device.community in pilot.place
        ]
        head, middle, end = self.parts
        top = PAGES.body("overview_top.html", self.lang, **self._top(refresh))
        newest = PAGES.body("overview_newest.html", self.lang, devices=devices)
        return f"{head}{top}{middle}{newest}{end}"

    def search(self, words: str) -> str:
        """The page with only those places that have these `words`."""
        pilot = self.figures.pilot
        places = today.places(pilot, self.progress.standing, self.figures.now(), self.lang, words)
        return PAGES.body(
            "overview.html",
            self.lang,
            pilot=pilot,
            rehearsal=self.figures.rehearsal,
            note=_note(self.recent, pilot, self.lang),
            **self._top(search=words),
            places=Lasting(self.lang).part("overview_places.html", places=places, asked=words),
            asked=words,
        )

    def _top(self, refresh: int = 0, search: str = "") -> dict[str, Any]:
        """The values of the line at the top of the page."""
        at = min(self.progress.at, self.recent.at)
        return _top(self.figures.pilot, at, self.lang, refresh, search)


def noted(page: str, ill: Sequence[str]) -> str:
    """The page, whenever it was drawn, with the sentences on gateways that are `ill` now at its top."""
    notes = "".join(f'<p class="note missed" role="alert">{escape(one)}</p>' for one in ill)
    return page.replace(MAIN, f"{MAIN}\n{notes}", 1) if notes else page


def begun(
    figures: Figures, progress: Progress | None, lasting: Lasting, search: str = "", *, refresh: int = 0
) -> str:
    """The page while the devices' values are being read for the first time. It shows what pilot, registry and
    diaries say, how the targets stand once that was read, and of the places only those of a `search`. Raises
    RegistryAway where the roster cannot be read.
    """
    pilot, now, lang = figures.pilot, figures.now(), lasting.lang
    progress = progress or Progress(now, [], {}, {})
    devices = sum(one.model != DIARY for one in figures.roster())
    top = _top(pilot, progress.at, lang, refresh, search)
    reading = f"<p>{text('overview.reading', lang)}</p>"
    note = text("overview.reading_note", lang, devices=number(devices, lang))
    if search:
        places = today.places(pilot, progress.standing, now, lang, search)
        page = {"places": Lasting(lang).part("overview_places.html", places=places, asked=search), **top}
    else:
        parts = dict.fromkeys(("map", "alarms", "silent", "advice"), reading)
        page = _frame(figures, progress, _rows(figures, progress, lasting), lasting) | parts | {"nearest": []}
    body = PAGES.body(
        "overview.html", lang, pilot=pilot, rehearsal=figures.rehearsal, note=note, asked=search, cut=CUT,
        reading=True, **page,
    )  # fmt: skip
    return body.replace(CUT, PAGES.body("overview_top.html", lang, **top), 1).replace(CUT, reading)


def _top(pilot: Pilot, at: int, lang: str, refresh: int, search: str) -> dict[str, Any]:
    as_of = moment(moment_of(at, pilot.zone), lang, seconds=True)
    chosen = urlencode({"q": search} if search else {"live": 1} if refresh == REFRESH else {})
    return {"as_of": as_of, "refresh": refresh, "every": REFRESH, "here": f"/?{chosen}" if chosen else "/"}


def _rows(figures: Figures, progress: Progress, lasting: Lasting) -> list[dict[str, Any]]:
    """The rows of the list of places, with how each place stands."""
    pilot, now, standing = figures.pilot, figures.now(), progress.standing
    inputs = standing, day_of(now, pilot.zone)
    return lasting.of("rows", inputs, lambda: today.places(pilot, standing, now, lasting.lang))


def _frame(
    figures: Figures, progress: Progress, rows: list[dict[str, Any]], lasting: Lasting
) -> dict[str, Any]:
    """The values of the page that do not depend on what the devices measured last."""
    pilot, now, lang = figures.pilot, figures.now(), lasting.lang
    cards = [_card(one, pilot, progress.standing, lang) for one in progress.indicators]
    return {
        "trend_days": number(figures.trend_days, lang),
        "cards": cards,
        "behind": lasting.part("overview_behind.html", cards=[(one["name"], one["missed"]) for one in cards]),
        "places": lasting.part("overview_places.html", places=rows, asked=""),
        "due": _due(pilot, day_of(now, pilot.zone), lang),
        "lots": [wording.lot_of(lot, pilot, lang) for lot in figures.lots(SHOWN_LOTS)],
        "recalls": [wording.recall_of(lot, pilot, lang) for lot in figures.recalls(SHOWN_RECALLS)],
        "books": {name: number(value, lang) for name, value in progress.books.items()},
        "balanced": balanced(progress.books),
    }


def _drawn(figures: Figures, progress: Progress, recent: Lately, work: today.Work, lasting: Lasting) -> str:
    """The page as HTML, with a CUT in place of its top line, and one in place of the newest values."""
    pilot, now, lang = figures.pilot, figures.now(), lasting.lang
    rows = _rows(figures, progress, lasting)
    on_map = marks.marks(figures, work, recent, progress.standing, rows, now, lang)
    map_ = draw(tuple(on_map), lands().get(pilot.pilot, NOWHERE), lang)
    return PAGES.body(
        "overview.html",
        lang,
        pilot=pilot,
        rehearsal=figures.rehearsal,
        note=_note(recent, pilot, lang),
        cut=CUT,
        map=lasting.part("overview_map.html", map=map_, legend=marks.legend(on_map, lang)),
        alarms=lasting.part(
            "overview_alarms.html", alarms=today.shown_alarms(work, recent.alarms, pilot, now, lang)
        ),
        nearest=today.nearest(work, pilot, now, lang),
        silent=lasting.part("overview_silent.html", silent=today.shown_silent(work, pilot, now, lang)),
        advice=lasting.part("overview_advice.html", advice=today.advised(recent.advice, pilot, now, lang)),
        asked="",
        **_frame(figures, progress, rows, lasting),
    )


def _note(recent: Lately, pilot: Pilot, lang: str) -> str:
    """How many of the devices are simulated, and whether dates of joining are assumed, in a sentence."""
    devices = [one for one in recent.known if one.seen >= recent.at - lately.BACK_MS]
    simulated = sum(one.simulated for one in devices)
    values = {"simulated": number(simulated, lang), "all": number(len(devices), lang)}
    values["planned"] = text("overview.planned", lang) if any(one.assumption for one in pilot.places) else ""
    return text("overview.simulated_note" if simulated else "overview.real_note", lang, **values)


def _due(pilot: Pilot, today: date, lang: str) -> list[str]:
    """Sentences: the next reporting day, the ones after it, and which review falls into this year."""
    later = [
        text("overview.handin_later", lang, day=day(one.day, lang), to=one.report.to.get(lang))
        for one in upcoming(pilot.reports, today)[1:]
    ]
    sentences = [wording.next_report(pilot, today, lang), *later, *wording.reviews(pilot, today.year, lang)]
    return [one for one in sentences if one]


def _card(one: Indicator, pilot: Pilot, standing: dict[str, Standing], lang: str) -> dict[str, Any]:
    top = max(*(point.at_least for point in one.targets), one.value) * 1.04
    return {
        "id": one.id,
        "name": text(f"overview.{one.id}", lang),
        "value": wording.number(one, one.value, lang),
        "as_of": moment(moment_of(one.at, pilot.zone), lang),
        "gap": wording.gap(one, lang),
        "state": "reached" if one.reached else "short" if wording.pace(one) == "behind" else "course",
        "bar": round(100 * one.value / top, 1),
        "marks": [{"at": round(100 * point.at_least / top, 1)} for point in one.targets],
        "targets": [wording.target(one, point, lang) for point in one.targets],
        "apart": wording.apart(one, lang),
        "rule": wording.rule(one.id, pilot, day_of(one.at, pilot.zone).year, lang),
        "course": wording.course(one, lang),
        "pace": wording.pace(one),
        "missed": today.missed(one.id, standing.get(one.id), pilot, lang),
        "trend": _trend(one),
    }


def _trend(one: Indicator) -> str:
    """The points of a polyline in a box of 100 by 24: its corners, as for hours nothing changes."""
    if len(one.trend) < 2:
        return ""
    inner = zip(one.trend, one.trend[1:], one.trend[2:], strict=False)
    corners = [here for before, here, after in inner if not before[1] == here[1] == after[1]]
    first, last = one.trend[0][0], one.trend[-1][0]
    top = max(*(value for _, value in one.trend), one.due.at_least) or 1.0
    return " ".join(
        f"{round(100 * (at - first) / max(1, last - first), 1)},{round(23 - 21 * value / top, 1)}"
        for at, value in (one.trend[0], *corners, one.trend[-1])
    )


def _device(device: DeviceNow, pilot: Pilot, lang: str) -> dict[str, Any]:
    place = pilot.place[device.community]
    return {
        "name": device_name(device.device, device.community, device.model, lang),
        "simulated": device.simulated,
        "place": place,
        "seen": moment(moment_of(device.seen, pilot.zone), lang, seconds=True),
        "readings": [
            (wording.signal(name, lang), wording.measured(name, value, lang),
             wording.own_time(at, device.seen, pilot, lang))
            for name, (at, value) in device.values.items()
        ],
        "flagged": [
            (wording.signal(name, lang), wording.measured(name, value, lang),
             text(f"boards.reason_{reason}", lang), wording.own_time(at, device.seen, pilot, lang))
            for name, (at, value, reason) in device.flagged.items()
        ],
    }  # fmt: skip
