"""Messages without a known maker, the contract's own form, and normalised values: which reader gets each."""

import json

import cbor2
import pytest

from devices.contract.payloads import PayloadError
from devices.probes.findings import examine
from devices.probes.learn import Choice, fields, text_of
from devices.probes.shelf import Shelf
from devices.probes.telemetry import Probes
from tests.devices.probes import test_telemetry
from tests.devices.probes.test_telemetry import NOW, TTS, device, event, made, things, told, uplink, values

shelf = test_telemetry.shelf
BATTERY = {"battery": 92, "temperature": 24.1, "humidity": 60}
LOGGER = "id: logger\nmaker: A\ntime: %s\nreadings:\n  soil_ec: {from: ec, unit: dS/m}\n"
SOIL = [{"soil": {"moisture": 31.5}}]


def refusal(shelf, payload, whose, *server):
    with pytest.raises(PayloadError) as error:
        values(shelf, payload, whose, *server)
    return error.value.reason, error.value.field


# -- many makers use `battery`


def test_a_battery_alone_makes_no_normalised_message_and_the_message_can_be_learnt(shelf, tmp_path):
    assert refusal(shelf, event(BATTERY), device()) == ("unknown_signal", "battery")
    assert refusal(shelf, things(BATTERY, None, "nobody"), device(), TTS) == ("unknown_signal", "battery")
    refused = made(shelf, device()).decode([uplink(BATTERY, 1)]).refused
    choices = {
        "air_temperature": Choice("temperature"),
        "relative_humidity": Choice("humidity", "%"),
        "battery_level": Choice("battery", "%"),
    }
    assert {one.path for one in fields([BATTERY])} == {one.path for one in choices.values()}
    (tmp_path / "learnt.yaml").write_text(text_of("learnt", "-", choices), "utf-8")
    shelf.refresh()
    again = made(shelf, device("learnt")).decode([refused[0].message._replace(replayed=True)])
    assert told(again) == [{"air_temperature": 24.1, "relative_humidity": 60.0, "battery_level": 92.0}]


@pytest.mark.parametrize("says", [BATTERY, {"battery": 92, "temperature": 24.1}], ids=repr)
def test_under_a_known_profile_it_is_read_by_that_model_s_file_and_not_as_normalised(shelf, says):
    read = values(shelf, event(says, "EM300-TH"), device())
    assert read["air_temperature"] == 24.1 and read["battery_level"] == 92.0
    assert "battery_voltage" not in read, "92 V, as the normalised words would have it"
    assert refusal(shelf, event(says, "Soil X"), device())[0] == "unknown_signal"


def test_a_group_without_a_signal_of_ours_is_refused_and_can_be_learnt(shelf):
    assert refusal(shelf, event({"water": {"flow": 3.1}}), device()) == ("unknown_signal", "water")
    assert refusal(shelf, event({"soil": 3, "battery": 3.6}), device()) == ("unknown_signal", "soil")
    assert values(shelf, event({"water": {"flow": 3.1}, "battery": 3.6}), device()) == {
        "battery_voltage": 3.6
    }


# -- values normalised by The Things Stack


@pytest.mark.parametrize("normalized", [[{"action": {"motion": {"detected": True}}}], [{}], {"x": 1}, "no"])
def test_what_was_normalised_without_a_signal_of_ours_says_nothing(shelf, normalized):
    assert refusal(shelf, things({"VWC": 1}, normalized, "nobody"), device(), TTS) == (
        "unknown_signal", "VWC",
    )  # fmt: skip
    assert refusal(shelf, things(None, normalized, "nobody"), device(), TTS) == (
        "unknown_signal", "normalized_payload",
    )  # fmt: skip
    assert values(shelf, things({"soil_ec": 1.2}, normalized, "nobody"), device(), TTS) == {"soil_ec": 1.2}


@pytest.mark.parametrize("brand", ["acme", "nobody"])
def test_what_was_normalised_alone_is_read_whether_the_model_is_known_or_not(shelf, brand):
    assert values(shelf, things(None, SOIL, brand), device(), TTS) == {"soil_moisture": 31.5}
    assert values(shelf, things({}, SOIL, brand), device(), TTS) == {"soil_moisture": 31.5}


# -- the contract's own form, from a device with a probe file


@pytest.mark.parametrize("probe", ["two", "deep", None])
@pytest.mark.parametrize(
    ("says", "means"),
    [
        ([{"values": {"soil_moisture": 31.5}}, {"values": {"soil_ec": 1.2}}],
         [{"soil_moisture": 31.5}, {"soil_ec": 1.2}]),
        ([{"bn": "probe:", "n": "soil_moisture", "u": "%", "v": 31.5}, {"n": "soil_ec", "v": 1.2}],
         [{"soil_moisture": 31.5, "soil_ec": 1.2}]),
        ([{"bn": "probe:"}, {"n": "soil_moisture", "v": 31.5}], [{"soil_moisture": 31.5}]),
        ([{"bn": "probe:soil_moisture", "v": 31.5}, {"v": 31, "t": -60}],
         [{"soil_moisture": 31.0}, {"soil_moisture": 31.5}]),
    ],
    ids=["messages", "senml", "senml with its base alone", "senml with its name alone"],
)  # fmt: skip
def test_lists_of_messages_and_packs_are_taken_of_a_device_with_a_probe_too(shelf, probe, says, means):
    read = Probes(shelf).telemetry
    assert [one.values for one in read(json.dumps(says).encode(), device(probe), None)] == means
    pack = cbor2.dumps([{0: "soil_moisture", 2: 31.5}])
    assert read(pack, device(probe), None)[0].values == {"soil_moisture": 31.5}
    assert Probes(shelf).unread(pack, device(probe or "two"), None) == ()


THINGSBOARD = "id: board\nmaker: A\nreadings:\n  air_temperature: {from: values.temp}\n"


def test_a_probe_whose_fields_stand_in_values_reads_them(shelf, tmp_path):
    (tmp_path / "board.yaml").write_text(THINGSBOARD, "utf-8")
    shelf.refresh()
    read = Probes(shelf).telemetry
    for says in ({"ts": 1795230000000, "values": {"temp": 27.1}}, {"values": {"temp": 27.1}}):
        for form in (says, [says]):
            (one,) = read(json.dumps(form).encode(), device("board"), None)
            assert one.values == {"air_temperature": 27.1}
    (one,) = read(b'{"values":{"soil_ec":1.2}}', device("board"), None)
    assert one.values == {"soil_ec": 1.2}, "and the contract where it speaks that"
    with pytest.raises(PayloadError) as error:
        read(b'{"values":{"temp":27.1}}', device("two"), None)
    assert (error.value.reason, error.value.field) == ("unknown_signal", "temp")


# -- numbers


@pytest.mark.parametrize("text", ["31 1", "31 1 %", "3 %RH 1", "31 m3/m3 1"])
def test_a_text_with_two_numbers_is_none_and_is_said_to_be(shelf, text):
    payload = json.dumps({"two": text}).encode()
    with pytest.raises(PayloadError, match="two"):
        Probes(shelf).telemetry(payload, device("two"), None)
    (unread,) = Probes(shelf).unread(payload, device("two"), None)
    assert unread.why == "unread.unit"


def test_a_contract_message_keeps_its_time_though_the_probe_file_names_what_is_in_it(tmp_path):
    file = text_of("own", "-", {"soil_moisture": Choice("values.soil_moisture", "%")})
    (tmp_path / "own.yaml").write_text(file, "utf-8")
    said = b'{"ts":"2026-11-21T03:00:00Z","seq":7,"boot":"b","values":{"soil_moisture":31.5}}'
    (one,) = Probes(Shelf(tmp_path)).message(said, device("own"))
    assert (one.values, one.time, one.seq, one.boot) == ({"soil_moisture": 31.5}, 1_795_230_000_000, 7, "b")


def test_what_could_not_be_read_is_looked_for_where_it_was_read(shelf):
    """The codec's own fields match no probe file; in the server's normalised values one is not a number."""
    payload = things({"VWC": 1}, [{"soil": {"moisture": 31.5}, "battery": "much"}], "nobody")
    assert values(shelf, payload, device(), TTS) == {"soil_moisture": 31.5}
    (left,) = Probes(shelf).unread(payload, device(), TTS)
    assert left.why == "unread.no_number" and left.path == "battery"


# -- time


def test_a_logger_that_empties_its_buffer_has_each_reading_at_its_own_time(tmp_path):
    (tmp_path / "logger.yaml").write_text(LOGGER % "{from: Time, zone: '+07:00'}")
    read = Probes(Shelf(tmp_path)).telemetry
    said = [{"Time": "2026-11-21 10:00:00", "ec": 1.1}, {"Time": "2026-11-21 10:10:00", "ec": "1.2 dS/m"}]
    told = read(json.dumps(said).encode(), device("logger"), None)
    assert [(one.time, one.values) for one in told] == [
        (1_795_230_000_000, {"soil_ec": 1.1}), (1_795_230_600_000, {"soil_ec": 1.2}),
    ]  # fmt: skip
    assert read(json.dumps(said[0]).encode(), device("logger"), None) == told[:1]
    assert read(b'{"ec":1.3}', device("logger"), None)[0].time is None, "it is stamped on arrival"
    with pytest.raises(PayloadError) as refused:
        read(json.dumps([said[0], {"Time": "soon", "ec": 1}]).encode(), device("logger"), None)
    assert refused.value.field == "Time soon"


def test_who_checks_it_is_told_of_its_own_field(tmp_path):
    (tmp_path / "logger.yaml").write_text(LOGGER % "Time")
    said, probes = b'{"Time":1000000000,"ec":1.1}', Probes(Shelf(tmp_path))
    (found,) = examine(said, device("logger"), NOW, probes).findings
    assert (found.field, found.reason) == ("Time", "clock")


def test_who_checks_a_list_of_a_logger_is_told_of_each_of_its_messages(tmp_path):
    (tmp_path / "logger.yaml").write_text(LOGGER % "Time")
    probes, whose = Probes(Shelf(tmp_path)), device("logger")
    said = [{"Time": NOW - 1, "ec": 1.1}, {"Time": NOW, "ec": "ERR"}, {"Time": 1_000_000_000, "ec": 1.2}]
    unread, clock = examine(json.dumps(said).encode(), whose, NOW, probes).findings
    assert (unread.field, unread.reason) == ("ec", "unread") and "ERR" in unread.sentence("en")
    assert (clock.field, clock.reason) == ("[2].Time", "clock")


@pytest.mark.parametrize("said", [b'{"Time":"soon","event":"boot"}', b'[{"Time":"soon"}]', b"[]"])
def test_a_message_without_a_reading_is_not_refused_for_its_time_and_is_one_message(tmp_path, said):
    (tmp_path / "logger.yaml").write_text(LOGGER % "Time")
    (one,) = Probes(Shelf(tmp_path)).telemetry(said, device("logger"), None)
    assert (one.time, one.values) == (None, {})
