"""The last seven days of a place in steps of two hours; a step without readings stays missing.

store.summary ─► real devices where there are any ─► Week (steps, sum of a day) ─► chart
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dashboards.figures import DeviceNow, Figures
from dashboards.pages.measured import SUMS, Measured
from dashboards.wording import amount, measured
from devices.clock import DAY_MS, HOUR_MS
from devices.contract.signals import SIGNALS
from devices.texts import text
from gateway.stores.points import FLAG_TRUE, Tags
from gateway.stores.store import Bucket
from traceability.pages.chart import Spot, curve

DAYS = 7
STEP_MS = 2 * HOUR_MS
STEPS = DAYS * DAY_MS // STEP_MS
KNOWN_MS = 30 * DAY_MS  # a reading up to so long before the week makes missing steps at its start a gap
CALM = 20  # resolutions of a signal that an axis spans at least, so that noise stays small


@dataclass(frozen=True, slots=True)
class Week:
    """A signal's steps, the first seven days ago; of a signal in SUMS each step is a sum. `first` is the step
    from which on the signal is measured here: no step before it is missing. `curves`: the drawings by
    language and lines, each drawn once.
    """

    spots: Mapping[int, Spot]
    first: int = 0
    curves: dict[tuple[str, tuple[float, ...]], str] = field(default_factory=dict, compare=False)

    @property
    def missing(self) -> list[int]:
        return [step for step in range(self.first, STEPS) if step not in self.spots]

    def total(self, steps: int) -> float:
        """The sum of the last `steps` steps, of a signal in SUMS."""
        return sum(spot.mean for step, spot in self.spots.items() if step >= STEPS - steps)


ByModel = tuple[tuple[str, tuple[str, ...]], ...]


def signals_by_model(devices: Iterable[DeviceNow], signals: Iterable[str]) -> ByModel:
    """The models of the devices, each with those of the `signals` that it measures: asked for by model, a
    store adds up no empty columns. Directions are left out: they go neither up nor down, and have no curve.
    """
    by_model: dict[str, set[str]] = {}
    for device in devices:
        by_model.setdefault(device.model, set()).update(device.values)
    curved = [name for name in signals if not SIGNALS[name].circular]
    rows = ((model, tuple(one for one in curved if one in has)) for model, has in sorted(by_model.items()))
    return tuple((model, some) for model, some in rows if some)


def weeks(figures: Figures, place: str, wanted: ByModel, end: int) -> dict[str, Week]:
    """Signal → its week before epoch ms `end`. Raises RetryLater."""
    begin = end - DAYS * DAY_MS
    here = {"pilot": figures.pilot.pilot, "community": place}
    by_signal: dict[str, dict[Tags, list[Bucket]]] = {}
    for model, signals in wanted:
        where = here | {"model": model}
        steps = figures.store.summary("telemetry", signals, where, begin, end, STEP_MS, begin)
        for name, series in steps.items():
            by_signal.setdefault(name, {}).update(series)
    # signals without readings in the first step: were they measured before the week?
    late = [name for name, series in by_signal.items()
            if all(buckets[0].time >= begin + STEP_MS for buckets in series.values())]  # fmt: skip
    known: Collection[str] = ()
    if late:
        start = begin - KNOWN_MS
        known = figures.store.summary("telemetry", late, here, start, begin, KNOWN_MS, start, only=())
    return {name: _week(name, series, begin, known=name in known) for name, series in by_signal.items()}


def _week(signal: str, series: Mapping[Tags, Sequence[Bucket]], begin: int, *, known: bool) -> Week:
    """The week of a signal; `known`: the signal was measured here before the week."""
    real = [buckets for tags, buckets in series.items() if dict(tags).get("simulated") != FLAG_TRUE]
    steps: dict[int, list[Bucket]] = {}
    for buckets in real or series.values():
        for bucket in buckets:
            steps.setdefault((bucket.time - begin) // STEP_MS, []).append(bucket)
    spots = {step: _spot(signal, some) for step, some in sorted(steps.items())}
    return Week(spots, 0 if known else min(spots, default=0))


def _spot(signal: str, some: Sequence[Bucket]) -> Spot:
    """One step of all devices; of a signal in SUMS the mean of the devices' sums."""
    whole = sum(bucket.mean * bucket.number for bucket in some)
    if signal in SUMS:
        total = whole / len(some)
        return Spot(total, total, total)
    return Spot(
        min(bucket.low for bucket in some),
        whole / sum(bucket.number for bucket in some),
        max(bucket.high for bucket in some),
    )


def drawn(one: Measured, week: Week, lang: str) -> str:
    """The curve, with the alarm levels up to the next above the one reached."""
    lines: tuple[float, ...] = ()
    if one.level is not None:
        names = [name for name, _ in one.level.named()]
        passed = names.index(one.reached) + 1 if one.reached else 0
        lines = one.level.levels[: passed + 1]
    if (lang, lines) not in week.curves:
        signal = SIGNALS[one.signal]
        least = CALM * signal.resolution
        drawing = curve(
            week.spots, STEPS - 1, week.missing, lang, signal.decimals, least=least, lines=lines
        )  # fmt: skip
        week.curves[lang, lines] = drawing
    return week.curves[lang, lines]


def caption(signal: str, week: Week, lang: str) -> str:
    """What the curve shows, in words."""
    if signal in SUMS:
        range_ = text("place.week_sum", lang, value=measured(signal, week.total(STEPS), lang))
    else:
        low = min((spot.low for spot in week.spots.values()), default=math.nan)
        high = max((spot.high for spot in week.spots.values()), default=math.nan)
        range_ = text("place.week", lang, low=amount(signal, low, lang), high=measured(signal, high, lang))
    hours = len(week.missing) * STEP_MS // HOUR_MS
    return range_ + (text("place.week_gap", lang, hours=hours) if hours else "")
