"""A village's broker, embedded or as deploy/mosquitto runs it, and clients that try its limits."""

import threading
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from devices.access.registry import Registry, Wanted
from devices.broker_url import leave
from devices.commands import tell_broker
from devices.pilots.pilot import load
from devices.settings import Settings
from tests.loopback import answers, free_port
from tests.programs import program
from tests.system.running import ROOT, Mosquitto, Running, command, done, hoiquan, until

TOPIC = "hoiquan/v1/dong-thap/tam-que/{}/{}"
READING = b'{"values":{"soil_moisture":31.5}}'
SECRETS = {
    "HOIQUAN_GATEWAY_PASSWORD": "the gateway's",
    "HOIQUAN_READER_PASSWORD": "the reader's",
    "HOIQUAN_OPERATOR_PASSWORD": "the operator's",
    "HOIQUAN_CHIRPSTACK_PASSWORD": "the network server's",
    "HOIQUAN_SIMULATOR_SECRET": "the simulator's",
}


class Watched(Mosquitto):
    """Mosquitto under deploy/mosquitto/run, which makes it read its passwords again."""

    def _command(self, configuration: Path) -> list[str]:
        program("mosquitto")  # started by the script
        return ["sh", str(ROOT / "deploy/mosquitto/run"), str(configuration)]

    def _listens(self) -> bool:
        return super()._listens() and answers(self.tls_port)


class Embedded:
    """The broker of `hoiquan up`, and a gateway that subscribes to all: without one, no device is let in."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port, self.version = port, 4
        arguments = ["broker", "--data", str(folder / "data"), "--port", str(port)]
        self.running = Running(folder / "broker.log", command(*arguments), **SECRETS)
        until("a broker that listens", 20, lambda: answers(port))
        self._gateway = Client(CallbackAPIVersion.VERSION2, "gateway-8", clean_session=False)
        self._gateway.username_pw_set("gateway-8", SECRETS["HOIQUAN_GATEWAY_PASSWORD"])
        heard = threading.Event()
        self._gateway.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._gateway.on_subscribe = lambda *_: heard.set()
        self._gateway.connect("127.0.0.1", port)
        self._gateway.loop_start()
        until("a gateway hears", 20, heard.is_set)

    def stop(self) -> None:
        leave(self._gateway)
        self.running.stop()


class Village:
    """A broker, and a pair of devices that is new for each test."""

    def __init__(self, folder: Path, embedded: bool) -> None:
        self.folder = folder
        self.settings = dict(SECRETS)
        self.version = 4 if embedded else 5
        self.password: dict[str, str] = {}
        self.pairs = 0
        self.registry = Registry(folder / "data" / "registry.sqlite", load("dong-thap"))
        self.broker: Embedded | Watched
        if embedded:
            self.broker = Embedded(folder, free_port())
        else:
            self.settings["HOIQUAN_MOSQUITTO_PASSWORDS"] = str(folder / "passwords")
            done(self.hoiquan("accounts"))
            self.broker = Watched(folder / "broker", folder / "passwords", deployed=True)
        self.port = self.broker.port

    def hoiquan(self, *arguments: str, seconds: float = 60):
        data = ["--data", str(self.folder / "data")]
        return hoiquan(self.folder, *arguments, *data, seconds=seconds, **self.settings)

    def next_pair(self) -> None:
        self.pairs += 1
        self.a, self.b = f"node-a{self.pairs}", f"node-b{self.pairs}"
        self.enroll(self.a, self.b)
        self.port = self.broker.port

    def enroll(self, *devices: str, model: str = "soil-probe") -> None:
        """Enroll devices; each may connect when this returns."""
        wanted = [Wanted("tam-que", model, device) for device in devices]
        self.password |= zip(devices, self.registry.enroll_many(wanted), strict=True)
        self.tell()

    def revoke(self, device: str) -> None:
        self.registry.revoke(device)
        self.tell()

    def tell(self) -> None:
        """Write Mosquitto's accounts; the embedded broker asks the registry itself."""
        if "HOIQUAN_MOSQUITTO_PASSWORDS" in self.settings:
            tell_broker(Settings.read(data=self.folder / "data", **{
                name.removeprefix("HOIQUAN_").lower(): value for name, value in self.settings.items()
            }), self.registry)  # fmt: skip

    def client(self, user: str, password: str = "", client_id: str = "", **more) -> "Party":
        more.setdefault("version", self.version)
        return Party(self.port, user, password or self.password.get(user, ""), client_id, **more)


class Party:
    """A client of the broker; `answer` is the broker's answer to its connection, None before."""

    def __init__(self, port: int, user: str, password: str, client_id: str, *, version=5, hears=(), tls=None):
        self.heard: list[str] = []
        self.answer = None
        self.granted: list[bool] = []
        self.lost = threading.Event()
        self.published = None
        protocol = MQTTProtocolVersion(version)
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id or user, protocol=protocol, reconnect_on_failure=False
        )
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.username_pw_set(user, password)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self.lost.set()
        self._client.on_message = lambda _, __, message: self.heard.append(message.topic)
        self._client.on_publish = lambda _, __, ___, reason, ____: setattr(self, "published", reason)
        self._client.on_subscribe = self._on_subscribe
        self._hears = hears
        self._client.connect("localhost" if tls else "127.0.0.1", port)
        self._client.loop_start()
        until(f"{user} is let in or refused", 10, lambda: self.answer is not None or self.lost.is_set())
        if self.let_in and hears:
            until("its subscriptions are answered", 10, lambda: self.granted)

    @property
    def let_in(self) -> bool:
        return self.answer is not None and not self.answer.is_failure

    def publish(self, topic: str, payload: bytes = READING) -> bool:
        """Whether the broker accepted it. The embedded one acknowledges all, so others must have it."""
        self.published = None
        self._client.publish(topic, payload, qos=1)
        until("an answer", 10, lambda: self.published is not None or self.lost.is_set())
        return self.published is not None and not self.published.is_failure

    def close(self) -> None:
        leave(self._client)

    def _on_connect(self, client, _, __, reason, ___) -> None:
        self.answer = reason
        if not reason.is_failure and self._hears:
            client.subscribe([(topic, 1) for topic in self._hears])

    def _on_subscribe(self, _, __, ___, reasons, ____) -> None:
        self.granted = [not reason.is_failure for reason in reasons]
