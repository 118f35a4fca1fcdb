"""A probe file is made from a probe's message: fields, proposals, and a file that reads what was meant."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract.models import MODELS
from devices.probes import learn
from devices.probes.learn import Choice, Field, asks_unit, fields, meant, proposals, signals_of, text_of
from devices.probes.path import find, parse
from devices.probes.reader import Reader
from devices.probes.shelf import Shelf
from devices.probes.shelf import parse as probes_of

FILE = Path("/data/probes/own.yaml")


def of(*messages):
    return {one.path: one for one in fields(messages)}


def reading(choices, *messages, **place):
    (probe,) = probes_of(text_of("own", "Hãng A", choices), FILE)
    return [Reader(probe).read(message, place) for message in messages]


def test_fields_are_the_numbers_in_the_order_in_which_they_stand():
    says = {
        "b": 3.6,
        "water": {"SOIL": "34.60"},
        "on": True,
        "none": None,
        "name": "LSE01",
        "a": [1, {"x": 2}],
    }
    assert fields([says]) == [
        Field("b", 3.6, "", False),
        Field("water.SOIL", 34.6, "", False),
        Field("a[0]", 1.0, "", False),
        Field("a[1].x", 2.0, "", False),
    ]


@pytest.mark.parametrize(
    ("says", "path", "number", "unit"),
    [
        ({"t": "27.5℃"}, "t", 27.5, "Cel"),
        ({"t": "27.5 °C (ok)"}, "t", 27.5, "Cel"),
        ({"ec": "0.25dS/m"}, "ec", 0.25, "dS/m"),
        ({"ec": {"value": 870, "unit": "uS/cm"}}, "ec.value", 870.0, "uS/cm"),
        ({"ec": {"value": "870", "Unit": "µS/cm"}}, "ec.value", 870.0, "uS/cm"),
        ({"ec": {"value": 870, "unit": "blobs"}}, "ec.value", 870.0, ""),
        ({"unit": "°C", "t": 27.5}, "t", 27.5, ""),
        ({"a.b": {"c'd": 1}}, "'a.b'.'c''d'", 1.0, ""),
    ],
)
def test_a_unit_is_taken_where_it_is_told(says, path, number, unit):
    assert of(says)[path] == Field(path, number, unit, False)


@pytest.mark.parametrize(
    "says", [{"t": "27.5 blobs"}, {"t": "ERR"}, {"t": True}, {"t": 10**400}, {}, [], 31.5, "3", None]
)
def test_what_is_no_number_is_no_field(says):
    assert fields([says]) == []


def test_an_element_of_a_list_is_named_by_what_tells_it_from_the_others():
    says = {
        "messages": [
            {"type": "t", "measurementId": 4102, "measurementValue": 27.1},
            {"type": "t", "measurementId": 4103, "measurementValue": 31.5},
        ],
        "same": [{"type": "a", "v": 1}, {"type": "a", "v": 2}],
        "alike": [{"id": 1, "v": 1}, {"id": "1", "v": 2}],
        "odd": [{"label": "soil, 30 cm", "v": 1}, {"label": "it's", "v": 2}, {"label": "", "v": 3}],
        "deep": [[{"type": "a", "v": 1}], {"type": "a", "v": 2}],
    }
    assert [one.path for one in fields([says]) if one.path.endswith(("v", "Value"))] == [
        "messages[measurementId=4102].measurementValue",
        "messages[measurementId=4103].measurementValue",
        "same[0].v", "same[1].v", "alike[0].v", "alike[1].v",
        "odd[label='soil, 30 cm'].v", "odd[label='it''s'].v", "odd[label=''].v",
        "deep[0][type=a].v", "deep[1].v",
    ]  # fmt: skip


LEAF = st.none() | st.booleans() | st.integers(-99, 99) | st.sampled_from(["31.5", "27 °C", "soil", "1"])
NAMES = st.sampled_from(["type", "id", "label", "v", "a.b", "it's", "", "[0]", "unit"])


@given(st.recursive(LEAF, lambda one: st.lists(one, max_size=4) | st.dictionaries(NAMES, one, max_size=4)))
def test_the_path_of_every_field_leads_to_its_number(says):
    for one in fields([says]):
        assert learn._number(find(says, parse(one.path)))[0] == one.number


def test_a_sentinel_is_none_where_another_message_has_a_number():
    assert of({"t": 327.67})["t"] == Field("t", 327.67, "", sentinel=True)
    assert of({"t": 327.67}, {"t": "28.1"})["t"] == Field("t", 28.1, "", sentinel=False)
    assert of({"t": 28.1}, {"t": 327.67})["t"] == Field("t", 28.1, "", sentinel=False)
    assert of({"t": 85}, {"t": "-127 °C"})["t"].sentinel
    assert not proposals(fields([{"temperature": 85, "humidity": -999}]), "soil-probe")


def test_of_a_great_message_the_first_fields_are_looked_at():
    assert len(fields([{f"n{place}": place for place in range(1000)}])) == learn.MOST
    assert fields([{"x" * learn.LONGEST: 1, "x" * (learn.LONGEST + 1): 2}]) == [
        Field("x" * learn.LONGEST, 1.0, "", sentinel=False)
    ]
    assert len(fields([{f"n{place}": f"text {place}" for place in range(learn.LEAVES)} | {"last": 1}])) == 0
    many = [{f"m{message}n{place}": place for place in range(50)} for message in range(50)]
    assert len(fields(many)) == learn.MOST, "in all of them together"


# -- proposals

LSE01 = {
    "Bat": 3.41,
    "TempC_DS18B20": "327.67",
    "water_SOIL": "34.60",
    "temp_SOIL": "28.15",
    "conduct_SOIL": 870,
}


def test_a_soil_probe_s_fields_are_proposed_for_its_signals():
    proposed = {signal: one.path for signal, one in proposals(fields([LSE01]), "soil-probe").items()}
    assert proposed == {
        "soil_moisture": "water_SOIL", "soil_temperature": "temp_SOIL", "soil_ec": "conduct_SOIL",
        "battery_voltage": "Bat",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "signal"),
    [(3.41, "battery_voltage"), (3, "battery_voltage"), (12.6, "battery_voltage"), (3410, "battery_voltage"),
     (87, "battery_level"), (100, "battery_level"), (87.5, "battery_level"), ("12 %", "battery_level"),
     ("3.4 V", "battery_voltage")],
)  # fmt: skip
def test_a_battery_s_number_is_taken_for_volts_where_a_cell_has_so_many(number, signal):
    assert list(proposals(fields([{"battery": number}]), "soil-probe")) == [signal]


def test_what_a_name_adds_tells_another_thing_apart():
    station = {"tempinf": 28.9, "humidityin": 61, "tempc": 31.4, "humidity": 74, "rainrate": 1, "rainday": 3}
    proposed = {signal: one.path for signal, one in proposals(fields([station]), "weather-station").items()}
    wanted = {"air_temperature": "tempc", "relative_humidity": "humidity", "rainfall": "rainday"}
    assert proposed.items() >= wanted.items()


@pytest.mark.parametrize("model", MODELS)
def test_proposals_stay_within_the_model_and_use_no_field_twice(model):
    shelf = Shelf()
    for kept in shelf.probes.values():
        proposed = proposals(fields([one.says for one in kept.probe.example]), model)
        assert proposed.keys() <= set(signals_of(model))
        assert len({one.path for one in proposed.values()}) == len(proposed)
        assert all(any(one.plausible for one in meant(field, signal)) for signal, field in proposed.items())


def test_a_unit_of_another_dimension_and_an_impossible_number_are_not_proposed():
    assert proposals(fields([{"soil_temp": "31 %"}]), "soil-probe") == {}
    assert "soil_temperature" not in proposals(fields([{"soil_temp": 4000}]), "soil-probe")


@pytest.mark.parametrize(
    ("signal", "unit", "asked"),
    [
        ("battery_voltage", "", True), ("battery_level", "", True), ("battery_voltage", "mV", False),
        ("soil_moisture", "", True), ("soil_moisture", "%", False), ("soil_ec", "", True),
        ("water_level", "", True), ("air_temperature", "", False), ("rssi", "", False),
        ("wind_speed", "", True), ("wind_speed", "km/h", False), ("rainfall", "", True),
        ("rain_rate", "", True), ("wind_direction", "", False),
    ],
)  # fmt: skip
def test_the_unit_is_asked_where_makers_use_several(signal, unit, asked):
    assert asks_unit(Field("x", 3.6, unit, False), signal) is asked


def test_a_battery_may_be_in_volt_or_per_cent_and_each_unit_shows_what_it_would_be():
    volt = {
        one.unit: (one.value, one.plausible)
        for one in meant(Field("bat", 3600, "", False), "battery_voltage")
    }
    assert volt["mV"] == (3.6, True) and volt["V"] == (3600, False)
    level = {
        one.unit: (one.value, one.plausible) for one in meant(Field("bat", 87, "", False), "battery_level")
    }
    assert level["%"] == (87, True) and level["1"] == (8700, False)
    assert [one.unit for one in meant(Field("bat", 3600, "mV", False), "battery_voltage")] == ["mV"]


# -- the file


def test_the_file_reads_the_values_that_were_meant():
    choices = {
        "soil_moisture": Choice("water_SOIL", "%"),
        "soil_temperature": Choice("temp_SOIL"),
        "soil_ec": Choice("conduct_SOIL", "uS/cm"),
        "battery_voltage": Choice("Bat", "V"),
    }
    (heard,) = reading(choices, LSE01)
    assert heard.values == {
        "soil_moisture": 34.6, "soil_temperature": 28.15, "soil_ec": 0.87, "battery_voltage": 3.41,
    }  # fmt: skip
    assert heard.unread == ()


def test_sentinels_that_cannot_be_values_are_none_of_it():
    heard = reading({"soil_temperature": Choice("t"), "soil_moisture": Choice("m", "%")},
                    {"t": 327.67, "m": 655.35}, {"t": "85", "m": "-999"}, {"t": 28.1, "m": 31.5})  # fmt: skip
    assert [one.values for one in heard] == [{}, {}, {"soil_temperature": 28.1, "soil_moisture": 31.5}]


def test_a_sentinel_that_may_be_a_value_in_that_unit_is_one():
    (heard,) = reading(
        {"air_pressure": Choice("p", "hPa"), "soil_ec": Choice("ec", "uS/cm")}, {"p": 999.9, "ec": 9999}
    )
    assert heard.values == {"air_pressure": 999.9, "soil_ec": 9.999}


def test_counters_distances_and_odd_paths_are_written_as_they_are_read():
    says = {"rain": {"d.ay": 4.2}, "list": [{"type": "dist: #1", "v": 1100}, {"type": "no", "v": 3}]}
    choices = {
        "rainfall": Choice("rain.'d.ay'", counter="daily"),
        "water_level": Choice("list[type='dist: #1'].v", "mm", down=True),
    }
    (heard,) = reading(choices, says, height=3.2)
    assert (heard.values, heard.totals) == ({"water_level": 2.1}, {"rainfall": ("daily", 4.2)})


@given(
    st.dictionaries(
        NAMES, st.integers(21, 39) | st.sampled_from(["31.5 °C", "88 °F"]), min_size=1, max_size=5
    )
)
def test_of_any_names_the_file_reads_the_number_that_was_shown(says):
    for one in fields([says]):
        unit = one.unit or "Cel"
        (heard,) = reading({"air_temperature": Choice(one.path, unit)}, says)
        (shown,) = meant(one._replace(unit=unit), "air_temperature")
        assert heard.values == {"air_temperature": pytest.approx(shown.value)}


@pytest.mark.parametrize("maker", ["Hãng A", "a: b", "#1", "'", "-", "no", "1e5", "x" * 200])
def test_any_maker_can_be_written(maker):
    (probe,) = probes_of(text_of("own", maker, {"soil_temperature": Choice("t")}), FILE)
    assert (probe.id, probe.maker) == ("own", maker)


def test_a_moisture_that_is_rather_a_share_of_1_is_called_implausible_in_per_cent():
    units = {one.unit: one.plausible for one in meant(Field("vwc", 0.31, "", False), "soil_moisture")}
    assert units == {"%": False, "1": True, "m3/m3": True, "[ppth]": False}


def test_the_time_of_a_message_is_found_and_that_of_a_list_is_not():
    """With `time`, a file takes each element of a list for a message: a path into the list leads nowhere."""
    assert learn.time_in({"head": {"t": 1_796_050_867}}) == "head.t"
    assert learn.time_in([{"t": 1_796_050_867, "vwc": 31.5}]) is None
