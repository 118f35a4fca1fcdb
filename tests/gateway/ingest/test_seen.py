"""A repeated reading changes nothing; a new one is never taken for a repetition."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract.payloads import Telemetry
from devices.contract.reading import Device, Reading
from gateway.ingest.contents import MOST as CONTENTS
from gateway.ingest.fresh import Repeats
from gateway.ingest.message import Message
from gateway.ingest.seen import Seen, content
from gateway.ingest.spool import MARKS
from gateway.intake.receive import IN_FLIGHT


def told(seq, boot="b", value=None, time=None, identity=""):
    values = {"soil_moisture": float(seq % 1000 if value is None else value)}
    return Telemetry(values, time, seq, boot, identity=identity)


def clockless(seen, seq, boot="b", value=None, dup=False):
    return seen.take(boot, seq, content(told(seq, boot, value)), dup=dup)


def dated(seen, seq, time, boot="b"):
    """Asks as the decoder: is a reading of that time new by its number? The time is its content."""
    seen.boots(boot, time)
    late = time <= seen.newest
    answer = seen.take(boot, seq, None, late=late)
    seen.remember(time, {"soil_moisture": 1.0}, uncertain=late)
    return answer


def again(seen):
    """The same memory after a restart."""
    return Seen(json.loads(json.dumps(seen.dump())))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=300),
    st.sets(st.integers(0, 300)),
)
def test_numbers_with_their_content_are_remembered_as_a_plain_set_would(arrivals, restarts):
    seen, taken = Seen(), set()
    for step, (boot, seq) in enumerate(arrivals):
        if step in restarts:
            seen = again(seen)
        assert clockless(seen, seq, boot) is ((boot, seq) not in taken)
        taken.add((boot, seq))


@given(st.permutations(range(100)), st.data())
def test_any_order_of_a_hundred_is_new_once(order, data):
    seen = Seen()
    repeated = data.draw(st.permutations([*order, *order]))
    assert sum(clockless(seen, seq) for seq in repeated) == 100
    assert not any(clockless(again(seen), seq) for seq in order)


@given(st.lists(st.integers(0, 2**63 - 1), max_size=60))
def test_numbers_of_any_size(numbers):
    seen, taken = Seen(), set()
    for seq in numbers:
        assert clockless(seen, seq) is (seq not in taken)
        taken.add(seq)


def test_a_new_boot_begins_again_and_an_old_one_is_still_known():
    seen = Seen()
    assert all(clockless(seen, n, "first") for n in range(5))
    assert all(clockless(seen, n, "second") for n in range(5))
    assert not clockless(seen, 4, "first")
    assert clockless(seen, 5, "first"), "a buffer of an earlier boot is still emptied"
    assert seen.missing == 0 and seen.restarts == 0


def test_the_same_number_with_other_content_is_a_counter_that_began_again():
    seen = Seen()
    assert all(clockless(seen, n, value=30 + n) for n in range(3))
    for n in range(4):
        seen = again(seen)
        assert clockless(seen, n, value=60 + n)
        assert not clockless(seen, n, value=60 + n), "and its repetition is one"
    assert (seen.missing, seen.restarts) == (0, 1)


def test_what_the_broker_sends_again_is_known_longer_than_its_content():
    seen = Seen()
    assert all(clockless(seen, n) for n in range(CONTENTS + 50))
    assert not clockless(seen, 3, dup=True)
    assert clockless(seen, 3), "without its word for it, it is a counter that began again"
    assert (seen.missing, seen.restarts) == (0, 1)


@pytest.mark.parametrize("first", [0, 65_000, 5 * 65_536 - 3])
@pytest.mark.parametrize("lost", [0, 1, 5])
def test_a_counter_that_wraps_leaves_no_gap(first, lost):
    """A LoRaWAN counter has 16 bits, or 32 of which 16 are sent."""
    for ask in (lambda seen, seq, n: clockless(seen, seq, value=n), dated):
        seen = Seen()
        last = 65_535 if first < 65_536 else 6 * 65_536 - 1
        for n, seq in enumerate([*range(max(first, last - 300), last + 1 - lost), *range(lost, 300)], 1):
            assert ask(seen, seq, n)
        assert (seen.missing, seen.restarts) == (0, 0)


@pytest.mark.parametrize("known", [5, 5_000])
def test_a_counter_that_begins_again_leaves_no_gap(known):
    seen = Seen()
    for n in range(known):
        dated(seen, known + n, 1000 + n)
    for n in range(3):
        dated(seen, n, 100_000 + n)
    assert (seen.missing, seen.restarts) == (0, 1)


def test_what_comes_late_is_no_counter_that_began_again():
    seen = Seen()
    for n in (0, 1, 5, 6):
        dated(seen, n, 1000 * n)
    assert seen.missing == 3
    for n in (3, 2, 4):
        dated(seen, n, 1000 * n)
    assert (seen.missing, seen.restarts) == (0, 0)


def test_what_was_refused_is_not_missing_and_may_come_again_with_what_is_right():
    seen = Seen()
    assert clockless(seen, 0)
    seen.refuse("b", 1)
    assert clockless(seen, 2) and seen.missing == 0
    assert clockless(seen, 1, value=77) and not clockless(seen, 1, value=77)
    assert (seen.missing, seen.restarts) == (0, 0)
    seen.refuse("b", 2**40)
    seen.refuse("new", 9)
    assert again(seen).missing == 2**40 - 3


def test_a_clock_that_leaps_back_with_a_new_boot_is_not_believed_until_it_has_caught_up():
    seen = Seen()
    for n in range(20):
        dated(seen, n, 1000 + n, "b1")
    seen.boots("b1", 500)
    assert seen.rewound == (), "the same boot empties its buffer"
    seen.boots("b2", 500)
    assert again(seen).rewound == ("b2",)
    seen.take("b2", 0, None)
    seen.boots("b2", 700)
    assert seen.rewound == ("b2",)


def test_a_boot_without_a_number_is_known_afterwards():
    seen = Seen()
    seen.later(1000, {"soil_moisture": 1.0})
    seen.turn_to("b1")
    seen = again(seen)
    seen.boots("b1", 500)
    assert seen.rewound == () and seen.missing == 0
    seen.boots("b2", 500)
    assert seen.rewound == ("b2",)
    assert clockless(seen, 7, "b1") and seen.missing == 0


def test_what_is_refused_after_all_is_forgotten():
    seen = Seen()
    device = Device("p", "c", "d1", "soil-probe", simulated=False)
    values = {"soil_moisture": 1.0}
    seen.later(1000, values)
    assert seen.whole(1000) and clockless(seen, 7, value=1) and not seen.claimed(5, 9)
    for reading in (Reading(device, 1000, values), Reading(device, 2, values, None, 7, "b")):
        seen.forget(reading)
    seen.forget(Reading(device, 3, values, 5))
    seen = again(seen)
    assert seen.newest == 1000 and not seen.whole(1000)
    assert clockless(seen, 7, value=1) and not seen.claimed(5, 9)
    assert (seen.missing, seen.restarts) == (0, 0)


def test_memory_stays_small_and_never_takes_the_new_for_the_old():
    seen = Seen()
    for n in range(0, 2000, 2):  # every second message is missing
        assert clockless(seen, n)
    for n in range(200):
        assert clockless(seen, n, f"boot {n}")
        dated(seen, n, 5000 + n, f"dated {n}")
        assert not seen.claimed(n, content(told(n, time=n)))
    assert len(seen.dump()) < 15_000


def test_a_batch_of_any_size_leaves_no_more_than_the_newest_times():
    seen = Seen()
    for n in range(4000):
        dated(seen, n, 1000 + n)
    assert seen.at(1000) is not None, "while the batch is sorted, all of it is known"
    seen.trim()
    assert seen.at(1000 + 3999) and not seen.at(1000) and len(seen.dump()) < 500
    seen.remember(7, {"soil_ec": 1.0}, uncertain=True)
    assert seen.at(7)
    seen.trim()
    assert seen.at(7) is None, "only the store knows"


def test_states_of_before_are_still_understood():
    for times in ('[[7,["ph","soil_ec"]]]', "[[7,0]]"):
        seen = Seen(
            '{"boots":{"b":[[0,3]]},"recent":["aa"],"arrival":5,"signals":[["ph"]],"times":'
            + times + ',"played":false}'
        )  # fmt: skip
        assert seen.newest == 7 and seen.at(7) is None and seen.rewound == ()
        assert not again(seen).take("b", 3, 5, dup=True)


def test_what_a_usual_device_leaves_behind_fits_a_page_of_the_disk_many_times():
    seen = Seen()
    for n in range(1000):
        seen.take("b", n, None)
        seen.later(1_763_000_000_000 + 600_000 * n, {"soil_moisture": 31.5, "soil_ec": 1.25})
    assert len(seen.dump()) < 600


def test_a_time_that_is_not_believed_tells_a_repetition_all_the_same():
    seen = Seen()
    one, other = (content(told(0, time=5, value=value)) for value in (1, 2))
    assert not seen.claimed(5, one) and not seen.claimed(5, other)
    assert again(seen).claimed(5, other)


def test_without_number_and_time_the_packet_number_tells_a_repetition():
    """A node always sends the same bytes; the broker repeats whatever was not acknowledged."""
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
            st.tuples(st.just("n"), st.integers(0, 30), st.sampled_from("abcdef"), st.integers(0, 2)),
            st.tuples(st.just("d"), st.integers(0, 30), st.sampled_from("abcdef"), st.integers(0, 99)),
            st.tuples(st.just("r"), st.integers(0, 30), st.sampled_from("abcdef"), st.none()),
            st.tuples(st.just("s"), st.integers(0, 20), st.none(), st.none()),
            st.tuples(st.just("c"), st.integers(0, 3), st.none(), st.integers(0, 2)),
        ),
        max_size=60,
    )
)
def test_a_restart_at_any_moment_changes_no_answer(steps):
    kept, restarted = Seen(), Seen()

    def answer(seen, kind, number, boot, more):
        if kind == "n":
            return clockless(seen, number, boot, value=more)
        if kind == "d":
            return dated(seen, number, more, boot)
        if kind == "r":
            return seen.refuse(boot, number)
        if kind == "s":
            return seen.stamp(number)
        return seen.claimed(number, more + 1)

    for step in steps:
        restarted = again(restarted)
        kept.trim()
        assert answer(kept, *step) == answer(restarted, *step)
    assert kept.dump() == restarted.dump()


def test_gateways_that_share_stamp_in_lanes_of_their_own():
    """Two gateways that receive a device in the same millisecond must not write the same point."""
    ours, theirs = Seen(), Seen()
    burst = [1_000_003] * 20 + [1_000_004] * 20
    first = [ours.stamp(at, 0, 8) for at in burst]
    second = [theirs.stamp(at, 1, 8) for at in burst]
    assert len({*first, *second}) == 2 * len(burst)
    assert all(abs(stamp - 1_000_003) < 8 * len(burst) + 8 for stamp in first + second)
