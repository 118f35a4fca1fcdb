"""Whole gateways: when one is well, and how two of them on one machine share the work."""

import signal
import sqlite3
import time
from contextlib import closing

import pytest

from devices.access import roster
from gateway import health, service
from gateway.ingest.spool import Spool
from gateway.instance import InstanceBusy, files, instances, trouble
from gateway.stores.sqlite import SqliteStore
from tests.gateway.running import NOTES, PLACE, Gateway, device, enrolled, gateway, harvest, settings
from tests.servers import mosquitto, until
from traceability.sealing import seal


@pytest.fixture
def broker():
    with mosquitto("allow_anonymous true") as server:
        yield server


@pytest.fixture
def quick(monkeypatch):
    """The gateway checks often, so that a test need not wait."""
    monkeypatch.setattr(service, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(service, "RETRY", 0.05)
    monkeypatch.setattr(health, "BEAT_EVERY", 0.05)
    monkeypatch.setattr(health, "LATE", 1.0)


def books(given):
    with closing(Spool.to_read(given.spool)) as spool:
        return spool.books()


def touched_again(alive):
    before = alive.stat().st_mtime_ns
    return lambda: alive.stat().st_mtime_ns > before


def test_a_gateway_is_well_while_its_heartbeats_come_back(quick, broker, tmp_path):
    with gateway(settings(broker, tmp_path)) as running:
        until(touched_again(running.files.alive), "it is said again and again")
        broker._process.send(signal.SIGSTOP)  # the broker hangs, with its connections open
        try:
            until(lambda: "heartbeat" in trouble(running.files, "en"), "trouble is said")
            assert not running.ended()
            before = running.files.alive.stat().st_mtime_ns
            running.files.trouble.unlink()
            assert running.files.alive.stat().st_mtime_ns == before
        finally:
            broker._process.send(signal.SIGCONT)
        until(touched_again(running.files.alive), "it is well again")
        broker.stop()
        until(lambda: "no connection" in trouble(running.files, "en"), "trouble is said")
        broker.start()
        until(lambda: not running.files.trouble.exists(), "it is well again")
    assert not running.files.alive.exists()
    assert not running.files.trouble.exists()
    assert running.told


def test_a_gateway_whose_spool_takes_nothing_is_not_well(quick, broker, tmp_path):
    given = settings(broker, tmp_path)
    with gateway(given):
        pass
    full = Gateway(given.model_copy(update={"spool_free_mb": 10**12}))
    try:
        until(lambda: full.files.trouble.exists() and full.files.trouble.read_text("utf-8"), "it says so")
        enrolled(given)
        with device(broker) as publish:
            publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": 31.5}})
        until(lambda: "HOIQUAN_SPOOL_FREE_MB" in full.files.trouble.read_text("utf-8"), "and why")
        assert not full.files.alive.exists()
        assert books(full.files).received == 0, "nothing was taken, so nothing was acknowledged"
    finally:
        full.stop()
    with gateway(given) as running:  # the disk has room again
        until(lambda: books(running.files).stored == 1, "what the broker kept meanwhile")


def test_one_instance_runs_once(quick, broker, tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.instance.PATIENCE", 0.1)
    given = settings(broker, tmp_path)
    with gateway(given) as running:
        second = Gateway(given)
        until(second.ended, "it does not start")
        assert isinstance(second.error, InstanceBusy)
        assert "--instance" in str(second.error)
        until(touched_again(running.files.alive), "the first goes on")


@pytest.mark.parametrize("name", ["gateway", "gateway-9", "gateway-02", "gateway-", "my-esp32", "../x", ""])
def test_an_instance_without_an_account_is_refused(broker, tmp_path, name):
    refused = Gateway(settings(broker, tmp_path, instance=name))
    until(refused.ended, "it does not start")
    assert "gateway-1 to gateway-8" in str(refused.error)


def test_two_gateways_of_one_folder_share_readings_and_one_of_them_seals(quick, broker, tmp_path):
    first, second = (settings(broker, tmp_path, group="pilot", instance=f"gateway-{n}") for n in (1, 2))
    enrolled(first)

    def sealed():
        return [row for row in seal.lots(tmp_path / "data" / "trace") if row["leaf"] is not None]

    with device(broker) as publish, gateway(first) as one:
        with gateway(second) as other:
            assert instances(first.data) == ["gateway-1", "gateway-2"]
            now = time.time_ns() // 10**6
            for n in range(100):
                values = {"soil_moisture": n / 10}
                publish(f"{PLACE}/telemetry", {"boot": "b", "seq": n, "ts": now + n, "values": values})
            until(lambda: books(one.files).stored + books(other.files).stored == 100, "all are stored")
            assert min(books(one.files).stored, books(other.files).stored) > 10
            for n in range(4):  # whichever gateway receives them, the first one seals them
                publish(NOTES, harvest(f"h{n}"))
            until(lambda: len(sealed()) == 4, "sealed")
            one.stop()
            for n in range(4, 8):  # half of them wait at the broker for the first
                publish(NOTES, harvest(f"h{n}"))
            until(lambda: len(sealed()) == 6, "the other one has the log now")
        with gateway(first):
            until(lambda: len(sealed()) == 8, "what waited was not lost")
    with closing(SqliteStore(first.data / "store.sqlite")) as store:
        rows = store.series("telemetry", {"device": "my-esp32"}, 0, 2**52, 1000)
    assert sorted(row.fields["soil_moisture"] for row in rows) == [n / 10 for n in range(100)]
    assert sorted(row["leaf"] for row in sealed()) == list(range(8))


def test_a_damaged_spool_is_mended_at_the_start(quick, broker, tmp_path):
    given = settings(broker, tmp_path)
    enrolled(given)
    with gateway(given) as running, device(broker) as publish:
        publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": 31.5}})
        until(lambda: books(running.files).stored == 1, "stored")
    running.files.spool.write_bytes(b"\xff" * 8192)
    with gateway(given) as running, device(broker) as publish:
        publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": 32.5}})
        until(lambda: books(running.files).stored == 1, "it goes on")
    assert len(list(running.files.spool.parent.glob("*.damaged-*[0-9]"))) == 1


def test_a_damaged_diary_is_mended_at_the_start(quick, broker, tmp_path):
    given = settings(broker, tmp_path)
    enrolled(given)
    diary = given.data / "trace" / "trace.sqlite"
    diary.parent.mkdir(parents=True)
    diary.write_bytes(b"\xff" * 8192)
    with gateway(given) as running, device(broker) as publish:
        publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": 31.5}})
        until(lambda: books(running.files).stored == 1, "it goes on")
    assert len(list(diary.parent.glob("*.damaged-*[0-9]"))) == 1


def test_what_is_written_beside_the_books_comes_from_the_parts(quick, broker, tmp_path):
    given = settings(broker, tmp_path)
    enrolled(given)
    with gateway(given), device(broker) as publish:
        for seq in (1, 2, 5):
            publish(f"{PLACE}/telemetry", {"boot": "b", "seq": seq, "values": {"soil_moisture": 31.5}})
        until(lambda: books(files(given.data, given.instance)).stored == 3, "stored")
    with gateway(given):  # the books are written at the start
        path = given.data / "store.sqlite"
        until(lambda: (2, 0) in _beside(path), "gaps, and the broker's word")


def _beside(path):
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return db.execute("SELECT missing, broker_dropped FROM gateway").fetchall()


def test_a_gateway_waits_for_the_registry_and_goes_on_without_it(quick, broker, tmp_path):
    given = settings(broker, tmp_path)
    enrolled(given)
    path = given.data / "registry.sqlite"
    away = path.rename(path.with_name("away"))
    path.symlink_to(tmp_path)  # a folder, as if its disk were not mounted
    own = files(given.data, given.instance)
    own.trouble.parent.mkdir(parents=True)
    own.trouble.write_text("máy chủ MQTT\nthe broker\n", "utf-8")  # left by a gateway that was killed
    running = Gateway(given)
    try:
        until(lambda: "registry" in trouble(own, "en"), "it says what it waits for")
        assert "sổ đăng ký" in trouble(own, "vi") and not running.ended()
        assert not running.files.alive.exists(), "without it every real device would be a stranger"
        away.replace(path)  # in one step: where there is no file, the gateway would make an empty one
        until(running.well, "it has read the registry")
        with device(broker) as publish:
            publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": 31.5}})
            until(lambda: books(running.files).stored, "the device is known")
    finally:
        running.stop()
    assert running.told is True


def test_an_error_of_ours_in_reading_the_registry_is_among_the_faults(quick, broker, tmp_path, monkeypatch):
    monkeypatch.setattr(roster, "RECHECK", 0)
    given = settings(broker, tmp_path)
    enrolled(given)
    with gateway(given) as running, device(broker) as publish:
        with closing(sqlite3.connect(given.data / "registry.sqlite")) as file, file:
            file.execute("UPDATE device SET site = '{', changed = changed + 1")
        for value in (31, 32, 33):
            publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": value}})
        until(lambda: books(running.files).stored == 3, "the device is still known")
        until(running.files.faults.exists, "the fault is written down")
        assert running.files.faults.read_text("utf-8").startswith("registry: 1 × JSONDecodeError: ")
