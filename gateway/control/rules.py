"""Advice: applies the pilot file's rules to the readings, and makes points of `advice`.

    rules × communities with the crop ─► one summary a signal and window ─► Advice ─► points

Where real devices of a community measure a signal, its simulated ones do not count, even while the real ones
are silent: nobody should water real soil because of a simulated reading. Advice that is over is written once
more with severity 0. If the signal is not measured any more, nobody knows whether the advice is over; then it
stays for some hours.
"""

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from devices.clock import DAY_MS, HOUR_MS
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.pilots.advice import Condition, Remedy, Rule
from devices.pilots.pilot import Pilot
from devices.texts import number, text
from gateway.stores.points import FLAG_FALSE, FLAG_TRUE, Point, Value, tags
from gateway.stores.store import Bucket, Store

OVER = 0  # the severity of advice that is over
_LOOK_BACK_MS = 40 * DAY_MS  # older advice is not looked at: it stays as it was written
_REAL_MS = 30 * DAY_MS  # a real device counts as measuring a signal if it sent it within this time
_UNKNOWN_MS = 6 * HOUR_MS  # how long advice stays if nobody knows whether it is over
Key = tuple[str, str, str]  # community, crop, rule


class Measured(NamedTuple):
    """The buckets of a signal in one community, one a device; all devices are real, or all simulated."""

    simulated: bool
    buckets: list[Bucket]


class Advice(NamedTuple):
    """What to do in a community for a crop. `value` is that of the rule's first condition. `simulated`: a
    reading of a simulated device is behind it.
    """

    community: str
    crop: str
    rule: str
    severity: int
    vi: str
    en: str
    value: float
    command: Remedy | None
    simulated: bool

    @property
    def key(self) -> Key:
        return self.community, self.crop, self.rule


class Looked(NamedTuple):
    """The advice, and the keys that could not be judged because nobody measures the signal."""

    advised: list[Advice]
    unknown: frozenset[Key]


def advise(store: Store, pilot: Pilot, at: int, devices: Iterable[Device] = ()) -> Looked:
    """Apply all rules at epoch ms `at`; `devices` are those that may send now. Raises RetryLater."""
    parts: dict[tuple[str, float], set[str]] = {}
    for condition in (condition for rule in pilot.advice.rules for condition in rule.when):
        part = "mean" if condition.of == "sum" else condition.of
        parts.setdefault((condition.signal, condition.hours), set()).add(part)
    real = _real(store, pilot, at, devices)
    measured = {key: _measured(store, pilot, *key, at, sorted(only), real) for key, only in parts.items()}
    advised, unknown = [], set()
    for rule in pilot.advice.rules:
        for community in pilot.communities:
            for crop in dict.fromkeys(product.crop for product in community.products):
                if crop not in rule.crops:
                    continue
                if any(community.id not in measured[one.signal, one.hours] for one in rule.when):
                    unknown.add((community.id, crop, rule.id))
                elif (advice := _one(rule, community.id, crop, measured, pilot)) is not None:
                    advised.append(advice)
    return Looked(advised, frozenset(unknown))


def _real(store: Store, pilot: Pilot, at: int, devices: Iterable[Device]) -> set[tuple[str, str]]:
    """Return (community, signal) for all signals that a real device of `devices` measures there."""
    speak = {one.device: one.community for one in devices if not one.simulated}
    if not speak:
        return set()
    where = {"pilot": pilot.pilot, "simulated": FLAG_FALSE}
    return {
        (latest.tags.get("community", ""), name)
        for latest in store.latest("telemetry", where, at - _REAL_MS)
        if speak.get(latest.tags.get("device", "")) == latest.tags.get("community", "")
        for name in latest.fields
    }


def _measured(
    store: Store,
    pilot: Pilot,
    name: str,
    hours: float,
    at: int,
    only: Sequence[str],
    real: Container[tuple[str, str]],
) -> dict[str, Measured]:
    """By community: the buckets of its real devices, also if silent, where it has any; else of simulated."""
    window, where = round(hours * HOUR_MS), {"pilot": pilot.pilot}
    begin = at - window
    series = store.summary("telemetry", [name], where, begin, at, window, begin, only=only).get(name, {})
    by_community: dict[str, Measured] = {}
    for labels, buckets in series.items():
        of = dict(labels)
        community, simulated = of.get("community", ""), of.get("simulated") == FLAG_TRUE
        if simulated and (community, name) in real:
            continue
        measured = by_community.get(community)
        if measured is None or (measured.simulated and not simulated):
            by_community[community] = Measured(simulated, list(buckets))
        elif measured.simulated == simulated:
            measured.buckets.extend(buckets)
    return by_community


def _one(
    rule: Rule,
    community: str,
    crop: str,
    measured: dict[tuple[str, float], dict[str, Measured]],
    pilot: Pilot,
) -> Advice | None:
    values, simulated = [], False
    for condition in rule.when:
        of_place = measured[condition.signal, condition.hours][community]
        values.append(_value(condition, of_place.buckets))
        simulated |= of_place.simulated
        levels = pilot.alarms.of(condition.signal, community) if pilot.alarms is not None else None
        if not condition.holds(values[-1], levels):
            return None
    signal = SIGNALS[rule.when[0].signal]
    amount = rule.dose.amount(values[0]) if rule.dose else 0.0
    vi, en = (
        sentence.format(
            value=signal.amount(values[0], lang), unit=signal.shown_unit, amount=number(amount, lang, 0)
        )
        for lang, sentence in (("vi", rule.text.vi), ("en", rule.text.en))
    )
    if simulated:  # marked, so that nobody acts on it as on a real reading
        vi, en = (text("alerts.simulated", lang, said=words) for lang, words in (("vi", vi), ("en", en)))
    return Advice(community, crop, rule.id, rule.severity, vi, en, values[0], rule.command, simulated)


def _value(condition: Condition, buckets: list[Bucket]) -> float:
    match condition.of:
        case "low":
            return min(bucket.low for bucket in buckets)
        case "high":
            return max(bucket.high for bucket in buckets)
        case "sum":
            return sum(bucket.mean * bucket.number for bucket in buckets) / len(buckets)
        case _:
            return sum(bucket.mean for bucket in buckets) / len(buckets)


def points(store: Store, pilot: Pilot, looked: Looked, at: int) -> list[Point]:
    """Return the advice as points of the hour, with severity 0 where it is over. Raises RetryLater."""
    hour = at // HOUR_MS * HOUR_MS
    by_key = {}
    for one in looked.advised:
        where = tags(pilot=pilot.pilot, community=one.community, crop=one.crop, rule=one.rule)
        fields: dict[str, Value] = {"severity": one.severity, "text": one.vi, "text_en": one.en}
        by_key[one.key] = Point("advice", where, fields, hour)
    for latest in store.latest("advice", {"pilot": pilot.pilot}, at - _LOOK_BACK_MS):
        of = latest.tags
        key = of.get("community", ""), of.get("crop", ""), of.get("rule", "")
        severity = latest.fields.get("severity")
        if key in looked.unknown and severity is not None and at - severity[0] < _UNKNOWN_MS:
            continue
        if key not in by_key and severity is not None and severity[1] != OVER:
            where = tags(pilot=pilot.pilot, community=key[0], crop=key[1], rule=key[2])
            time = max(hour, severity[0])
            by_key[key] = Point("advice", where, {"severity": OVER, "text": "", "text_en": ""}, time)
    return list(by_key.values())
