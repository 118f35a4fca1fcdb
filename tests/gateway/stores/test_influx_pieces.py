"""Queries about all places are split into pieces that a busy InfluxDB answers in time."""

import json
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote_plus

import pytest

from gateway.stores import influxql
from gateway.stores.influx import InfluxStore
from gateway.stores.points import Point
from gateway.stores.store import RetryLater
from tests.gateway.readings import DAY, HOUR, MINUTE, PILOT, T, reading

PATIENCE = 0.5  # seconds that a query may take
PLACES = [f"place-{number}" for number in range(30)]


def test_what_is_asked_in_pieces_is_what_it_was_at_once(any_influx, monkeypatch):
    points = [
        reading(T + n * 7 * MINUTE, f"d{n % 60}", PLACES[n % 29], **{("rssi", "soil_ec")[n % 60 % 2]: n / 7})
        for n in range(2000)
    ]
    nowhere = (("device", "d7"), ("pilot", "p"))  # a point that somebody else wrote, without a place
    points.append(Point("telemetry", nowhere, {"soil_ec": 1.0}, T + 30 * DAY))
    asked, found = (T, T + 31 * DAY, HOUR), []
    bucket = any_influx.bucket()
    for together in (1000, 50, 4):
        monkeypatch.setattr("gateway.stores.influx.TOGETHER", together)
        made = InfluxStore(any_influx.url, any_influx.token, any_influx.org, bucket)
        if found:
            made._limit(together)
        else:
            made.write(points)
        found.append(
            (
                made.summary("telemetry", ["rssi", "soil_ec"], PILOT, *asked),
                made.coverage(PILOT, *asked),
                sorted(made.latest("telemetry", PILOT, T), key=str),
            )
        )
        made.close()
    assert found[0] == found[1] == found[2]
    assert len(found[0][1]) == 60
    numbers = [one.number for some in found[0][0].values() for rows in some.values() for one in rows]
    assert sum(numbers) == len(points)


def test_places_where_devices_speak_seldom_or_often_are_covered_as_each_is(any_influx, monkeypatch):
    """Places with rare readings take one query, those with frequent readings two."""
    monkeypatch.setattr("gateway.stores.influx.TOGETHER", 2)
    made = InfluxStore(any_influx.url, any_influx.token, any_influx.org, any_influx.bucket())
    # hours between readings
    every = {place: 9 if number // 4 % 2 else 1 for number, place in enumerate(PLACES)}
    points, expected = [], {}
    for place, hours in every.items():
        for device, field in ((f"{place}-a", "rssi"), (f"{place}-b", "soil_ec")):
            times = range(0, 48, hours)
            points += [reading(T + hour * HOUR + MINUTE, device, place, **{field: 1.0}) for hour in times]
            expected[device] = len(times) / 48
    made.write(points)
    assert made.coverage(PILOT, T, T + 2 * DAY, HOUR) == expected
    made.close()


def test_the_beginnings_of_lines_that_are_remembered_have_a_limit():
    assert influxql._prefix.cache_info().maxsize is not None


@contextmanager
def busy(monkeypatch, most, together):
    """A store of a server that knows 30 places and takes too long over more than `most` of them; a query
    names at most `together`. Yields the store, the list of how many places each query asked about, and `most`
    as a list of one.
    """
    monkeypatch.setattr("gateway.stores.server._TIMEOUT_MS", 1000 * PATIENCE)
    monkeypatch.setattr("gateway.stores.influx.TOGETHER", together)
    asked, most = [], [most]

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self):
            query = unquote_plus(self.path)
            places = [name for name in PLACES if f"'{name}'" in query or "community" not in query]
            if query.startswith("/query?") and "SHOW" in query:
                rows = [["community", name] for name in PLACES]
                said = {"name": "telemetry", "columns": ["key", "value"], "values": rows}
            else:
                about = len(places) if "nothing" not in query else 0
                asked.append(about)
                if about > most[0]:
                    time.sleep(2 * PATIENCE)
                said = {"name": "telemetry", "columns": ["time", "soil_ec count"], "values": [[T, 1]]}
            self.send_response(200)
            self.end_headers()
            series = [said | {"tags": {"device": name}} for name in places]
            series = [said] if "SHOW" in query else series
            with suppress(BrokenPipeError):
                self.wfile.write(json.dumps({"results": [{"statement_id": 0, "series": series}]}).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        made = InfluxStore(f"http://127.0.0.1:{server.server_port}", "token", "org", "bucket")
        try:
            yield made, asked, most
        finally:
            made.close()
            server.shutdown()
            thread.join()


def test_what_takes_too_long_is_asked_in_smaller_pieces_from_then_on(monkeypatch):
    with busy(monkeypatch, 6, 20) as (made, asked, _):
        for _ in range(2):
            (found,) = made.summary("telemetry", ["soil_ec"], PILOT, T, T + DAY, HOUR, only=()).values()
            assert {dict(where)["device"] for where in found} == set(PLACES)
        assert [number for number in asked if number > 6] == [30, 20, 10]


def test_pieces_grow_again_once_the_server_is_idle(monkeypatch):
    with busy(monkeypatch, 6, 20) as (made, asked, most):

        def pieces():
            before = len(asked)
            made.summary("telemetry", ["soil_ec"], PILOT, T, T + DAY, HOUR, only=())
            return [number for number in asked[before:] if number]

        pieces()
        assert max(pieces()) == 5
        made._larger = time.monotonic()
        assert max(pieces()) == 10 and max(pieces()) == 5, "still busy: it was tried once"
        most[0] = 1000
        for largest in (10, 20, 30):
            made._larger = time.monotonic()
            assert max(pieces()) == largest and max(pieces()) == largest


def test_what_takes_too_long_of_one_place_is_asked_again_later(monkeypatch):
    with busy(monkeypatch, 0, 2) as (made, asked, _):
        with pytest.raises(RetryLater):
            made.summary("telemetry", ["soil_ec"], PILOT, T, T + DAY, HOUR, only=())
        assert [number for number in asked if number] == [30, 2, 1]
