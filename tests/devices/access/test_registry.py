"""The devices that may send, as several processes see them in one file."""

import random
import sqlite3
import threading
import time
from contextlib import suppress

import pytest
from sqlalchemy import event, insert

from devices.access import roster
from devices.access.database import DEVICES, RegistryAway
from devices.access.registry import EnrolmentError, Registry, Wanted
from devices.contract.reading import Device
from devices.credentials import reader_accounts
from devices.pilots.pilot import load
from tests.servers import PATIENCE, until

PILOT = load("dong-thap")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "registry.sqlite"


def test_the_fleet_of_the_pilot_may_speak_without_a_row(path):
    registry = Registry(path, PILOT)
    assert {device.device for device in registry.devices()} == set(PILOT.fleet)
    name = next(iter(PILOT.fleet))
    assert registry.lookup(name) == PILOT.fleet[name]
    assert registry.lookup("nobody") is None
    assert registry.enrolled() == []
    assert registry.hashes() == {}


def test_an_enrolled_device_may_speak_here_and_in_the_other_process(two):
    here, there = two
    assert there.lookup("my-esp32") is None
    password = here.enroll("tam-que", "soil-probe", "my-esp32")
    expected = Device("dong-thap", "tam-que", "my-esp32", "soil-probe", simulated=False)
    assert here.lookup("my-esp32") == expected
    until(lambda: there.lookup("my-esp32") == expected, "the other process sees it")
    assert expected in there.devices()
    for registry in two:
        assert registry.verify("my-esp32", password)
        assert not registry.verify("my-esp32", password + "x")
        assert not registry.verify("my-esp32", "")
        assert not registry.verify("nobody", password)
        assert set(registry.hashes()) == {"my-esp32"}
        assert password not in registry.hashes()["my-esp32"]


def test_a_revoked_device_is_shut_out_here_and_in_the_other_process(two):
    here, there = two
    password = here.enroll("tam-que", "soil-probe", "my-esp32")
    other = here.enroll("tam-que", "soil-probe", "stays")
    until(lambda: there.lookup("my-esp32"), "the other process sees it")
    here.revoke("my-esp32")
    assert here.lookup("my-esp32") is None
    until(lambda: there.lookup("my-esp32") is None, "the other process sees it go")
    for registry in two:
        assert not registry.verify("my-esp32", password)
        assert registry.verify("stays", other)
        assert set(registry.hashes()) == {"stays"}
    rows = {row.device.device: row for row in there.enrolled()}
    assert rows["my-esp32"].revoked is not None
    assert rows["stays"].revoked is None


@pytest.mark.parametrize("step", [0, -60_000], ids=["in the same millisecond", "on a clock a minute behind"])
def test_a_revocation_is_noticed_whatever_the_clocks_say(two, monkeypatch, step):
    """The revocation may happen on another machine than the enrolment."""
    monkeypatch.setattr(roster, "RECHECK", 0)
    here, there = two
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)
    here.enroll("tam-que", "soil-probe", "my-esp32")
    here.enroll("tam-que", "soil-probe", "another")
    assert there.lookup("my-esp32") is not None
    monkeypatch.setattr(time, "time_ns", lambda: now + step * 1_000_000)
    here.revoke("my-esp32")
    assert there.lookup("my-esp32") is None
    assert "my-esp32" not in there.hashes()


def test_what_was_enrolled_is_there_after_a_restart(path):
    password = Registry(path, PILOT).enroll("lang-dinh-yen", "canal-gauge", "g1")
    again = Registry(path, PILOT)
    assert again.verify("g1", password)
    assert again.lookup("g1").community == "lang-dinh-yen"


@pytest.mark.parametrize(
    ("community", "model", "device", "named"),
    [
        ("atlantis", "soil-probe", "d1", ["atlantis", "tam-que"]),
        ("tam-que", "balloon", "d1", ["balloon", "soil-probe"]),
        ("tam-que", "soil-probe", "D1", ["D1", "a-z"]),
        ("tam-que", "soil-probe", "", ["a-z"]),
        ("tam-que", "soil-probe", "d1\n", ["a-z"]),
        ("tam-que", "soil-probe", "d/1", ["a-z"]),
        ("tam-que", "soil-probe", "+", ["a-z"]),
        ("tam-que", "soil-probe", "cảm-biến", ["a-z"]),
        ("tam-que", "soil-probe", "x" * 65, ["64"]),
        ("tam-que", "soil-probe", "gateway", ["gateway"]),
        ("tam-que", "soil-probe", "gateway-2", ["gateway-…"]),
        ("tam-que", "soil-probe", "gateway-of-mine", ["gateway-…"]),
        ("tam-que", "soil-probe", "chirpstack", ["chirpstack"]),
        ("tam-que", "soil-probe", reader_accounts()[1], ["reader-2", reader_accounts()[-1]]),
        ("tam-que", "soil-probe", next(iter(PILOT.fleet)), ["simulated"]),
    ],
)
def test_who_may_not_be_enrolled_hears_why(path, community, model, device, named):
    registry = Registry(path, PILOT)
    with pytest.raises(EnrolmentError) as refused:
        registry.enroll(community, model, device)
    for part in named:
        assert part in str(refused.value)
    assert registry.enrolled() == []


def test_an_id_is_enrolled_once(two):
    here, there = two
    password = here.enroll("tam-que", "soil-probe", "my-esp32")
    with pytest.raises(EnrolmentError, match="my-esp32"):
        there.enroll("canh-tan", "canal-gauge", "my-esp32")
    assert there.verify("my-esp32", password)
    assert there.lookup("my-esp32").community == "tam-que"


def test_revoking_nobody_is_an_error(path):
    registry = Registry(path, PILOT)
    for name in ("nobody", next(iter(PILOT.fleet))):
        with pytest.raises(EnrolmentError, match=name):
            registry.revoke(name)
    registry.enroll("tam-que", "soil-probe", "d1")
    registry.revoke("d1")
    with pytest.raises(EnrolmentError, match="d1"):
        registry.revoke("d1")


def test_what_a_refusal_advises_works(path):
    """A refusal may advise to revoke an id that is taken; if it does, the id is free afterwards."""
    registry = Registry(path, PILOT)
    registry.enroll("tam-que", "soil-probe", "d1")
    with pytest.raises(EnrolmentError) as refused:
        registry.enroll("tam-que", "soil-probe", "d1")
    if "revoke" in str(refused.value):
        registry.revoke("d1")
        password = registry.enroll("tam-que", "soil-probe", "d1")
        assert registry.verify("d1", password)


def test_pilots_share_a_registry_and_not_their_devices(path):
    content = PILOT.model_dump(mode="json") | {"pilot": "another"}
    ours, theirs = Registry(path, PILOT), Registry(path, type(PILOT).model_validate(content))
    theirs.enroll("tam-que", "soil-probe", "theirs")
    assert theirs.lookup("theirs").pilot == "another"
    assert ours.lookup("theirs") is None
    assert "theirs" not in {device.device for device in ours.devices()}


def test_a_lorawan_device_is_known_by_its_dev_eui(two):
    here, there = two
    here.enroll("tam-que", "soil-probe", "lora-1", dev_eui="24E124136B502217")
    expected = Device("dong-thap", "tam-que", "lora-1", "soil-probe", simulated=False)
    there.refresh()
    assert there.by_eui("24e124136b502217") == here.lookup("lora-1") == expected
    assert there.by_eui("24e124136b502218") is None
    with pytest.raises(EnrolmentError, match="belongs to 'lora-1'"):
        there.enroll("tam-que", "soil-probe", "lora-2", dev_eui="24e124136b502217")
    with pytest.raises(EnrolmentError, match="16 hexadecimal digits"):
        here.enroll("tam-que", "soil-probe", "lora-2", dev_eui="24e1")
    here.revoke("lora-1")
    there.refresh()
    assert there.by_eui("24e124136b502217") is None
    here.enroll("tam-que", "soil-probe", "lora-2", dev_eui="24e124136b502217")


def test_a_registry_of_an_earlier_version_learns_the_dev_eui(path):
    Registry(path, PILOT).enroll("tam-que", "soil-probe", "old-one")
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE device DROP COLUMN dev_eui")
    again = Registry(path, PILOT)
    assert again.lookup("old-one") is not None
    again.enroll("tam-que", "soil-probe", "new-one", dev_eui="24e124136b502217")
    assert again.by_eui("24e124136b502217") == again.lookup("new-one")


def test_while_the_table_is_away_what_was_known_stays(path, monkeypatch):
    monkeypatch.setattr(roster, "RECHECK", 0)
    registry = Registry(path, PILOT)
    registry.enroll("tam-que", "soil-probe", "my-esp32")
    assert registry.lookup("my-esp32")
    away = path.rename(path.with_name("away"))
    path.mkdir()  # like a file system that is not mounted
    registry._engine.dispose()
    assert registry.lookup("my-esp32")
    assert registry.lookup("nobody") is None
    assert "registry" in registry.trouble
    with pytest.raises(RegistryAway, match="registry"):
        registry.enroll("tam-que", "soil-probe", "second")
    path.rmdir()
    away.rename(path)
    registry.enroll("tam-que", "soil-probe", "second")
    assert registry.trouble == ""


def test_a_table_that_was_never_read_is_an_error_and_not_an_empty_list(path):
    path.mkdir(parents=True)
    with pytest.raises(RegistryAway, match="registry"):
        Registry(path, PILOT).lookup("my-esp32")


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b", "chợ Mới"])
def test_a_folder_may_be_called_what_an_address_would_end_at(tmp_path, name):
    path = tmp_path / name / "registry.sqlite"
    Registry(path, PILOT).enroll("tam-que", "soil-probe", "mine")
    assert path.exists() and [one.name for one in tmp_path.iterdir()] == [name]
    assert Registry(path, PILOT).lookup("mine") is not None


def test_one_that_joins_again_right_after_it_was_revoked_is_noticed(two):
    """The row of the newest change disappears with it, but its number is not used again."""
    here, there = two
    here.enroll("tam-que", "soil-probe", "d1")
    here.enroll("tam-que", "soil-probe", "stays")
    here.revoke("d1")
    there.refresh()
    password = here.enroll("tam-que", "soil-probe", "d1")
    assert there.verify("d1", password)


def test_one_more_is_read_alone_however_many_there_are(tmp_path):
    """Changes are found by their number, so rows read and steps of SQLite's machine stay few."""
    registry, other = Registry(tmp_path / "r.sqlite", PILOT), Registry(tmp_path / "r.sqlite", PILOT)
    read, steps = [], [0]

    @event.listens_for(other._engine, "connect")
    def _count(connection, _):
        def step():
            steps[0] += 1

        connection.set_progress_handler(step, 10)

    @event.listens_for(other._engine, "after_cursor_execute")
    def _note(connection, cursor, statement, parameters, context, executemany):
        read.append(statement)

    took: list[int] = []
    for more in (20, 5000):
        rows = [
            {"device": f"d-{more}-{number}", "pilot": PILOT.pilot, "community": "tam-que",
             "model": "soil-probe", "password": "x", "enrolled": 1, "changed": more}
            for number in range(more)
        ]  # fmt: skip
        with registry._writing() as connection:  # as `enroll`, without the time that hashing a password takes
            connection.execute(insert(DEVICES), rows)
        other.refresh()
        registry.enroll("tam-que", "soil-probe", f"last-{more}")
        read.clear()
        steps[0] = 0
        other.refresh()
        assert other.known(f"last-{more}") is not None
        assert len(read) == 2, "has anything changed, and what"
        took.append(steps[0])
    assert took[1] <= took[0] + 2, "in tens of steps"


def test_what_is_read_of_changes_is_what_is_read_anew(tmp_path):
    """Changes of every kind (enrol, revoke, move with devEUI and plot, restore), read at once or often."""
    path, dice = tmp_path / "r.sqlite", random.Random(7)
    registry, always, seldom = (Registry(path, PILOT) for _ in range(3))
    elsewhere = Registry(path, load("quang-tri"))
    names = [f"d{n}" for n in range(6)]
    for step in range(120):
        name = dice.choice(names)
        with suppress(EnrolmentError):
            match dice.randrange(5):
                case 0 | 1:
                    eui = dice.choice([None, "a" * 16, "b" * 16])
                    registry.enroll("tam-que", "soil-probe", name, eui, dice.choice([None, "plot-1"]))
                case 2:
                    registry.revoke(name)
                case 3:
                    registry.rotate(name)
                case _:
                    elsewhere.enroll(elsewhere.pilot.communities[0].id, "soil-probe", name)
        for one in (always, *([seldom] if step % 7 == 0 else [])):
            one.refresh()
            assert vars(one._table) == vars(_anew(path)), step
    with seldom._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM device WHERE device='d1' OR device='d2'")
    registry.rotate("d3") if registry.lookup("d3") else registry.enroll("tam-que", "soil-probe", "d3")
    always.refresh()
    assert vars(always._table) == vars(_anew(path)), "somebody took rows out by hand"


def test_what_many_have_in_common_is_in_memory_once(path):
    registry = Registry(path, PILOT)
    for name in ("d1", "d2"):
        registry.enroll("tam-que", "soil-probe", name, plot="plot-of-both")
    one, other = registry.lookup("d1"), registry.lookup("d2")
    for name in ("pilot", "community", "model", "plot"):
        assert getattr(one, name) is getattr(other, name)


def _anew(path):
    registry = Registry(path, PILOT)
    registry.refresh()
    return registry._table


def test_who_looks_while_rows_are_taken_in_sees_all_devices_as_before(path):
    registry, other = Registry(path, PILOT), Registry(path, PILOT)
    other.enroll_many([Wanted("tam-que", "soil-probe", f"d{number}") for number in range(3)])
    registry.refresh()
    seen = registry._table
    known, hashes = iter(seen.known), dict(seen.hashes)
    next(known)
    other.rotate("d0")
    other.revoke("d1")
    other.enroll("tam-que", "soil-probe", "d3")
    registry.refresh()
    assert seen.hashes == hashes and {"d0", "d1", "d2"} <= {*known}
    assert registry.hashes().keys() == {"d0", "d2", "d3"} and registry.hashes()["d0"] != hashes["d0"]


def test_passwords_for_a_broker_are_whole_however_long_they_take(path, monkeypatch):
    monkeypatch.setattr(roster, "PATIENCE", 0.05)
    registry = Registry(path, PILOT)
    registry.enroll("tam-que", "soil-probe", "d0")
    Registry(path, PILOT).enroll("tam-que", "soil-probe", "d1")
    found = []
    asks = threading.Thread(target=lambda: found.append(registry.hashes()))
    with registry._lock:  # as while another thread reads the table
        asks.start()
        asks.join(0.3)
        assert not found
    asks.join(PATIENCE)
    assert found[0].keys() == {"d0", "d1"}
