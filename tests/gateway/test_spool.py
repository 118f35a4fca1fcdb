"""What was acknowledged is on disk, and the books balance, whatever is killed and whenever."""

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

from devices.payloads import MAX_BYTES
from gateway.spool import Message, Outcome, Refusal, Spool, SpoolFull

ROOT = Path(__file__).parents[2]


def message(n, payload=b"x", **flags):
    return Message(f"hoiquan/v1/p/c/d{n}/telemetry", payload, 1_700_000_000_000 + n, **flags)


@pytest.fixture
def spool(tmp_path):
    made = Spool(tmp_path / "spool.sqlite")
    yield made
    made.close()


def counts(spool):
    books = spool.books()
    assert books.balanced
    return books.received, books.stored, books.duplicate, books.quarantined, books.spooled


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


# -- quarantine


def test_the_quarantine_is_listed_newest_first_in_pages(spool):
    messages = [message(n, b"payload %d" % n) for n in range(5)]
    spool.append(messages)
    spool.settle(spool.pending(9), Outcome(refused=[Refusal(m, "not_json", "") for m in messages]))
    rows = spool.quarantined(3)
    assert [row.payload for row in rows] == [b"payload 4", b"payload 3", b"payload 2"]
    assert [row.payload for row in spool.quarantined(3, rows[-1].id)] == [b"payload 1", b"payload 0"]
    assert rows[0].topic == messages[4].topic
    assert rows[0].arrived == messages[4].arrival
    assert rows[0].size == 9
    assert rows[0].replayed is None


def test_released_messages_are_tried_again_once(spool):
    messages = [message(n, b"payload %d" % n) for n in range(3)]
    spool.append(messages)
    spool.settle(
        spool.pending(9), Outcome(stored=1, refused=[Refusal(m, "not_json", "") for m in messages[1:]])
    )
    ids = [row.id for row in spool.quarantined()]
    assert spool.release([*ids, *ids, 999]) == 2
    assert spool.release(ids) == 0
    assert counts(spool) == (3, 1, 0, 0, 2)
    assert all(row.replayed for row in spool.quarantined())
    segment = spool.pending(9)
    assert sorted(m.payload for m in segment.messages) == [b"payload 1", b"payload 2"]
    assert sorted(m.arrival for m in segment.messages) == [m.arrival for m in messages[1:]]
    spool.settle(segment, Outcome(stored=1, refused=[Refusal(segment.messages[0], "not_json", "")]))
    assert counts(spool) == (3, 2, 0, 1, 0)


def test_a_payload_that_was_cut_is_not_released(spool):
    whole, cut = message(1, b"w" * MAX_BYTES), message(2, b"c" * 1_000_000)
    spool.append([whole, cut])
    spool.settle(spool.pending(9), Outcome(refused=[Refusal(m, "too_large", "") for m in (whole, cut)]))
    big, small = spool.quarantined()
    assert (big.size, len(big.payload)) == (1_000_000, MAX_BYTES)
    assert (small.size, small.payload) == (MAX_BYTES, whole.payload)
    assert spool.release([big.id, small.id]) == 1
    assert counts(spool) == (2, 0, 0, 1, 1)
    assert spool.pending(9).messages == [whole._replace(replayed=True)]


# -- books


@settings(max_examples=20, stateful_step_count=20, suppress_health_check=list(HealthCheck))
class Bookkeeping(RuleBasedStateMachine):
    """Any order of appending, settling, releasing and starting again, against a model in memory."""

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
from gateway.spool import Message, Outcome, Spool

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
        told = process.stdout.read().splitlines(keepends=True)  # what it said up to its death
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


# -- no space left


@pytest.fixture
def impatient(monkeypatch):
    """Connections that wait 50 ms for a lock, not 30 s; they are collected in the list."""
    made = []
    connect = sqlite3.connect

    def quick(*arguments, **options):
        made.append(connect(*arguments, **options | {"timeout": 0.05}))
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", quick)
    return made


@pytest.fixture
def narrow(impatient, tmp_path):
    """A spool on a disk that can take some pages more, and what sets how many."""
    spool = Spool(tmp_path / "spool.sqlite")
    connection = impatient[0]

    def room(pages):
        (used,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={used + pages}")

    yield spool, room
    spool.close()


def test_a_full_disk_keeps_nothing_of_a_commit_and_all_before_it(narrow):
    spool, room = narrow
    spool.append([message(1)])
    room(2)
    with pytest.raises(SpoolFull) as full:
        spool.append([message(n, b"y" * 10_000) for n in range(2, 10)])
    assert str(full.value)
    assert counts(spool) == (1, 0, 0, 0, 1)
    assert spool.pending(9).messages == [message(1)]
    room(1000)
    spool.append([message(2)])
    assert counts(spool) == (2, 0, 0, 0, 2)


def test_a_full_disk_while_settling_leaves_the_segment(narrow):
    spool, room = narrow
    messages = [message(n, b"z" * 10_000) for n in range(5)]
    spool.append(messages)
    room(1)
    outcome = Outcome(
        stored=1, refused=[Refusal(m, "not_json", "") for m in messages[1:]], seen={"d": "s" * 50_000}
    )
    with pytest.raises(SpoolFull):
        spool.settle(spool.pending(9), outcome)
    assert counts(spool) == (5, 0, 0, 0, 5)
    assert spool.seen() == {}
    assert spool.quarantined() == []
    room(1000)
    spool.settle(spool.pending(9), outcome)
    assert counts(spool) == (5, 1, 0, 4, 0)


def test_a_spool_that_another_process_holds_is_tried_again(impatient, tmp_path):
    """As `hoiquan quarantine replay` may, for a moment, beside a running gateway."""
    spool = Spool(tmp_path / "spool.sqlite")
    other = sqlite3.connect(tmp_path / "spool.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SpoolFull):
        spool.append([message(1)])
    other.execute("ROLLBACK")
    spool.append([message(1)])
    assert counts(spool) == (1, 0, 0, 0, 1)
    other.close()
    spool.close()
