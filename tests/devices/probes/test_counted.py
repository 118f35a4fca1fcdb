"""Rain from counters, through the decoder: totals unknown to a gateway, and readings refused later."""

import json

import pytest

from gateway.ingest.decode import Decoder
from tests.devices.probes import test_telemetry
from tests.devices.probes.test_telemetry import NOW, OWN, device, made, told, uplink
from tests.devices.uplinks import EUI, said

shelf = test_telemetry.shelf
RAIN = [uplink({"one": 30, "rain": 10.0}, 1), uplink({"one": 31, "rain": 15.0}, 2, 10)]


def test_where_gateways_share_the_messages_a_counter_gives_no_rain(shelf):
    whose = device("one")
    for lane in ((0, 2), (1, 2)):
        one = Decoder("p", {"probe": whose}.get, by_eui={EUI: whose}.get, lane=lane, shelf=shelf)
        decoded = one.decode([*RAIN, uplink({"rain": 16.0}, 3, 20)])
        assert told(decoded) == [{"soil_moisture": 30.0}, {"soil_moisture": 31.0}]
        assert (decoded.refused, decoded.duplicate, one.missing()) == ({}, 0, {})
    assert told(made(shelf, whose).decode(RAIN))[1] == {"soil_moisture": 31.0, "rainfall": 5.0}


def test_a_counter_that_one_message_told_wrong_goes_on(shelf):
    totals = enumerate((120.0, 0, 120.4), 1)
    decoded = made(shelf, device("one")).decode(
        [uplink({"rain": total}, at, at * 10) for at, total in totals]
    )
    assert told(decoded) == [{"rainfall": 0.0}, {"rainfall": 0.4}]


def test_with_another_probe_file_the_next_total_is_a_first_one(shelf, tmp_path):
    one = made(shelf, device("one"))
    assert told(one.decode(RAIN))[1]["rainfall"] == 5.0
    other = made(shelf, device("third"), {"probe": one.state("probe")})
    (tmp_path / "third.yaml").write_text(
        "id: third\nmaker: A\nreadings:\n  rainfall: {from: pulses, counter: total, times: 0.2}\n", "utf-8"
    )
    shelf.refresh()
    assert told(other.decode([uplink({"pulses": 100}, 3, 20)])) == []
    assert told(other.decode([uplink({"pulses": 105}, 4, 30)])) == [{"rainfall": 1.0}]


def test_rain_that_was_refused_after_all_and_is_tried_again_is_counted_once(shelf):
    one = made(shelf, device("one"))
    first = one.decode(RAIN)
    assert told(first)[1]["rainfall"] == 5.0
    one.forget([first.readings[1]])
    again = one.decode([RAIN[1]._replace(replayed=True)])
    assert told(again) == [{"soil_moisture": 31.0, "rainfall": 5.0}]
    assert told(one.decode([uplink({"rain": 15.2}, 3, 20)])) == [{"rainfall": 0.2}]


def test_so_is_that_of_several_messages_of_one_batch(shelf):
    one = made(shelf, device("one"))
    one.decode(RAIN[:1])
    batch = [RAIN[1], uplink({"rain": 15.6}, 3, 20)]
    one.forget(one.decode(batch).readings)
    again = one.decode([message._replace(replayed=True) for message in batch])
    assert told(again) == [{"soil_moisture": 31.0, "rainfall": 5.0}, {"rainfall": 0.6}]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_logger_s_list_gives_its_rain_in_either_order(shelf, tmp_path, newest_first):
    """Read newest first, the rain before midnight would be lost with the day's total."""
    (tmp_path / "logger.yaml").write_text(
        "id: logger\nmaker: A\ntime: at\nreadings:\n  rainfall: {from: day, counter: daily}\n", "utf-8"
    )
    shelf.refresh()
    one = made(shelf, device("logger"))
    began, *rest = [
        {"at": NOW - (5 - place) * 600_000, "day": total}
        for place, total in enumerate((8.0, 10.0, 20.0, 1.0))
    ]
    one.decode([said(json.dumps(began).encode(), topic=OWN)])
    rest.sort(key=lambda message: message["at"], reverse=newest_first)
    decoded = one.decode([said(json.dumps(rest).encode(), topic=OWN)])
    assert [values["rainfall"] for values in told(decoded)] == [2.0, 10.0, 1.0]
