"""A second delivery changes nothing; a first one is never taken for a second."""

import json

from hypothesis import given
from hypothesis import strategies as st

from devices.payloads import Telemetry
from gateway.receive import IN_FLIGHT
from gateway.seen import Repeats, Seen
from gateway.spool import MARKS, Message

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


def test_a_state_from_before_signals_were_named_once_is_still_understood():
    seen = Seen(
        '{"boots":{"b":[[0,3]]},"recent":[],"arrival":5,"times":[[7,["ph","soil_ec"]]],"played":false}'
    )
    assert not seen.take(*numbered(3, "b"))
    assert again(seen).conflict(7, ["soil_ec", "rssi"]) == "soil_ec"


def test_what_a_usual_device_leaves_behind_fits_a_page_of_the_disk_many_times():
    seen = Seen()
    for n in range(1000):
        assert seen.take(*numbered(n))
        assert (
            seen.conflict(1_763_000_000_000 + 600_000 * n, dict.fromkeys(("soil_moisture", "soil_ec")))
            is None
        )
    assert len(seen.dump()) < 500


def test_with_a_time_the_same_bytes_are_the_same_message():
    seen = Seen()
    assert seen.take(*plain(b"a", time=1))
    assert seen.take(*plain(b"b", time=2))
    assert not again(seen).take(*plain(b"a", time=1))


def test_without_number_and_time_the_packet_number_tells_a_repetition():
    """A node that always sends the same bytes, over a broker that sends again what was not acked."""
    repeats, marks = Repeats(), []

    def new(mid, dup=False, payload=b"a", topic="t"):
        mark = repeats.mark(Message(topic, payload, 0, dup, mid=mid))
        marks.extend([mark] if mark else [])
        return mark is not None

    assert new(1) and new(2), "a steady value is not a repetition"
    assert not new(1, dup=True) and not new(2, dup=True)
    assert new(3, dup=True), "its first sending may never have come"
    assert new(1), "packet numbers come round again"
    assert new(2, dup=True, payload=b"b") and new(2, dup=True, topic="u")
    repeats = Repeats(marks)
    assert not new(3, dup=True), "after a restart too"


def test_repeats_hold_more_than_a_broker_has_in_flight():
    assert MARKS > IN_FLIGHT
    repeats = Repeats()
    for mid in range(IN_FLIGHT):
        assert repeats.mark(Message("t", b"a", 0, mid=mid + 1))
    for mid in range(IN_FLIGHT):
        assert repeats.mark(Message("t", b"a", 0, True, mid=mid + 1)) is None


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


def test_gateways_that_share_stamp_in_lanes_of_their_own():
    """Two that hear of one device in the same millisecond must not write the same point."""
    ours, theirs = Seen(), Seen()
    burst = [1_000_003] * 20 + [1_000_004] * 20
    first = [ours.stamp(at, 0, 8) for at in burst]
    second = [theirs.stamp(at, 1, 8) for at in burst]
    assert len({*first, *second}) == 2 * len(burst)
    assert all(abs(stamp - 1_000_003) < 8 * len(burst) + 8 for stamp in first + second)
