"""What a loop logs while it waits: each cause once, then rarely, and the end."""

import errno
import os

import pytest

from devices.texts import Mendable, text
from gateway.stores import waiting
from gateway.stores.waiting import Waiting


@pytest.fixture
def at(monkeypatch):
    """The time, in seconds, to set."""
    now = [0.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    return now


def full(free):
    return Mendable("spool.disk", path="/spool", free=free, keep=200)


def test_a_cause_that_lasts_is_logged_ever_more_rarely_but_again_each_hour(at, caplog):
    one, logged = Waiting("answers wait"), []
    for second in range(0, 6 * 3600, 5):
        at[0] = second
        one.on(full(second))
        if caplog.records:
            logged.append(second)
            caplog.clear()
    assert logged == [0, 60, 180, 420, 900, 1860, 3780, 7380, 10980, 14580, 18180]


def test_causes_that_take_turns_in_each_round_are_logged_no_more_often_than_one(at, caplog):
    one, away = Waiting("the paperwork waits"), Mendable("enrol.away", error="no route")
    for second in range(0, 600, 10):
        at[0] = second
        one.on(full(second))
        one.on(away)
    assert len(caplog.records) == 2 * len((0, 60, 180, 420))


def test_another_cause_is_logged_at_once_and_the_end_once(caplog):
    one = Waiting("answers wait")
    one.over()
    for error in (full(9), full(8), OSError(5, "disk", "draft.1"), OSError(5, "disk", "draft.2"), full(7)):
        one.on(error)
    one.over()
    one.over()
    one.on(full(6))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 4 and all(line.startswith("answers wait: ") for line in said)
    assert [line.endswith(": that is over now") for line in said] == [False, False, True, False]


def test_a_full_disk_is_said_with_the_file_and_the_mend(tmp_path, caplog):
    path = tmp_path / "draft"
    Waiting("health is not written").on(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)))
    assert text("path.full", "en", path=path) in caplog.text
