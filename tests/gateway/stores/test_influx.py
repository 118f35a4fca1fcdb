"""The store at an InfluxDB that does not answer, or not as it should."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gateway.stores.influx import InfluxStore
from gateway.stores.points import tags
from gateway.stores.store import Bucket, RetryLater
from tests.gateway.readings import DAY, HOUR, PILOT, T, everything, reading


def of_influx(server, token=None, bucket=None):
    return InfluxStore(server.url, token or server.token, server.org, bucket or server.bucket())


def assert_later(store, alarm):
    for attempt in (
        lambda: store.write([reading(T, soil_ec=1.0)]),
        lambda: store.latest("telemetry", PILOT, T),
        lambda: everything(store),
        lambda: store.summary("telemetry", ["soil_ec"], PILOT, T, T + DAY, HOUR),
        lambda: store.coverage(PILOT, T, T + DAY, HOUR),
    ):
        with pytest.raises(RetryLater) as later:
            attempt()
        assert later.value.alarm is alarm
        assert str(later.value)


def test_a_server_that_is_down_is_tried_again_later(influx):
    made = of_influx(influx)
    made.write([reading(T - 1, soil_ec=1.0)])
    with influx.down():
        assert_later(made, alarm=False)
    made.write([reading(T, soil_ec=1.0)])
    assert len(everything(made)) == 2
    made.close()


def test_a_proxy_without_its_server_is_tried_again_later(influx):
    made = of_influx(influx)
    with influx.behind_a_dead_engine():
        assert_later(made, alarm=False)
    made.write([reading(T, soil_ec=1.0)])
    made.close()


def test_a_server_that_hangs_is_given_up_in_time(influx, monkeypatch):
    with monkeypatch.context() as haste:
        haste.setattr("gateway.stores.influx._TIMEOUT_MS", 150)
        made = of_influx(influx)
    with influx.hung(), pytest.raises(RetryLater) as later:
        made.write([reading(T, soil_ec=1.0)])
    assert later.value.alarm is False
    with influx.hung(), pytest.raises(RetryLater):
        made.latest("telemetry", PILOT, T)
    made.close()
    again = of_influx(influx)
    again.write([reading(T, soil_ec=1.0)])
    again.close()


def test_a_wrong_token_is_an_alarm(influx):
    made = of_influx(influx, token="wrong")
    assert_later(made, alarm=True)
    made.close()


def test_a_revoked_token_is_an_alarm_and_good_again_when_it_is(influx):
    made = of_influx(influx)
    made.write([reading(T, soil_ec=1.0)])
    with influx.revoked():
        assert_later(made, alarm=True)
    made.write([reading(T + 1, soil_ec=1.0)])
    assert len(everything(made)) == 2
    made.close()


def test_a_missing_bucket_is_an_alarm_and_condemns_no_point(influx):
    made = of_influx(influx, bucket="nobody-made-it")
    with pytest.raises(RetryLater) as later:
        made.write([reading(T, soil_ec=1.0)])
    assert later.value.alarm is True
    made.close()


def test_a_batch_too_large_for_the_proxy_is_halved(influx):
    made = of_influx(influx)
    points = [reading(T + n * 1000, soil_ec=n / 7) for n in range(5000)]
    with influx.narrow("8k"):
        made.write(points)
    assert len(everything(made)) == 5000
    made.close()


@contextmanager
def answering(body):
    """A server that gives this answer to whatever it is asked: its address."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("unseen", ["min", "mean", "max"])
def test_a_summary_leaves_out_what_was_written_while_it_was_summed(unseen):
    """The server counts a value that another function of the same query did not see yet. A real one cannot
    be brought to say so at will, so this answer is made by hand.
    """
    fields, functions = ("soil_moisture", "soil_ec"), ("min", "mean", "max", "count")
    columns = ["time", *(f"{field} {function}" for field in fields for function in functions)]
    sums = dict(zip(columns, [0, 1, 2, 3, 3, 0.5, 0.5, 0.5, 1], strict=True))
    hours = [
        sums | {"time": T},
        sums | {"time": T + HOUR, f"soil_moisture {unseen}": None, "soil_moisture count": 1},
        sums | {"time": T + 2 * HOUR},
    ]
    series = {"name": "telemetry", "tags": {"pilot": "p", "device": "d1"}, "columns": columns,
              "values": [list(hour.values()) for hour in hours]}  # fmt: skip
    with answering({"results": [{"statement_id": 0, "series": [series]}]}) as url:
        made = InfluxStore(url, "token", "org", "bucket")
        found = made.summary("telemetry", fields, PILOT, T, T + DAY, HOUR)
        made.close()
    d1 = tags(pilot="p", device="d1")
    assert found == {
        "soil_moisture": {d1: [Bucket(T, 1, 2, 3, 3), Bucket(T + 2 * HOUR, 1, 2, 3, 3)]},
        "soil_ec": {d1: [Bucket(T + n * HOUR, 0.5, 0.5, 0.5, 1) for n in range(3)]},
    }
