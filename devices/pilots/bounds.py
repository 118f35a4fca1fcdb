"""The bounds of a diary event's time and place, given who wrote it and when it came. An event outside is
refused with the field, the bound and the mend.

    event + who wrote it + when it came ─► within ─► PayloadError | nothing

Telemetry has other rules (`gateway.ingest.decode`): a node's wrong time is not believed, but its values are
kept. A date that a person wrote down cannot be put right by a machine.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo

from devices.clock import DAY_MS, epoch_ms, midnight_of, moment_of
from devices.contract.diary import Correction, DiaryEvent, Harvest
from devices.contract.payloads import PayloadError, parse_time
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from devices.pilots.places import FIRST, LAST

AHEAD = timedelta(days=1)  # a diary may be written for tomorrow, not for later


def within(pilot: Pilot, device: Device, event: DiaryEvent, arrival: int, *, played: bool = False) -> None:
    """Raise PayloadError if `event` of `device`, which came at epoch ms `arrival`, cannot be true of its
    community. Its plot must be one of the community's. A harvest must be of a crop that the community sells:
    nothing else can become a lot. The event's day must not be before the joining (for work on the land that
    says `older`: not before 2000), nor after tomorrow. A simulated device has no day of joining; if its diary
    is `played`, it lives in another time than now, and tomorrow is no bound either.
    """
    grower = pilot.producers.get(device.community)
    if grower is not None and event.plot not in grower.hectares:
        raise PayloadError("unknown_plot", f"plot {event.plot}: {', '.join(grower.hectares)}")
    if grower is not None and isinstance(event, Harvest):
        crops = dict.fromkeys(product.crop for product in grower.products)
        if event.crop not in crops:
            raise PayloadError("unknown_crop", f"crop {event.crop}: {', '.join(crops)}")
    place = pilot.place.get(device.community)
    joined = place.joined if place is not None and not device.simulated else FIRST
    last = LAST if played and device.simulated else tomorrow(arrival, pilot.zone)
    _between("ts", event.ts, FIRST if getattr(event, "older", None) else joined, last, pilot.zone)
    if isinstance(event, Correction) and "ts" in event.changes:
        _between("changes.ts", _moment(event.changes), FIRST, last, pilot.zone)


def corrected_within(
    pilot: Pilot,
    community: str,
    wrong: DiaryEvent,
    right: DiaryEvent,
    correction: Correction,
    *,
    simulated: bool,
) -> bool:
    """Whether a corrected day keeps the bounds that the entry itself had to keep. The correction tells what
    happened, so the day may not be later than the day after the correction's own.
    """
    if right.ts == wrong.ts:
        return True
    place = pilot.place.get(community)
    older = simulated or place is None or getattr(right, "older", None)
    first = FIRST if older or place is None else place.joined
    at, last = epoch_ms(right.ts), tomorrow(epoch_ms(correction.ts), pilot.zone)
    return midnight_of(first, pilot.zone) <= at < midnight_of(last, pilot.zone) + DAY_MS


def tomorrow(now: int, zone: tzinfo) -> date:
    """The last day that an entry may name at epoch ms `now`."""
    return (moment_of(now, zone) + AHEAD).date()


def local(moment: datetime, zone: tzinfo | None) -> datetime:
    """The moment in a zone; unchanged if its day there is in no calendar."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def _between(field: str, moment: datetime, first: date, last: date, zone: tzinfo) -> None:
    at = epoch_ms(moment)
    if at < midnight_of(first, zone):
        raise PayloadError("date_early", f"{field} {moment.date()} < {first}")
    if at >= midnight_of(last, zone) + DAY_MS:
        raise PayloadError("date_late", f"{field} {moment.date()} > {last}")


def _moment(changes: Mapping[str, str | float]) -> datetime:
    value = changes["ts"]
    if not isinstance(value, str):
        raise PayloadError("bad_diary", "changes.ts")
    parse_time(value)  # raises for text that is no time
    return datetime.fromisoformat(value.upper())
