"""Which messages repeat an earlier one, which device each belongs to, and of what time it is."""

import pytest

from tests.gateway.senders import MINUTE, NOW, OTHER, PLAYED, REAL, decoder, moisture, said

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
    decoded = first.decode([said(moisture(ts=NOW - MINUTE)), message])
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
