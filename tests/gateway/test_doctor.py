"""`hoiquan doctor`: its sentences about parts that are well, missing, ill and damaged."""

import json
import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

import hoiquan
from devices.access.registry import Registry
from devices.pilots.pilot import load
from devices.texts import catalogue
from gateway.control.client import Why
from gateway.ingest.message import Message, Outcome, Refusal
from gateway.ingest.spool import Spool
from gateway.instance import files, trouble
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from tests.gateway.running import NOTES, PLACE, device, enrolled, gateway, harvest, settings
from tests.loopback import free_port
from tests.servers import mosquitto, until
from tests.system.running import Running, command
from traceability.sealing import seal

PARTS = ["settings", "data", "registry", "broker", "gateway", "books", "spool", "quarantine", "gaps", "store",
         "drops", "log", "pages"]  # fmt: skip


def now():
    return time.time_ns() // 10**6


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No settings from outside, and no server at the default ports."""
    for name in os.environ:
        if name.startswith("HOIQUAN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOIQUAN_MQTT", f"mqtt://127.0.0.1:{free_port()}")
    monkeypatch.setenv("HOIQUAN_WEB_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("HOIQUAN_SPOOL_FREE_MB", "1")


def doctor(folder, *more):
    """(exit code, finding of each part); the last finding where a part has several."""
    result = CliRunner().invoke(hoiquan.app, ["doctor", "--data", str(folder), "--json", *more])
    assert result.exit_code in (0, 1), result.output
    found = json.loads(result.stdout)
    assert (result.exit_code == 1) is any(one["level"] == "bad" for one in found)
    for one in found:
        assert set(one) == {"part", "level", "sentence", "mend"}
        assert bool(one["mend"]) is (one["level"] != "ok")
    return result.exit_code, {one["part"]: one for one in found}


def stored(running):
    with closing(Spool.to_read(running.files.spool)) as spool:
        return spool.books().stored


def levels(found):
    return {part: one["level"] for part, one in found.items()}


def state(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if not path.name.endswith("-shm")}


def test_where_nothing_runs_it_says_what_does_not_and_leaves_nothing_behind(tmp_path):
    code, found = doctor(tmp_path / "none", "--lang", "en")
    assert code == 1
    assert levels(found) == {
        "settings": "ok", "data": "warning", "registry": "warning", "broker": "bad", "gateway": "bad",
        "store": "warning", "log": "ok", "pages": "bad",
    }  # fmt: skip
    assert "hoiquan up" in found["gateway"]["mend"]
    assert os.environ["HOIQUAN_MQTT"] in found["broker"]["sentence"]
    assert not (tmp_path / "none").exists()


@pytest.fixture(scope="module")
def broker():
    with mosquitto("allow_anonymous true", "sys_interval 1") as server:
        yield server


def test_all_is_well_where_everything_runs_and_nothing_is_held_up(broker, tmp_path, monkeypatch):
    given = settings(broker, tmp_path)
    enrolled(given)
    port = free_port()
    monkeypatch.setenv("HOIQUAN_MQTT", broker.url)
    monkeypatch.setenv("HOIQUAN_WEB_URL", f"http://127.0.0.1:{port}/")
    with gateway(given) as running, device(broker) as publish:
        pages = Running(tmp_path / "web.log", command("web", "--http-port", str(port)))
        try:
            publish(f"{PLACE}/telemetry", {"boot": "b", "seq": 1, "values": {"soil_moisture": 31.5}})
            publish(NOTES, harvest("h1"))
            until(lambda: seal.lots(given.data / "trace"), "sealed")
            # a harvest is sealed as soon as the diary has it, before the books say so
            until(lambda: stored(running) == 2, "both are stored")
            until(lambda: doctor(given.data)[1]["pages"]["level"] == "ok", "the pages answer")
            writer = sqlite3.connect(running.files.spool, isolation_level=None, timeout=10)
            writer.execute("BEGIN IMMEDIATE")  # another process's write does not hold the doctor up
            code, found = doctor(given.data)
            writer.execute("ROLLBACK")
            writer.close()
        finally:
            pages.stop()
        assert list(found) == PARTS
        assert set(levels(found).values()) == {"ok"}, found
        assert code == 0
        assert "2 = lưu 2" in found["books"]["sentence"]
        assert "1 hồ sơ" in found["log"]["sentence"]
        shown = CliRunner().invoke(hoiquan.app, ["doctor", "--data", str(given.data)]).output
        assert shown.count("✓ tốt: ") == len(PARTS) - 1
        assert "✗ hỏng: Các trang không trả lời" in shown
    assert levels(doctor(given.data)[1])["gateway"] == "bad", "it does not run any more"


def test_a_gateway_in_trouble_is_named_with_its_trouble(broker, tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.health.LATE", 0.2)
    monkeypatch.setattr("gateway.service.LOOK_EVERY", 0.02)
    given = settings(broker, tmp_path)
    with gateway(given) as running:
        broker._process.send(signal.SIGSTOP)
        try:
            until(lambda: "heartbeat" in trouble(running.files, "en"), "it says so")
            _, found = doctor(given.data, "--lang", "en")
        finally:
            broker._process.send(signal.SIGCONT)
        assert found["gateway"]["level"] == "bad"
        assert "heartbeat" in found["gateway"]["sentence"]


def test_a_gateway_that_is_silent_is_named(broker, tmp_path, monkeypatch):
    given = settings(broker, tmp_path)
    with gateway(given) as running:
        assert levels(doctor(given.data)[1])["gateway"] == "ok"
        monkeypatch.setattr("gateway.service.LOOK_EVERY", 600.0)  # it looks once more, and then not again

        def silent():
            os.utime(running.files.alive, (time.time() - 60,) * 2)
            _, found = doctor(given.data, "--lang", "en")
            return "30 s" in found["gateway"]["sentence"] and found["gateway"]["level"] == "bad"

        until(silent, "it is named")


# -- from files alone


@pytest.fixture
def folder(tmp_path):
    """A data folder with a spool."""
    made = tmp_path / "data"
    Spool(files(made, "gateway-1").spool).close()
    return made


@pytest.fixture
def spool(folder):
    with closing(Spool(files(folder, "gateway-1").spool)) as made:
        yield made


def message(n, ago=0, payload=b"x"):
    """A message that arrived `ago` ms ago."""
    return Message(f"hoiquan/v1/dong-thap/tam-que/d{n}/telemetry", payload, now() - ago)


def test_what_waits_is_told_with_its_age(folder, spool):
    spool.append([message(1, 10 * 60_000)])
    _, found = doctor(folder, "--lang", "en")
    assert found["spool"]["level"] == "warning"
    assert "1 messages wait, the oldest for 1" in found["spool"]["sentence"]
    spool.append([message(1, 5 * 3_600_000)])
    assert levels(doctor(folder)[1])["spool"] == "bad"


def test_a_spool_that_is_nearly_full_is_bad(folder, spool, monkeypatch):
    spool.append([message(n, payload=b"x" * 10_000) for n in range(500)])
    assert levels(doctor(folder)[1])["spool"] == "ok"
    monkeypatch.setenv("HOIQUAN_SPOOL_MAX_MB", "5")
    _, found = doctor(folder, "--lang", "en")
    assert found["spool"]["level"] == "bad"
    assert "4 MB of 5 MB" in found["spool"]["sentence"]


def test_refusals_of_the_last_hour_are_told_by_reason(folder, spool):
    old = [message(n, 2 * 3_600_000) for n in range(3)]
    new = [message(n) for n in range(7)]
    spool.append(old + new)
    refused = [Refusal(m, "not_json", "") for m in old + new[:2]]
    refused += [Refusal(m, "unknown_signal", "moisture") for m in new[2:]]
    spool.settle(spool.pending(99), Outcome(refused=refused))
    _, found = doctor(folder, "--lang", "en")
    said = found["quarantine"]["sentence"]
    assert found["quarantine"]["level"] == "warning"
    assert "refused 7 messages" in said
    assert said.index('5 × There is no signal "moisture"') < said.index("2 × The message is not valid JSON")


def test_books_that_do_not_balance_are_bad(folder, spool):
    spool.append([message(n) for n in range(5)])
    with closing(sqlite3.connect(files(folder, "gateway-1").spool)) as db, db:
        db.execute("DELETE FROM segment")
    code, found = doctor(folder, "--lang", "en")
    assert code == 1
    assert found["books"]["level"] == "bad"
    assert "5 of 5 messages are missing" in found["books"]["sentence"]


def test_a_damaged_spool_is_bad_and_stays_as_it_is(folder):
    path = files(folder, "gateway-1").spool
    path.write_bytes(b"\xff" * 8192)
    before = state(folder)
    _, found = doctor(folder, "--lang", "en")
    assert found["spool"]["level"] == "bad"
    assert str(path) in found["spool"]["sentence"]
    assert state(folder) == before


def test_gaps_are_told_with_the_devices_that_have_most(folder, broker, tmp_path):
    given = settings(broker, tmp_path)
    for name in ("my-esp32", "another"):
        enrolled(given, name)
    with gateway(given) as running, device(broker) as publish:
        for name, seqs in (("my-esp32", (1, 2, 5)), ("another", (1, 11))):
            for seq in seqs:
                values = {"soil_moisture": 31.5}
                topic = f"{PLACE.replace('my-esp32', name)}/telemetry"
                publish(topic, {"boot": "b", "seq": seq, "values": values})
        until(lambda: stored(running) == 5, "stored")
    _, found = doctor(given.data, "--lang", "en")
    assert found["gaps"]["level"] == "warning"
    assert "11 numbered messages of 2 devices" in found["gaps"]["sentence"]
    assert found["gaps"]["sentence"].endswith("another (9), my-esp32 (2)")
    running.files.group.write_text("pilot", "utf-8")
    assert "shares" in doctor(given.data, "--lang", "en")[1]["gaps"]["sentence"]


def test_the_newest_reading_and_what_the_broker_dropped_come_from_the_store(folder):
    node = tags(community="tam-que", device="d", model="soil-probe", pilot="dong-thap", simulated="false")
    with closing(SqliteStore(folder / "store.sqlite")) as store:
        assert levels(doctor(folder)[1])["store"] == "warning", "nothing is in it"
        store.write([Point("telemetry", node, {"soil_moisture": 1.0}, now() - 3 * 3_600_000)])
        _, found = doctor(folder, "--lang", "en")
        assert found["store"]["level"] == "warning"
        assert "18" in found["store"]["sentence"]
        assert found["drops"]["level"] == "ok"
        store.write([Point("telemetry", node, {"soil_moisture": 1.0}, now() - 120_000)])
        for instance in ("gateway-1", "gateway-2"):  # both receive from the same broker
            for minutes, dropped in ((50, 5), (40, 7), (30, 7), (20, 0), (10, 4)):
                where = tags(instance=instance)
                fields = {"broker_dropped": dropped, "refused_logins": dropped + 1}
                store.write([Point("gateway", where, fields, now() - minutes * 60_000)])
        _, found = doctor(folder, "--lang", "en")
    assert found["store"]["level"] == "ok"
    assert found["drops"]["level"] == "warning"
    assert "dropped 6 messages" in found["drops"]["sentence"]
    assert "refused 7 logins" in found["logins"]["sentence"]


def test_a_store_that_does_not_answer_is_bad(folder, monkeypatch):
    monkeypatch.setenv("HOIQUAN_INFLUX_URL", f"http://127.0.0.1:{free_port()}")
    code, found = doctor(folder)
    assert code == 1
    assert found["store"]["level"] == "bad"
    assert "HOIQUAN_INFLUX_URL" in found["store"]["mend"]


def test_a_diary_that_was_mended_is_bad_until_somebody_has_looked(folder):
    mark = folder / "trace" / "trace.mended"
    mark.parent.mkdir(exist_ok=True)
    mark.write_text("it was damaged")
    code, found = doctor(folder, "--lang", "en")
    assert code == 1 and found["diary"]["level"] == "bad"
    assert str(mark) in found["diary"]["mend"]


def test_a_log_that_was_changed_is_bad(broker, tmp_path):
    given = settings(broker, tmp_path)
    enrolled(given)
    trace = given.data / "trace"
    with gateway(given), device(broker) as publish:
        for n in range(3):
            publish(NOTES, harvest(f"h{n}"))
        until(lambda: len(seal.lots(trace)) == 3, "sealed")
    assert "3 records" in doctor(given.data, "--lang", "en")[1]["log"]["sentence"]
    kept = tmp_path / "kept"
    shutil.copytree(trace, kept)
    changes = [
        (next((trace / "log" / "tile" / "entries").rglob("3")), lambda data: data.replace(b"a", b"b", 1)),
        (next((trace / "log" / "tile" / "0").rglob("3")), lambda data: bytes([data[0] ^ 1]) + data[1:]),
        (trace / "log" / "checkpoint", lambda data: data.replace(b"\n3\n", b"\n2\n", 1)),
        (trace / "log.vkey", lambda data: b"another" + data),
    ]
    for path, change in changes:
        before = path.read_bytes()
        path.write_bytes(change(before))
        assert path.read_bytes() != before
        code, found = doctor(given.data)
        assert code == 1
        assert found["log"]["level"] == "bad", path
        path.write_bytes(before)
    assert levels(doctor(given.data)[1])["log"] == "ok"


def test_settings_that_cannot_be_used_are_one_finding(tmp_path, monkeypatch):
    code, found = doctor(tmp_path, "--pilot", "nowhere", "--lang", "en")
    assert (code, list(found)) == (1, ["settings"])
    assert "dong-thap" in found["settings"]["sentence"]
    monkeypatch.setenv("HOIQUAN_MQTT_VERSION", "9")
    _, found = doctor(tmp_path, "--lang", "en")
    assert "HOIQUAN_MQTT_VERSION='9'" in found["settings"]["sentence"]
    assert "pydantic" not in found["settings"]["sentence"]


def test_every_sentence_of_what_is_not_well_has_its_mend_and_each_is_asked_for():
    wing = Path(hoiquan.__file__).parent / "gateway" / "doctor"
    source = "".join(path.read_text("utf-8") for path in wing.glob("*.py"))
    keys = {key.removeprefix("doctor.") for key in catalogue() if key.startswith("doctor.")}
    frame = {"level_ok", "level_warning", "level_bad", "mend", "all_well", "some_bad"}
    sentences = {key for key in keys - frame if not key.endswith("_mend")}
    # the reasons why the broker does not answer
    source += " ".join(f'"broker_{why}"' for why in get_args(Why))
    assert {key for key in sentences if f'"{key}"' not in source and f"doctor.{key}" not in source} == set()
    assert {key.removesuffix("_mend") for key in keys - frame - sentences} <= sentences


def test_probe_files_that_cannot_be_used_or_are_gone(tmp_path):
    registry = Registry(tmp_path / "registry.sqlite", load("dong-thap"))
    registry.enroll("tam-que", "soil-probe", "speaks-the-contract")
    assert "probes" not in doctor(tmp_path)[1]  # no device needs a probe file
    registry.enroll("tam-que", "soil-probe", "lora-1", probe="own-lora-1")
    (tmp_path / "probes").mkdir()
    own = tmp_path / "probes" / "own-lora-1.yaml"
    own.write_text("id: own-lora-1\nmaker: x\nreadings:\n  soil_moisture: {from: m, unit: mm}\n", "utf-8")
    code, found = doctor(tmp_path)
    assert code == 1
    assert "own-lora-1" in found["probes"]["sentence"]
    own.write_text("id: own-lora-1\nmaker: x\nreadings:\n  soil_moisture: {from: m, unit: '%'}\n", "utf-8")
    assert doctor(tmp_path)[1]["probes"]["level"] == "ok"
