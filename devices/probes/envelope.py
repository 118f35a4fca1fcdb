"""What a network server puts around a device's message, as data: a new server is a file of `envelopes/`.

    topic ─► addressed ─► (Envelope, kind, devEUI or none) ─► open ─► Uplink: object, time, counter, …

    up     a message: `object` is what the server's codec made of it, `normalized` what the server did itself
    alive  a sign of life: the device joined, or reported its battery
    log    the server's log: `fault` tells which lines report a failed codec, and why there is no object

`identity` is the server's name for one transmission, however many antennas heard it: with time and counter it
identifies a repetition. `session` changes at every join, when the counter begins anew.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field
from pydantic_core import from_json

from devices.contract import payloads
from devices.contract.payloads import PayloadError, not_json, refuse_large, refuse_repeated_names
from devices.probes import path as paths
from devices.probes.path import MISSING, find, getter
from devices.probes.probe import Listed, Written
from devices.texts import parsed

HERE = Path(__file__).parent / "envelopes"
EUI = r"([0-9a-fA-F]{16})"
_LEVEL = r"[^/\x00-\x1f]{1,128}"
_SESSION = r"[\x21-\x7e]{1,64}"
_ADDRESS = re.compile(r"[0-9a-fA-F]{8}").fullmatch  # capitals or not, it is one address
_COUNTER = 2**32 - 1
Kind = Literal["up", "alive", "log"]
Topic = Annotated[str, Field(pattern=r"^[^\s#]+$")]


class Topics(Written):
    """MQTT filters; {eui} stands for a level that is the devEUI."""

    up: Annotated[list[Topic], Listed, Field(min_length=1)]
    alive: Annotated[list[Topic], Listed] = Field(default=[])
    log: Annotated[list[Topic], Listed] = Field(default=[])


Paths = Annotated[list[str], Listed, Field(min_length=1)]  # of these, the first that has a value counts


class Session(Written):
    """Where the session's name stands, and the pattern that it matches."""

    at: Paths = Field(alias="from")
    form: str = _SESSION


class Fault(Written):
    """Which log messages report a failed codec, and where their text stands."""

    when: dict[str, str]
    at: str = Field(alias="from")


class Form(Written):
    """The form of a file of `envelopes/`: where each thing stands, as paths."""

    id: str
    name: str
    topics: Topics
    eui: str | None = None
    session: Session
    counter: str
    identity: Paths
    time: Paths
    object: Paths
    normalized: str | None = None
    rssi: Annotated[list[str], Field(min_length=2, max_length=2)]
    profile: Paths
    maker: Annotated[list[str], Listed] = Field(default=[])
    probe: Annotated[list[str], Listed] = Field(default=[])
    fault: Annotated[list[Fault], Listed] = Field(default=[])


class Uplink(NamedTuple):
    """A message out of its envelope. `data`: what the codec made, None if it made nothing; `time`: epoch ms,
    or None; `rssi`: dBm at the antenna that heard it best; `profile`, `maker` and `probe`: the server's words
    for the kind of device, "" if it has none.
    """

    data: dict[str, Any] | None
    normalized: Any
    time: int | None
    counter: int
    session: str
    identity: str
    rssi: float | None
    profile: str
    maker: str
    probe: str


Getter = Callable[[Any], Any]
NamedGetter = tuple[str, Getter]  # a path as it is written, and its getter


def _named_getters(texts: list[str]) -> tuple[NamedGetter, ...]:
    return tuple((text, getter(paths.parse(text))) for text in texts)


def _getter(text: str | None) -> Getter | None:
    return None if text is None else getter(paths.parse(text))


class Envelope:
    """One network server's form, prepared for opening messages."""

    def __init__(self, form: Form) -> None:
        self.id, self.name, self.time_field = form.id, form.name, form.time[0]
        self._form = form
        self._eui = _getter(form.eui)
        self._session = _named_getters(form.session.at)
        self._looks = re.compile(form.session.form)
        (self._counter,), self._identity = _named_getters([form.counter]), _named_getters(form.identity)
        self._time, self._object = _named_getters(form.time), _named_getters(form.object)
        self._normalized = _getter(form.normalized)
        self._antennas = (*_named_getters(form.rssi[:1])[0], form.rssi[1])
        self._kind = tuple(map(_named_getters, (form.profile, form.maker, form.probe)))
        kinds: list[tuple[str, Kind]] = [(text, "up") for text in form.topics.up]
        kinds += [(text, "alive") for text in form.topics.alive]
        kinds += [(text, "log") for text in form.topics.log]
        self.topics = tuple((_pattern(text), kind) for text, kind in kinds)
        self.filters = tuple(text.replace("{eui}", "+") for text, _ in kinds)

    def topic(self, eui: str) -> str:
        """The topic of an uplink of the device with that devEUI."""
        return self.listened(eui)[0].replace("+", "0")

    def listened(self, eui: str) -> list[str]:
        """The MQTT filters for uplinks of the device with that devEUI; they may match others' too."""
        return [text.replace("{eui}", eui) for text in self._form.topics.up]

    def eui(self, data: Any) -> str:
        """The devEUI in the message, if the form has one there. Raises PayloadError."""
        eui = MISSING if self._eui is None else self._eui(data)
        if not isinstance(eui, str) or not re.fullmatch(EUI, eui):
            raise PayloadError("bad_uplink", self._form.eui or "")
        return eui.lower()

    def open(self, data: Any) -> Uplink:
        """The contents of an uplink. Raises PayloadError for a message of another form."""
        if not isinstance(data, dict):
            raise PayloadError("bad_uplink", "uplink")
        identity = self._text(self._identity, data, 64) or ""
        time_text = self._text(self._time, data, None)
        session = self._session_of(data)
        counter = self._count(data)
        values = self._values(data)
        rssi = self._strength(data)
        time = None if time_text is None else payloads.parse_time(time_text)
        named = f"{identity} {time} {counter}" if identity else ""
        normalized = None if self._normalized is None else self._normalized(data)
        normalized = None if normalized is MISSING else normalized
        profile, maker, probe = (
            next((text for _, get in some if isinstance(text := get(data), str)), "") for some in self._kind
        )
        return Uplink(values, normalized, time, counter, session, named, rssi, profile, maker, probe)

    def opens(self, data: Any) -> bool:
        """Whether a message is of this form."""
        try:
            self.open(data)
        except PayloadError:
            return False
        return True

    def number(self, data: Any) -> tuple[str, int] | None:
        """Session and counter of a refused message; None if either cannot be read."""
        try:
            return self._session_of(data), self._count(data)
        except PayloadError:
            return None

    def fault(self, data: Any) -> str | None:
        """What a failed codec complains of; None if the log is about something else."""
        for rule in self._form.fault:
            if all(find(data, paths.parse(at)) == value for at, value in rule.when.items()):
                words = find(data, paths.parse(rule.at))
                return words if isinstance(words, str) else ""
        return None

    def _text(self, some: tuple[NamedGetter, ...], data: Any, longest: int | None) -> str | None:
        for at, get in some:
            text = get(data)
            if text is MISSING or text is None:
                continue
            if not isinstance(text, str) or (longest is not None and len(text) > longest):
                raise PayloadError("bad_uplink", at)
            return text
        return None

    def _values(self, data: Any) -> dict[str, Any] | None:
        for at, get in self._object:
            values = get(data)
            if isinstance(values, str) and values:  # ChirpStack v3 writes the object as a text
                with suppress(PayloadError):
                    values = parsed_json(values.encode())
            if isinstance(values, dict):
                return values
            if values is not MISSING and values is not None and values != "":
                raise PayloadError("bad_uplink", at)
        return None

    def _session_of(self, data: Any) -> str:
        for _, get in self._session:
            session = get(data)
            if isinstance(session, str) and self._looks.fullmatch(session):
                return session.lower() if _ADDRESS(session) else session
        raise PayloadError("bad_uplink", self._session[0][0])

    def _count(self, data: Any) -> int:
        counter = self._counter[1](data)
        if counter is MISSING:
            return 0
        if type(counter) is not int or not 0 <= counter <= _COUNTER:
            raise PayloadError("bad_uplink", self._counter[0])
        return counter

    def _strength(self, data: Any) -> float | None:
        at, get, name = self._antennas
        antennas = get(data)
        if antennas is MISSING:
            return None
        if not isinstance(antennas, list):
            raise PayloadError("bad_uplink", at)
        best: float | None = None
        for place, one in enumerate(antennas):
            if not isinstance(one, dict):
                raise PayloadError("bad_uplink", f"{at}.{place}")
            value = one.get(name)
            if value is None:
                continue
            if type(value) not in (int, float) or not abs(value) <= payloads.MAX_EXACT:
                raise PayloadError("bad_uplink", f"{at}.{place}.{name}")
            best = float(value) if best is None else max(best, value)
        return best


class Addressed(NamedTuple):
    """The envelope to which a topic belongs, the kind of message, and the devEUI if the topic has it."""

    envelope: Envelope
    kind: Kind
    eui: str | None


def parsed_json(payload: bytes) -> Any:
    """The JSON of a payload. Raises PayloadError if it is no JSON, or repeats a name."""
    refuse_large(payload)
    try:
        data = from_json(payload)
    except ValueError:
        raise not_json(payload) from None
    # every name is a quote followed by a colon: if the text has more or fewer of these, it is read again
    if payload.count(b'":') != _names(data) or _APART.search(payload):
        refuse_repeated_names(payload)
    return data


def uplink_json(payload: bytes) -> Any:
    """The JSON of what a network server published. Raises PayloadError as `parsed_json`."""
    try:
        return parsed_json(payload)
    except PayloadError as error:  # a server may be set to send no JSON at all
        raise PayloadError("uplink_not_json") if error.reason == "not_json" else error from None


_APART = re.compile(rb'"\s+:')


def _names(data: Any) -> int:
    """How many names the objects in `data` have, inner ones included."""
    if type(data) is dict:
        inner = data.values()
        return len(data) + sum([_names(one) for one in inner if type(one) is dict or type(one) is list])
    if type(data) is list:
        return sum([_names(one) for one in data if type(one) is dict or type(one) is list])
    return 0


@cache
def envelopes() -> tuple[Envelope, ...]:
    """All known envelopes."""
    files = sorted(HERE.glob("*.yaml"))
    return tuple(Envelope(Form.model_validate(parsed(path.read_text("utf-8")))) for path in files)


def server(data: Any) -> Envelope | None:
    """The network server whose form a message has; None if it is no server's."""
    return next((one for one in envelopes() if one.opens(data)), None)


def content(data: Any, envelope: Envelope | None) -> Any:
    """What a device itself sent, out of the envelope around it. Raises PayloadError."""
    if envelope is None:
        return data
    uplink = envelope.open(data)
    return uplink.data or uplink.normalized


def filters() -> list[str]:
    """The MQTT filters of all envelopes, which a gateway subscribes to."""
    return [text for envelope in envelopes() for text in envelope.filters]


def addressed(topic: str) -> Addressed | None:
    """To which envelope a topic belongs; None if it is no network server's."""
    for envelope in envelopes():
        for pattern, kind in envelope.topics:
            match = pattern.fullmatch(topic)
            if match is not None:
                return Addressed(envelope, kind, match[1].lower() if pattern.groups else None)
    return None


def sender(topic: str, payload: bytes) -> str | None:
    """The devEUI of the device whose uplink a message is; None if it is no uplink, or names no device."""
    whose = addressed(topic)
    if whose is None or whose.kind != "up":
        return None
    with suppress(PayloadError):
        return whose.eui or whose.envelope.eui(parsed_json(payload))
    return None


def foreign(topic: str) -> bool:
    """Whether a topic begins as one of a network server does."""
    return topic.startswith(_roots())


@cache
def _roots() -> tuple[str, ...]:
    return tuple({f"{text.partition('/')[0]}/" for text in filters()})


def _pattern(text: str) -> re.Pattern[str]:
    parts = [
        EUI if part == "{eui}" else _LEVEL if part == "+" else re.escape(part) for part in text.split("/")
    ]
    return re.compile("/".join(parts))
