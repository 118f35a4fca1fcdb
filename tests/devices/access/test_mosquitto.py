"""The password file as the real broker reads it."""

import stat
import threading

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from devices.access.mosquitto import RULES, rules_beside, write_passwords
from devices.access.registry import Registry
from devices.credentials import CHIRPSTACK, gateway_accounts, simulated_password
from devices.pilots.pilot import load
from tests.servers import PATIENCE, mosquitto, until

PILOT = load("dong-thap")
NODE = next(iter(PILOT.fleet))


def let_in(broker, name, password):
    """Whether the broker takes this account."""
    answered, answer = threading.Event(), []

    def connected(client, userdata, flags, reason, properties):
        answer.append(reason)
        answered.set()

    client = Client(CallbackAPIVersion.VERSION2, client_id=f"{name}-test", reconnect_on_failure=False)
    client.username_pw_set(name, password)
    client.on_connect = connected
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        assert answered.wait(PATIENCE)
        return not answer[0].is_failure
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "registry.sqlite", PILOT)


def test_the_broker_takes_what_was_written_and_hears_of_changes(registry, tmp_path):
    path = tmp_path / "passwords"
    password = registry.enroll("tam-que", "soil-probe", "first")
    write_passwords(path, registry, "gateway's own", "secret")
    with mosquitto("allow_anonymous false", f"password_file {path}") as broker:
        for account in gateway_accounts():
            assert let_in(broker, account, "gateway's own")
            assert not let_in(broker, account, password)
        assert not let_in(broker, CHIRPSTACK, ""), "no password was set for it"
        assert let_in(broker, "first", password)
        assert let_in(broker, NODE, simulated_password("secret", NODE))
        assert not let_in(broker, "gateway", "")
        assert not let_in(broker, "first", "wrong")
        assert not let_in(broker, NODE, password)
        assert not let_in(broker, "second", password)

        later = registry.enroll("tam-que", "soil-probe", "second")
        registry.revoke("first")
        write_passwords(path, registry, "gateway's own", "secret")
        broker.reload()
        until(lambda: let_in(broker, "second", later), "the broker reads its file again")
        assert not let_in(broker, "first", password), "revoked"
        assert let_in(broker, "gateway", "gateway's own")


def test_the_file_has_each_account_once_and_is_its_owners_alone(registry, tmp_path):
    path = tmp_path / "passwords"
    registry.enroll("tam-que", "soil-probe", "first")
    number = write_passwords(path, registry, "g", "secret")
    lines = path.read_text("utf-8").splitlines()
    names = [line.partition(":")[0] for line in lines]
    assert number == len(lines) == len(set(names))
    assert set(names) == {*gateway_accounts(), "first", *PILOT.fleet}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rules = rules_beside(path)
    assert stat.S_IMODE(rules.stat().st_mode) == 0o600
    assert {entry for entry in tmp_path.iterdir() if "passwords" in entry.name} == {path, rules}


def test_without_a_secret_no_simulated_node_has_an_account(registry, tmp_path):
    path = tmp_path / "passwords"
    assert write_passwords(path, registry, "g", "") == len(gateway_accounts())
    assert {line.partition(":")[0] for line in path.read_text("utf-8").splitlines()} == {*gateway_accounts()}
    assert write_passwords(path, registry, "g", "", {CHIRPSTACK: "c"}) == len(gateway_accounts()) + 1
    assert f"\n{CHIRPSTACK}:" in path.read_text("utf-8")


def keepers(path):
    """Who may write a diary by the rules beside the password file: name → topics."""
    added = rules_beside(path).read_text("utf-8").removeprefix(RULES.read_text("utf-8")).splitlines()
    lines = [line for line in added if line and not line.startswith("#")]
    return {user.removeprefix("user "): topic for user, topic in zip(lines[::2], lines[1::2], strict=True)}


def test_the_rules_name_those_who_keep_a_diary_and_nobody_else(registry, tmp_path):
    path = tmp_path / "passwords"
    registry.enroll("tam-que", "soil-probe", "probe")
    registry.enroll("tam-que", "diary", "notebook")
    registry.enroll("tam-que", "diary", "given-up")
    registry.revoke("given-up")
    elsewhere = Registry(tmp_path / "registry.sqlite", load("quang-tri"))  # one broker, two provinces
    elsewhere.enroll(elsewhere.pilot.communities[0].id, "diary", "of-quang-tri")
    write_passwords(path, registry, "g", "")
    assert keepers(path) == {
        name: f"topic write hoiquan/v1/+/+/{name}/diary" for name in ("notebook", "of-quang-tri")
    }
    registry.revoke("notebook")
    registry.enroll("tam-que", "soil-probe", "notebook")
    write_passwords(path, registry, "g", "secret")
    played = {name for name, device in PILOT.fleet.items() if device.model == "diary"}
    assert keepers(path).keys() == {"of-quang-tri", *played}
    assert all(name.endswith("-diary-01") for name in played)


def test_the_fixed_rules_let_nobody_write_a_diary():
    assert "diary" not in "".join(
        line for line in RULES.read_text("utf-8").splitlines() if not line.startswith("#")
    )
