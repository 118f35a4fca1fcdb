"""The store's contract, kept by both adapters: SQLite here, InfluxDB with a real engine."""

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RejectPoints, all_points
from tests.gateway.readings import DAY, HOUR, MINUTE, PILOT, T, everything, reading

# -- write and read back


def test_every_kind_of_value_comes_back_as_what_it_was(store):
    points = [
        reading(T, soil_moisture=20.0, soil_ec=0.1),
        Point(
            "community", tags(pilot="p", community="c"), {"name": "Tâm Quê", "active": True, "lat": 10.0}, T
        ),
        Point(
            "device",
            tags(pilot="p", community="c", device="d1"),
            {"last_seen": 2**53 + 1, "online": False},
            T,
        ),
    ]
    store.write(points)
    for point in points:
        (back,) = everything(store, point.measurement)
        assert back == point
        assert {name: type(value) for name, value in back.fields.items()} == {
            name: type(value) for name, value in point.fields.items()
        }
    (latest,) = store.latest("telemetry", PILOT, T)
    assert latest.fields == {"soil_moisture": (T, 20.0), "soil_ec": (T, 0.1)}
    assert isinstance(latest.fields["soil_moisture"][1], float)


@pytest.mark.parametrize(
    "value", [0.0, -1.5, 0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -1e22, 9007199254740993.0]
)
def test_a_float_comes_back_to_the_last_bit(store, value):
    store.write([reading(T, soil_moisture=value)])
    (point,) = everything(store)
    assert repr(point.fields["soil_moisture"]) == repr(value)


def test_nothing_to_write_is_no_error(store):
    store.write([])
    assert everything(store) == []
    assert store.latest("telemetry", PILOT, 0) == []
    assert store.summary("telemetry", ["soil_ec"], PILOT, T, T + DAY, HOUR) == {}
    assert store.coverage(PILOT, T, T + DAY, HOUR) == {}


def test_writing_twice_changes_nothing(store):
    points = [reading(T + n * MINUTE, soil_moisture=30.0 + n) for n in range(5)]
    store.write(points)
    once = everything(store)
    store.write(points)
    store.write(points[2:4])
    assert everything(store) == once == points[::-1]


def test_the_same_series_and_time_is_overwritten_field_by_field(store):
    store.write([reading(T, soil_moisture=30.0, soil_ec=1.0)])
    store.write([reading(T, soil_ec=2.0, soil_temperature=27.0)])
    (point,) = everything(store)
    assert point.fields == {"soil_moisture": 30.0, "soil_ec": 2.0, "soil_temperature": 27.0}


def test_two_points_of_one_batch_in_the_same_millisecond_merge(store):
    store.write([reading(T, soil_moisture=30.0), reading(T, soil_ec=2.0), reading(T, soil_moisture=31.0)])
    (point,) = everything(store)
    assert point.fields == {"soil_moisture": 31.0, "soil_ec": 2.0}


def test_the_last_of_a_batch_holds_whatever_fields_stand_between(store):
    store.write(
        [
            reading(T, soil_moisture=1.0, soil_ec=1.0),
            reading(T, soil_moisture=2.0),
            reading(T, soil_moisture=3.0, soil_ec=3.0),
        ]
    )
    (point,) = everything(store)
    assert point.fields == {"soil_moisture": 3.0, "soil_ec": 3.0}


def test_another_tag_is_another_series(store):
    store.write(
        [
            reading(T, "d1", soil_ec=1.0),
            reading(T, "d2", soil_ec=2.0),
            reading(T, "d1", model="m", soil_ec=3.0),
        ]
    )
    assert sorted(point.fields["soil_ec"] for point in everything(store)) == [1.0, 2.0, 3.0]


EXAMPLE = count()


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_any_writes_in_any_batches_leave_what_a_dict_would_hold(store, data):
    known = f"p{next(EXAMPLE)}"  # each example has a pilot of its own
    names = st.sampled_from(["soil_moisture", "soil_ec", "soil_temperature"])
    points = st.builds(
        lambda device, time, fields: Point("telemetry", tags(pilot=known, device=device), fields, T + time),
        st.sampled_from(["d1", "d2"]),
        st.integers(0, 5),
        st.dictionaries(names, st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    )
    held: dict = {}
    for batch in data.draw(st.lists(st.lists(points, max_size=8), max_size=4)):
        store.write(batch)
        for point in batch:
            held.setdefault((point.tags, point.time), {}).update(point.fields)
    there = {(point.tags, point.time): point.fields for point in everything(store, where={"pilot": known})}
    assert there == held


def test_a_large_batch_lands_whole(store):
    points = [
        reading(T + n * MINUTE, f"d{device}", soil_moisture=20.0 + n / 100)
        for device in range(12)
        for n in range(1000)
    ]
    store.write(points)
    back = everything(store)
    assert len(back) == 12_000
    assert set(map(str, back)) == set(map(str, points))


# -- texts and tags

ODD = [
    "with space",
    "comma,comma",
    "a=b",
    'double " quote',
    "it's",
    "Tâm Quê, xã Tân Thuận Tây = 1",
    "back\\slash",
    "back\\\\two",
    "ends with space ",
    "$pecial {} % ;",
    "日本",
    "😀",
]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_tag_comes_back_and_can_be_asked_for(store, odd):
    points = [
        Point("lot", tags(pilot="p", community="c", product=odd), {"quantity": 1.0}, T),
        Point("lot", tags(pilot="p", community="c", product="plain"), {"quantity": 2.0}, T),
    ]
    store.write(points)
    assert sorted(everything(store, "lot"), key=lambda point: point.fields["quantity"]) == points
    assert everything(store, "lot", {"product": odd}) == points[:1]
    (latest,) = store.latest("lot", {"product": odd}, T)
    assert latest.tags["product"] == odd


@pytest.mark.parametrize("odd", [*ODD, "two\nlines", "", "ends with \\", '\\"', "tab\there"])
def test_an_odd_text_comes_back(store, odd):
    store.write(
        [
            Point(
                "advice",
                tags(pilot="p", community="c", crop="rice", rule="r"),
                {"text": odd, "severity": 1},
                T,
            )
        ]
    )
    (point,) = everything(store, "advice")
    assert point.fields == {"text": odd, "severity": 1}


@pytest.mark.parametrize("hostile", ["a\nb=c", "a\\", "a\ncommunity=other"])
def test_a_tag_that_cannot_be_kept_harms_no_other_point(store, hostile):
    points = [
        Point("lot", tags(pilot="p", community="c", product="plain"), {"quantity": 1.0}, T),
        Point("lot", tags(pilot="p", community="c", product=hostile), {"quantity": 2.0}, T),
        Point("lot", tags(pilot="p", community="c", product="other"), {"quantity": 3.0}, T),
    ]
    try:
        store.write(points)
    except RejectPoints as error:
        assert set(error.bad) == {1}
    back = everything(store, "lot", {"pilot": "p", "community": "c"})
    assert [p for p in back if p.fields["quantity"] != 2.0] == [points[2], points[0]]
    for point in back:
        assert set(dict(point.tags)) == {"pilot", "community", "product"}
        assert dict(point.tags)["community"] == "c"


# -- series


def test_series_is_newest_first_across_devices_and_half_open(store):
    points = [reading(T + n * MINUTE, f"d{n % 2}", soil_ec=float(n)) for n in range(6)]
    store.write(points)
    assert store.series("telemetry", PILOT, T, T + 6 * MINUTE, 100) == points[::-1]
    assert store.series("telemetry", PILOT, T + MINUTE, T + 5 * MINUTE, 100) == points[4:0:-1]
    assert store.series("telemetry", PILOT, T, T + 6 * MINUTE, 3) == points[:2:-1]
    assert store.series("telemetry", {"device": "d1"}, T, T + 6 * MINUTE, 2) == [points[5], points[3]]
    assert store.series("telemetry", {"device": "nobody"}, T, T + 6 * MINUTE, 2) == []


def test_points_of_one_moment_come_in_the_order_of_their_tags(store):
    points = [reading(T, f"d{n}", soil_ec=float(n)) for n in (3, 1, 2)]
    store.write(points)
    assert [dict(point.tags)["device"] for point in everything(store)] == ["d1", "d2", "d3"]


@pytest.mark.parametrize("at_once", [1, 2, 3, 4, 7, 100])
def test_all_points_come_once_however_few_an_answer_holds(store, at_once):
    times = [T, T, T, T + MINUTE, T + 2 * MINUTE, T + 2 * MINUTE, T + 3 * MINUTE]
    points = [reading(at, f"d{n}", soil_ec=float(n)) for n, at in enumerate(times)]
    store.write(points)
    found = list(all_points(store, "telemetry", PILOT, T, T + 3 * MINUTE, at_once))
    assert found == store.series("telemetry", PILOT, T, T + 3 * MINUTE, 100) and len(found) == 6


# -- some fields


def test_some_fields_alone_are_read_where_they_are_asked_for(store):
    store.write(
        [
            reading(T, soil_moisture=30.0, soil_ec=1.0, soil_temperature=27.0),
            reading(T + MINUTE, soil_moisture=31.0),
            reading(T + HOUR, soil_ec=2.0),
            reading(T, "d2", soil_temperature=28.0),
            Point("device", tags(pilot="p", community="c", device="d1"), {"online": False}, T),
            Point("device", tags(pilot="p", community="c", device="d1"), {"last_seen": T}, T + MINUTE),
        ]
    )
    (latest,) = store.latest("telemetry", PILOT, T, only=["soil_moisture", "soil_ec"])
    assert latest.tags["device"] == "d1"
    assert latest.fields == {"soil_moisture": (T + MINUTE, 31.0), "soil_ec": (T + HOUR, 2.0)}
    assert store.latest("telemetry", PILOT, T + MINUTE, only=["soil_temperature"]) == []
    assert store.series("telemetry", PILOT, T, T + DAY, 9, only=["soil_ec", "soil_moisture"]) == [
        reading(T + HOUR, soil_ec=2.0),
        reading(T + MINUTE, soil_moisture=31.0),
        reading(T, soil_moisture=30.0, soil_ec=1.0),
    ]
    assert store.series("telemetry", PILOT, T, T + DAY, 1, only=["soil_moisture"]) == [
        reading(T + MINUTE, soil_moisture=31.0)
    ]
    (online,) = store.series("device", PILOT, T, T + DAY, 9, only=["online"])
    assert online.fields == {"online": False}
    assert store.series("telemetry", PILOT, T, T + DAY, 9, only=["soil_ph"]) == []
    with pytest.raises(KeyError):
        store.latest("telemetry", PILOT, T, only=["soil"])
    with pytest.raises(KeyError):
        store.series("telemetry", PILOT, T, T + DAY, 9, only=['x" FROM "device'])


# -- a bad point among good ones


def bad_point(store, time):
    if isinstance(store, SqliteStore):
        return reading(time, no_such_signal=1.0)
    return reading(time, soil_moisture="wet")  # in every other point this field is a number


def test_a_bad_point_is_named_and_the_others_land(store):
    store.write([reading(T - HOUR, soil_moisture=1.0)])
    points = [reading(T + n * MINUTE, soil_moisture=float(n)) for n in range(50)]
    for place in (0, 17, 18, 49):
        points[place] = bad_point(store, points[place].time)
    with pytest.raises(RejectPoints) as refused:
        store.write(points)
    assert set(refused.value.bad) == {0, 17, 18, 49}
    assert all(refused.value.bad.values()), "a sentence says why"
    good = [point for place, point in enumerate(points) if place not in (0, 17, 18, 49)]
    assert store.series("telemetry", PILOT, T, T + DAY, 100) == good[::-1]


def test_a_batch_of_nothing_but_bad_points(store):
    store.write([reading(T - HOUR, soil_moisture=1.0)])
    with pytest.raises(RejectPoints) as refused:
        store.write([bad_point(store, T), bad_point(store, T + 1)])
    assert set(refused.value.bad) == {0, 1}
    assert store.series("telemetry", PILOT, T, T + DAY, 100) == []


def test_a_bad_point_deep_in_a_large_batch(store):
    store.write([reading(T - HOUR, soil_moisture=1.0)])
    points = [reading(T + n * 1000, soil_moisture=float(n)) for n in range(12_000)]
    for place in (4_999, 5_000, 11_999):
        points[place] = bad_point(store, points[place].time)
    with pytest.raises(RejectPoints) as refused:
        store.write(points)
    assert set(refused.value.bad) == {4_999, 5_000, 11_999}
    assert len(store.series("telemetry", PILOT, T, T + 400 * DAY, 20_000)) == 12_000 - 3
