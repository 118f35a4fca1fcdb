"""What the gateway would make of one message: runs its own decoder and checks, and keeps nothing.

One message cannot show what depends on the messages before (a leap, a flat line, a repetition).
"""

from collections.abc import Iterator
from typing import NamedTuple

from devices.access.registry import Registry
from devices.clock import moment_of, now_ms
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.contract.topics import Topic
from devices.pilots.pilot import Pilot
from devices.probes.envelope import addressed, parsed_json
from devices.probes.findings import FITTING, Examined, Finding, examine, server_of
from devices.probes.meant import Phrase
from devices.probes.shelf import Shelf
from devices.probes.telemetry import Probes
from devices.texts import moment, number, text, with_unit
from gateway.ingest.checks import Checker
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from gateway.stores.points import Point

_NOBODY = "0000000000000000"


class Preview(NamedTuple):
    """The findings about a message, and the points that it would become: none if it is refused, or if it has
    no measurement.
    """

    examined: Examined
    points: tuple[Point, ...]

    @property
    def taken(self) -> bool:
        return not self.examined.refused


def preview(
    payload: bytes,
    device: Device,
    pilot: Pilot,
    now: int,
    *,
    uplink: bool = False,
    shelf: Shelf | None = None,
) -> Preview:
    """Preview a message of `device` as if it came at epoch ms `now`. `uplink`: it is a network server's
    message; its form tells which server. `shelf`: the probe files.
    """
    shelf = shelf or Shelf()
    envelope = server_of(payload) if uplink else None
    topic = str(Topic(device.pilot, device.community, device.device, "telemetry"))
    if envelope is not None:
        topic = envelope.topic(_NOBODY)
    decoder = Decoder(pilot.pilot, lambda _: device, by_eui=lambda _: device, shelf=shelf)
    decoded = decoder.decode([Message(topic, payload, now)])
    checker = Checker(pilot)
    points = [point for reading in decoded.readings for point in checker.check(reading)]
    examined = examine(payload, device, now, Probes(shelf), envelope)
    if (refusal := decoded.refused.get(0)) and not examined.refused:  # refused for its sender, not content
        cause: Phrase = (f"rejected.{refusal.reason}", {"field": refusal.field})
        examined = examined._replace(
            findings=(*examined.findings, Finding("", True, refusal.reason, (cause,)))
        )
    return Preview(examined, tuple(points))


UNKNOWN = frozenset({"unknown_signal", "unknown_field", "no_values", "no_object"})  # a probe file may help


def fitting_of(shelf: Shelf, topic: str, payload: bytes) -> list[str]:
    """Probe files that know the field names of a refused message, the likeliest first."""
    try:
        data = parsed_json(payload)
        whose = addressed(topic)
        content = data if whose is None else whose.envelope.open(data).data
    except PayloadError:
        return []
    return shelf.fitting(content)[:FITTING] if content else []


def anybody(pilot: Pilot) -> Device:
    """A made-up device, to preview a message for which no device is named."""
    return Device(pilot.pilot, pilot.places[0].id, "my-device", "soil-probe", simulated=False)


def judged(
    registry: Registry, shelf: Shelf, payload: bytes, name: str, uplink: bool, lang: str
) -> tuple[bool, list[str]]:
    """Whether a message of the device `name` ("": of any) would be taken, and the lines to show."""
    pilot = registry.pilot
    device = registry.lookup(name) if name else None
    if name and device is None:
        return False, [PayloadError("unknown_device", name).sentence(lang)]
    result = preview(payload, device or anybody(pilot), pilot, now_ms(), uplink=uplink, shelf=shelf)
    return result.taken, list(lines(result, pilot, lang))


def lines(result: Preview, pilot: Pilot, lang: str) -> Iterator[str]:
    """The preview in words: the findings, the message as it would be right, what would be stored."""
    yield from (finding.sentence(lang) for finding in result.examined.findings)
    if result.examined.right:
        yield f"{text('check.right', lang)}: {result.examined.right}"
    yield text("check.taken" if result.taken else "check.refused", lang)
    if result.taken and not result.points:
        yield text("check.nothing", lang)
    for point in result.points:
        time = moment(moment_of(point.time, pilot.zone), lang, seconds=True)
        tags = dict(point.tags)
        if "reason" in tags:
            reason, signal = text(f"boards.reason_{tags['reason']}", lang), SIGNALS[tags["signal"]].name(lang)
            value = _amount(tags["signal"], point.fields["value"], lang)
            yield text("check.doubted", lang, reason=reason, signal=signal, value=value, time=time)
            continue
        for name, measured in point.fields.items():
            yield text(
                "check.stored",
                lang,
                signal=SIGNALS[name].name(lang),
                value=_amount(name, measured, lang),
                time=time,
            )


def plain(result: Preview) -> dict[str, object]:
    """The preview as data for JSON."""
    return {
        "taken": result.taken,
        "encoding": result.examined.encoding,
        "findings": [
            {"field": one.field, "refused": one.refused, "reason": one.reason,
             "vi": one.sentence("vi"), "en": one.sentence("en")}
            for one in result.examined.findings
        ],
        "right": result.examined.right or None,
        "points": [
            {"measurement": p.measurement, "tags": dict(p.tags), "fields": dict(p.fields), "time": p.time}
            for p in result.points
        ],
    }  # fmt: skip


def _amount(signal: str, value: object, lang: str) -> str:
    if not isinstance(value, int | float):
        return str(value)
    return with_unit(number(value, lang), SIGNALS[signal].shown_unit)
