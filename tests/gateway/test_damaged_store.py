"""A gateway whose embedded store is damaged while it runs: it takes messages, says so, and stores them all
after the next start.
"""

from contextlib import closing

import pytest

from devices.salvage import aside
from gateway.ingest.spool import Spool
from gateway.instance import trouble
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater
from tests.gateway.damage import overwrite, pages
from tests.gateway.running import PLACE, device, enrolled, gateway, settings
from tests.gateway.test_doctor import bare, doctor
from tests.gateway.test_service import broker, quick
from tests.servers import until

assert bare and broker and quick  # fixtures


def books(running):
    with closing(Spool.to_read(running.files.spool)) as spool:
        return spool.books()


def readings(path):
    with closing(SqliteStore(path)) as store:
        rows = store.series("telemetry", {"device": "my-esp32"}, 0, 2**52, 100)
    return sorted(row.fields["soil_moisture"] for row in rows)


def test_messages_wait_for_a_damaged_store_and_are_stored_after_the_next_start(quick, broker, tmp_path):
    given = settings(broker, tmp_path)
    path = given.data / "store.sqlite"
    enrolled(given)
    with gateway(given) as running, device(broker) as publish:
        publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": 31.5}})
        until(lambda: books(running).stored == 1, "stored")
        overwrite(path, pages(path, "kpi")[1])
        with closing(SqliteStore(path)) as page, pytest.raises(RetryLater):
            page.latest("kpi", {}, 0)
            page.series("kpi", {}, 0, 2**52, 10)
        publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": 32.5}})
        until(lambda: "is damaged" in trouble(running.files, "en"), "it says so")
        assert str(path) in trouble(running.files, "en")
        public = trouble(running.files, "vi", public=True)
        assert "bị hỏng" in public and str(given.data) not in public
        assert books(running).spooled == 1 and books(running).balanced and not running.ended()
        code, found = doctor(given.data, "--lang", "en")
        assert code == 1 and found["store"]["level"] == "bad"
        assert str(path) in found["store"]["sentence"] and "malformed" in found["store"]["sentence"]
        assert "start again" in found["store"]["mend"]
    with gateway(given) as running:
        until(lambda: books(running).stored == 2, "stored")
        assert readings(path) == [31.5, 32.5]
        assert not trouble(running.files, "en")
    found = doctor(given.data, "--lang", "en")[1]
    (kept,) = aside(path)
    assert found["store"]["level"] == "ok" and str(kept) in found["kept"]["sentence"]


def test_the_doctor_names_a_file_that_is_no_database_and_one_that_was_kept(tmp_path):
    path = tmp_path / "store.sqlite"
    path.write_bytes(b"not a database " * 1000)
    _, found = doctor(tmp_path, "--lang", "en")
    assert found["store"]["level"] == "bad" and f"{path} is damaged" in found["store"]["sentence"]
    assert path.read_bytes().startswith(b"not a"), "it only looks"
    path.unlink()
    path.mkdir()
    path.with_suffix(".damaged").unlink()
    _, found = doctor(tmp_path, "--lang", "en")
    assert found["store"]["level"] == "bad" and "InfluxDB" not in found["store"]["mend"]
    path.rmdir()
    with closing(SqliteStore(path)):
        pass
    kept = path.with_name("store.sqlite.damaged-1796050131")
    kept.touch()
    _, found = doctor(tmp_path, "--lang", "en")
    assert found["kept"]["level"] == "warning" and str(kept) in found["kept"]["sentence"]


def test_the_doctor_names_a_diary_that_cannot_be_read(tmp_path):
    path = tmp_path / "trace" / "trace.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"no database " * 1000)
    code, found = doctor(tmp_path, "--lang", "en")
    assert code == 1 and found["diary"]["level"] == "bad"
    assert str(path) in found["diary"]["sentence"] and "start again" in found["diary"]["mend"]
