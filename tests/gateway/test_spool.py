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
from gateway.spool import MARKS, Message, Outcome, Refusal, Spool, SpoolFull
from gateway.spoolfile import MB, WAL_BYTES, Room, SpoolDamaged

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


def refuse(spool, messages, reason="not_json"):
    spool.append(messages)
    spool.settle(spool.pending(10**6), Outcome(refused=[Refusal(m, reason, "") for m in messages]))


def test_old_refused_messages_leave_and_the_books_stay_as_they_are(spool):
    refuse(spool, [message(n, b"payload %d" % n) for n in range(10)])
    spool.release([spool.quarantined()[-1].id])  # the oldest: it was tried again
    spool.settle(spool.pending(9), Outcome(stored=1))
    before = counts(spool)
    begin = message(0).arrival
    assert spool.forget(begin + 4, 10**9) == 4
    assert spool.forget(begin + 4, 10**9) == 0
    assert [row.payload for row in spool.quarantined()] == [b"payload %d" % n for n in range(9, 3, -1)]
    assert counts(spool) == before
    assert spool.books().forgotten == 3, "the released one was not waiting any more"


def test_a_quarantine_that_is_too_large_loses_its_oldest_in_steps(spool, tmp_path):
    refuse(spool, [message(n, b"z" * 10_000) for n in range(100)])
    assert spool.forget(0, 10**9) == 0
    assert spool.forget(0, 500_000, limit=20) == 20
    assert spool.forget(0, 500_000, limit=20) == 20
    spool.close()
    spool = Spool(tmp_path / "spool.sqlite")  # what it holds is known without counting
    assert spool.forget(0, 500_000, limit=20) == 11, "each takes a little more than its payload"
    assert spool.forget(0, 500_000, limit=20) == 0
    assert spool.quarantined(1)[0].arrived == message(99).arrival
    assert spool.books().forgotten == 51
    assert spool.forget(2**62, 0, limit=1000) == 49
    assert spool.quarantined() == []
    assert counts(spool) == (100, 0, 0, 100, 0)
    spool.close()


def test_a_spool_of_an_earlier_version_counts_its_quarantine_once(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite")
    refuse(spool, [message(n, b"z" * 10_000) for n in range(10)])
    spool.close()
    old = sqlite3.connect(tmp_path / "spool.sqlite")
    with old:
        old.execute("DELETE FROM book WHERE name='quarantine_bytes'")
    old.close()
    spool = Spool(tmp_path / "spool.sqlite")
    assert spool.forget(0, 55_000) == 5
    spool.close()


def test_reasons_are_counted_the_most_frequent_first(spool):
    refuse(spool, [message(n) for n in range(3)], "not_json")
    refuse(spool, [message(n) for n in range(10, 15)], "no_values")
    assert spool.reasons(0) == {("no_values", ""): 5, ("not_json", ""): 3}
    assert spool.reasons(message(12).arrival) == {("no_values", ""): 3}


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


# -- the mark of a full spool


def test_a_spool_that_holds_what_it_may_takes_no_more_until_some_has_left(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite", Room(most=2 * MB))
    payload, taken = b"p" * 10_000, 0
    with pytest.raises(SpoolFull) as full:
        while True:
            spool.append([message(taken, payload)])
            taken += 1
    said = str(full.value)
    assert str(tmp_path / "spool.sqlite") in said
    assert "of the 2 MB" in said
    assert "HOIQUAN_SPOOL_MAX_MB" in said
    assert 150 < taken < 210, "close to the mark, and not over it"
    assert counts(spool) == (taken, 0, 0, 0, taken)
    size = (tmp_path / "spool.sqlite").stat().st_size
    for _ in range(20):  # what leaves makes room for as much again, in a file that does not grow
        spool.settle(spool.pending(50), Outcome(stored=50))
        for _ in range(50):
            spool.append([message(taken, payload)])
        with pytest.raises(SpoolFull):
            spool.append([message(taken, payload)] * 8)
    assert counts(spool) == (taken + 1000, 1000, 0, 0, taken)
    assert (tmp_path / "spool.sqlite").stat().st_size <= max(size, 2 * MB + 100_000)
    spool.close()


def test_at_the_mark_all_is_settled_even_where_all_is_refused(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite", Room(most=MB))
    messages = [message(n, b"r" * 9_000) for n in range(100)]
    spool.append(messages)
    with pytest.raises(SpoolFull):
        spool.append(messages)
    with pytest.raises(SpoolFull):
        spool.append([message(n, b"r" * 200_000) for n in range(2)])
    refused = [Refusal(m, "not_json", "") for m in messages]
    spool.settle(spool.pending(1000), Outcome(refused=refused, seen={"d": "s" * 50_000}, marks=["m"]))
    assert counts(spool) == (100, 0, 0, 100, 0)
    spool.append(messages)  # nothing waits, so nothing that leaves could make room: it must be taken
    assert counts(spool) == (200, 0, 0, 100, 100)
    spool.close()


def test_the_disk_keeps_free_what_it_should(tmp_path):
    """Every disk has less than this free: so much stays free that nothing may come."""
    spool = Spool(tmp_path / "spool.sqlite", Room(free=10**18))
    with pytest.raises(SpoolFull) as full:
        spool.append([message(1)])
    assert str(tmp_path / "spool.sqlite") in str(full.value)
    assert "HOIQUAN_SPOOL_FREE_MB" in str(full.value)
    assert counts(spool) == (0, 0, 0, 0, 0)
    spool.close()
    spool = Spool(tmp_path / "spool.sqlite")
    spool.append([message(n, b"f" * 10_000) for n in range(100)])
    spool.settle(spool.pending(1), Outcome(stored=100))
    spool.close()
    spool = Spool(tmp_path / "spool.sqlite", Room(free=10**18))
    spool.append([message(n, b"f" * 10_000) for n in range(50)])  # into the room that they left
    with pytest.raises(SpoolFull):
        spool.append([message(n, b"f" * 10_000) for n in range(100)])
    spool.settle(spool.pending(1), Outcome(stored=50))
    spool.check()
    assert counts(spool) == (150, 150, 0, 0, 0)
    spool.close()


def test_the_write_ahead_log_does_not_grow_with_what_passes(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite")
    for _ in range(20):
        spool.append([message(n, b"w" * 1000) for n in range(4000)])
        spool.settle(spool.pending(1), Outcome(stored=4000))
    assert (tmp_path / "spool.sqlite-wal").stat().st_size <= WAL_BYTES
    assert (tmp_path / "spool.sqlite").stat().st_size < 20 * MB, "80 MB went through"
    spool.close()


# -- damage


def copied(path, folder):
    """File and log as a power cut would leave them, of a spool that is still open."""
    folder.mkdir()
    for end in ("", "-wal"):
        if path.with_name(path.name + end).exists():
            (folder / (path.name + end)).write_bytes(path.with_name(path.name + end).read_bytes())
    return folder / path.name


def test_a_torn_last_commit_is_left_out_and_all_before_it_kept(tmp_path):
    path = tmp_path / "spool.sqlite"
    spool = Spool(path)
    log = path.with_name("spool.sqlite-wal")
    ends = []
    for n in range(5):
        spool.append([message(n, b"t" * 9000)])
        ends.append(log.stat().st_size)
    frame = 4096 + 24
    for place, (kept, end) in enumerate(
        [
            (5, ends[4]),
            (4, ends[4] - 1),
            (4, ends[4] - frame // 2),
            (4, ends[3] + frame + 7),
            (3, ends[3] - 100),
        ]
    ):
        torn = copied(path, tmp_path / f"torn-{place}")
        with torn.with_name("spool.sqlite-wal").open("r+b") as file:
            file.truncate(end)
        again = Spool(torn, mend=True)
        assert counts(again) == (kept, 0, 0, 0, kept)
        assert again.pending(99).messages == [message(n, b"t" * 9000) for n in range(kept)]
        again.append([message(7)])
        assert not list(torn.parent.glob("*damaged*"))
        again.close()
    spool.close()


def test_of_a_damaged_file_all_is_kept_that_can_be_read(tmp_path, caplog):
    path = tmp_path / "spool.sqlite"
    spool = Spool(path)
    refuse(spool, [message(n, b"q" * 500) for n in range(20)])
    for n in range(100):
        spool.append([message(n, b"%03d" % n * 10_000)])
    spool.settle(spool.pending(10), Outcome(stored=10, seen={"d1": "one"}, marks=["m"]))
    spool.close()
    data = bytearray(path.read_bytes())
    at = data.find(b"050" * 1000) // 4096 * 4096
    data[at : at + 4096] = b"\xff" * 4096  # a bad block in the middle of a message
    at = data.find(b"060" * 1000) // 4096 * 4096
    data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(SpoolDamaged, match="start its gateway"):
        Spool(cut(tmp_path / "header", data))
    again = Spool(path, mend=True)
    kept = [int(m.payload[:3]) for m in again.pending(10**6).messages]
    assert len(kept) >= 88
    assert set(kept) <= set(range(10, 100))
    books = again.books()
    assert (books.received, books.stored, books.quarantined) == (120, 10, 20)
    assert books.balanced is (len(kept) == 90)
    assert len(again.quarantined()) == 20
    assert again.seen() == {"d1": "one"}
    assert again.marks() == ["m"]
    assert len(list(tmp_path.glob("spool.sqlite.damaged-*[0-9]"))) == 1
    assert "can be read" in caplog.text
    again.append([message(1)])
    again.close()
    Spool(path, mend=True).close()
    assert len(list(tmp_path.glob("spool.sqlite.damaged-*[0-9]"))) == 1, "mended once"


def cut(folder, data):
    """A file whose first page is gone."""
    folder.mkdir()
    (folder / "spool.sqlite").write_bytes(b"\xff" * 4096 + data[4096:])
    return folder / "spool.sqlite"


def test_a_file_that_is_none_is_put_aside_for_a_new_one(tmp_path):
    path = cut(tmp_path / "none", b"")
    spool = Spool(path, mend=True)
    spool.append([message(1)])
    assert counts(spool) == (1, 0, 0, 0, 1)
    spool.close()
    (aside,) = path.parent.glob("spool.sqlite.damaged-*[0-9]")
    assert aside.read_bytes() == b"\xff" * 4096


def test_a_mend_that_was_cut_off_at_its_last_step_is_finished(tmp_path):
    spool = Spool(tmp_path / "spool.sqlite.new")
    spool.append([message(1)])
    spool.close()
    spool = Spool(tmp_path / "spool.sqlite", mend=True)
    assert counts(spool) == (1, 0, 0, 0, 1)
    spool.close()


def test_a_folder_where_none_can_be_made_is_named(tmp_path):
    (tmp_path / "spool.sqlite").mkdir()
    with pytest.raises(OSError, match=r"spool\.sqlite cannot be opened"):
        Spool(tmp_path / "spool.sqlite")
