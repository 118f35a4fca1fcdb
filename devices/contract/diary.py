"""Farm diary events: what a group's secretary, or the simulator, writes down about a plot.

Each message on the `diary` topic is one JSON object. The fields are VietGAP's usual ones (TCVN 11892-1):
seed, inputs with name, dose and pre-harvest interval, water, harvest, buyer. `id` makes a repeated message
harmless. Quantities are kilograms, areas hectares, times RFC 3339.
"""

import json
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from devices.contract.payloads import PayloadError, refuse_large
from devices.contract.topics import Id

Text = Annotated[str, Field(min_length=1, max_length=200)]
Photos = Annotated[  # each is the SHA-256 of a picture's bytes; the pictures travel another way
    tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], ...], Field(min_length=1, max_length=4)
]
Code = Annotated[str, Field(pattern=r"^[A-Z0-9.-]{3,40}$")]  # of a planting area or packing house
Finite = Annotated[float, Field(allow_inf_nan=False)]
Kilograms = Annotated[float, Field(gt=0, le=1e7, allow_inf_nan=False)]


class _Event(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: Id
    ts: AwareDatetime
    plot: Id
    crop: Id
    by: Text | None = None  # a role or a group, never a phone number


class _Work(_Event):
    """`older`: the writer was asked, and it was before the group joined the pilot."""

    older: bool | None = None


class Planting(_Work):
    event: Literal["planting"]
    seed: Text
    area_ha: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]


class Input(_Work):
    event: Literal["input"]
    product: Text
    purpose: Literal["fertiliser", "pesticide", "feed", "other"]
    dose: Text
    pre_harvest_days: Annotated[int, Field(ge=0, le=365)] = 0


class Irrigation(_Work):
    event: Literal["irrigation"]
    minutes: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]


class PestObservation(_Work):
    event: Literal["pest_observation"]
    pest: Text
    level: Literal["none", "low", "medium", "high"]


class Harvest(_Event):
    """A harvest, which seals a lot. `area_code`: planting-area code the goods go under, if any."""

    event: Literal["harvest"]
    quantity_kg: Kilograms
    area_code: Code | None = None
    photos: Photos | None = None


class Packing(_Event):
    """The packing of a lot: the one of the harvest that `harvest` names, else of the plot's last harvest of
    this crop. `house_code`: packing-house code, if the goods need one.
    """

    event: Literal["packing"]
    quantity_kg: Kilograms
    packages: Annotated[int, Field(ge=1, le=1_000_000)]
    harvest: Id | None = None
    house_code: Code | None = None
    photos: Photos | None = None


class Shipping(_Event):
    """The shipping of a lot: the one of the harvest that `harvest` names, else of the plot's last harvest of
    this crop.
    """

    event: Literal["shipping"]
    quantity_kg: Kilograms
    buyer: Text
    harvest: Id | None = None


class Split(_Event):
    """One lot becomes several, with `parts` kilograms each. Other events name part 1 as harvest `{id}-1`."""

    event: Literal["split"]
    harvest: Id
    parts: Annotated[tuple[Kilograms, ...], Field(min_length=2, max_length=50)]


class Merge(_Event):
    """Whole lots of one product become one lot, which other events name as harvest `{id}-1`."""

    event: Literal["merge"]
    harvests: Annotated[tuple[Id, ...], Field(min_length=2, max_length=20)]


class Correction(_Event):
    """A correction of the wrong event `of`: `changes` has the fields as they should have been. Kind, plot,
    crop and lot (`harvest`) cannot change, because the event is sealed beside that lot.
    """

    event: Literal["correction"]
    of: Id
    reason: Text
    changes: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")], Text | Finite],
        Field(min_length=1, max_length=9),
    ]


class Revocation(_Event):
    """A recall of the lot of a harvest."""

    event: Literal["revocation"]
    harvest: Id
    reason: Text


Handling = Packing | Shipping | Split | Merge | Correction | Revocation  # events of lots that exist already
DiaryEvent = Annotated[
    Planting | Input | Irrigation | PestObservation | Harvest | Handling, Field(discriminator="event")
]
_ADAPTER: TypeAdapter[DiaryEvent] = TypeAdapter(DiaryEvent)
_FIXED = frozenset({"id", "event", "plot", "crop", "harvest"})  # what a correction may not change


def decode_diary(payload: bytes) -> DiaryEvent:
    """One diary event. Raises PayloadError."""
    refuse_large(payload)
    try:
        return _ADAPTER.validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise PayloadError("diary_not_json") from None
        where = ".".join(str(part) for part in first["loc"]) or "event"
        raise PayloadError("bad_diary", where) from None


def encode_diary(event: DiaryEvent) -> bytes:
    """The bytes a node publishes for an event."""
    return _ADAPTER.dump_json(event, exclude_none=True)


def corrected(event: DiaryEvent, correction: Correction) -> DiaryEvent:
    """The event with a correction's changes. Raises PayloadError if the result is no valid event, if the
    correction changes a field that is fixed, or if events of this kind cannot be corrected.
    """
    changes = correction.changes
    if isinstance(event, Split | Merge | Correction | Revocation) or _FIXED & changes.keys():
        raise PayloadError("bad_diary", "changes")
    whole = {number: int(value) if isinstance(value, float) and value.is_integer() else value
             for number, value in changes.items()}  # fmt: skip
    return decode_diary(json.dumps(json.loads(encode_diary(event)) | whole).encode())
