"""Packed contents hold exactly what a plain dictionary would hold."""

import json
import tracemalloc
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import CONTENT
from gateway.ingest.contents import MOST, Contents

NUMBERS = st.one_of(st.integers(0, 12), st.sampled_from([-(2**63), 2**63 - 1]))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "drop", "restart"]), st.sampled_from(["a", "b", ""]), NUMBERS,
        st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3),
    ),
    max_size=80,
)  # fmt: skip


def restarted(contents):
    return Contents(json.loads(json.dumps(contents.runs())))


@given(STEPS)
def test_what_is_put_is_there_until_it_is_dropped(steps):
    contents, plain = Contents(), OrderedDict()
    for what, boot, number, said in steps:
        if what == "put":
            contents.put(boot, number, said)
            plain[boot, number] = tuple(said)
            plain.move_to_end((boot, number))
        elif what == "drop":
            contents.drop(boot, number)
            plain.pop((boot, number), None)
        else:
            before = contents.runs()
            contents = restarted(contents)
            assert contents.runs() == before
        assert contents.get(boot, number) == plain.get((boot, number), ())
    assert [contents.get(*key) for key in plain] == list(plain.values())


@given(st.integers(1, 40), st.integers(1, 3), st.booleans())
def test_the_oldest_numbers_are_forgotten(more, each, again):
    contents = Contents()
    for number in range(MOST + more):
        contents.put(f"boot {number // 200}", number, range(each))
        if again and number >= MOST:  # restart only where numbers are being forgotten
            contents = restarted(contents)
    kept = [number for number in range(MOST + more) if contents.get(f"boot {number // 200}", number)]
    assert kept == list(range(more, MOST + more))


def test_boots_of_which_nothing_is_left_are_forgotten():
    contents = Contents()
    for number in range(3 * MOST):
        contents.put(f"boot {number}", 0, (number,))
    kept = [number for number in range(3 * MOST) if contents.get(f"boot {number}", 0)]
    assert kept == list(range(2 * MOST, 3 * MOST))
    assert len(contents.runs()) == MOST


def test_numbers_in_a_row_take_four_bytes_each():
    """A gateway keeps hundreds of contents for each of thousands of LoRaWAN probes."""
    some = [Contents() for _ in range(20)]
    tracemalloc.start()
    for contents in some:
        for number in range(3 * MOST):
            contents.put("session", number, (number,))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / len(some) < 4 * MOST + 1000


@pytest.mark.parametrize(
    "runs",
    [[["b"]], [["b", "x", "00000000"]], [["b", 1, "123"]], [["b", 1, "0011"]], [["b", 2**63, "00000000"]], 7],
)
def test_what_it_never_gave_is_no_memory(runs):
    with pytest.raises(CONTENT):
        Contents(runs)
