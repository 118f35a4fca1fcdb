"""Who gets in and how far, at a Mosquitto as deploy/mosquitto runs it and at the embedded broker."""

import csv
import json
import os
import socket
import ssl
import threading
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from devices.authority import CA, prepare
from devices.commands import tell_broker
from devices.credentials import simulated_password
from devices.pilot import load
from devices.registry import Registry, Wanted
from devices.settings import Settings
from tests.servers import answers, free_port, program
from tests.system.running import ROOT, Mosquitto, Running, command, done, hoiquan, until

TOPIC = "hoiquan/v1/dong-thap/tam-que/{}/{}"
READING = b'{"values":{"soil_moisture":31.5}}'
SECRETS = {
    "HOIQUAN_GATEWAY_PASSWORD": "the gateway's",
    "HOIQUAN_READER_PASSWORD": "the reader's",
    "HOIQUAN_OPERATOR_PASSWORD": "the operator's",
    "HOIQUAN_SIMULATOR_SECRET": "the simulator's",
}


class Watched(Mosquitto):
    """With deploy/mosquitto/run around it, which has it read its passwords again."""

    def _command(self, configuration: Path) -> list[str]:
        program("mosquitto")  # which the script starts
        return ["sh", str(ROOT / "deploy/mosquitto/run"), str(configuration)]

    def _listens(self) -> bool:
        return super()._listens() and answers(self.tls_port)


class Embedded:
    """The broker of `hoiquan up`, alone."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port, self.version = port, 4
        arguments = ["broker", "--data", str(folder / "data"), "--port", str(port)]
        self.running = Running(folder / "broker.log", command(*arguments), **SECRETS)
        until("a broker that listens", 20, lambda: answers(port))

    def stop(self) -> None:
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
        wanted = [Wanted("tam-que", "soil-probe", device) for device in (self.a, self.b)]
        self.password |= zip((self.a, self.b), self.registry.enroll_many(wanted), strict=True)
        if "HOIQUAN_MOSQUITTO_PASSWORDS" in self.settings:
            tell_broker(Settings.read(data=self.folder / "data", **{
                name.removeprefix("HOIQUAN_").lower(): value for name, value in self.settings.items()
            }), self.registry)  # fmt: skip
        self.port = self.broker.port

    def client(self, user: str, password: str = "", client_id: str = "", **more) -> "Party":
        return Party(
            self.port, self.version, user, password or self.password.get(user, ""), client_id, **more
        )


class Party:
    """A client of the broker; `answer` is what its connection was told, None before."""

    def __init__(self, port: int, version: int, user: str, password: str, client_id: str, hears=(), tls=None):
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
        """Whether the broker took it; the embedded one says so of all, so the others must have heard it."""
        self.published = None
        self._client.publish(topic, payload, qos=1)
        until("an answer", 10, lambda: self.published is not None or self.lost.is_set())
        return self.published is not None and not self.published.is_failure

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client, _, __, reason, ___) -> None:
        self.answer = reason
        if not reason.is_failure and self._hears:
            client.subscribe([(topic, 1) for topic in self._hears])

    def _on_subscribe(self, _, __, ___, reasons, ____) -> None:
        self.granted = [not reason.is_failure for reason in reasons]


@pytest.fixture(scope="module", params=[False, True], ids=["mosquitto", "embedded"])
def running(request, tmp_path_factory):
    made = Village(tmp_path_factory.mktemp("village"), request.param)
    yield made
    made.broker.stop()


@pytest.fixture
def village(running):
    running.next_pair()
    return running


REAL = pytest.mark.parametrize("running", [False], indirect=True, ids=["mosquitto"])


def test_a_stolen_credential_reaches_its_own_topics_alone(village):
    gateway = village.client("gateway", SECRETS["HOIQUAN_GATEWAY_PASSWORD"], hears=["hoiquan/#"])
    wanted = [
        "#",
        "hoiquan/#",
        TOPIC.format(village.b, "command"),
        TOPIC.format(village.b, "telemetry"),
        TOPIC.format(village.a, "#"),
    ]
    thief = village.client(village.a, client_id=village.b, hears=wanted)  # and under another's client id
    assert thief.let_in
    other = village.client(village.b, hears=[TOPIC.format(village.b, "command")])
    for kind in ("telemetry", "status", "diary", "result", "command", "rejected"):
        thief.publish(TOPIC.format(village.b, kind))
        assert not thief.lost.is_set()
    for topic in (
        TOPIC.format(village.a, "command"),
        "hoiquan-gateway/v1/gateway/heartbeat",
        "application/1/device/2/event/up",
    ):
        thief.publish(topic)
    assert other.publish(TOPIC.format(village.b, "telemetry"))
    gateway.publish(TOPIC.format(village.b, "command"))
    until("the other hears its command", 10, lambda: other.heard)
    thief.publish(TOPIC.format(village.a, "telemetry"))
    until("the gateway hears the last one", 10, lambda: TOPIC.format(village.a, "telemetry") in gateway.heard)
    said = {topic for topic in gateway.heard if topic.endswith("/telemetry")}
    assert said == {TOPIC.format(village.a, "telemetry"), TOPIC.format(village.b, "telemetry")}
    assert gateway.heard.count(TOPIC.format(village.b, "telemetry")) == 1, "the owner's, and no other"
    assert not [topic for topic in gateway.heard if topic.endswith(("/diary", "/result", "/rejected"))]
    assert thief.heard == []
    assert not other.lost.is_set(), "nobody took over its session"
    for party in (thief, other, gateway):
        party.close()


def test_a_revoked_device_is_cut_and_stays_outside(village):
    stolen, other = village.client(village.a), village.client(village.b)
    assert stolen.let_in and other.let_in
    done(village.hoiquan("device", "revoke", village.a))
    until("its connection is cut", 10, stolen.lost.is_set)
    stolen.close()
    assert not village.client(village.a).let_in
    assert other.publish(TOPIC.format(village.b, "telemetry"))
    assert not other.lost.is_set()
    other.close()


def test_a_new_password_shuts_out_the_old_one_and_nobody_else(village):
    old, other = village.client(village.a), village.client(village.b)
    given = json.loads(done(village.hoiquan("device", "rotate", village.a, "--json")))["password"]
    until("its connection is cut", 10, old.lost.is_set)
    old.close()
    assert not village.client(village.a).let_in
    new = village.client(village.a, given)
    assert new.let_in
    assert new.publish(TOPIC.format(village.a, "telemetry"))
    assert not other.lost.is_set()
    for party in (new, other):
        party.close()


def test_to_read_and_to_command_are_rights_of_two_accounts(village):
    device = village.client(village.a, hears=[TOPIC.format(village.a, "command")])
    reader = village.client("reader", SECRETS["HOIQUAN_READER_PASSWORD"], hears=["hoiquan/#"])
    results = "hoiquan/v1/+/+/+/result"
    operator = village.client("operator", SECRETS["HOIQUAN_OPERATOR_PASSWORD"], hears=[results])
    reader.publish(TOPIC.format(village.a, "command"), b"from the reader")
    operator.publish(TOPIC.format(village.a, "telemetry"))
    device.publish(TOPIC.format(village.a, "telemetry"))
    operator.publish(TOPIC.format(village.a, "command"), b"from the operator")
    until("the device is told", 10, lambda: device.heard)
    device.publish(TOPIC.format(village.a, "result"))
    until("the operator hears the result", 10, lambda: operator.heard)
    assert device.heard == [TOPIC.format(village.a, "command")]
    assert operator.heard == [TOPIC.format(village.a, "result")]
    assert reader.heard.count(TOPIC.format(village.a, "telemetry")) == 1
    for party in (device, reader, operator):
        party.close()


def test_nobody_is_anonymous(village):
    for user, password in (
        ("", ""),
        (village.a, ""),
        (village.a, "wrong"),
        ("gateway", ""),
        ("reader", ""),
        ("operator", ""),
    ):
        assert not Party(village.port, village.version, user, password, "someone").let_in


# -- TLS, at the real broker ------------------------------------------------------------------------


def trusting(path: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(path))


@REAL
def test_tls_lets_in_who_trusts_our_ca_and_has_a_password(village):
    ours = trusting(village.folder / "broker" / "ca" / CA)
    village.port = village.broker.tls_port
    inside = village.client(village.a, tls=ours)
    assert inside.let_in and inside.publish(TOPIC.format(village.a, "telemetry"))
    inside.close()
    assert not village.client(village.a, "wrong", tls=ours).let_in
    assert not Party(village.port, 5, "", "", "someone", tls=ours).let_in


@REAL
def test_tls_refuses_a_wrong_ca_another_name_and_none(village, tmp_path):
    prepare(tmp_path / "theirs", tmp_path / "their-broker", ["localhost"])
    village.port = village.broker.tls_port
    for context in (trusting(tmp_path / "theirs" / CA), ssl.create_default_context()):
        with pytest.raises(ssl.SSLCertVerificationError):
            village.client(village.a, tls=context)
    ours = trusting(village.folder / "broker" / "ca" / CA)
    with (
        socket.create_connection(("127.0.0.1", village.port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ours.wrap_socket(plain, server_hostname="another.vn")
    assert not village.client(village.a).let_in, "no plain MQTT on the port of TLS"


@REAL
def test_a_new_certificate_is_shown_without_a_restart(village):
    folder = village.folder / "broker"
    village.port = village.broker.tls_port
    before = village.client(village.a, tls=trusting(folder / "ca" / CA))
    prepare(village.folder / "another", folder, ["localhost"])

    def shown() -> bool:
        try:
            village.client(village.b, tls=trusting(village.folder / "another" / CA)).close()
        except ssl.SSLCertVerificationError:
            return False
        return True

    until("the new certificate is shown", 10, shown)
    assert not before.lost.is_set()
    before.close()


# -- many at once -----------------------------------------------------------------------------------


@REAL
def test_ten_thousand_join_a_running_broker_and_nobody_is_disconnected(village, tmp_path):
    waiting = village.client(village.b, hears=[TOPIC.format(village.b, "command")])
    pilot = load("dong-thap")
    node = next(iter(pilot.fleet))
    simulated = village.client(node, simulated_password(SECRETS["HOIQUAN_SIMULATOR_SECRET"], node))
    assert simulated.let_in
    roll, report = tmp_path / "roll.csv", tmp_path / "report.csv"
    lines = "".join(f"probe-{number},tam-que,soil-probe\n" for number in range(10_000))
    roll.write_text("id,community,model\n" + lines, "utf-8")
    told = done(village.hoiquan("device", "enroll-many", str(roll), "--report", str(report), seconds=60))
    assert "10000 enrolled, 0 refused" in told
    with report.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in (rows[0], rows[5000], rows[-1]):
        joined = village.client(row["user"], row["password"])
        assert joined.let_in
        assert joined.publish(row["topic"])
        joined.close()
    assert not waiting.lost.is_set() and not simulated.lost.is_set()
    assert waiting.publish(TOPIC.format(village.b, "telemetry"))
    for party in (waiting, simulated):
        party.close()


def test_the_command_listens_beside_the_embedded_broker(tmp_path):
    """`up` keeps the reader's password in its folder; whoever may read the folder may listen."""
    assert os.environ.get("HOIQUAN_READER_PASSWORD") is None
    told = hoiquan(tmp_path, "device", "check", "--live", "--id", "tam-que-soil-probe-01", "--number", "1")
    assert told.returncode == 1
    assert "HOIQUAN_READER_PASSWORD" in told.stderr
