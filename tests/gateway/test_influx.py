"""The store at an InfluxDB that does not answer, or not as it should."""

import pytest

from gateway.influx import InfluxStore
from gateway.store import RetryLater

from .readings import DAY, HOUR, PILOT, T, everything, reading


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
    monkeypatch.setattr("gateway.influx._TIMEOUT_MS", 150)
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
