"""Units as makers write them: every spelling, and pairs that others have published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract.signals import SIGNALS
from devices.probes.probe import units_for
from devices.probes.units import UNITS, convert, spellings, ucum, unit_of

# written by hand, beside the table: the meaning that a spelling must have
SPELT = {
    "Cel": ["°C", "℃", "C", "degC", "ºC", "Celsius", " °C "],
    "[degF]": ["°F", "℉", "F", "degF"],
    "%": ["percent", "%RH", "%rh", "RH%", "%VWC", "pct", "%EL"],
    "m3/m3": ["m³/m³", "m³⋅m⁻³", "m³·m⁻³"],
    "mbar": ["mb", "millibar", "hPa"],
    "[psi]": ["psi"],
    "mm[Hg]": ["mmHg"],
    "[in_i'Hg]": ["inHg"],
    "[in_i]": ["in", "inch"],
    "[ft_i]": ["ft"],
    "m/s": ["m⋅s⁻¹", "mps"],
    "km/h": ["kmh", "kph"],
    "[mi_i]/h": ["mph"],
    "[kn_i]": ["kn", "kt"],
    "W/m2": ["W/m²", "W⋅m⁻²"],
    "uS/cm": ["µS/cm", "μS/cm", "us/cm", "µS⋅cm⁻¹"],
    "mS/cm": ["ms/cm", "dS/m", "ds/m"],
    "V": ["v", "volt"],
    "mV": ["mv"],
    "kW.h": ["kWh", "KWh"],
    "W.h": ["Wh"],
    "m3": ["m³", "M3", "m^3"],
    "L": ["l", "liter", "litre"],
    "{NTU}": ["NTU", "FNU", "{FAU}"],
    "mg/L": ["mg/l", "mg⋅L⁻¹"],
    "ug/m3": ["µg/m³", "μg/m³", "µg/m3"],
    "[pH]": ["pH", "ph"],
    "dB[SPL]": ["dB", "dBA", "dB(A)"],
    "dB[mW]": ["dBm"],
    "[ppm]": ["ppm"],
    "lx": ["lux", "Lux"],
    "deg": ["°", "degrees"],
}


@pytest.mark.parametrize("signal", SIGNALS)
def test_the_unit_of_every_signal_is_known_and_so_are_those_it_may_be_given_in(signal):
    own = unit_of(SIGNALS[signal].unit)
    assert own is not None
    assert SIGNALS[signal].unit in units_for(signal)
    assert {unit_of(name).dimension for name in units_for(signal)} == {own.dimension}


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_share_of_volume_is_offered_for_the_ground_alone(signal):
    assert ("m3/m3" in units_for(signal)) == signal.startswith("soil_moisture")


@pytest.mark.parametrize(("name", "word"), [(name, word) for name, words in SPELT.items() for word in words])
def test_a_spelling_is_that_unit(name, word):
    assert unit_of(word) == UNITS[name]


@pytest.mark.parametrize(
    ("word", "name"),
    [("NTU", "{NTU}"), (" ntu ", "{NTU}"), ("FNU", "{FNU}"), ("{FAU}", "{FAU}"), ("dS/m", "dS/m"),
     ("ms/cm", "mS/cm"), ("hPa", "hPa"), ("mb", "mbar"), ("blobs", "blobs"), ("", "")],
)  # fmt: skip
def test_of_units_of_one_size_a_word_is_the_one_that_it_names(word, name):
    assert ucum(word) == name


@pytest.mark.parametrize("name", UNITS)
def test_every_spelling_has_one_name_of_the_same_unit(name):
    assert UNITS[ucum(name)] == UNITS[name] and ucum(ucum(name)) == ucum(name)


@pytest.mark.parametrize(
    "word", ["", " ", "Mv", "MV", "c", "f", "°", "blobs", "m", "k", "uS", "31.5", "None"]
)
def test_what_is_not_known_is_no_unit_and_never_a_guess(word):
    known = {"°": "angle", "m": "length"}
    unit = unit_of(word)
    assert (unit.dimension if unit else None) == known.get(word)


def test_every_unit_has_a_factor_and_its_dimension_lists_it_or_a_twin():
    for name, unit in UNITS.items():
        assert unit.times > 0
        assert any(UNITS[one] == unit for one in spellings(unit.dimension)), name


# from NIST SP 811 appendix B, the SI brochure and UCUM; shares and seconds by definition
PAIRS = [
    (0, "Cel", 32, "[degF]"), (100, "Cel", 212, "[degF]"), (-40, "Cel", -40, "[degF]"),
    (27.5, "Cel", 300.65, "K"), (0, "K", -459.67, "[degF]"),
    (0.276, "m3/m3", 27.6, "%"), (0.5, "1", 50, "%"), (276, "[ppth]", 27.6, "%"),
    (1, "atm", 1013.25, "hPa"), (1, "bar", 100, "kPa"), (1000, "hPa", 0.1, "MPa"), (1, "mbar", 100, "Pa"),
    (1, "[psi]", 68.94757293168, "hPa"), (29.92, "[in_i'Hg]", 1013.2075888, "hPa"),
    (750, "mm[Hg]", 999.9179056125, "hPa"),
    (1, "[ft_i]", 12, "[in_i]"), (1, "[in_i]", 25.4, "mm"), (1, "[ft_i]", 0.3048, "m"), (1, "km", 1e5, "cm"),
    (10, "m/s", 36, "km/h"), (1, "[kn_i]", 1.852, "km/h"), (1, "[mi_i]/h", 0.44704, "m/s"),
    (1, "mm/min", 60, "mm/h"), (24, "mm/d", 1, "mm/h"), (1, "[in_i]/h", 25.4, "mm/h"),
    (1, "kW/m2", 1000, "W/m2"), (1, "klx", 1000, "lx"), (3.141592653589793, "rad", 180, "deg"),
    (1, "dS/m", 1000, "uS/cm"), (1, "S/m", 10, "mS/cm"), (1, "mS/m", 10, "uS/cm"), (1, "S/cm", 100, "S/m"),
    (3.6, "V", 3600, "mV"), (1, "mV", 1000, "uV"),
    (1, "kW.h", 3.6, "MJ"), (3600, "J", 1, "W.h"), (1, "MW.h", 1000, "kW.h"), (3600, "kJ", 1, "kW.h"),
    (1, "m3", 1000, "L"), (1, "[gal_us]", 3.785411784, "L"), (1, "[cft_i]", 28.316846592, "L"),
    (1, "hL", 1000, "dL"), (1, "L", 1000, "mL"),
    (1, "{FNU}", 1, "{NTU}"), (1, "mg/L", 1000, "ug/L"), (1, "g/L", 1, "kg/m3"), (1, "g/kg", 1000, "mg/kg"),
    (1, "mg/m3", 1000, "ug/m3"), (1, "[ppm]", 1000, "[ppb]"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "unit", "other", "another"), PAIRS)
def test_known_pairs_in_both_directions(one, unit, other, another):
    assert convert(one, UNITS[unit], UNITS[another]) == pytest.approx(other, rel=1e-9, abs=1e-9)
    assert convert(other, UNITS[another], UNITS[unit]) == pytest.approx(one, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "unit", "wanted", "printed"),
    [
        (0.27576, "m3/m3", "%", "27.576"), (0.29, "1", "%", "29.0"), (0.07, "m3/m3", "%", "7.0"),
        (1130, "uS/cm", "dS/m", "1.13"), (3603, "mV", "V", "3.603"), (1234, "mm", "m", "1.234"),
        (300.65, "K", "Cel", "27.5"), (212, "[degF]", "Cel", "100.0"), (81.5, "[degF]", "Cel", "27.5"),
        (101.3, "kPa", "hPa", "1013.0"), (31.5, "%", "%", "31.5"), (0.1 + 0.2, "%", "%", str(0.1 + 0.2)),
    ],
)  # fmt: skip
def test_no_float_noise_is_made_and_what_is_not_converted_is_not_touched(value, unit, wanted, printed):
    assert str(float(convert(value, UNITS[unit], UNITS[wanted]))) == printed


@given(st.floats(-1e9, 1e9), st.data())
def test_there_and_back_is_the_same(value, data):
    unit = UNITS[data.draw(st.sampled_from(sorted(UNITS)))]
    other = UNITS[data.draw(st.sampled_from(spellings(unit.dimension)))]
    back = convert(convert(value, unit, other), other, unit)
    assert back == pytest.approx(value, rel=1e-8, abs=max(1e-6, 1e-6 / unit.times))
