"""An answer in the ledger stays the same, however often it is written."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from devices.access.database import RegistryAway
from gateway.control.ledger import Entry, Ledger

SENT = Entry("c-1", "pump-1", "pump", 1.0, "an officer", 1000, 601_000)


@pytest.fixture
def ledger(tmp_path):
    made = Ledger(tmp_path / "registry.sqlite")
    made.sent(SENT)
    return made


def test_the_first_answer_counts_and_is_the_same_when_it_is_written_again(ledger):
    assert ledger.answered("c-1", "pump-1", False, "no water", 2000) is True
    # the gateway was killed before it settled the segment
    assert ledger.answered("c-1", "pump-1", False, "no water", 2000) is True
    # another answer in the same millisecond
    assert ledger.answered("c-1", "pump-1", True, None, 2000) is False
    assert ledger.answered("c-1", "pump-1", True, None, 3000) is False
    one = ledger.entry("c-1")
    assert (one.answered, one.ok, one.error) == (2000, False, "no water")


def test_nobody_answers_what_another_was_told(ledger):
    assert ledger.answered("c-1", "pump-2", True, None, 2000) is None
    assert ledger.answered("c-2", "pump-1", True, None, 2000) is None
    assert ledger.entries(9) == [SENT]


def test_a_command_is_found_however_many_came_after_it(ledger):
    for number in range(60):
        ledger.sent(Entry(f"later-{number}", "pump-1", "valve", 1.0, "an officer", 2000 + number, 601_000))
    assert ledger.entry("c-1") == SENT
    assert ledger.holding("pump-1", "pump", 3000) == SENT


def test_without_a_database_it_is_told_what_to_do(ledger, tmp_path):
    for file in tmp_path.iterdir():
        file.write_bytes(b"\xff" * 4096)
    with pytest.raises(RegistryAway):
        Ledger(tmp_path / "registry.sqlite").answered("c-1", "pump-1", True, None, 2000)


def test_several_may_be_the_first_at_once(tmp_path):
    for number in range(20):
        at_once = Barrier(8)

        def first(path=tmp_path / f"{number}.sqlite", at_once=at_once):
            at_once.wait()
            return Ledger(path)

        with ThreadPoolExecutor(8) as pool:
            made = [begun.result() for begun in [pool.submit(first) for _ in range(8)]]
        made[0].sent(SENT)
        assert made[-1].entry("c-1") == SENT
