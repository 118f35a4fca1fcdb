"""Refused messages are kept, listed, replayed and forgotten; the books stay as they are."""

import sqlite3

from devices.contract.payloads import MAX_BYTES
from gateway.ingest.message import Outcome, Refusal
from gateway.ingest.spool import Spool
from tests.gateway.spooled import counts, message, refuse


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


def test_old_refused_messages_leave_and_the_books_stay_as_they_are(spool):
    refuse(spool, [message(n, b"payload %d" % n) for n in range(10)])
    spool.release([spool.quarantined()[-1].id])  # the oldest, which is replayed
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
    spool = Spool(tmp_path / "spool.sqlite")  # the size of the quarantine is known without counting
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
