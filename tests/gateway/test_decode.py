"""Hostile, broken and odd messages: each refused with its reason, and the next one still works."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devices.payloads import PayloadError
from devices.reading import Device
from devices.signals import SIGNALS
from devices.topics import DOWN, UP
from gateway.decode import Decoder
from gateway.spool import Message

NOW = int(datetime(2026, 11, 21, 3, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
REAL = Device("p", "c", "probe", "soil-probe", simulated=False)
PLAYED = Device("p", "c", "node", "soil-probe", simulated=True)
OTHER = Device("p", "elsewhere", "other", "soil-probe", simulated=False)
DEVICES = {device.device: device for device in (REAL, PLAYED, OTHER)}
GOOD = b'{"values":{"soil_moisture":31.5}}'


def decoder(seen=None):
    return Decoder("p", DEVICES.get, seen)


def said(payload, device=REAL, arrival=NOW, kind="telemetry", **flags):
    if not isinstance(payload, bytes):
        payload = json.dumps(payload).encode()
    return Message(f"hoiquan/v1/p/{device.community}/{device.device}/{kind}", payload, arrival, **flags)


def moisture(value=31.5, **more):
    return {"values": {"soil_moisture": value}, **more}


HOSTILE = [
    (b"", "not_json"),
    (b"hello", "not_json"),
    (b'{"values":{"soil_moisture":31.5}', "not_json"),
    (b"{'values':{'soil_moisture':31.5}}", "not_json"),
    (GOOD + b"\x00", "not_json"),
    (b"\x00" + GOOD, "not_json"),
    (GOOD.replace(b"}}", b"\x00}}"), "not_json"),
    (GOOD + GOOD, "not_json"),
    (b"\xef\xbb\xbf" + GOOD, "not_json"),
    (GOOD.decode().encode("utf-16"), "not_json"),
    (b'{"values":{"soil_moisture":31.5},"boot":"\xff\xfe"}', "not_json"),
    (b'{"values":{"soil_moisture\xc3":31.5}}', "not_json"),
    (b'{"values":{"soil_moisture":031.5}}', "not_json"),
    (b'{"values":{"soil_moisture":0x1F}}', "not_json"),
    (b'{"values":{"soil_moisture":31,5}}', "not_json"),
    (b"[" * 16_000, "not_json"),
    (b'{"values":' * 1_600, "not_json"),
    (b'{"values":{"soil_moisture":' + b"[" * 8_000 + b"]" * 8_000 + b"}}", "not_json"),
    (b'{"values":{"soil_moisture":1},"seq":' + b"9" * 5000 + b"}", "not_json"),
    (b'{"values":{"soil_moisture":' + b"9" * 5000 + b"}}", "not_json"),
    (b"null", "not_object"),
    (b"31.5", "not_object"),
    (b"[]", "no_values"),
    (b'"values"', "not_object"),
    (b"{}", "no_values"),
    (b'{"values":{}}', "no_values"),
    (b'{"values":[]}', "values_not_object"),
    (b'{"values":null}', "values_not_object"),
    (b'{"values":31.5}', "values_not_object"),
    (moisture("25"), "not_a_number"),
    (moisture(True), "not_a_number"),
    (moisture(None), "not_a_number"),
    (moisture([31.5]), "not_a_number"),
    (moisture({"value": 31.5}), "not_a_number"),
    (b'{"values":{"soil_moisture":NaN}}', "not_finite"),
    (b'{"values":{"soil_moisture":Infinity}}', "not_finite"),
    (b'{"values":{"soil_moisture":-Infinity}}', "not_finite"),
    (b'{"values":{"soil_moisture":1e999}}', "not_finite"),
    (b'{"values":{"soil_moisture":-1e999}}', "not_finite"),
    (moisture(2**70), "too_big"),
    (moisture(-(2**70)), "too_big"),
    (moisture(1e300), "too_big"),
    ({"values": {"soil_moistur": 1}}, "unknown_signal"),
    ({"values": {"": 1}}, "unknown_signal"),
    ({"values": {"soil_moisture\n": 1}}, "unknown_signal"),
    ({"values": {"Độ ẩm": 1, "soil_moisture": 2}}, "unknown_signal"),
    ({"values": {"soil_moisture": 2, "x" * 10_000: 1}}, "unknown_signal"),
    (moisture(unit="%"), "unknown_field"),
    ({"soil_moisture": 31.5, **moisture()}, "unknown_field"),
    (moisture(seq=2**63), "bad_seq"),
    (moisture(seq=-1), "bad_seq"),
    (moisture(seq=1.5), "bad_seq"),
    (moisture(seq="7"), "bad_seq"),
    (moisture(seq=True), "bad_seq"),
    (moisture(boot=""), "bad_boot"),
    (moisture(boot="a b"), "bad_boot"),
    (moisture(boot="ab\n"), "bad_boot"),
    (moisture(boot="b" * 65), "bad_boot"),
    (moisture(boot="chữ"), "bad_boot"),
    (moisture(boot=7), "bad_boot"),
    (moisture(ts="yesterday"), "bad_time"),
    (moisture(ts=""), "bad_time"),
    (moisture(ts="2026-11-21"), "bad_time"),
    (moisture(ts="2026-11-21T10:00:00"), "bad_time"),
    (moisture(ts="2026-02-30T10:00:00Z"), "bad_time"),
    (moisture(ts="2026-11-21T25:00:00Z"), "bad_time"),
    (moisture(ts="2026-W47-6T10:00:00Z"), "bad_time"),
    (moisture(ts="20261121T100000Z000000"), "bad_time"),
    (moisture(ts=True), "bad_time"),
    (moisture(ts=1.5), "bad_time"),
    (moisture(ts=2**53 + 1), "bad_time"),
    (moisture(ts=2**70), "bad_time"),
    (moisture(ts=[]), "bad_time"),
    (b'{"values":{"soil_moisture":1,"soil_moisture":2}}', "repeated_name"),
    (b'{"values":{"soil_moisture":1},"values":{"soil_ec":2}}', "repeated_name"),
    (b'{"values":{"soil_moisture":1},"seq":1,"seq":2,"boot":"b"}', "repeated_name"),
    (b'{"values":{"soil_moisture":1,"soil\\u005fmoisture":2}}', "repeated_name"),
    (b'{"ts":null,"ts":"2026-11-21T02:00:00Z","values":{"soil_moisture":1}}', "repeated_name"),
    (b'{"values":{"soil_moisture":1}}' + b" " * 1_000_000, "too_large"),
    (b"x" * 16_385, "too_large"),
]


@pytest.mark.parametrize(("payload", "reason"), HOSTILE, ids=lambda value: repr(value)[:40])
def test_a_bad_payload_is_refused_with_its_reason_and_the_next_is_taken(payload, reason):
    bad = said(payload)
    decoded = decoder().decode([said(GOOD), bad, said({"values": {"soil_ec": 1.5}})])
    assert list(decoded.refused) == [1]
    refusal = decoded.refused[1]
    assert (refusal.message, refusal.reason) == (bad, reason)
    assert len(refusal.field) <= 80
    error = PayloadError(refusal.reason, refusal.field)
    assert error.sentence("vi") != error.sentence("en"), "the sender is told in both languages"
    assert decoded.source == [0, 2]
    assert [reading.values for reading in decoded.readings] == [{"soil_moisture": 31.5}, {"soil_ec": 1.5}]
    assert decoded.duplicate == 0


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("", "bad_topic"),
        ("hoiquan", "bad_topic"),
        ("hoiquan/v1/p/c/probe", "bad_topic"),
        ("hoiquan/v1/p/c/probe/telemetry/", "bad_topic"),
        ("/hoiquan/v1/p/c/probe/telemetry", "bad_topic"),
        ("hoiquan/v2/p/c/probe/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/probe/readings", "bad_topic"),
        ("hoiquan/v1/p/c/Probe/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/probe\n/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/pro\x00be/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c//telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/" + "d" * 65 + "/telemetry", "bad_topic"),
        ("hoiquan/v1/p/c/hội-quán/telemetry", "bad_topic"),
        ("\ufffd", "bad_topic"),
        ("x" * 65_535, "bad_topic"),
        ("hoiquan/v1/p/c/nobody/telemetry", "unknown_device"),
        ("hoiquan/v1/p/c/other/telemetry", "foreign_topic"),
        ("hoiquan/v1/p/elsewhere/probe/telemetry", "foreign_topic"),
        ("hoiquan/v1/another/c/probe/telemetry", "foreign_topic"),
    ],
)
def test_a_topic_that_is_not_the_senders_is_refused(topic, reason):
    decoded = decoder().decode([Message(topic, GOOD, NOW), said(GOOD)])
    assert {place: refusal.reason for place, refusal in decoded.refused.items()} == {0: reason}
    assert len(decoded.readings) == 1


def test_a_revoked_device_is_refused_from_then_on():
    known = dict(DEVICES)
    made = Decoder("p", known.get)
    assert made.decode([said(moisture(1))]).readings
    del known["probe"]
    assert made.decode([said(moisture(2))]).refused[0].reason == "unknown_device"


def test_retained_telemetry_is_refused():
    decoded = decoder().decode([said(GOOD, retained=True), said(GOOD)])
    assert decoded.refused[0].reason == "retained"
    assert len(decoded.readings) == 1


# -- the same and not the same


def taken(made, *messages):
    decoded = made.decode(list(messages))
    assert len(decoded.readings) + decoded.duplicate + len(decoded.refused) == len(messages)
    return [
        "taken" if n in decoded.source else decoded.refused[n].reason if n in decoded.refused else "duplicate"
        for n in range(len(messages))
    ]


def test_the_same_message_twice_is_one_reading():
    for message in (
        said(moisture(ts=NOW)),
        said(moisture(seq=7, boot="b")),
        said(moisture(seq=7, boot="b", ts=NOW)),
    ):
        assert taken(decoder(), message, message, message._replace(dup=True)) == [
            "taken",
            "duplicate",
            "duplicate",
        ]


def test_what_was_remembered_holds_after_a_restart():
    message = said(moisture(seq=7, boot="b", ts=NOW))
    first = decoder()
    decoded = first.decode([message])
    second = decoder({device: first.state(device) for device in decoded.touched})
    assert taken(second, message, said(moisture(seq=8, boot="b", ts=NOW + 1))) == ["duplicate", "taken"]


def test_order_does_not_matter():
    messages = [said(moisture(seq=n, boot="b", ts=NOW + n)) for n in (3, 1, 2, 0, 9, 4)]
    assert taken(decoder(), *messages, *reversed(messages)) == ["taken"] * 6 + ["duplicate"] * 6


def test_a_reboot_counts_from_zero_again():
    messages = [
        said(moisture(seq=n, boot=boot, ts=NOW + i))
        for i, (boot, n) in enumerate([("a", 0), ("a", 1), ("b", 0), ("b", 1)])
    ]
    assert taken(decoder(), *messages) == ["taken"] * 4


def test_seq_without_boot_is_no_identity():
    messages = [said(moisture(value, seq=0, ts=NOW + value)) for value in range(3)]
    assert taken(decoder(), *messages) == ["taken"] * 3


def test_devices_do_not_share_their_numbers():
    messages = [said(moisture(seq=1, boot="b", ts=NOW), device) for device in (REAL, PLAYED, OTHER)]
    assert taken(decoder(), *messages) == ["taken"] * 3


def test_two_different_messages_at_one_time_are_not_written_over_each_other():
    first = said(moisture(30, ts=NOW))
    assert taken(decoder(), first, said(moisture(40, ts=NOW)), said(moisture(41, ts=NOW + 1))) == [
        "taken",
        "conflicting_time",
        "taken",
    ]
    other_signal = said({"values": {"soil_ec": 1.0}, "ts": NOW})
    assert taken(decoder(), first, other_signal) == ["taken", "taken"]
    assert (
        taken(decoder(), first, other_signal, said({"values": {"soil_ec": 2.0}, "ts": NOW}))[2]
        == "conflicting_time"
    )


def test_a_conflict_is_noticed_with_another_message_in_between():
    between = said(moisture(35, ts=NOW + MINUTE))
    assert (
        taken(decoder(), said(moisture(30, ts=NOW)), between, said(moisture(40, ts=NOW)))[2]
        == "conflicting_time"
    )


# -- time


def one(message, made=None):
    (reading,) = (made or decoder()).decode([message]).readings
    return reading


@pytest.mark.parametrize(
    "ts",
    [
        NOW,
        "2026-11-21T03:00:00Z",
        "2026-11-21T10:00:00+07:00",
        "2026-11-21t03:00:00z",
        "2026-11-21 03:00:00.000Z",
    ],
)
def test_a_credible_time_is_the_readings_time(ts):
    reading = one(said(moisture(ts=ts), arrival=NOW + 1234))
    assert (reading.time, reading.device_time) == (NOW, None)


@pytest.mark.parametrize("ts", [NOW + 5 * MINUTE, NOW, NOW - 30 * 86_400_000, 1_577_836_800_000])
def test_times_up_to_five_minutes_ahead_and_back_to_2020_are_believed(ts):
    assert one(said(moisture(ts=ts))).time == ts


@pytest.mark.parametrize(
    "ts",
    [
        NOW + 5 * MINUTE + 1,
        1_577_836_799_999,
        0,
        -5,
        NOW // 1000,
        2**53,
        "2099-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_other_times_are_replaced_by_arrival_and_kept_beside(ts):
    reading = one(said(moisture(ts=ts)))
    assert reading.time == NOW
    assert reading.device_time is not None
    if isinstance(ts, int):
        assert reading.device_time == ts


def test_a_simulated_node_may_play_another_time_once_it_said_so():
    future = said(moisture(ts="2030-06-01T00:00:00Z"), PLAYED)
    online = said({"state": "online", "scenario": "decade"}, PLAYED, kind="status")
    made = decoder()
    assert one(future, made).device_time is not None
    made = decoder()
    decoded = made.decode([online])
    assert decoded.states[0].online
    restarted = decoder({name: made.state(name) for name in decoded.touched})
    for each in (made, restarted):
        assert one(future, each).device_time is None
    made.decode([said({"state": "online"}, PLAYED, kind="status")])
    assert one(said(moisture(2, ts="2030-06-01T00:00:00Z"), PLAYED), made).device_time is not None


def test_a_real_device_may_never_play_another_time():
    made = decoder()
    made.decode([said({"state": "online", "scenario": "decade"}, kind="status")])
    assert one(said(moisture(ts="2030-06-01T00:00:00Z")), made).device_time is not None


def test_messages_without_a_clock_in_the_same_millisecond_all_count():
    decoded = decoder().decode([said(moisture(value)) for value in range(5)])
    times = [reading.time for reading in decoded.readings]
    assert len(set(times)) == 5
    assert times == sorted(times)
    assert times[0] == NOW
    assert times[-1] < NOW + 100


def test_the_payload_decides_nothing_about_whose_reading_it_is():
    reading = one(said(moisture(seq=1, boot="b", ts=NOW)))
    assert reading.device is REAL
    assert (reading.seq, reading.boot) == (1, "b")


# -- status and diary


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"online",
        b"{}",
        b"[]",
        b"null",
        b'{"state":1}',
        b'{"state":[]}',
        b'{"state":"ONLINE"}',
        b'["state"]',
        b"\xff",
        b"[" * 16_000,
        b'{"state":' + b"9" * 4000 + b"}",
    ],
)
def test_a_bad_status_is_refused(payload):
    assert decoder().decode([said(payload, kind="status")]).refused[0].reason == "bad_status"


def test_a_status_may_be_retained():
    decoded = decoder().decode([said({"state": "offline"}, kind="status", retained=True)])
    assert [(state.device, state.online) for state in decoded.states] == [(REAL, False)]


HARVEST = {
    "id": "h1",
    "ts": "2026-11-20T03:00:00Z",
    "plot": "a",
    "crop": "mango",
    "event": "harvest",
    "quantity_kg": 120.5,
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity_kg": "120"}, "bad_diary"),
        ({"quantity_kg": -1}, "bad_diary"),
        ({"quantity_kg": True}, "bad_diary"),
        ({"event": "feast"}, "bad_diary"),
        ({"event": None}, "bad_diary"),
        ({"id": "H 1"}, "bad_diary"),
        ({"id": "h1\n"}, "bad_diary"),
        ({"ts": "2026-11-20T03:00:00"}, "bad_diary"),
        ({"phone": "0900000000"}, "bad_diary"),
        ({"by": ""}, "bad_diary"),
        ({"plot": "x" * 100_000}, "too_large"),
    ],
)
def test_a_bad_diary_event_is_refused(change, reason):
    decoded = decoder().decode([said(HARVEST | change, kind="diary"), said(HARVEST, kind="diary")])
    assert decoded.refused[0].reason == reason
    assert [written.event.id for written in decoded.diary] == ["h1"]
    assert decoded.diary[0].device is REAL


@pytest.mark.parametrize(
    "payload", [b"", b"[" * 16_000, b"\xff", b"\x00", b"null", b'{"quantity_kg":NaN,"event":"harvest"}']
)
def test_a_diary_that_is_no_event_is_refused(payload):
    assert decoder().decode([said(payload, kind="diary")]).refused[0].reason in ("not_json", "bad_diary")


# -- anything at all


def near_misses():
    """JSON near the contract: the right names with wrong values, and the other way round."""
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
    names = st.sampled_from(sorted(SIGNALS)) | st.text(max_size=5)
    fields = st.sampled_from(["values", "ts", "seq", "boot", "state", "event", "id"]) | st.text(max_size=5)
    readings = st.fixed_dictionaries(
        {"values": st.dictionaries(names, st.floats() | values, max_size=3)},
        optional={"ts": values, "seq": st.integers(), "boot": st.text(max_size=5)},
    )
    return (readings | st.dictionaries(fields, values, max_size=4)).map(
        lambda data: json.dumps(data).encode()
    )


def broken(payload):
    """A payload with a byte too many, too few or another one."""
    return st.builds(
        lambda at, cut, put: payload[:at] + put + payload[at + cut :],
        st.integers(0, len(payload)), st.integers(0, 3), st.binary(max_size=2),
    )  # fmt: skip


PAYLOADS = st.binary(max_size=60) | near_misses() | near_misses().flatmap(broken)
TOPICS = st.text(max_size=40) | st.builds(
    "hoiquan/v1/{}/{}/{}/{}".format,
    st.sampled_from(["p", "q"]),
    st.sampled_from(["c", "elsewhere"]),
    st.sampled_from(["probe", "node", "other", "nobody", ""]),
    st.sampled_from(sorted(UP | DOWN)),
)


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(Message, TOPICS, PAYLOADS, st.integers(0, 2**45), st.booleans(), st.booleans()), max_size=6
    )
)
@example([said(b'{"values":{"soil_moisture":1},"boot":"\\ud800"}')])
@example([said(b'{"values":{"soil_moisture":1},"ts":"\\""}')])
def test_nothing_a_message_contains_raises_or_goes_missing(messages):
    made = decoder()
    decoded = made.decode(messages)
    for place, refusal in decoded.refused.items():
        assert refusal.message == messages[place]
        for lang in ("vi", "en"):
            assert PayloadError(refusal.reason, refusal.field).sentence(lang).encode()
    fates = (
        len(decoded.readings)
        + len(decoded.diary)
        + len(decoded.states)
        + decoded.duplicate
        + len(decoded.refused)
    )
    assert fates == len(messages)
    for reading in decoded.readings:
        assert reading.values.keys() <= SIGNALS.keys()
        assert all(type(value) is float and abs(value) <= 2**53 for value in reading.values.values())
    for device in decoded.touched:
        assert made.state(device)
    after = made.decode([said({"values": {"soil_ec": 1.0}}, OTHER, 2**46)])
    assert len(after.readings) == 1
