"""Which probe reads a message: order of choice, values that are no reading, counters over messages."""

import copy
import json
from datetime import UTC, datetime

import pytest

from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.probes import telemetry
from devices.probes.envelope import envelopes
from devices.probes.shelf import Shelf
from devices.probes.telemetry import Probes
from gateway.ingest.decode import Decoder
from tests.devices.probes.test_servers import MESSAGE
from tests.devices.uplinks import EUI, EVENT, NOW, TOPIC, said

CHIRPSTACK, TTS = envelopes()
FILES = """
id: one
maker: Acme
models: [x1]
profiles: ["Soil X"]
readings:
  soil_moisture: {from: one, unit: "%"}
  rainfall: {from: rain, counter: total}
---
id: two
maker: Acme
readings:
  soil_moisture: {from: two, unit: "%"}
---
id: deep
maker: Acme
readings:
  water_level: {from: distance, unit: mm, times: -1, plus: height}
  rainfall: {from: day, counter: daily}
"""
OWN = "hoiquan/v1/p/c/probe/telemetry"


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "mine.yaml").write_text(FILES, "utf-8")
    return Shelf(tmp_path)


def device(probe=None, **site):
    return Device("p", "c", "probe", "soil-probe", simulated=False, probe=probe, site=tuple(site.items()))


def event(says, profile="AS923-2", tags=None, **more):
    info = EVENT["deviceInfo"] | {"deviceProfileName": profile, "tags": tags or {}}
    return json.dumps(EVENT | {"deviceInfo": info, "object": says, "rxInfo": []} | more).encode()


def things(says, normalized=None, brand="acme", model="x1"):
    made = copy.deepcopy(MESSAGE)
    uplink = made["uplink_message"]
    uplink |= {"decoded_payload": says, "normalized_payload": normalized, "rx_metadata": []}
    uplink["version_ids"] |= {"brand_id": brand, "model_id": model}
    return json.dumps(made).encode()


def values(shelf, payload, whose, envelope=CHIRPSTACK):
    (told,) = Probes(shelf).telemetry(payload, whose, envelope)
    return told.values


ALL = {"one": 1, "two": 2, "soil": {"moisture": 3}, "battery": 3.6}


# -- the order of choice


def test_the_probe_that_a_device_is_enrolled_with_counts_before_all(shelf):
    payload = event(ALL, "Soil X", {"hoiquan-probe": "one"})
    assert values(shelf, payload, device("two")) == {"soil_moisture": 2.0}
    assert values(shelf, things(ALL), device("two"), TTS) == {"soil_moisture": 2.0}


def test_then_the_tag_counts_before_the_profile(shelf):
    assert values(shelf, event(ALL, "Soil X", {"hoiquan-probe": "two"}), device()) == {"soil_moisture": 2.0}


@pytest.mark.parametrize("profile", ["Soil X", "soil-x", "X1"])
def test_then_the_profile_where_the_object_has_a_field_of_its_probe(shelf, profile):
    assert values(shelf, event(ALL, profile), device()) == {"soil_moisture": 1.0}
    assert values(shelf, things(ALL), device(), TTS) == {"soil_moisture": 1.0}


def test_a_profile_s_probe_that_names_nothing_of_it_leaves_it_to_the_contract(shelf):
    assert values(shelf, event({"soil_ec": 1.2}, "Soil X"), device()) == {"soil_ec": 1.2}
    assert values(shelf, things({"soil_ec": 1.2}), device(), TTS) == {"soil_ec": 1.2}
    assert values(shelf, things(ALL, brand="others"), device(), TTS) == {
        "soil_moisture": 3.0, "battery_voltage": 3.6,
    }  # fmt: skip


def test_then_the_contract_s_names_count_before_the_normalised_ones(shelf):
    said_ = things({"soil_moisture": 31.5}, [{"soil": {"moisture": 99}}], "nobody")
    assert values(shelf, said_, device(), TTS) == {"soil_moisture": 31.5}


def test_then_what_the_server_normalised_and_then_that_vocabulary_in_the_object(shelf):
    normalized = [{"soil": {"moisture": 31.5}}]
    assert values(shelf, things({"VWC": 1}, normalized, "nobody"), device(), TTS) == {"soil_moisture": 31.5}
    assert values(shelf, things(None, normalized, "nobody"), device(), TTS) == {"soil_moisture": 31.5}
    assert values(shelf, event({"soil": {"moisture": 31.5}}), device()) == {"soil_moisture": 31.5}


def test_a_device_enrolled_with_normalized_is_read_by_what_the_server_normalised(shelf):
    normalized = [{"soil": {"moisture": 31.5}}]
    for says in ({"VWC": 1}, None):
        assert values(shelf, things(says, normalized), device("normalized"), TTS) == {"soil_moisture": 31.5}
    assert values(shelf, event({"soil": {"moisture": 31.5}}), device("normalized")) == {"soil_moisture": 31.5}


@pytest.mark.parametrize(
    ("says", "reason", "field"),
    [
        ({"VWC": 31.5}, "unknown_signal", "VWC"),
        ({"soil": 3, "VWC": 31.5}, "unknown_signal", "soil"),
        ({"soil_moisture": "31.5"}, "not_a_number", "soil_moisture"),
        ({}, "no_object", ""),
        (None, "no_object", ""),
    ],
    ids=repr,
)
def test_what_nobody_reads_is_refused(shelf, says, reason, field):
    with pytest.raises(PayloadError) as error:
        values(shelf, event(says), device())
    assert (error.value.reason, error.value.field) == (reason, field)


@pytest.mark.parametrize(
    ("payload", "whose"),
    [(event(ALL), device("gone")), (event(ALL, tags={"hoiquan-probe": "gone"}), device())],
    ids=["enrolled", "tag"],
)
def test_a_probe_that_is_not_there_is_said(shelf, payload, whose):
    with pytest.raises(PayloadError) as error:
        values(shelf, payload, whose)
    assert (error.value.reason, error.value.field) == ("no_probe", "gone")


def test_everything_of_the_normalised_vocabulary_is_read_in_its_units(shelf):
    says = {
        "air": {"temperature": 30.2, "relativeHumidity": 81, "pressure": 1008, "co2": 415,
                "lightIntensity": 52000, "solarIrradiance": 820, "pm2_5": 12, "pm10": 20},
        "wind": {"speed": 3.2, "direction": 360},
        "rain": {"intensity": 12, "cumulative": 43.2},
        "leaf": {"wetness": 40},
        "soil": {"moisture": 31.5, "temperature": 27.1, "ec": 0.42, "pH": 5.9, "n": 40, "p": 12, "k": 150},
        "water": {"level": 1.2, "temperature": {"avg": 29.1}, "ph": 7.1, "ec": 1850, "turbidity": 35,
                  "dissolvedOxygen": 6.2},
        "metering": {"water": {"total": 12500}, "energy": {"total": 4200}},
        "sound": {"level": 55},
        "battery": 3.61,
        "batteryPercent": 87,
    }  # fmt: skip
    (told,) = Probes(shelf).telemetry(event(says), device(), CHIRPSTACK)
    assert told.totals == {"rainfall": ("total normalized", 43.2)}
    assert told.values == {
        "air_temperature": 30.2, "relative_humidity": 81, "air_pressure": 1008, "co2": 415,
        "illuminance": 52000, "solar_radiation": 820, "pm2_5": 12, "pm10": 20, "wind_speed": 3.2,
        "wind_direction": 0, "rain_rate": 12,
        "leaf_wetness": 40, "soil_moisture": 31.5, "soil_temperature": 27.1, "soil_ec": 0.42, "soil_ph": 5.9,
        "soil_nitrogen": 40, "soil_phosphorus": 12, "soil_potassium": 150, "water_level": 1.2,
        "water_temperature": 29.1, "water_ph": 7.1, "water_ec": 1.85, "turbidity": 35,
        "dissolved_oxygen": 6.2, "water_volume": 12.5, "energy": 4.2, "noise": 55,
        "battery_voltage": 3.61, "battery_level": 87,
    }  # fmt: skip


# -- on a device's own topic


def test_on_its_own_topic_a_device_is_read_by_its_probe_and_by_the_contract_where_it_speaks_that(shelf):
    read = Probes(shelf).telemetry
    (told,) = read(b'{"two": "31.5"}', device("two"), None)
    assert (told.values, told.time, told.seq) == ({"soil_moisture": 31.5}, None, None)
    (told,) = read(b'{"values":{"soil_ec":1.2},"ts":1795230000000,"seq":7,"boot":"b"}', device("two"), None)
    assert (told.values, told.time, told.seq, told.boot) == ({"soil_ec": 1.2}, NOW, 7, "b")
    pack = b'[{"n":"soil_moisture","u":"%","v":31.5}]'
    assert read(pack, device(), None)[0].values == {"soil_moisture": 31.5}
    (told,) = read(b'[{"x": 1}, {"two": 31.5}]', device("two"), None)
    assert told.values == {"soil_moisture": 31.5}


@pytest.mark.parametrize("payload", [b"", b"\xff", b"31.5", b"{", b'{"two": 1, "two": 2}'])
def test_what_is_no_json_on_its_own_topic_is_refused_with_a_probe_too(shelf, payload):
    with pytest.raises(PayloadError):
        Probes(shelf).telemetry(payload, device("two"), None)


def test_what_a_probe_names_and_could_not_read_is_told(shelf):
    unread = Probes(shelf).unread
    (one,) = unread(b'{"distance": 1100}', device("deep"), None)
    assert (one.signal, one.why, one.value) == ("water_level", "unread.place", "height")
    assert unread(b'{"distance": 1100}', device("deep", height=3.2), None) == ()
    (one,) = unread(event({"two": "ERR"}), device("two"), CHIRPSTACK)
    assert one.why == "unread.no_number"
    assert unread(event({"soil_ec": 1}), device(), CHIRPSTACK) == ()


# -- through the decoder


def made(shelf, whose, seen=None):
    return Decoder("p", {"probe": whose}.get, seen, by_eui={EUI: whose}.get, shelf=shelf)


def uplink(says, count, minutes=0, **more):
    at = datetime.fromtimestamp(NOW / 1000 + minutes * 60, UTC).isoformat()
    arrival = NOW + minutes * 60_000 + 500
    return said(event(says, fCnt=count, time=at, **more), arrival=arrival, topic=TOPIC)


def told(decoded):
    return [reading.values for reading in decoded.readings]


def test_a_frame_of_configuration_is_no_reading_and_neither_refused_nor_missing(shelf):
    one = made(shelf, device("two"))
    decoded = one.decode(
        [uplink({"two": 31.5}, 1), uplink({"firmware": "1.2"}, 2, 1), uplink({"two": 32}, 3, 2)]
    )
    assert told(decoded) == [{"soil_moisture": 31.5}, {"soil_moisture": 32.0}]
    assert (decoded.refused, decoded.duplicate, one.missing()) == ({}, 0, {})
    decoded = one.decode([uplink({"firmware": "1.2"}, 2, 1), uplink({"two": 33}, 5, 4)])
    assert (decoded.duplicate, one.missing()) == (1, {"probe": 1}), "number 4 is missing, 2 came"


def test_a_frame_of_many_names_is_looked_at_for_slips_of_the_pen_at_its_head_alone(shelf, monkeypatch):
    looked = []
    monkeypatch.setattr(telemetry, "get_close_matches", lambda name, *_: looked.append(name) or [])
    many = {f"register_{number}": number for number in range(400)}
    assert values(shelf, event(many, "Soil X"), device()) == {}
    assert 0 < len(looked) <= telemetry.MOST_NAMES


def test_rain_is_what_fell_since_the_message_before(shelf):
    one = made(shelf, device("one"))
    decoded = one.decode([uplink({"one": 30, "rain": 43.2}, 1), uplink({"one": 31, "rain": 43.6}, 2, 10)])
    assert told(decoded) == [{"soil_moisture": 30.0}, {"soil_moisture": 31.0, "rainfall": 0.4}]
    assert told(one.decode([uplink({"rain": 44.0}, 3, 20)])) == [{"rainfall": 0.4}]


def test_the_first_total_alone_is_no_reading_and_not_refused(shelf):
    one = made(shelf, device("one"))
    decoded = one.decode([uplink({"rain": 43.2}, 1)])
    assert (decoded.readings, decoded.refused, decoded.duplicate) == ([], {}, 0)
    assert told(one.decode([uplink({"rain": 43.8}, 2, 10)])) == [{"rainfall": 0.6}]


def test_what_is_delivered_again_rains_once(shelf):
    one = made(shelf, device("one"))
    first, second = uplink({"rain": 43.2}, 1), uplink({"rain": 43.6}, 2, 10)
    decoded = one.decode([first, second, first, second, second._replace(dup=True)])
    assert told(decoded) == [{"rainfall": 0.4}]
    assert decoded.duplicate == 3
    again = one.decode([first, second])
    assert (again.readings, again.duplicate) == ([], 2)
    assert told(one.decode([uplink({"rain": 43.8}, 3, 20)])) == [{"rainfall": 0.2}]


def test_a_counter_goes_on_behind_a_restart_of_the_gateway(shelf):
    one = made(shelf, device("one"))
    one.decode([uplink({"rain": 43.2}, 1), uplink({"rain": 43.6}, 2, 10)])
    again = made(shelf, device("one"), {"probe": one.state("probe")})
    assert told(again.decode([uplink({"rain": 43.6}, 2, 10), uplink({"rain": 44.6}, 3, 20)])) == [
        {"rainfall": 1.0}
    ]
    assert json.loads(again.state("probe"))["totals"]["rainfall"][-1][:2] == [NOW + 20 * 60_000, 44.6]


def test_of_a_batch_that_is_worked_on_twice_the_same_comes_out(shelf):
    """The gateway died before it settled the batch: it has the earlier state, and the messages again."""
    one = made(shelf, device("one"))
    one.decode([uplink({"rain": 43.2}, 1)])
    state = one.state("probe")
    batch = [uplink({"rain": 43.6}, 2, 10), uplink({"rain": 0.4}, 3, 20), uplink({"rain": 1.0}, 4, 30)]
    first = told(one.decode(batch))
    assert first == [{"rainfall": 0.4}, {"rainfall": 0.4}, {"rainfall": 0.6}]
    assert told(made(shelf, device("one"), {"probe": state}).decode(batch)) == first


def test_totals_that_come_too_late_change_nothing(shelf):
    one = made(shelf, device("one"))
    decoded = one.decode(
        [uplink({"rain": 43.2}, 1), uplink({"rain": 45.0}, 3, 20), uplink({"rain": 44.0}, 2, 10)]
    )
    assert told(decoded) == [{"rainfall": 1.8}]
    assert (decoded.refused, one.missing()) == ({}, {})


def test_what_was_refused_is_tried_again_with_the_probe_and_its_totals_are_counted_in_order(shelf):
    """`device learn` writes the file, and releases the quarantined messages, the oldest first."""
    messages = [uplink({"one": 30, "rain": 43.2}, 1), uplink({"one": 31, "rain": 43.6}, 2, 10)]
    refused = made(shelf, device()).decode(messages).refused
    assert [one.reason for one in refused.values()] == ["unknown_signal"] * 2
    one = made(shelf, device("one"))
    decoded = one.decode([message._replace(replayed=True) for message in messages])
    assert told(decoded) == [{"soil_moisture": 30.0}, {"soil_moisture": 31.0, "rainfall": 0.4}]
    assert told(one.decode([uplink({"one": 32, "rain": 43.8}, 3, 20)])) == [
        {"soil_moisture": 32.0, "rainfall": 0.2}
    ]


def test_what_is_tried_again_behind_newer_totals_rains_no_second_time(shelf):
    one = made(shelf, device("one"))
    one.decode([uplink({"rain": 43.2}, 1), uplink({"rain": 45.0}, 3, 20)])
    again = one.decode([uplink({"rain": 44.0}, 2, 10)._replace(replayed=True)])
    assert (again.readings, again.refused) == ([], {})


def test_on_its_own_topic_a_day_s_total_is_counted_by_the_time_of_arrival(shelf):
    one = made(shelf, device("deep", height=3.2))
    messages = [
        said({"distance": 1100, "day": total}, arrival=NOW + at * 60_000, topic=OWN, mid=at + 1)
        for at, total in ((0, 1.0), (10, 1.4), (20, 1.4))
    ]
    messages.append(messages[-1]._replace(dup=True))
    decoded = one.decode(messages)
    assert told(decoded) == [
        {"water_level": 2.1}, {"water_level": 2.1, "rainfall": 0.4}, {"water_level": 2.1, "rainfall": 0.0},
    ]  # fmt: skip
    assert decoded.duplicate == 1


def test_a_probe_that_is_changed_or_written_is_used_from_the_next_batch_on(shelf, tmp_path):
    one = made(shelf, device("new"))
    assert one.decode([uplink({"x": 31}, 1)]).refused[0].reason == "no_probe"
    (tmp_path / "new.yaml").write_text(
        'id: new\nmaker: A\nreadings:\n  soil_moisture: {from: x, unit: "%"}\n', "utf-8"
    )
    assert told(one.decode([uplink({"x": 31}, 2, 10)])) == [{"soil_moisture": 31.0}]
