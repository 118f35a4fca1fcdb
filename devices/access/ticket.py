"""What a technician needs to connect one device: as lines, as JSON, and as a QR code instead of typing.

    {"v":1,"host":…,"port":…,"tls":…,"user":…,"password":…,"topic":…,"ca_sha256":…}

The MQTT client id is the user. `ca_sha256` is the fingerprint (hexadecimal, of its DER form) of the CA that
signed the broker's certificate; it is there only with TLS. Anyone who sees the code has the password: print
it once, hand it over, and run `hoiquan device rotate` if others saw it.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path

import segno

from devices import broker_url
from devices.access.authority import CA, authority, fingerprint
from devices.contract.models import DIARY, MODELS
from devices.contract.topics import Topic
from devices.files import write_privately
from devices.settings import Settings
from devices.texts import text

VERSION = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one device connects with. `ca`: the file of the CA's certificate if the broker speaks TLS, in the
    maker's own folder: `hoiquan ca` prints its content. `page`: for a diary, where a person signs in and
    writes it. `example`: a reading of the device's own model: any other would be stored as one of the place.
    """

    host: str
    port: int
    tls: bool
    user: str
    password: str
    topic: str
    ca: str = ""
    ca_sha256: str = ""
    page: str = ""
    example: str = ""

    def plain(self) -> dict[str, object]:
        """The ticket as a dict for JSON, for programs."""
        shown: dict[str, object] = {
            "host": self.host, "port": self.port, "tls": self.tls, "user": self.user, "client_id": self.user,
            "password": self.password, "topic": self.topic, "line": self.line(),
        }  # fmt: skip
        shown |= {"page": self.page} if self.page else {}
        return shown | ({"ca": self.ca, "ca_sha256": self.ca_sha256} if self.ca else {})

    def lines(self, lang: str) -> list[str]:
        """The ticket as lines for a person, with a command that works as it is."""
        shown = {"host": self.host, "port": self.port, "user": self.user, "password": self.password,
                 "client_id": self.user, "topic": self.topic}  # fmt: skip
        if self.page:
            shown |= {"page": self.page}
        if self.ca:
            shown |= {"ca": f"{self.ca} (hoiquan ca > {self.ca})", "ca_sha256": self.ca_sha256}
        names = {name: text(f"ticket.{name}", lang) for name in shown}
        width = max(map(len, names.values()))
        return [*(f"{names[name]:{width}} {value}" for name, value in shown.items()), "", self.line()]

    def line(self) -> str:
        """A mosquitto_pub line that sends one reading; for a diary, the user's own event, as it is kept."""
        what = "-f event.json" if self.page else f"-m '{self.example}'"
        secure = f"--cafile {self.ca} " if self.ca else ""
        return (
            f"mosquitto_pub -h {self.host} -p {self.port} {secure}-i {self.user} -u {self.user} "
            f"-P '{self.password}' -q 1 -t {self.topic} {what}"
        )

    def code(self) -> str:
        """The text of the QR code."""
        shown: dict[str, object] = {
            "v": VERSION, "host": self.host, "port": self.port, "tls": self.tls, "user": self.user,
            "password": self.password, "topic": self.topic,
        }  # fmt: skip
        return json.dumps(
            shown | ({"ca_sha256": self.ca_sha256} if self.ca_sha256 else {}), separators=(",", ":")
        )

    def draw(self, path: Path) -> None:
        """Draw the QR code into a new file that only its owner can read; its ending chooses the format."""
        out = io.BytesIO()
        kind = path.suffix.lower().removeprefix(".")
        # segno leaves the ground of an SVG open, and on a dark one nothing can be read
        segno.make(self.code(), error="m", micro=False).save(out, kind=kind, scale=6, light="#fff")
        write_privately(path, out.getvalue())


def ticket(
    settings: Settings, pilot: str, community: str, model: str, device: str, password: str = ""
) -> Ticket:
    """The ticket of a device, with the broker's address as devices reach it. The password may be put in once
    it is valid. Raises Misuse if the address or the CA cannot be used.
    """
    settings = settings.as_last_run()
    way = broker_url.parse(settings.public_mqtt or settings.mqtt)
    topic = own_topic(pilot, community, model, device)
    page = f"{settings.pages}/diary" if model == DIARY else ""
    if not way.tls:
        return Ticket(way.host, way.port, False, device, password, topic, page=page, example=_example(model))
    print_of_ca = fingerprint(authority(settings.ca))
    return Ticket(way.host, way.port, True, device, password, topic, CA, print_of_ca, page, _example(model))


def own_topic(pilot: str, community: str, model: str, device: str) -> str:
    """The topic on which a device sends its readings, or a diary its events."""
    return str(Topic(pilot, community, device, "diary" if model == DIARY else "telemetry"))


def guessed(settings: Settings) -> bool:
    """Whether the port in a ticket is only the default: neither a setting nor a `hoiquan up` tells it."""
    return not settings.public_mqtt and "mqtt" not in settings.as_last_run().model_fields_set


def _example(model: str) -> str:
    """A reading of a model; "" for a model that measures nothing, or an unknown one."""
    known = MODELS.get(model)
    if known is None or not known.signals:
        return ""
    return json.dumps({"values": {known.signals[0]: known.usual}}, separators=(",", ":"))
