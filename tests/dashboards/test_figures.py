"""What the pages take out of a store, where a point is not whole yet."""

from dashboards.figures import Figures
from devices.clock import MINUTE_MS
from devices.pilots.pilot import load
from gateway.indicators.count import evaluate
from gateway.stores.points import Point, tags, whole
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.soil import NOW

PILOT = load("dong-thap")


def test_a_point_that_is_just_being_written_is_not_there_yet(tmp_path):
    """InfluxDB shows it a field after the other."""
    store = SqliteStore(tmp_path / "store.sqlite")
    kpi, place = tags(pilot="dong-thap", indicator="smart_villages"), tags(
        pilot="dong-thap", indicator="smart_villages", community="lang-dinh-yen"
    )  # fmt: skip
    store.write([
        Point("kpi", kpi, {"value": 7.0, "path": 7.0}, NOW - MINUTE_MS),
        Point("kpi", kpi, {"path": 8.0}, NOW),
        Point("standing", place, {"counted": True}, NOW),
    ])  # fmt: skip
    figures = Figures(
        store,
        PILOT,
        lambda n: [],
        lambda at: evaluate(store, PILOT, PILOT.fleet.values(), at),
        now=lambda: NOW,
    )
    (indicator,) = figures.indicators(NOW)
    assert (indicator.value, indicator.at) == (7.0, NOW - MINUTE_MS)
    assert "lang-dinh-yen" not in figures.standing(NOW)["smart_villages"].members
    store.close()


def test_whole_points_have_all_the_fields_that_are_asked_for():
    some, all_of_them = (
        Point("kpi", (), fields, 1) for fields in ({"value": 1.0}, {"value": 1.0, "gap": 0.0})
    )
    assert list(whole([some, all_of_them], "value", "gap")) == [all_of_them]
    assert list(whole([some, all_of_them], "value")) == [some, all_of_them]
