"""A comma in a number is its decimal mark; a number that is there but cannot be told is refused by name."""

import json

import pytest

from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.probes import findings
from devices.probes.envelope import envelopes
from devices.probes.learn import fields
from devices.probes.meant import value_meant
from devices.probes.shelf import Shelf
from devices.probes.telemetry import Probes

FILE = """
id: mine
maker: Acme
readings:
  soil_moisture: {from: [a, b], unit: "%"}
  soil_temperature: {from: t}
  water_level: {from: down, unit: mm, times: -1, plus: height}
"""
CHIRPSTACK = envelopes()[0]
DEVICE = Device("p", "c", "d1", "soil-probe", simulated=False, probe="mine")


@pytest.fixture
def probes(tmp_path):
    (tmp_path / "mine.yaml").write_text(FILE, "utf-8")
    return Probes(Shelf(tmp_path))


def values(probes, says):
    (told,) = probes.telemetry(json.dumps(says).encode(), DEVICE, None)
    return told.values


def test_what_a_codec_writes_with_a_comma_is_stored(probes):
    assert values(probes, {"a": "32,40 %", "t": "27,5"}) == {"soil_moisture": 32.4, "soil_temperature": 27.5}


def test_what_may_be_read_in_two_ways_is_refused_by_name(probes):
    with pytest.raises(PayloadError) as refused:
        values(probes, {"a": "32,400 %", "t": "27,5"})
    assert (refused.value.reason, refused.value.field) == ("comma", "a 32,400 %")
    for lang in ("vi", "en"):
        assert "32,400" in refused.value.sentence(lang)
    found = findings.examine(b'{"a":"32,400 %","t":"27,5"}', DEVICE, 0, probes)
    assert found.refused and [one.reason for one in found.findings if one.refused] == ["comma"]


@pytest.mark.parametrize(("a", "shown"), [("31.5 happy", "a happy"), ("31.5 °C", "a °C"), ("12:30", "a :30")])
def test_a_number_with_something_that_is_no_unit_of_it_is_refused_by_name_and_not_lost(probes, a, shown):
    with pytest.raises(PayloadError) as refused:
        values(probes, {"a": a, "t": 27.5})
    assert (refused.value.reason, refused.value.field) == ("unread_unit", shown)
    assert all(shown in refused.value.sentence(lang) for lang in ("vi", "en"))


def test_a_text_without_a_number_is_not_measured_and_what_stands_beside_it_is_taken(probes):
    assert values(probes, {"a": "ERR", "t": 27.5}) == {"soil_temperature": 27.5}


def test_a_number_whose_place_value_is_missing_is_refused_by_name(probes):
    with pytest.raises(PayloadError, match="device set") as refused:
        values(probes, {"down": 1100, "t": 27.5})
    assert (refused.value.reason, refused.value.field) == ("no_place_value", "down height")


@pytest.mark.parametrize(
    ("a", "reason", "shown"),
    [
        (True, "truth", "a true"), (False, "truth", "a false"), ([31.5, 32], "many", "a [31.5, 32]"),
        ({"value": 31.5}, "many", 'a {"value": 31.5}'), ([], "many", "a []"),
    ],
)  # fmt: skip
def test_what_is_no_number_where_one_belongs_is_refused_by_name_and_not_lost(probes, a, reason, shown):
    with pytest.raises(PayloadError) as refused:
        values(probes, {"a": a, "t": 27.5})
    assert (refused.value.reason, refused.value.field) == (reason, shown)
    (found,) = findings.examine(json.dumps({"a": a, "t": 27.5}).encode(), DEVICE, 0, probes).findings
    assert found.refused and (found.reason, found.field) == (reason, shown)
    assert all(shown in found.sentence(lang) for lang in ("vi", "en"))


@pytest.mark.parametrize("a", ["32,400 %", "31.5 happy", True, [31.5]])
def test_it_is_not_where_another_path_has_the_number(probes, a):
    assert values(probes, {"a": a, "b": 32.4}) == {"soil_moisture": 32.4}


@pytest.mark.parametrize("a", ["32,400 %", "31.5 happy", False, {"b": 1}])
def test_who_checks_an_uplink_is_told_of_that_number_and_not_that_the_maker_s_names_are_none(probes, a):
    uplink = {"devAddr": "01ab23cd", "fCnt": 4, "object": {"a": a, "t": 27.5}}
    (found,) = findings.examine(json.dumps(uplink).encode(), DEVICE, 0, probes, CHIRPSTACK).findings
    assert found.refused and found.field.startswith("a ")
    assert found.reason in ("comma", "unread_unit", "truth", "many")


def test_who_learns_a_probe_is_shown_the_number():
    told = fields([{"moisture": "32,40 %", "total": "1,234 L"}])
    assert [(one.path, one.number, one.unit) for one in told] == [("moisture", 32.4, "%")]


@pytest.mark.parametrize(("given", "meant"), [("32,40 %", 32.4), ("32,4", 32.4), ("32", 32), ("1,234", None)])
def test_a_number_of_the_contract_that_is_a_text_is_guessed_alike(given, meant):
    assert value_meant("soil_moisture", given) == ({} if meant is None else {"soil_moisture": meant})


def test_who_checks_a_message_with_no_field_of_the_probe_file_is_told_which_it_has(probes):
    (found,) = findings.examine(b'{"A":31.5}', DEVICE, 0, probes).findings
    assert not found.refused and "mine: a, b, t, down" in found.sentence("en")
    assert findings.examine(b'{"a":31.5}', DEVICE, 0, probes).findings == ()
    assert findings.examine(b'{"values":{"soil_ec":1.2}}', DEVICE, 0, probes).findings == ()
