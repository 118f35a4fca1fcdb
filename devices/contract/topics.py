"""MQTT topics of the contract: `hoiquan/v1/{pilot}/{community}/{device}/{kind}`."""

import re
from typing import Annotated, NamedTuple

from pydantic import Field

ROOT = "hoiquan/v1"
# The broker tells the gateways here what its rules turned away: DENIED/{account}/{topic}. Without a topic:
# connections of that account cut each other off.
DENIED = "hoiquan-gateway/v1/denied"
UP = frozenset({"telemetry", "status", "diary", "result"})
DOWN = frozenset({"command", "rejected"})
ID = re.compile(r"[a-z0-9-]{1,64}")
Id = Annotated[str, Field(pattern=rf"^{ID.pattern}$")]
_ID = f"({ID.pattern})"
_WHOLE = re.compile("/".join((ROOT, _ID, _ID, _ID, f"({'|'.join(sorted(UP | DOWN))})")))
# any pilot and community: the broker's rules prove the device alone (devices/access/mosquitto.acl)
_SPEAKER = re.compile("/".join((ROOT, "[^/]*", "[^/]*", _ID, f"(?:{'|'.join(sorted(UP | DOWN))})")))


class TopicError(ValueError):
    """The topic is not of the contract; the text names the wrong part."""


class Topic(NamedTuple):
    """The parts of a topic of the contract."""

    pilot: str
    community: str
    device: str
    kind: str

    def __str__(self) -> str:
        return f"{ROOT}/{self.pilot}/{self.community}/{self.device}/{self.kind}"


def is_result(text: str) -> bool:
    """Whether a topic looks like that of an answer to a command; it may still be outside the contract."""
    return text.endswith("/result") and text.startswith(f"{ROOT}/")


def denied_to(text: str) -> str | None:
    """The account whose message the broker's rules turned away, if the topic reports such a message."""
    account, slash, _ = text.removeprefix(f"{DENIED}/").partition("/")
    return account if slash and text.startswith(f"{DENIED}/") else None


def speaker(text: str) -> str | None:
    """The device that a topic names, also where pilot and community cannot be; None if it names none."""
    match = _SPEAKER.fullmatch(text)
    return match[1] if match else None


def parse(text: str) -> Topic:
    """The topic's parts. Raises TopicError."""
    if match := _WHOLE.fullmatch(text):
        return Topic._make(match.groups())
    parts = text.split("/")
    if len(parts) != 6 or parts[0] != "hoiquan" or parts[1] != "v1":  # root/version + four parts
        raise TopicError(f"expected {ROOT}/{{pilot}}/{{community}}/{{device}}/{{kind}}")
    for name, part in zip(("pilot", "community", "device"), parts[2:5], strict=True):
        if not ID.fullmatch(part):
            raise TopicError(f"{name} must be 1 to 64 of a-z, 0-9 and -")
    raise TopicError(f"kind must be one of {', '.join(sorted(UP | DOWN))}")
