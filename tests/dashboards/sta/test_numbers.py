"""Ids stay the same over restarts and beside another process, and remain under 2**31 until 2049."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.sta import routes
from dashboards.sta.numbers import SMALL_STREAMS, Numbers, observation_id, observed_at
from devices.clock import HOUR_MS, YEAR_2020_MS, epoch_ms
from tests.dashboards import soil


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


@pytest.mark.parametrize("stream", [1, 700, SMALL_STREAMS])
def test_an_observations_id_says_its_datastream_and_hour_and_is_small_enough_for_qgis(stream):
    last = epoch_ms(datetime(2049, 10, 1, tzinfo=UTC))
    for at in (YEAR_2020_MS, YEAR_2020_MS + 61_000 * HOUR_MS, last):
        number = observation_id(stream, at)
        assert observed_at(number) == (stream, at) and 0 < number < 2**31


def test_no_datastream_is_left_out_and_those_beyond_qgis_say_so(tmp_path):
    """A province of 14,000 devices has six times as many datastreams as have small observation ids."""
    registry = tmp_path / "registry.sqlite"
    Numbers(registry).of("datastream", [f"earlier-{n}" for n in range(SMALL_STREAMS - 3)])
    app = FastAPI()
    with soil.figures(tmp_path) as figures:
        figures.registry_url = registry
        app.include_router(routes.router(figures))
        with TestClient(app) as client:

            def got(path):
                answer = client.get(f"/sta/v1.1/{path}")
                assert answer.status_code == 200, answer.text
                return answer.json()

            streams = got("Datastreams?$top=100")["value"]
            ids = sorted(one["@iot.id"] for one in streams)
            assert ids == list(range(SMALL_STREAMS - 2, SMALL_STREAMS - 2 + len(ids))) and len(ids) > 10
            wide = {one["@iot.id"] for one in streams if one["properties"].get("wide_observation_ids")}
            assert wide == {one for one in ids if one > SMALL_STREAMS}
            for stream in (SMALL_STREAMS, max(wide)):
                for one in got(f"Datastreams({stream})/Observations?$top=2")["value"]:
                    assert (one["@iot.id"] < 2**31) == (stream not in wide)
                    assert got(f"Observations({one['@iot.id']})")["result"] == one["result"]
                    assert got(f"Observations({one['@iot.id']})/Datastream")["@iot.id"] == stream
