"""Ids that stay: over restarts, beside another process, and under 2**31 until 2049."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from dashboards.sta.numbers import MOST_STREAMS, Numbers, observation_id, observed_at
from devices.clock import HOUR_MS, YEAR_2020_MS, epoch_ms


@pytest.fixture
def registry(tmp_path):
    return tmp_path / "registry.sqlite"


def test_a_number_stays_when_more_come_and_after_a_restart(registry):
    first = Numbers(registry).of("thing", ["b", "c"])
    assert first == {"b": 1, "c": 2}
    again = Numbers(registry)
    assert again.of("thing", ["a", "b", "c"]) == {"a": 3, "b": 1, "c": 2}
    assert again.of("thing", ["c"]) == {"c": 2}
    assert again.of("place", ["a"]) == {"a": 1}, "each kind counts for itself"


def test_several_page_servers_never_give_one_number_twice(registry):
    names = [f"device-{n}" for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: Numbers(registry).of("thing", names), range(8)))
    assert all(one == given[0] for one in given) and sorted(given[0].values()) == list(range(1, 41))


def test_without_a_registry_they_are_kept_in_memory():
    numbers = Numbers(None)
    assert numbers.of("thing", ["a", "a"]) == {"a": 1} == numbers.of("thing", ["a"])


@pytest.mark.parametrize("stream", [1, 700, MOST_STREAMS])
def test_an_observations_id_says_its_datastream_and_hour_and_is_small_enough_for_qgis(stream):
    last = epoch_ms(datetime(2049, 10, 1, tzinfo=UTC))
    for at in (YEAR_2020_MS, YEAR_2020_MS + 61_000 * HOUR_MS, last):
        number = observation_id(stream, at)
        assert observed_at(number) == (stream, at) and 0 < number < 2**31
