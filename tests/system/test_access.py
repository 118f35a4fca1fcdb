"""Which client may do what, at a Mosquitto as deploy/mosquitto runs it and at the embedded broker."""

import csv
import json
import os
import socket
import ssl
from pathlib import Path

import pytest

from devices.access.authority import CA, prepare
from devices.credentials import simulated_password
from devices.pilots.pilot import load
from tests.system.parties import SECRETS, TOPIC, Party, Village
from tests.system.running import done, hoiquan, until


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
    # and with another device's client id
    thief = village.client(village.a, client_id=village.b, hears=wanted)
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
    until("the reader hears the result", 10, lambda: TOPIC.format(village.a, "result") in reader.heard)
    assert device.heard == [TOPIC.format(village.a, "command")]
    assert operator.heard == []
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
        assert not Party(village.port, user, password, "someone", version=village.version).let_in


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
    assert not Party(village.port, "", "", "someone", tls=ours).let_in


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
    given = ("enroll-many", str(roll), "--report", str(report), "--lang", "en")
    told = done(village.hoiquan("device", *given, seconds=60))
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
    """`up` keeps the reader's password in its folder; whoever may read that folder may listen."""
    assert os.environ.get("HOIQUAN_READER_PASSWORD") is None
    (tmp_path / "data" / "gateway").mkdir(parents=True)  # an installation without its secrets
    told = hoiquan(tmp_path, "device", "check", "--live", "--id", "tam-que-soil-probe-01", "--number", "1")
    assert told.returncode == 1
    assert "HOIQUAN_READER_PASSWORD" in told.stderr
