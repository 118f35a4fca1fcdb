"""Each answer to a command is entered into the ledger once, whatever is away; no reading waits for it."""

import json
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest

from devices.access.database import RegistryAway
from gateway.control import answers
from gateway.control.answers import Answers
from gateway.control.ledger import Entry, Ledger
from gateway.ingest.decode import Decoder
from gateway.ingest.faults import Faults
from gateway.ingest.message import Message, Segment
from gateway.ingest.spool import Spool
from gateway.ingest.telling import Telling
from tests.gateway.ports import DEVICES, NOW, FakeReceiver, FakeStore, build, drain, telemetry
from tests.servers import until


def result(name, number=0, device="d1", *, ok=True):
    payload = json.dumps({"id": name, "ok": ok}).encode()
    return Message(f"hoiquan/v1/p/c/{device}/result", payload, NOW + number)


@pytest.fixture
def registry(tmp_path):
    """The path of the registry, whose ledger has the command `mine` to d1."""
    path = tmp_path / "registry.sqlite"
    Ledger(path).sent(Entry("mine", "d1", "pump", 1.0, "an officer", NOW - 1, NOW + 60_000))
    return path


@pytest.fixture
def keeper(spool, registry):
    return keeping(spool, registry)


def keeping(spool, registry):
    sent = FakeReceiver(spool)
    made = Answers(
        spool, Decoder("p", DEVICES.get), lambda: Ledger(registry), Telling(sent, DEVICES.get, Faults())
    )
    made.sent = sent.sent
    return made


def keep_all(keeper):
    while keeper.keep_some():
        pass


def told(spool):
    books = spool.books()
    assert books.balanced
    return books.stored, books.duplicate, books.quarantined, books.spooled


def said(registry):
    entry = Ledger(registry).entry("mine")
    return entry.ok, entry.answered


def test_each_is_written_once_and_refused_where_nobody_asked(spool, registry, keeper):
    pipeline, _ = build(spool, store := FakeStore())
    spool.append(
        [result("mine"), result("mine", 1, ok=False), telemetry(7), result("another's", 2), result(None, 3)]
    )
    spool.append([result("mine", 4, "d2"), Message("hoiquan/v1/p/c/d1/result", b"done", NOW)])
    drain(pipeline, spool)
    assert (store.values(), told(spool)) == ([7], (1, 0, 0, 6))
    keep_all(keeper)
    assert (said(registry), told(spool)) == ((True, NOW), (3, 1, 3, 0))
    assert [answer["reason"] for _, answer in keeper.sent] == [
        "unknown_command", "bad_result", "unknown_command"
    ]  # fmt: skip
    assert {topic for topic, _ in keeper.sent} == {f"hoiquan/v1/p/c/{one}/rejected" for one in ("d1", "d2")}


def test_while_the_database_is_away_they_wait_and_are_then_written(spool, registry, keeper):
    """The ledger's path is a folder, which SQLite cannot open."""
    kept = registry.with_name("kept")
    registry.rename(kept)
    registry.mkdir()
    spool.append([result("mine")])
    for _ in range(2):
        with pytest.raises(RegistryAway):
            keeper.keep_some()
    assert told(spool) == (0, 0, 0, 1) and spool.books().oldest == NOW
    registry.rmdir()
    kept.rename(registry)
    keep_all(keeper)
    assert (said(registry), told(spool)) == ((True, NOW), (1, 0, 0, 0))


def test_an_outage_is_logged_once_and_so_is_its_end(spool, registry, keeper, monkeypatch, caplog, tmp_path):
    tries, kept = [], registry.with_name("kept")
    tried = keeper.keep_some
    monkeypatch.setattr(answers, "RETRY", 0.001)
    monkeypatch.setattr(keeper, "keep_some", lambda: tries.append(1) or tried())
    registry.rename(kept)
    registry.symlink_to(tmp_path)
    spool.append([result("mine")])
    stop = threading.Event()
    thread = threading.Thread(target=keeper.run, args=(stop,))
    thread.start()
    try:
        until(lambda: len(tries) > 20, "it was tried often")
        assert keeper.trouble is not None
        kept.replace(registry)  # in one step: where there is no file, a try would make an empty one
        until(lambda: keeper.trouble is None and not spool.books().spooled, "the answer is written")
    finally:
        stop.set()
        thread.join()
    begin, end = [one.getMessage() for one in caplog.records]
    assert begin.startswith("answers to commands wait: the registry does not answer: ")
    assert end == "answers to commands wait: that is over now"


def test_killed_between_ledger_and_books_it_is_the_same_answer_the_next_time(tmp_path, registry):
    with closing(Spool(tmp_path / "spool.sqlite")) as spool:
        spool.append([result("mine")])
    shutil.copy(tmp_path / "spool.sqlite", tmp_path / "killed.sqlite")
    for name in ("killed", "spool"):
        with closing(Spool(tmp_path / f"{name}.sqlite")) as spool:
            keep_all(keeping(spool, registry))
            assert (said(registry), told(spool)) == ((True, NOW), (1, 0, 0, 0))


def test_what_our_own_code_stumbles_over_holds_up_no_other(spool, registry, keeper, monkeypatch):
    write = Ledger.answered

    def stumbling(self, name, *more):
        if name == "odd":
            raise KeyError(name)
        return write(self, name, *more)

    monkeypatch.setattr(Ledger, "answered", stumbling)
    spool.append([result("odd"), result("mine")])
    keep_all(keeper)
    assert (said(registry), told(spool)) == ((True, NOW), (1, 0, 1, 0))
    assert [one.reason for one in spool.quarantined(9)] == ["unhandled"]


def test_one_that_is_replayed_comes_again(spool, registry, keeper):
    spool.append([result("later")])
    keep_all(keeper)
    Ledger(registry).sent(Entry("later", "d1", "pump", 1.0, "an officer", NOW - 1, NOW + 60_000))
    assert spool.release([one.id for one in spool.quarantined(9)]) == 1
    assert told(spool) == (0, 0, 0, 1)
    keep_all(keeper)
    assert Ledger(registry).entry("later").ok and told(spool) == (1, 0, 0, 0)


def test_one_that_an_earlier_version_spooled_among_readings_is_handed_on(tmp_path, registry):
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path)) as spool:
        spool.append([telemetry(7), result("mine")._replace(topic="hoiquan/v1/p/c/d1/resulT")])
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE segment SET body=CAST(replace(body, 'resulT', 'result') AS BLOB)")
        db.execute("DROP TABLE answer")
        db.commit()
    with closing(Spool.to_read(path)) as spool:
        assert told(spool) == (0, 0, 0, 2)
    with closing(Spool(path)) as spool:
        pipeline, _ = build(spool, store := FakeStore())
        drain(pipeline, spool)
        assert (store.values(), told(spool)) == ([7], (1, 0, 0, 1))
        keep_all(keeping(spool, registry))
        assert (said(registry), told(spool)) == ((True, NOW), (2, 0, 0, 0))


def test_a_damaged_row_is_refused_and_the_books_balance(tmp_path, registry):
    path = tmp_path / "spool.sqlite"
    with closing(Spool(path)) as spool:
        spool.append([result("mine"), result("mine", 1)])
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE answer SET body=substr(body, 1, 30)")
        db.commit()
    with closing(Spool(path)) as spool:
        keep_all(keeping(spool, registry))
        assert told(spool) == (0, 0, 2, 0)


def test_a_commit_of_answers_alone_is_no_segment_of_readings(spool):
    spool.append([result("mine")])
    assert spool.pending(9) is None
    assert spool.answers() == Segment((1,), [result("mine")], "answer")
