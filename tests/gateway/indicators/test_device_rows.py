"""A device's row is written when it tells more than the one in the store, and is never far behind."""

import pytest

from devices.pilots.pilot import load
from gateway.clerk.indicators import IndicatorSheet
from gateway.indicators.standing import LAG_MINUTES, tells_more
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore
from tests.gateway.readings import DAY, HOUR, MINUTE, T

PILOT = load("dong-thap")
ONE = next(device for device in PILOT.fleet.values() if device.model == "soil-probe")


class Counting(SqliteStore):
    """Keeps the rows of devices that are written."""

    def write(self, points):
        self.rows = [point for point in points if point.measurement == "device"]
        super().write(points)


@pytest.fixture
def store(tmp_path):
    made = Counting(tmp_path / "s.sqlite")
    yield made
    made.close()


def heard(store, at, **values):
    store.write([Point("telemetry", device_tags(ONE), {"rssi": -70.0, **values}, at)])


def test_a_row_follows_its_device_by_ten_minutes_and_a_return_at_once(store, monkeypatch):
    # it is asked again by the real clock, and each new figure is written
    monkeypatch.setattr("gateway.indicators.count.Coverage.lately", lambda *_: {ONE.device: 0.5})
    sheet = IndicatorSheet(store, PILOT, lambda: [ONE], list)

    def written(at):
        """The minutes of silence that are written at this time; None: no row is."""
        sheet.write(at)
        return store.rows[0].fields["silent_minutes"] if store.rows else None

    heard(store, T)
    assert [written(T + minute * MINUTE) for minute in range(LAG_MINUTES)] == [0] + 9 * [None]
    assert written(T + 10 * MINUTE) == 10 and written(T + 19 * MINUTE) is None
    assert written(T + 5 * HOUR) == 300 and written(T + 5 * HOUR + 29 * MINUTE) is None
    assert written(T + 5 * HOUR + 30 * MINUTE) == 330
    heard(store, T + 6 * HOUR)
    assert written(T + 6 * HOUR) == 0, "it is back"
    for minute in range(1, 10):
        heard(store, T + 6 * HOUR + minute * MINUTE)
        assert written(T + 6 * HOUR + minute * MINUTE) is None
    heard(store, T + 6 * HOUR + 10 * MINUTE)
    assert written(T + 6 * HOUR + 10 * MINUTE) == 0, "when it was heard last is ten minutes on"
    heard(store, T + 6 * HOUR + 10 * MINUTE, battery_voltage=3.3)
    assert written(T + 6 * HOUR + 11 * MINUTE) is not None, "a figure is new"
    assert written(T + DAY) is not None, "so is the day"


def test_a_row_that_the_store_did_not_take_is_written_again(store, monkeypatch):
    sheet = IndicatorSheet(store, PILOT, lambda: [ONE], list)
    heard(store, T)
    with monkeypatch.context() as patched, pytest.raises(OSError):
        patched.setattr(SqliteStore, "write", lambda *_: (_ for _ in ()).throw(OSError()))
        sheet.write(T)
    sheet.write(T)
    assert len(store.rows) == 1


def test_other_figures_tell_more_whatever_they_are():
    row = Point("device", device_tags(ONE), {"coverage": 0.5, "last_seen": T, "silent_minutes": 3}, T)
    assert tells_more(row, None) and not tells_more(row, row)
    assert tells_more(row, row._replace(fields={"coverage": 0.5}))
    assert tells_more(row, row._replace(fields=row.fields | {"coverage": 0.6}))
    assert tells_more(row, row._replace(time=T - DAY))
