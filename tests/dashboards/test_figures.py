"""The figures that pages take out of a store in which a point may still be incomplete."""

from datetime import date

from dashboards import figures as figures_module
from dashboards.figures import Figures, iso
from dashboards.opendata import gather
from dashboards.pages.lately import Lately
from dashboards.pages.today import advised
from dashboards.progress import Progress
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS, day_of, midnight_of
from devices.pilots.pilot import load
from gateway.indicators import count
from gateway.indicators.count import evaluate
from gateway.stores import store as stores
from gateway.stores.points import Point, device_tags, tags, whole
from gateway.stores.sqlite import SqliteStore
from tests.dashboards.soil import NOW

PILOT = load("dong-thap")


def test_a_point_that_is_just_being_written_is_not_there_yet(tmp_path):
    """InfluxDB shows the fields of a point one after the other."""
    store = SqliteStore(tmp_path / "store.sqlite")
    kpi, place = tags(pilot="dong-thap", indicator="smart_villages"), tags(
        pilot="dong-thap", indicator="smart_villages", community="lang-dinh-yen"
    )  # fmt: skip
    store.write([
        Point("kpi", kpi, {"value": 6.0, "value_real": 4.0, "value_simulated": 2.0}, NOW - 2 * MINUTE_MS),
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
    assert (indicator.value, indicator.real, indicator.at) == (6.0, 4.0, NOW - 2 * MINUTE_MS)
    assert "lang-dinh-yen" not in figures.standing(NOW)["smart_villages"].members
    store.close()


def test_no_figure_is_cut_however_much_there_is(tmp_path, monkeypatch):
    """A month of counts, each written when it changed, and all places that count."""
    store = SqliteStore(tmp_path / "store.sqlite")
    places = [one.id for one in PILOT.communities]
    for back in range(4):
        at = NOW - back * MINUTE_MS
        kpi = tags(pilot="dong-thap", indicator="iot_communities")
        store.write(
            [Point("kpi", kpi, {"value": float(back), "value_real": 0.0, "value_simulated": 0.0}, at)]
        )
        store.write([
            Point("standing", tags(pilot="dong-thap", indicator="iot_communities", community=place),
                  {"counted": True, "has": "3/3"}, at)
            for place in places
        ])  # fmt: skip
    monkeypatch.setattr(stores, "AT_ONCE", 1)  # as if one answer held fewer rows than there are
    monkeypatch.setattr(count, "MANY", 1, raising=False)
    monkeypatch.setattr(figures_module, "MANY", 1, raising=False)
    figures = Figures(store, PILOT, lambda n: [], lambda at: evaluate(store, PILOT, (), at), now=lambda: NOW)
    (indicator,) = figures.indicators(NOW)
    assert [value for _, value in indicator.trend] == [3.0, 2.0, 1.0, 0.0]
    assert sorted(figures.standing(NOW)["iot_communities"].members) == sorted(places)
    store.close()


def test_an_alarm_or_advice_that_is_just_being_written_is_not_there_yet_and_fails_no_page(tmp_path):
    """Whichever of its fields InfluxDB shows first."""
    store = SqliteStore(tmp_path / "store.sqlite")
    figures = Figures(store, PILOT, lambda n: [], lambda at: evaluate(store, PILOT, (), at), now=lambda: NOW)
    said = {"state": "firing", "level": "II", "severe": True, "since": NOW - 1, "looked": NOW, "text": "có",
            "text_en": "yes"}  # fmt: skip
    where = tags(pilot="dong-thap", community="tam-que", quantity="salinity")
    rule = tags(pilot="dong-thap", community="tam-que", crop="mango", rule="salt")
    for name, value in said.items():
        assert figures.alarms(NOW) == []
        store.write([Point("alarm_now", where, {name: value}, NOW)])
    assert [one.en for one in figures.alarms(NOW)] == ["yes"]
    store.write([Point("advice", rule, {"severity": 3}, NOW)])
    assert advised(Lately.read(figures).advice, PILOT, NOW, "vi") == []
    store.write([Point("advice", rule, {"text": "Đóng cống."}, NOW)])
    assert [one["text"] for one in advised(Lately.read(figures).advice, PILOT, NOW, "vi")] == ["Đóng cống."]
    store.close()


def test_what_was_counted_last_year_is_held_against_last_years_target(tmp_path):
    """This lasts until the next count, within the hour. Grafana's boards do the same, since the point itself
    has the value that was due.
    """
    store = SqliteStore(tmp_path / "store.sqlite")
    year = midnight_of(date(2026, 1, 1), PILOT.zone)
    figures = Figures(store, PILOT, lambda n: [], lambda at: evaluate(store, PILOT, (), at))
    probe = device_tags(PILOT.fleet["tam-que-soil-probe-01"])
    store.write([Point("telemetry", probe, {"soil_moisture": 30.0}, year - 30 * DAY_MS)])
    for at, due in ((year - HOUR_MS, 2025), (year, 2030)):
        kpi = {"value": 7.0, "value_real": 7.0, "value_simulated": 0.0}
        store.write([Point("kpi", tags(pilot="dong-thap", indicator="iot_communities"), kpi, at)])
        (one,) = figures.indicators(year + HOUR_MS // 6)
        assert (one.due.year, one.reached, one.required) == (due, due == 2025, 7.0)
        assert one.forecasts[0].year == day_of(at, PILOT.zone).year
        (row,) = gather.indicators(figures, Progress(year, [one], {}, {}))
        assert (row["target_year"], row["path"], row["time"]) == (due, 7.0, iso(at)), "as on the page"
        again = {one["indicator"]: one for one in gather.counted(figures, at)}
        assert (again["iot_communities"]["target_year"], again["iot_communities"]["path"]) == (due, 7.0)
        share = [again["traceability_share"][f"target{end}"] for end in ("", "_up_to", "_over")]
        assert share == ([0.15, 0.2, False] if due == 2025 else [0.5, None, True]), "over 50 % by 2030"
    store.close()


def test_after_midnight_who_counts_is_what_was_written_before_it(tmp_path):
    """This lasts until the clerk writes the new day's count, for which no page waits."""
    store = SqliteStore(tmp_path / "store.sqlite")
    midnight = midnight_of(day_of(NOW, PILOT.zone), PILOT.zone)

    def write(of, counted, at):
        where = tags(pilot="dong-thap", indicator="smart_villages", community=of)
        store.write([Point("standing", where, {"counted": counted, "has": "-"}, at)])

    kpi = tags(pilot="dong-thap", indicator="smart_villages")
    store.write([Point("kpi", kpi, {"value": 1.0}, midnight - HOUR_MS)])
    write("lang-dinh-yen", True, midnight - 2 * DAY_MS)
    write("lang-dinh-yen", False, midnight - DAY_MS)
    figures = Figures(store, PILOT, lambda n: [], None, now=lambda: midnight + MINUTE_MS)
    (one,) = figures.standing(midnight + MINUTE_MS).values()
    assert (one.members, one.missed) == ({}, {"lang-dinh-yen": "-"})
    write("lang-dinh-yen", True, midnight)
    (one,) = figures.standing(midnight + MINUTE_MS).values()
    assert (one.members, one.missed) == ({"lang-dinh-yen": "-"}, {})
    store.close()


def test_whole_points_have_all_the_fields_that_are_asked_for():
    some, all_of_them = (
        Point("kpi", (), fields, 1) for fields in ({"value": 1.0}, {"value": 1.0, "gap": 0.0})
    )
    assert list(whole([some, all_of_them], "value", "gap")) == [all_of_them]
    assert list(whole([some, all_of_them], "value")) == [some, all_of_them]


def test_of_two_doubts_about_a_signal_the_newer_is_shown(tmp_path):
    store = SqliteStore(tmp_path / "store.sqlite")
    figures = Figures(store, PILOT, lambda n: [], None, now=lambda: NOW)
    for reason, ago in (("spike", 1), ("flat_line", 60), ("rate", 30)):
        where = tags(pilot="dong-thap", community="tam-que", device="d", model="soil-probe", simulated="true",
                     signal="soil_ec", reason=reason)  # fmt: skip
        store.write([Point("telemetry_flagged", where, {"value": 1.0, "flag": 3}, NOW - ago * MINUTE_MS)])
    (device,) = figures.devices(NOW)
    assert device.flagged["soil_ec"] == (NOW - MINUTE_MS, 1.0, "spike")
    store.close()
