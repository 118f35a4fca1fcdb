"""The newest times, packed as text, are read back as they were given."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.times import MOST, packed, read, unpacked

VALUES = st.dictionaries(st.sampled_from(["ph", "salinity", "rain"]), st.floats(-1e9, 1e9), max_size=3)
BATCHES = st.lists(st.dictionaries(st.integers(0, 50), VALUES, max_size=12), max_size=8)


@given(BATCHES)
def test_the_newest_are_kept_with_their_values(batches):
    text, signals, given_so_far = "", (), {}
    for turn, batch in enumerate(batches):
        later = {1000 * turn + time: values for time, values in batch.items()}
        text, signals = packed(later, text, signals)
        given_so_far |= later
        newest = {time: given_so_far[time] for time in sorted(given_so_far)[-MOST:]}
        assert unpacked(text, signals) == newest
        assert list(unpacked(text, signals)) == list(newest)
        assert packed(read(json.loads(f"[{text}]"), signals))[1] == tuple(
            dict.fromkeys(tuple(values) for values in newest.values())
        )


def test_signals_that_nobody_says_any_more_are_forgotten():
    text, signals = "", ()
    for time in range(10 * MOST):
        text, signals = packed({time: {f"signal {time}": 1.0}}, text, signals)
    assert len(signals) <= MOST


def test_those_who_say_the_same_share_its_names():
    _, ours = packed({1: {"ph": 1.0, "rain": 2.0}})
    _, theirs = packed({5: {"ph": 3.0, "rain": 4.0}})
    assert ours is theirs
