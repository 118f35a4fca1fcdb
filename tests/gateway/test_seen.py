"""A second delivery changes nothing; a first one is never taken for a second."""

import json

from hypothesis import given
from hypothesis import strategies as st

from devices.payloads import Telemetry
from gateway.seen import Seen
from gateway.spool import Message

VALUES = {"soil_moisture": 31.5}


def numbered(seq, boot="b"):
    return Message("t", b"%d" % seq, 0), Telemetry(VALUES, None, seq, boot)


def plain(payload, time=None, dup=False):
    return Message("t", payload, 0, dup), Telemetry(VALUES, time, None, None)


def again(seen):
    """The same memory after a restart."""
    return Seen(json.loads(json.dumps(seen.dump())))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 120)), max_size=300),
    st.sets(st.integers(0, 300)),
)
def test_sequence_numbers_are_remembered_as_a_plain_set_would(arrivals, restarts):
    seen, taken = Seen(), set()
    for step, (boot, seq) in enumerate(arrivals):
        if step in restarts:
            seen = again(seen)
        assert seen.take(*numbered(seq, boot)) is ((boot, seq) not in taken)
        taken.add((boot, seq))


@given(st.permutations(range(100)), st.data())
def test_any_order_of_a_hundred_is_new_once(order, data):
    seen = Seen()
    repeated = data.draw(st.permutations([*order, *order]))
    assert sum(seen.take(*numbered(seq)) for seq in repeated) == 100
    assert not any(again(seen).take(*numbered(seq)) for seq in order)


@given(st.lists(st.integers(0, 2**63 - 1), max_size=60))
def test_numbers_of_any_size(numbers):
    seen, taken = Seen(), set()
    for seq in numbers:
        assert seen.take(*numbered(seq)) is (seq not in taken)
        taken.add(seq)


def test_a_new_boot_begins_again_and_an_old_one_is_still_known():
    seen = Seen()
    assert all(seen.take(*numbered(n, "first")) for n in range(5))
    assert all(seen.take(*numbered(n, "second")) for n in range(5))
    assert not seen.take(*numbered(4, "first"))
    assert seen.take(*numbered(5, "first")), "a buffer of an earlier boot is still emptied"


def test_memory_stays_small_and_never_takes_the_new_for_the_old():
    seen = Seen()
    for n in range(0, 2000, 2):  # every second message is missing
        assert seen.take(*numbered(n))
    for n in range(200):
        assert seen.take(*numbered(n, f"boot {n}"))
        assert seen.take(*plain(b"payload %d" % n, time=n))
    assert len(seen.dump()) < 10_000


def test_with_a_time_the_same_bytes_are_the_same_message():
    seen = Seen()
    assert seen.take(*plain(b"a", time=1))
    assert seen.take(*plain(b"b", time=2))
    assert not again(seen).take(*plain(b"a", time=1))


def test_without_a_time_the_same_bytes_are_a_second_reading_unless_sent_again():
    seen = Seen()
    assert seen.take(*plain(b"a"))
    assert seen.take(*plain(b"a")), "a steady value is not a repetition"
    assert not seen.take(*plain(b"a", dup=True))
    assert seen.take(*plain(b"b", dup=True)), "its first sending may never have come"


def test_seq_without_boot_proves_nothing():
    seen = Seen()
    for _ in range(3):  # a node that wakes from deep sleep and begins at 0
        assert seen.take(Message("t", b'{"seq":0}', 0), Telemetry(VALUES, None, 0, None))


def test_arrival_times_are_never_the_same_twice():
    seen = Seen()
    stamps = [seen.stamp(arrival) for arrival in (1000, 1000, 1000, 1001, 2000)]
    assert stamps[0] == 1000
    assert stamps[-1] == 2000
    assert len(set(stamps)) == 5
    assert again(seen).stamp(2000) != 2000


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("n"), st.integers(0, 30), st.sampled_from("abcdef")),
            st.tuples(st.just("p"), st.binary(max_size=2), st.booleans()),
            st.tuples(st.just("t"), st.binary(max_size=2), st.integers(0, 3)),
            st.tuples(st.just("s"), st.integers(0, 20), st.none()),
            st.tuples(st.just("c"), st.integers(0, 3), st.sampled_from(["soil_ec", "soil_moisture"])),
        ),
        max_size=60,
    )
)
def test_a_restart_at_any_moment_changes_no_answer(steps):
    kept, restarted = Seen(), Seen()

    def answer(seen, kind, one, two):
        if kind == "n":
            return seen.take(*numbered(one, two))
        if kind == "p":
            return seen.take(*plain(one, dup=two))
        if kind == "t":
            return seen.take(*plain(one, time=two))
        if kind == "s":
            return seen.stamp(one)
        return seen.conflict(one, frozenset([two]))

    for step in steps:
        restarted = again(restarted)
        assert answer(kept, *step) == answer(restarted, *step)
    assert kept.dump() == restarted.dump()
