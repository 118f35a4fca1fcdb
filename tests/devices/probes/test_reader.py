"""From object to values: numbers in every notation, marks for "not measured", fields without a value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from devices.contract.payloads import PayloadError
from devices.probes.probe import Probe
from devices.probes.reader import Reader, Unread
from devices.texts import text

NAN, INF = float("nan"), float("inf")


def reader(**readings):
    return Reader(Probe.model_validate({"id": "x", "maker": "-", "readings": readings}))


def value(wording, says, signal="air_temperature", **place):
    heard = reader(**{signal: wording}).read(says, place)
    return heard.values.get(signal)


def why(wording, says, signal="air_temperature", **place):
    heard = reader(**{signal: wording}).read(says, place)
    assert heard.empty
    return heard.unread


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (31.5, 31.5), (31, 31.0), (0, 0.0), (-3.5, -3.5),
        ("31.5", 31.5), ("31.50", 31.5), (" 31.5 ", 31.5), ("+31.5", 31.5), ("-3.5", -3.5), (".5", 0.5),
        ("31.", 31.0), ("3.15e1", 31.5), ("3.15E+1", 31.5), ("0", 0.0), ("-0.0", 0.0),
        ("31.5°C", 31.5), ("31.5 °C", 31.5), ("31.5℃", 31.5), ("31.5 C", 31.5), ("88.7 °F", 31.5),
        ("304.65K", 31.5), ("88.7F(outside)", 31.5),
        ("31,5", 31.5), ("31,50 °C", 31.5), ("-31,5C", -31.5), (" 31,5(low battery)", 31.5), (",5", 0.5),
        ("0,125", 0.125), ("-0,125", -0.125), ("1234,567 K", 961.417), ("31,4999", 31.4999), ("3,15e1", 31.5),
        ("31.5(low battery)", 31.5), ("31.5 °C (sensor 1)", 31.5), ("31.5 ()", 31.5), ("31.5\n", 31.5),
    ],
)  # fmt: skip
def test_a_number_comes_bare_as_text_with_its_unit_and_with_a_remark(raw, number):
    assert value({"from": "t"}, {"t": raw}) == number


@pytest.mark.parametrize(
    ("raw", "key", "word"),
    [
        (True, "unread.truth", "true"),
        (False, "unread.truth", "false"),
        ([31.5], "unread.many", "[31.5]"),
        ({"value": 31.5}, "unread.many", '{"value": 31.5}'),
        ([], "unread.many", "[]"),
        (["é" * 100], "unread.many", '["' + "é" * 62),
        ("", "unread.no_number", ""),
        ("NaN", "unread.no_number", "NaN"),
        ("nan", "unread.no_number", "nan"),
        ("inf", "unread.no_number", "inf"),
        ("ERR", "unread.no_number", "ERR"),
        ("--", "unread.no_number", "--"),
        ("(31.5)", "unread.no_number", "(31.5)"),
        ("31.5 (a) b", "unread.no_number", "31.5 (a) b"),
        ("3" * 65, "unread.no_number", "3" * 64),
        ("1,234", "unread.comma", "1,234"),
        ("31,400 °C", "unread.comma", "31,400 °C"),
        ("-100,000", "unread.comma", "-100,000"),
        ("1,234.5", "unread.comma", "1,234.5"),
        ("1.234,5", "unread.comma", "1.234,5"),
        ("1 234,5", "unread.comma", "1 234,5"),
        ("1,234,567", "unread.comma", "1,234,567"),
        ("31,5,6", "unread.comma", "31,5,6"),
        ("31,5 %", "unread.unit", "%"),
        ("31.5 %", "unread.unit", "%"),
        ("31.5 happy", "unread.unit", "happy"),
        ("0x1F", "unread.unit", "x1F"),
        ("12:30", "unread.unit", ":30"),
        ("1.2.3", "unread.unit", ".3"),
        (2**53 + 1, "unread.no_number", str(2**53 + 1)),
        (-1e300, "unread.no_number", "-1e+300"),
        (10**400, "unread.no_number", "1" + "0" * 63),
        (INF, "unread.no_number", "inf"),
        ("1e999", "unread.no_number", "inf"),
    ],
    ids=lambda one: repr(one)[:20],
)
def test_what_gives_no_value_says_why_in_both_languages(raw, key, word):
    assert why({"from": "a.t"}, {"a": {"t": raw}}) == (Unread("air_temperature", "a.t", key, word),)
    for lang in ("vi", "en"):
        said = text(key, lang, signal="air_temperature", path="a.t", value=word)
        assert "air_temperature" in said and "a.t" in said and word in said


@pytest.mark.parametrize("says", [{}, {"t": None}, {"t": NAN}, {"a": 1}, [], None, 3, "t", [{"a": 1}]])
def test_what_is_not_there_or_null_is_not_measured_and_no_fault(says):
    heard = reader(air_temperature={"from": "t"}).read(says, {})
    assert (heard.values, heard.totals, heard.unread) == ({}, {}, ())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
        lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from("tuab"), one),
    )
)
def test_no_message_is_too_strange_to_be_read(says):  # fmt: skip
    one = reader(
        air_temperature={"from": ["t", "a[0]", "[a=1][-1].t"], "unit": {"from": "u"}, "not": [85, "ERR"]},
        water_level={"from": "b", "unit": "mm", "times": -1, "plus": "height"},
        wind_direction={"from": ["a", "b"], "join": "mean"},
        pump_state={"from": "t"},
    )
    heard = one.read(says, {"height": 3.2})
    json.dumps(heard.values, allow_nan=False)
    assert all(type(number) is float for number in heard.values.values())


# -- units


@pytest.mark.parametrize(
    ("unit", "raw", "number"),
    [
        ("uS/cm", 870, 0.87), ("uS/cm", "870", 0.87), ("uS/cm", "0.87dS/m", 0.87),
        ("mS/m", "870 µS/cm", 0.87), ("dS/m", "0.87", 0.87),
    ],
)  # fmt: skip
def test_a_unit_in_the_text_counts_before_the_file_s(unit, raw, number):
    assert value({"from": "c", "unit": unit}, {"c": raw}, "soil_ec") == number


@pytest.mark.parametrize(
    ("raw", "beside", "number"),
    [
        (870, "uS/cm", 0.87), ("870", "µS/cm", 0.87), (0.87, "dS/m", 0.87), (0.87, " mS/cm ", 0.87),
        ("0.87dS/m", "uS/cm", 0.87), ("870uS/cm", "dS/m", 0.87), ("0.87dS/m", None, 0.87),
    ],
)  # fmt: skip
def test_a_unit_may_stand_beside_the_number_and_in_the_text_counts_before_that(raw, beside, number):
    says = {"v": raw} if beside is None else {"v": raw, "u": {"name": beside}}
    assert value({"from": "v", "unit": {"from": "u.name"}}, says, "soil_ec") == number


@pytest.mark.parametrize(
    ("beside", "word"), [("mm", "mm"), ("", ""), (None, ""), (3, "3"), (..., ""), ("x" * 50, "x" * 32)]
)
def test_without_a_unit_beside_it_that_measures_the_signal_nothing_is_guessed(beside, word):
    says = {"v": 870} | ({} if beside is ... else {"u": beside})
    unread = (Unread("soil_ec", "v", "unread.unit", word),)
    assert why({"from": "v", "unit": {"from": "u"}}, says, "soil_ec") == unread


# -- not measured


@pytest.mark.parametrize("raw", [327.67, "327.67", "327.67 °C", 85, "85", 85.0, "ERR", "n/a"])
def test_a_sentinel_is_not_measured_as_number_and_as_text(raw):
    assert why({"from": "t", "not": [327.67, 85, "ERR", "n/a"]}, {"t": raw}) == ()
    assert value({"from": "t", "not": [3276.7]}, {"t": 31.5}) == 31.5


def test_a_sentinel_is_in_the_maker_s_unit_and_so_are_the_ends():
    assert value({"from": "t", "unit": "K", "not": 300.65}, {"t": 300.65}) is None
    assert value({"from": "t", "unit": "K", "not": 27.5}, {"t": 300.65}) == 27.5
    wording = {"from": "t", "unit": "K", "between": [273.15, 333.15]}
    assert [value(wording, {"t": one}) for one in (273.14, 273.15, 333.15, 333.16, "333.16")] == [
        None, 0.0, 60.0, None, None,
    ]  # fmt: skip


def test_what_lies_outside_of_a_clamp_is_its_end():
    wording = {"from": "w", "clamp": [0, 100]}
    assert [value(wording, {"w": one}, "leaf_wetness") for one in (-4, 0, 31.5, 100, "104")] == [
        0.0, 0.0, 31.5, 100.0, 100.0,
    ]  # fmt: skip


def test_a_negative_number_that_a_decoder_gets_wrong_is_put_right():
    wording = {"from": "t", "below_zero": -0.01}
    assert [value(wording, {"t": one}) for one in (-0.01, "-3.29", 0, 0.01)] == [-0.02, -3.3, 0.0, 0.01]


def test_true_and_false_too_may_say_that_nothing_is_measured():
    for word in (False, "false"):
        assert why({"from": "t", "not": word}, {"t": False}) == ()
        assert why({"from": "t", "not": word}, {"t": True})[0].why == "unread.truth"


# -- several fields


def test_of_alternatives_the_first_that_has_a_number_counts():
    wording = {"from": ["a", "b[0]", "c"], "not": 85}
    assert value(wording, {"a": [1], "b": [False], "c": 3}) == 3.0
    assert value(wording, {"a": 1, "b": [2], "c": 3}) == 1.0
    assert value(wording, {"b": [2], "c": 3}) == 2.0
    assert value(wording, {"a": None, "b": [], "c": 3}) == 3.0
    assert value(wording, {"a": 85, "b": "ERR", "c": "3"}) == 3.0
    heard = reader(air_temperature=wording).read({"a": True, "b": [[1]], "c": "ERR"}, {})
    assert [(one.path, one.why) for one in heard.unread] == [
        ("a", "unread.truth"), ("b[0]", "unread.many"), ("c", "unread.no_number"),
    ]  # fmt: skip


@pytest.mark.parametrize(("join", "joined"), [("sum", 4.2), ("mean", 1.4)])
def test_several_fields_are_joined_and_none_of_them_may_be_missing(join, joined):
    wording = {"from": ["a", "b", "c"], "unit": "kWh", "join": join}
    assert value(wording, {"a": 1.1, "b": "1.2", "c": "1900 Wh"}, "energy") == joined
    for missing in ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": None}, {"a": 1, "b": "x", "c": 3}, {}):
        assert value(wording, missing, "energy") is None


# -- the place


def test_a_distance_down_becomes_a_level_by_the_height_of_the_place():
    wording = {"from": "distance", "unit": "mm", "times": -1, "plus": "height"}
    assert value(wording, {"distance": 1100}, "water_level", height=3.2) == 2.1
    assert value(wording, {"distance": "1100 mm"}, "water_level", height=-1) == -2.1
    unread = (Unread("water_level", "distance", "unread.place", "height"),)
    assert why(wording, {"distance": 1100}, "water_level") == unread
    assert why(wording, {"distance": 1100}, "water_level", depth=1.0) == unread
    assert "--set height=" in text("unread.place", "en", signal="s", path="p", value="height")
    assert Probe.model_validate(
        {"id": "x", "maker": "-", "readings": {"water_level": wording}}
    ).place_values == ("height",)


def test_times_and_plus_are_in_the_signal_s_unit_and_leave_no_float_noise():
    assert value({"from": "t", "unit": "[degF]", "times": 2, "plus": 0.1}, {"t": 32.18}) == 0.3
    assert value({"from": "t", "times": 0.1}, {"t": 3}) == 0.3


def test_a_result_that_is_too_big_is_no_value():
    (unread,) = why({"from": "t", "times": 1e300}, {"t": 1e15})
    assert unread.why == "unread.no_number"


# -- single signals


@pytest.mark.parametrize(
    ("raw", "degrees"),
    [(0, 0), (359.9, 359.9), (360, 0), (361, 1), (-90, 270), ("360°", 0), (-1e-20, 0), (-1e-12, 0)],
)
def test_a_wind_direction_of_360_is_0(raw, degrees):
    said = value({"from": "d"}, {"d": raw}, "wind_direction")
    assert said == pytest.approx(degrees) or (raw == -1e-12 and 0 <= 360 - said < 1e-9)
    assert 0 <= said < 360


def test_a_vane_that_is_mounted_the_wrong_way_round_stays_on_the_circle():
    wording = {"from": "d", "plus": 180}
    assert [value(wording, {"d": raw}, "wind_direction") for raw in (0, 90, 180, 270)] == [180, 270, 0, 90]


def test_a_switch_may_be_said_as_true_and_false():
    assert value({"from": "on"}, {"on": True}, "pump_state") == 1.0
    assert value({"from": "on", "unit": "%"}, {"on": True}, "valve_state") == 1.0
    assert value({"from": "on", "unit": "%"}, {"on": 40}, "valve_state") == 0.4
    assert value({"from": "on"}, {"on": False}, "aerator_state") == 0.0


def test_a_counter_s_total_is_no_value():
    heard = reader(
        rainfall={"from": "rain", "unit": "[in_i]", "counter": "daily"},
        pest_count={"from": "n", "counter": "total"},
    ).read({"rain": "2", "n": 7}, {})
    assert (heard.values, heard.totals) == ({}, {"rainfall": ("daily", 50.8), "pest_count": ("total", 7.0)})
    assert not heard.empty


def test_a_reader_tells_whether_a_message_has_any_of_its_fields():
    one = reader(air_temperature={"from": ["t", "temp"], "not": 85})
    assert one.names({"temp": None}) and one.names({"t": 85}) and one.names([{"t": "x"}])
    assert not one.names({"hum": 1}) and not one.names({}) and not one.names(None)


# -- the time of measurement

AT = 1_795_230_011_000  # 2026-11-21T03:00:11Z


def time_of(said, **clock):
    probe = {"id": "x", "maker": "-", "readings": {"rssi": {"from": "r"}}, "time": {"from": "a.t", **clock}}
    return Reader(Probe.model_validate(probe)).time({"a": {"t": said}, "r": -80})


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-21T03:00:11Z",
        "2026-11-21 10:00:11+07:00",
        AT,
        AT // 1000,
        AT / 1000,
        str(AT),
        str(AT // 1000),
    ],
)
def test_a_time_is_read_in_the_usual_ways(said):
    assert time_of(said) == time_of(said, zone="+07:00") == AT


def test_a_text_without_a_zone_has_that_of_the_file_and_is_refused_where_it_has_none():
    for said in ("2026-11-21T10:00:11", "2026-11-21 10:00:11"):
        assert time_of(said, zone="+07:00") == AT
        with pytest.raises(PayloadError) as refused:
            time_of(said)
        assert (refused.value.reason, refused.value.field) == ("probe_time", f"a.t {said}")


@pytest.mark.parametrize("said", ["soon", "21/11/2026 10:00", True, [AT], {"at": AT}, INF, 10**20])
def test_what_is_no_time_is_refused_by_name(said):
    with pytest.raises(PayloadError, match="zone"):
        time_of(said, zone="+07:00")


def test_a_message_without_a_time_has_none():
    assert time_of(None) is None and time_of("") is None
    assert reader(rssi={"from": "r"}).time([]) is None


@pytest.mark.parametrize("clock", [{"zone": "Asia/Ho_Chi_Minh"}, {"zone": "7"}, {"from": "a["}])
def test_a_clock_that_cannot_be_is_refused_in_the_file(clock):
    with pytest.raises(ValidationError):
        time_of(AT, **clock)
