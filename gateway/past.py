"""Writes a simulated past straight to the store: the work of pipeline, sealer and clerk, without a broker."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice

from rich.console import Console
from rich.progress import Progress, track

from devices.access.registry import always
from devices.clock import DAY_MS, day_of
from devices.contract.diary import Harvest, decode_diary
from devices.contract.reading import Device, Reading
from devices.pilots.pilot import Pilot
from devices.pilots.written import SCENARIO
from devices.settings import Settings
from devices.terminal import languages
from devices.texts import text
from gateway.clerk.indicators import recount
from gateway.control.rules import advise, points
from gateway.indicators.hourly import roll
from gateway.ingest.checks import Checker, checked
from gateway.ingest.message import Written
from gateway.lots.growth import Growth
from gateway.service import Diaries
from gateway.stores.opening import open_store
from gateway.stores.store import Store
from traceability.sealing.seal import Sealer

EVENTS, LOTS = 1000, 200  # diary events in one transaction, lots in one append to the log
ADVISED_MS = 30 * DAY_MS  # advice is given for the last days only, which the boards show


class Past:
    """Keeps a simulated past. `judged` is the pilot whose rules apply."""

    def __init__(self, store: Store, judged: Pilot, sealer: Sealer | None = None) -> None:
        self._store, self._pilot = store, judged
        self._checker = Checker(judged)
        self._diaries = Diaries(sealer, store, judged, lambda: None) if sealer is not None else None

    def keep(self, readings: Sequence[Reading]) -> None:
        """Check and store readings."""
        self._store.write(checked(self._checker, readings))

    def write_down(self, events: Iterable[tuple[Device, bytes]]) -> None:
        """Keep diary events and seal their harvests."""
        if self._diaries is None:
            return
        harvests = 0
        rest = iter(events)
        while some := [Written(device, decode_diary(payload)) for device, payload in islice(rest, EVENTS)]:
            self._diaries.keep(some)
            harvests += sum(isinstance(written.event, Harvest) for written in some)
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task(text("simulated.sealed", languages()[0]), total=harvests)
            while done := self._diaries.seal_some(LOTS):
                progress.advance(task, done)

    def count(self, start: int, stop: int) -> None:
        """Count hours and indicators of all days in [start, stop) epoch ms; advise on the last days."""
        roll(self._store, self._pilot, start, stop)
        for day in range(max(start, stop - ADVISED_MS), stop, DAY_MS):  # the advice at the end of each day
            at = min(day + DAY_MS, stop)
            self._store.write(points(self._store, self._pilot, advise(self._store, self._pilot, at), at))
        first, last = day_of(start, self._pilot.zone), day_of(stop - 1, self._pilot.zone) + timedelta(days=1)
        days = recount(self._store, self._pilot, always(self._pilot.fleet.values()), first, last)
        counted = text("simulated.counted", languages()[0])
        for _ in track(days, counted, total=(last - first).days, console=Console(stderr=True)):
            pass


@contextmanager
def open_past(settings: Settings, judged: Pilot) -> Iterator[Past]:
    """Open what takes a simulated past: the store, and in a rehearsal's folder the records, too."""
    with open_store(settings, mend=True) as store:
        if not (settings.data / SCENARIO).exists():
            yield Past(store, judged)
            return
        origin = f"{settings.log_origin}/{judged.pilot}"
        sealer = Sealer(settings.trace, judged, Growth(store, judged), settings.base_url, origin)
        try:
            yield Past(store, judged, sealer)
        finally:
            sealer.close()
