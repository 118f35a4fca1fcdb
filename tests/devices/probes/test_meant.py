"""The unit that a value seems to have: the correct value, and the source of its factor."""

import pytest

from devices.contract.signals import SIGNALS
from devices.probes import meant
from devices.probes.units import UNITS
from devices.texts import text


@pytest.mark.parametrize(
    ("signal", "value", "unit", "right"),
    [
        ("air_temperature", 301.15, "K", "28 °C"), ("air_temperature", 86.5, "°F", "30.3 °C"),
        ("air_temperature", 1500, "K", None), ("air_pressure", 101_325, "Pa", "1013.2 hPa"),
        ("air_pressure", 101.3, "kPa", "1013 hPa"), ("battery_voltage", 3600, "mV", "3.6 V"),
        ("soil_ec", 1130, "µS/cm", "1.13 dS/m"), ("soil_ph", 650, "1/100 pH", "6.5"),
        ("rssi", 97, "-dBm", "-97 dBm"), ("air_temperature", 412, "1/10 °C", "41.2 °C"),
        ("air_temperature", 327.67, "1/10 °C", None),
        ("salinity", 1500, "mg/L", "1.5 g/L"), ("relative_humidity", 655, "‰", "65.5%"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_told_in_the_unit_that_it_seems_to_be_in(signal, value, unit, right):
    said = meant.other_unit(SIGNALS[signal], value)
    if right is None:
        assert said is None or said[1]["unit"] != unit
    else:
        assert said == ("check.other_unit", {"unit": unit, "value": right})


@pytest.mark.parametrize(
    ("value", "units"),
    [(285, "K → 11.8 °C, 1/10 °C → 28.5 °C"), (86, "°F → 30 °C, 1/10 °C → 8.6 °C")],
)
def test_of_several_units_that_fit_none_is_called_the_right_one(value, units):
    said = meant.other_unit(SIGNALS["air_temperature"], value)
    assert said == ("check.other_units", {"units": units})
    assert all(units in text(said[0], lang, **said[1]) for lang in ("vi", "en"))


@pytest.mark.parametrize("value", [-127, 85, 327.67, 65535, -999])
def test_a_number_that_means_that_nothing_is_connected_is_called_that(value):
    reason, phrases = meant.value_doubted("soil_temperature", value)
    assert reason == "gross_range" and [key for key, _ in phrases][:2] == ["check.range", "check.sentinel"]


def test_a_battery_s_level_that_is_sent_as_its_voltage_is_no_voltage_of_less_than_a_tenth():
    assert meant.other_unit(SIGNALS["battery_voltage"], 87) == ("check.as_level", {})


@pytest.mark.parametrize(("value", "doubted"), [(0.315, True), (0, False), (1.2, False)])
def test_a_share_of_1_is_doubted_as_the_moisture_of_soil(value, doubted):
    for name in ("soil_moisture", "soil_moisture_2"):
        assert (meant.value_doubted(name, value)[0] == "share") is doubted
    assert meant.value_doubted("salinity", value) == ("", ())


NOW = 1_796_033_998_989  # 2026-11-30T10:19:58.989Z


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("2026-11-30T10:19:58", "2026-11-30T10:19:58Z"), ("2026-11-30 10:19", "2026-11-30T10:19:00Z"),
        ("2026-11-30T17:19:58", "2026-11-30T17:19:58+07:00"),
        ("2026-11-21 10:00", "2026-11-21T10:00:00+07:00"),
        (NOW * 10**6, NOW), (NOW * 1000, NOW), (NOW // 1000, NOW // 1000 * 1000), (NOW, NOW),
        (str(NOW), NOW), (str(NOW // 1000), NOW // 1000 * 1000), (f"{NOW}000", NOW), (f"{NOW}000000", NOW),
    ],
)  # fmt: skip
def test_a_time_in_another_unit_or_without_a_zone_is_told_as_the_one_that_is_near_now(given, right):
    assert meant.field_meant("ts", given, NOW) == {"ts": right}


def test_microseconds_are_called_that():
    assert meant.clock_meant(NOW * 1000, NOW, senml=False) == ("check.clock_fine", {"value": NOW})


def test_every_factor_is_that_of_the_table_of_units():
    for own, others in meant._OTHER_UNITS.items():
        for name, given in others:
            if isinstance(given, str):
                assert UNITS[given].dimension == UNITS[own].dimension, name


@pytest.mark.parametrize("value", [True, False])
def test_a_truth_in_place_of_a_time_is_no_guess_of_1970(value):
    assert meant.field_meant("ts", value, 1_795_255_200_000) == {}
