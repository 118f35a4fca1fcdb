"""The first five thousand valid messages of any kind: see tests/system/anything.py."""

from contextlib import closing

import pytest
from hypothesis import given, seed

from tests.system.anything import BATCHES, Village, assert_next_is_sealed, assert_taken, rounds


@pytest.fixture(scope="module")
def village(tmp_path_factory):
    with closing(Village(tmp_path_factory.mktemp("village"))) as made:
        yield made


@seed(1)  # each of the two files has cases of its own
@rounds
@given(batch=BATCHES)
def test_five_thousand_of_anything_valid(village, batch):
    assert_taken(village, batch)


def test_and_after_it_what_comes_next_is_stored_and_sealed(village):
    """Runs after the other test, on the village that it left."""
    assert_next_is_sealed(village)
