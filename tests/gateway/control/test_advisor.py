"""An error in the thread of advice stays in that thread; the gateway's other threads go on."""

import logging
from urllib.request import urlopen

import pytest

from devices.pilots.pilot import load
from gateway.control.advisor import Advisor
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import Latest
from tests.gateway import running
from tests.gateway.running import PLACE, device, enrolled, gateway, settings
from tests.loopback import free_port
from tests.servers import until

PILOT = load("dong-thap")
NOW = 1_795_255_200_000
BUOY = PILOT.fleet["ca-tra-hong-ngu-pond-buoy-01"]


class Strange(SqliteStore):
    """A store that returns earlier advice without a time while `strange` is set."""

    strange = True

    def latest(self, measurement, where, since, **more):
        if measurement == "advice" and self.strange:
            return [Latest({"community": "tam-que"}, {"severity": (None, 2)})]
        return super().latest(measurement, where, since, **more)


@pytest.fixture
def store(tmp_path):
    made = Strange(tmp_path / "store.sqlite")
    yield made
    made.close()


def test_an_error_that_nobody_foresaw_is_counted_and_said_once(tmp_path, store, caplog):
    store.write([Point("telemetry", device_tags(BUOY), {"dissolved_oxygen": 2.4}, NOW - 60_000)])
    advisor = Advisor(store, PILOT, list, tmp_path, lambda: None, None)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            advisor.try_look(NOW)
    assert advisor.faults == 3
    assert len(caplog.records) == 1 and "TypeError" in caplog.text
    store.strange = False
    advisor.try_look(NOW)
    assert advisor.faults == 3
    assert "aerate" in {one.tags["rule"] for one in store.latest("advice", {"pilot": PILOT.pilot}, 0)}


def test_the_gateway_stores_readings_whatever_becomes_of_advice(mosquitto, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "SqliteStore", Strange)
    given = settings(mosquitto, tmp_path, metrics_port=free_port())
    enrolled(given)

    def figures():
        with urlopen(f"http://127.0.0.1:{given.metrics_port}/metrics", timeout=10) as answer:
            return answer.read().decode().splitlines()

    with gateway(given) as one, device(mosquitto) as publish:
        until(lambda: "hoiquan_gateway_advice_faults_total 1.0" in figures(), "advice failed")
        publish(f"{PLACE}/telemetry", {"values": {"soil_moisture": 31.5}})
        until(lambda: "hoiquan_gateway_stored_messages_total 1.0" in figures(), "the reading is stored")
        assert one.well()
