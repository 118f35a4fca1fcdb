"""Commands to actuators: what a person or the advice sends down, and what the device answers.

    command  {"id","actuator","set","until"}   ─► device ─►   result  {"id","ok","error"}

An order is valid until its time is over. A device that receives it later refuses it; a device that obeys it
releases the actuator at that time. An order that comes again with the same id is answered again but done
once, because MQTT delivers at least once.
"""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devices.clock import DAY_MS
from devices.contract.payloads import MAX_BYTES, PayloadError, refuse_large

Actuator = Literal["pump", "valve", "sluice", "aerator"]
ACTUATORS: tuple[Actuator, ...] = get_args(Actuator)
# Which models of node carry which actuators. Assumption: a pump controller switches the pump and the field
# valve beside it; a buoy's float carries the aerator's relay; a canal gauge stands at the sluice.
CARRIED: dict[str, tuple[Actuator, ...]] = {
    "pump-controller": ("pump", "valve"),
    "pond-buoy": ("aerator",),
    "canal-gauge": ("sluice",),
}
LONGEST_MS = 31 * DAY_MS  # Assumption: nobody means to leave a pump on for longer


class Order(BaseModel):
    """A command. `set`: from 0 (off, closed) to 1 (on, open); `until`: RFC 3339 with a zone, or epoch ms."""

    model_config = ConfigDict(strict=True, extra="forbid", title="Command")

    id: Annotated[str, Field(min_length=1, max_length=64)]
    actuator: str
    set: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | bool
    until: int | str


# PostgreSQL cannot store NUL
_Words = Field(pattern=r"^[^\x00]*$")


class Answer(BaseModel):
    """The answer to a command. `id`: null if the command could not be read; `error`: why it was not done."""

    model_config = ConfigDict(strict=True, extra="ignore", title="Result")

    id: Annotated[str, Field(max_length=64), _Words] | None
    ok: bool
    error: Annotated[str, Field(max_length=1000), _Words] | None = None


def parse_order(payload: bytes) -> Order:
    """Decode a command. Raises ValueError, whose text says what is wrong."""
    if len(payload) > MAX_BYTES:
        raise ValueError(f"a command has at most {MAX_BYTES} bytes, not {len(payload)}")
    try:
        return Order.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = str(first["loc"][0])[:80] if first["loc"] else "command"
        raise ValueError(f'{where}: {first["msg"]}; write {{"id","actuator","set","until"}}') from None


def parse_answer(payload: bytes) -> Answer:
    """Decode a device's answer. Raises PayloadError."""
    refuse_large(payload)
    try:
        return Answer.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise PayloadError("bad_result", str(first["loc"][0]) if first["loc"] else "JSON") from None
