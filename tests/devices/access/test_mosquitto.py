"""The password file and the rules, as the real broker reads them."""

import json
import resource
import signal
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

import devices.pilots
from devices.access.mosquitto import ADDED, RULES, rules_beside, write_passwords
from devices.access.registry import Registry, Wanted
from devices.broker_url import leave
from devices.credentials import (
    CHIRPSTACK,
    gateway_accounts,
    reader_accounts,
    simulated_password,
    verify_password,
)
from devices.pilots.pilot import load
from tests.servers import PATIENCE, mosquitto, until

PILOT = load("dong-thap")
NODE = next(iter(PILOT.fleet))


def let_in(broker, name, password):
    """Whether the broker admits this account."""
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
        leave(client)


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

        third = registry.enroll("tam-que", "soil-probe", "third")
        written = path.stat().st_ino
        write_passwords(path, registry, "gateway's own", "secret")
        broker.reload()
        until(lambda: let_in(broker, "third", third), "the broker reads what was added")
        assert path.stat().st_ino == written and let_in(broker, "second", later)


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
    assert {entry for entry in tmp_path.iterdir() if "passwords" in entry.name} == {
        path, rules, path.with_name("passwords.upto")
    }  # fmt: skip


def test_without_a_secret_no_simulated_node_has_an_account(registry, tmp_path):
    path = tmp_path / "passwords"
    assert write_passwords(path, registry, "g", "") == len(gateway_accounts())
    assert {line.partition(":")[0] for line in path.read_text("utf-8").splitlines()} == {*gateway_accounts()}
    assert write_passwords(path, registry, "g", "", {CHIRPSTACK: "c"}) == len(gateway_accounts()) + 1
    assert f"\n{CHIRPSTACK}:" in path.read_text("utf-8")


def test_a_device_that_had_a_name_before_it_was_ours_stays_outside_though_ours_has_no_password(
    registry, tmp_path
):
    """The rules would let such a device read everything."""
    registry.enroll("tam-que", "soil-probe", "first")
    file, path = tmp_path / "registry.sqlite", tmp_path / "passwords"
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE device SET device='reader-2'")
    number = write_passwords(path, Registry(file, PILOT), "g", "", dict.fromkeys(reader_accounts(), ""))
    assert "reader" not in path.read_text("utf-8") and number == len(gateway_accounts())


def grown(folder, place, model):
    """The pilot with one more node of a model at a place in its fleet, and the node's name."""
    text = (Path(devices.pilots.__file__).parent / "dong-thap.yaml").read_text("utf-8")
    before, here, after = text.partition(f"  - id: {place}\n")
    (folder / "own.yaml").write_text(before + here + after.replace(f"{model}: 1", f"{model}: 2", 1), "utf-8")
    pilot = load(str(folder / "own.yaml"))
    (name,) = pilot.fleet.keys() - PILOT.fleet.keys()
    return pilot, name


def test_a_name_that_a_fleet_grew_to_hold_opens_to_its_device_and_once_that_is_revoked_to_the_node_alone(
    registry, tmp_path
):
    path = tmp_path / "passwords"
    pilot, name = grown(tmp_path, "tam-que", "canal-gauge")
    own, nodes = registry.enroll("tam-que", "canal-gauge", name), simulated_password("secret", name)

    def opens(of):
        write_passwords(path, of, "g", "secret")
        stored = dict(line.split(":") for line in path.read_text("utf-8").splitlines())[name]
        return [word for word in (own, nodes) if verify_password(word, stored)]

    assert opens(registry) == [own]
    later = Registry(tmp_path / "registry.sqlite", pilot)
    assert not later.lookup(name).simulated
    assert opens(later) == [own]
    later.revoke(name)
    assert later.lookup(name).simulated
    assert opens(later) == [nodes]


def test_a_damaged_line_does_not_stay(registry, tmp_path):
    path = tmp_path / "passwords"
    write_passwords(path, registry, "g", "secret")
    whole = [line for line in path.read_text("utf-8").splitlines() if not line.startswith(f"{NODE}:")]
    path.write_text("\n".join([*whole, f"{NODE}:$7$101$garbage\n"]), "utf-8")
    write_passwords(path, registry, "g", "secret")
    stored = dict(line.split(":") for line in path.read_text("utf-8").splitlines())
    assert verify_password(simulated_password("secret", NODE), stored[NODE])


def keepers(path):
    """Name → topics of each account that may write a diary by the rules beside the password file."""
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


def inodes(path):
    return path.stat().st_ino, rules_beside(path).stat().st_ino


def accounts(path):
    lines = path.read_text("utf-8").splitlines()
    assert len(lines) == len({line.partition(":")[0] for line in lines})
    return set(lines)


def test_one_more_is_added_and_the_rest_is_left_alone(registry, tmp_path):
    """The amount written does not grow with the number of other devices."""
    path = tmp_path / "passwords"
    registry.enroll_many([Wanted("tam-que", "soil-probe", f"d{n}") for n in range(50)])
    write_passwords(path, registry, "g", "secret")
    before, written = path.read_text("utf-8"), inodes(path)
    password = registry.enroll("tam-que", "soil-probe", "one-more")
    registry.enroll("tam-que", "diary", "notebook")
    number = write_passwords(path, registry, "g", "secret")
    assert inodes(path) == written, "neither file was replaced"
    after = path.read_text("utf-8")
    assert after.startswith(before) and number == after.count("\n") == before.count("\n") + 2
    assert verify_password(password, registry.stored("one-more"))
    assert f"one-more:{registry.stored('one-more')}\n" in after
    assert "notebook" in keepers(path)
    assert write_passwords(path, registry, "g", "secret") == number
    assert path.read_text("utf-8") == after and inodes(path) == written, "nothing is new"


def anew(path, registry, *given):
    """The accounts and rules that would be written into an empty folder."""
    other = path.with_name("anew")
    other.mkdir()
    write_passwords(other / "passwords", registry, *given)
    names = {line.partition(":")[0] for line in accounts(other / "passwords")}
    rules = keepers(other / "passwords")
    for file in other.iterdir():
        file.unlink()
    other.rmdir()
    return names, rules


@pytest.mark.parametrize(
    "change",
    ["revoked", "rotated", "joins again", "many", "another gateway password", "no simulated ones", "torn",
     "rules are gone", "note is torn", "note of other kinds", "put back", "taken out by hand",
     "fleet's name", "model"],
)  # fmt: skip
def test_whatever_else_changed_is_written_anew(registry, tmp_path, change):  # noqa: PLR0912
    path, given = tmp_path / "passwords", ["g", "secret"]
    for name in ("stays", "first", "diarist"):
        registry.enroll("tam-que", "diary" if name == "diarist" else "soil-probe", name)
    copy = sqlite3.connect(tmp_path / "copy.sqlite")
    sqlite3.connect(tmp_path / "registry.sqlite").backup(copy)
    registry.enroll("tam-que", "soil-probe", "later")
    write_passwords(path, registry, *given)
    match change:
        case "revoked":
            registry.revoke("first")
        case "rotated":
            registry.rotate("first")
        case "joins again":
            registry.revoke("first")
            registry.enroll("tam-que", "soil-probe", "first")
        case "many":
            registry.enroll_many([Wanted("tam-que", "soil-probe", f"d{n}") for n in range(ADDED + 1)])
        case "another gateway password":
            given[0] = "other"
        case "no simulated ones":
            given[1] = ""
        case "torn":
            path.write_text(path.read_text("utf-8")[:-20], "utf-8")
        case "rules are gone":
            rules_beside(path).unlink()
        case "note is torn":
            path.with_name("passwords.upto").write_text("{", "utf-8")
        case "note of other kinds":
            note = path.with_name("passwords.upto")
            note.write_text(
                json.dumps(json.loads(note.read_bytes()) | {"origin": None, "last": "a"}), "utf-8"
            )
        case "put back":
            copy.backup(sqlite3.connect(tmp_path / "registry.sqlite"))
            registry.enroll("tam-que", "soil-probe", "another")
        case "taken out by hand":
            with registry._engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM device WHERE device='first'")
        case "fleet's name":
            elsewhere = Registry(tmp_path / "registry.sqlite", load("quang-tri"))
            elsewhere.enroll(elsewhere.pilot.communities[0].id, "soil-probe", NODE)
        case "model":
            registry.revoke("diarist")
            registry.enroll("tam-que", "soil-probe", "diarist")
    registry.enroll("tam-que", "soil-probe", "last")
    before = inodes(path) if rules_beside(path).exists() else None
    write_passwords(path, registry, *given)
    assert inodes(path) != before
    there = {line.partition(":")[0] for line in accounts(path)}
    assert (there, keepers(path)) == anew(path, registry, *given)
    stored = {f"{name}:{one}" for name, one in registry.hashes().items() if name not in PILOT.fleet}
    assert stored <= accounts(path)
    gateway = next(line for line in accounts(path) if line.startswith("gateway:"))
    assert verify_password(given[0], gateway.partition(":")[2])


def test_of_many_changes_at_once_none_is_left_out(tmp_path):
    """Each process writes the files after its own change, so the last one has all changes."""
    path, names = tmp_path / "passwords", [f"d{number}" for number in range(12)]
    first = Registry(tmp_path / "registry.sqlite", PILOT)
    for name in names:
        first.enroll("tam-que", "diary" if name == "d1" else "soil-probe", name)
    write_passwords(path, first, "g", "secret")

    def change(number):
        own = Registry(tmp_path / "registry.sqlite", PILOT)
        match number % 3:
            case 0:
                own.revoke(f"d{number}")
            case 1:
                own.rotate(f"d{number}")
            case _:
                own.enroll("tam-que", "diary", f"new{number}")
        write_passwords(path, own, "g", "secret")

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(change, range(len(names))))
    there = {line.partition(":")[0] for line in accounts(path)}
    assert (there, keepers(path)) == anew(path, first, "g", "secret")
    assert {f"{name}:{stored}" for name, stored in first.hashes().items()} <= accounts(path)
    assert not {f"d{number}" for number in range(0, 12, 3)} & there


def test_a_full_disk_leaves_the_file_as_it_was(registry, tmp_path):
    path = tmp_path / "passwords"
    write_passwords(path, registry, "g", "secret")
    before = path.read_bytes()
    registry.enroll("tam-que", "soil-probe", "one-more")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limit[1]))
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(OSError):
            write_passwords(path, registry, "g", "secret")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    write_passwords(path, registry, "g", "secret")
    assert f"one-more:{registry.stored('one-more')}" in accounts(path)


def test_the_fixed_rules_let_nobody_write_a_diary():
    assert "diary" not in "".join(
        line for line in RULES.read_text("utf-8").splitlines() if not line.startswith("#")
    )
