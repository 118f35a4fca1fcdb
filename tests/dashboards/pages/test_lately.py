"""Readings of a moment ago beside values read before: the newer of each is shown, and nothing is changed."""

from dashboards.figures import DeviceNow, sensors
from dashboards.pages import lately
from dashboards.pages.lately import Lately
from devices.clock import DAY_MS
from gateway.stores.points import Point, tags
from tests.dashboards import soil

NOW = 1_795_000_000_000


def device(name, seen, simulated=True, **values):
    return DeviceNow(name, "tam-que", "soil-probe", simulated, seen, values, {})


def spoke(name, at, simulated="true", **values):
    where = tags(pilot="dong-thap", community="tam-que", device=name, model="soil-probe", simulated=simulated)
    return Point("telemetry", where, values, at)


def newest(known, points, number=9):
    in_order = sensors({one.device: one for one in known})
    return lately.newest(Lately(NOW, in_order, {}, [], []), points, NOW, number)


def test_of_each_value_the_newer_is_shown():
    known = device("a", NOW - 500, soil_moisture=(NOW - 500, 30.0), soil_ph=(NOW - 9000, 6.5))
    before = dict(known.values)
    (one,) = newest([known], [spoke("a", NOW - 100, soil_moisture=31.0), spoke("a", NOW - 700, soil_ph=6.6)])
    assert one.values == {"soil_moisture": (NOW - 100, 31.0), "soil_ph": (NOW - 700, 6.6)}
    assert one.seen == NOW - 100
    assert known.values == before, "other pages read it meanwhile"


def test_what_is_not_believed_stays_beside_it():
    known = DeviceNow("a", "tam-que", "soil-probe", True, NOW - 9, {}, {"soil_ph": (NOW - 9, 14.0, "spike")})
    (one,) = newest([known], [spoke("a", NOW - 1, soil_ph=6.6)])
    assert one.flagged == known.flagged and one.values == {"soil_ph": (NOW - 1, 6.6)}


def test_a_stranger_comes_first_the_diary_and_what_was_silent_for_a_day_do_not():
    known = [device("a", NOW - 5), device("old", NOW - DAY_MS - 1), device("b", NOW - 1)]
    diary = Point("telemetry", tags(device="d", model="diary", simulated="true"), {"soil_ph": 6.0}, NOW)
    shown = newest(known, [spoke("mine", NOW - 50, "false", soil_moisture=31.5), diary])
    assert [one.device for one in shown] == ["mine", "b", "a"]
    assert [one.device for one in newest(known, [], number=1)] == ["b"]


def test_what_was_heard_within_a_day_is_what_the_store_says_of_a_day(tmp_path):
    with soil.figures(tmp_path) as figures:
        old = dict(soil.MORE) | {"soil_ec": 1.0}
        for name, ago in (("tam-que-soil-probe-01", 2), ("tam-que-pest-trap-01", 3)):
            where = tags(pilot="dong-thap", community="tam-que", device=name, model="x", simulated="true")
            figures.store.write([Point("telemetry", where, old, soil.NOW - ago * DAY_MS)])
        read = Lately.read(figures)
        assert read.of_a_day == figures.devices(soil.NOW)
        assert len(read.of_a_day) == len(read.known) - 1, "one was heard before"
        of_place = Lately.read(figures, "tam-que")
        assert of_place.known == read.devices["tam-que"]
        assert of_place.heard.items() <= read.heard.items()
