"""The unit that a value seems to have: the correct value, and the source of its factor."""

import pytest

from devices.contract.signals import SIGNALS
from devices.probes import meant
from devices.probes.units import UNITS


@pytest.mark.parametrize(
    ("signal", "value", "unit", "right"),
    [
        ("air_temperature", 301.15, "K", "28 °C"), ("air_temperature", 86.0, "°F", "30 °C"),
        ("air_temperature", 1500, "K", None), ("air_pressure", 101_325, "Pa", "1013.2 hPa"),
        ("air_pressure", 101.3, "kPa", "1013 hPa"), ("battery_voltage", 3600, "mV", "3.6 V"),
        ("soil_ec", 1130, "µS/cm", "1.13 dS/m"), ("soil_ph", 650, "0,01 pH", "6.5"),
        ("rssi", 97, "-dBm", "-97 dBm"),
        ("salinity", 1500, "mg/L", "1.5 g/L"), ("relative_humidity", 655, "‰", "65.5%"),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_told_in_the_unit_that_it_seems_to_be_in(signal, value, unit, right):
    said = meant.other_unit(SIGNALS[signal], value)
    if right is None:
        assert said is None or said[1]["unit"] != unit
    else:
        assert said == ("check.other_unit", {"unit": unit, "value": right})


def test_every_factor_is_that_of_the_table_of_units():
    for own, others in meant._OTHER_UNITS.items():
        for name, given in others:
            if isinstance(given, str):
                assert UNITS[given].dimension == UNITS[own].dimension, name
