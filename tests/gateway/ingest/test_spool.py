"""Acknowledged messages are on disk and the books balance, whatever is killed and whenever."""

import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.ingest.message import Message, Outcome, Refusal
from gateway.ingest.spool import MARKS, Spool
from gateway.ingest.spoolfile import SpoolFull
from tests.gateway.spooled import counts, message

ROOT = Path(__file__).parents[3]


def test_an_empty_spool(spool):
    assert spool.pending(10) is None
    assert counts(spool) == (0, 0, 0, 0, 0)
    assert spool.books().oldest is None
    assert spool.seen() == {}
    assert spool.quarantined() == []
    assert spool.release([1, 2]) == 0


def test_messages_come_back_in_order_and_byte_for_byte(tmp_path):
    sent = [
        message(1, b""),
        message(2, bytes(range(256)), dup=True),
        message(3, b"\x00" * 16384, retained=True),
        Message("chủ đề/với dấu/😀", "Tâm Quê".encode(), 0, True, True),
        Message("", b"no topic", -1),
        Message("t" * 65_535, b"the longest topic there is", 2**62),
        message(4, b"m" * 1_000_000),
    ]
    spool = Spool(tmp_path / "deep" / "er" / "spool.sqlite")
    spool.append(sent[:3])
    spool.append(sent[3:])
    spool.close()
    spool = Spool(tmp_path / "deep" / "er" / "spool.sqlite")
    segment = spool.pending(1000)
    assert segment.messages == sent
    assert [type(m.payload) for m in segment.messages] == [bytes] * len(sent)
    assert spool.books().oldest == min(sent[0].arrival, sent[3].arrival)
    spool.close()


def test_pending_gives_whole_commits_until_there_are_enough(spool):
    for first in range(0, 30, 10):
        spool.append([message(n) for n in range(first, first + 10)])
    assert len(spool.pending(1).messages) == 10
    assert len(spool.pending(10).messages) == 10
    assert len(spool.pending(11).messages) == 20
    assert len(spool.pending(1000).messages) == 30
    spool.settle(spool.pending(11), Outcome(stored=20))
    assert spool.pending(1000).messages == [message(n) for n in range(20, 30)]
    assert counts(spool) == (30, 20, 0, 0, 10)


def test_settling_books_files_and_remembers_in_one_step(spool, tmp_path):
    messages = [message(n) for n in range(5)]
    spool.append(messages)
    refused = [Refusal(messages[3], "not_json", ""), Refusal(messages[4], "unknown_signal", "x" * 80)]
    spool.settle(
        spool.pending(9), Outcome(stored=2, duplicate=1, refused=refused, seen={"d1": "one", "d2": "two"})
    )
    assert spool.pending(9) is None
    assert counts(spool) == (5, 2, 1, 2, 0)
    spool.append([message(6)])
    spool.settle(spool.pending(9), Outcome(stored=1, seen={"d1": "later"}))
    spool.close()
    again = Spool(tmp_path / "spool.sqlite")
    assert again.seen() == {"d1": "later", "d2": "two"}
    assert [(row.reason, row.field) for row in again.quarantined()] == [
        ("unknown_signal", "x" * 80),
        ("not_json", ""),
    ]
    again.close()


def test_marks_are_remembered_with_what_they_mark_and_the_oldest_leave(spool, tmp_path):
    for first in range(0, MARKS + 3, 1000):
        number = min(1000, MARKS + 3 - first)
        spool.append([message(1)])
        marks = [f"m{n}" for n in range(first, first + number)]
        spool.settle(spool.pending(1), Outcome(stored=1, marks=marks))
    spool.close()
    again = Spool(tmp_path / "spool.sqlite")
    assert again.marks() == [f"m{n}" for n in range(3, MARKS + 3)]
    again.close()


def test_looking_writes_nothing_and_waits_for_nobody(tmp_path):
    path = tmp_path / "spool.sqlite"
    spool = Spool(path)
    spool.append([message(1)])
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    reader = Spool.to_read(path)
    assert counts(reader) == (1, 0, 0, 0, 1)
    assert reader.quarantined() == []
    assert reader.used() > 0
    with pytest.raises((SpoolFull, sqlite3.OperationalError)):
        reader.append([message(2)])
    writer.execute("ROLLBACK")
    writer.close()
    reader.close()
    spool.close()


# -- books


@settings(max_examples=20, stateful_step_count=20, suppress_health_check=list(HealthCheck))
class Bookkeeping(RuleBasedStateMachine):
    """Any order of appending, settling, releasing and restarting, compared with a model in memory."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "spool.sqlite"
        self.spool = Spool(self.path)
        self.number = 0
        self.received = self.stored = self.duplicate = 0
        self.waiting: list[list[Message]] = []
        self.refused: dict[bytes, bool] = {}  # payload → was it released?

    def teardown(self):
        self.spool.close()
        self.folder.cleanup()

    @rule(size=st.integers(1, 5))
    def append(self, size):
        batch = [message(self.number + n, b"%d" % (self.number + n)) for n in range(size)]
        self.number += size
        self.spool.append(batch)
        self.waiting.append(batch)
        self.received += size

    @rule(limit=st.integers(1, 8), data=st.data())
    def settle(self, limit, data):
        segment = self.spool.pending(limit)
        if segment is None:
            assert not self.waiting
            return
        fates = data.draw(
            st.lists(st.sampled_from("sdq"), min_size=len(segment.messages), max_size=len(segment.messages))
        )
        refused = [m for m, fate in zip(segment.messages, fates, strict=True) if fate == "q"]
        stored, duplicate = fates.count("s"), fates.count("d")
        self.spool.settle(
            segment,
            Outcome(
                stored, duplicate, [Refusal(m, "not_json", "") for m in refused], {"n": str(self.number)}
            ),
        )
        self.stored += stored
        self.duplicate += duplicate
        for m in refused:
            self.refused[m.payload] = False
        taken = 0
        while taken < len(segment.messages):
            taken += len(self.waiting.pop(0))
        assert taken == len(segment.messages)

    @rule(data=st.data())
    def release(self, data):
        rows = self.spool.quarantined()
        chosen = data.draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else []
        expected = {row.id: row for row in chosen if row.replayed is None}
        assert self.spool.release([row.id for row in chosen]) == len(expected)
        for number in dict.fromkeys(row.id for row in chosen if row.id in expected):
            row = expected[number]
            self.refused[row.payload] = True
            self.waiting.append([Message(row.topic, row.payload, row.arrived, replayed=True)])

    @rule()
    def start_again(self):
        self.spool.close()
        self.spool = Spool(self.path)

    @rule()
    def killed(self):
        """A second connection sees what a start after a kill would see."""
        other = Spool(self.path)
        assert other.books() == self.spool.books()
        other.close()

    @invariant()
    def books_balance(self):
        books = self.spool.books()
        assert books.balanced
        assert books.received == self.received
        assert books.stored == self.stored
        assert books.duplicate == self.duplicate
        assert books.quarantined == sum(not released for released in self.refused.values())
        assert books.spooled == sum(map(len, self.waiting))

    @invariant()
    def nothing_is_lost_or_reordered(self):
        segment = self.spool.pending(10**6)
        assert (segment.messages if segment else []) == [m for batch in self.waiting for m in batch]


TestBookkeeping = Bookkeeping.TestCase


# -- kills

APPENDER = """
import sys
from pathlib import Path
from gateway.ingest.spool import Message, Outcome, Spool

spool = Spool(Path(sys.argv[1]))
number = spool.books().received
print("acked", number, flush=True)
while True:
    spool.append([Message("t", b"%d" % n + b" " * 300, n) for n in range(number, number + 7)])
    number += 7
    print("acked", number, flush=True)  # what the broker would be told
    if number % 3 == 0:
        segment = spool.pending(20)
        last = int(segment.messages[-1].payload)
        spool.settle(segment, Outcome(stored=len(segment.messages), seen={"last": str(last)}))
"""


def test_nothing_acknowledged_is_lost_by_twenty_kills(tmp_path):
    path = tmp_path / "spool.sqlite"
    chance = random.Random(20)
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(chance.randrange(1, 40)):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        told = process.stdout.read().splitlines(keepends=True)  # the lines that it printed before its death
        process.wait()
        process.stdout.close()
        spool = Spool(path)
        books = spool.books()
        assert books.balanced
        acked = max((int(line.split()[1]) for line in told if line.endswith("\n")), default=0)
        assert books.received >= acked
        settled = int(spool.seen().get("last", -1)) + 1
        assert books.stored == settled
        segment = spool.pending(10**9)
        waiting = [int(m.payload) for m in segment.messages] if segment else []
        assert waiting == list(range(settled, books.received)), "each message once, in order"
        spool.close()
    assert books.received > 100
