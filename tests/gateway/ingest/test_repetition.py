"""Every encoding against counters, buffers and clocks that misbehave: nothing twice, lost or altered.

The messages pass through spool, decoder, checks and the embedded store; tests/system does the same over
brokers.
"""

import json
from pathlib import Path

import cbor2
import pytest

from devices.contract.reading import Device
from gateway.ingest.batch import split_memory
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message
from gateway.ingest.spool import Spool
from gateway.stores.sqlite import SqliteStore
from tests.gateway.ports import NOW, build, drain
from tests.gateway.senders import MINUTE

PROBE = Device("p", "c", "d1", "soil-probe", simulated=False)
EUI = "24e124136b502217"
TOPIC, UPLINK = "hoiquan/v1/p/c/d1/telemetry", f"application/1/device/{EUI}/event/up"
CASES = Path(__file__).parents[2] / "cases"


class Bench:
    """A pipeline over a real spool and store that is given messages of one probe."""

    def __init__(self, folder):
        self.spool, self.store = Spool(folder / "spool.sqlite"), SqliteStore(folder / "store.sqlite")
        self.arrival = NOW

    def close(self):
        self.spool.close()
        self.store.close()

    def give(self, *messages, batch=1):
        """Deliver `batch` messages at a time, each batch with a new decoder that has the spool's memory."""
        for at in range(0, len(messages), batch):
            self.spool.append(
                [m._replace(arrival=m.arrival or self.arrival) for m in messages[at : at + batch]]
            )
            self.arrival += MINUTE
            pipeline, _ = build(self.spool, self.store)
            pipeline._decoder = Decoder(
                "p",
                {"d1": PROBE}.get,
                split_memory(self.spool.seen())[0],
                self.spool.marks(),
                {EUI: PROBE}.get,
            )
            drain(pipeline, self.spool)
            assert self.spool.books().balanced

    def values(self, measurement="telemetry"):
        """(time, value) of each stored point, oldest first."""
        rows = self.store.series(measurement, {"device": "d1"}, 0, 2**60, 10_000)
        name = "soil_moisture" if measurement == "telemetry" else "value"
        return sorted((row.time, row.fields[name]) for row in rows if name in row.fields)

    def reasons(self):
        return [(row.reason, row.field) for row in self.spool.quarantined()]

    def memory(self):
        return Decoder("p", {"d1": PROBE}.get, split_memory(self.spool.seen())[0])


def message(payload, topic=TOPIC, dup=False):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Message(topic, body, 0, dup)


def json_of(readings):
    return [
        message({"ts": t, "boot": b, "seq": s, "values": {"soil_moisture": v}}) for t, b, s, v in readings
    ]


def clockless(readings):
    return [message({"boot": b, "seq": s, "values": {"soil_moisture": v}}) for _, b, s, v in readings]


def lists(readings, window=1):
    """Each message repeats the last `window - 1` readings."""
    rows = [{"ts": t, "boot": b, "seq": s, "values": {"soil_moisture": v}} for t, b, s, v in readings]
    return [message(rows[max(0, at - window + 1) : at + 1]) for at in range(len(rows))]


def senml(readings, window=1):
    rows = [{"n": "soil_moisture", "u": "%", "v": v, "t": t / 1000} for t, _, _, v in readings]
    return [message(rows[max(0, at - window + 1) : at + 1]) for at in range(len(rows))]


def cbor(readings, window=1):
    rows = [{0: "soil_moisture", 1: "%", 2: v, 6: t / 1000} for t, _, _, v in readings]
    return [message(cbor2.dumps(rows[max(0, at - window + 1) : at + 1])) for at in range(len(rows))]


def uplinks(readings):
    return [
        message(
            {
                "deduplicationId": f"{t}-{s}", "time": iso(t), "devAddr": f"{sum(b.encode()):08x}", "fCnt": s,
                "object": {"soil_moisture": v},
            },
            UPLINK,
        )
        for t, b, s, v in readings
    ]  # fmt: skip


def iso(ms):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


ENCODINGS = {
    "json": json_of, "clockless": clockless, "list": lists, "senml": senml, "cbor": cbor,
    "chirpstack": uplinks,
}  # fmt: skip


def readings(numbers, boot="b", first=0, start=30.0):
    """One reading each ten minutes before now, with values that differ."""
    return [
        (NOW - 50 * 10 * MINUTE + (first + at) * 10 * MINUTE, boot, number, round(start + at / 10, 1))
        for at, number in enumerate(numbers)
    ]


SITUATIONS = {
    "a counter restarts": readings([*range(5), *range(5)]),
    "a counter restarts that was seen late": readings([*range(4000, 4005), *range(5)]),
    "a counter wraps": readings([65_533, 65_534, 65_535, 0, 1, 2]),
    "a constant boot and number": readings([0] * 8),
    "boots": [*readings(range(3), "b1"), *readings(range(3), "b2", first=3)],
}


@pytest.mark.parametrize("batch", [1, 3, 100])
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_reading_is_stored_once_and_no_gap_is_seen(bench, encoding, situation, batch):
    given = SITUATIONS[situation]
    bench.give(*ENCODINGS[encoding](given), batch=batch)
    assert bench.spool.books().stored == len(given) and not bench.reasons()
    found = bench.values()
    if encoding == "clockless":
        assert [value for _, value in found] == [value for *_, value in given]
    else:
        assert found == [(time, value) for time, _, _, value in given]
    assert bench.memory().missing() == {}
    sent = ENCODINGS[encoding](given)
    bench.give(*[one._replace(dup=True) for one in sent], batch=batch)
    assert bench.values() == found, "what the broker sends again changes nothing"
    if encoding != "clockless":
        bench.give(*sent, batch=batch)
        assert bench.values() == found, "nor what a node sends again"
    assert bench.memory().missing() == {}


@pytest.mark.parametrize("window", [2, 3, 20])
@pytest.mark.parametrize("encoding", ["list", "senml", "cbor"])
def test_a_logger_that_repeats_its_last_readings_gets_in_whole(bench, encoding, window):
    given = readings(range(40))
    bench.give(*ENCODINGS[encoding](given, window))
    assert bench.values() == [(time, value) for time, _, _, value in given]
    assert bench.spool.books().stored == 40 and not bench.reasons()
    bench.give(ENCODINGS[encoding](given, 40)[-1])
    assert bench.spool.books().duplicate == 1 and len(bench.values()) == 40


@pytest.mark.parametrize("ago", [1, 20, 45])
@pytest.mark.parametrize("encoding", ["json", "list", "senml", "cbor", "chirpstack"])
def test_another_value_at_a_stored_time_is_refused_however_old(bench, encoding, ago):
    given = readings(range(50))
    bench.give(*ENCODINGS[encoding](given), batch=7)
    time, boot, _, value = given[-ago]
    bench.give(*ENCODINGS[encoding]([(time, boot, 999, value + 5)]))
    assert bench.values() == [(time, value) for time, _, _, value in given]
    assert bench.reasons() == [("conflicting_time", "soil_moisture")]
    bench.give(*ENCODINGS[encoding]([(time, boot, 1000, value)]))
    assert len(bench.reasons()) == 1 and len(bench.values()) == 50


@pytest.mark.parametrize("late", ["soil_ec", "both"])
def test_what_comes_late_for_another_signal_is_stored_beside(bench, late):
    given = readings(range(30))
    bench.give(*json_of(given), batch=30)
    values = {"soil_ec": 1.5} | ({"soil_moisture": given[3][3]} if late == "both" else {})
    bench.give(message({"ts": given[3][0], "values": values}))
    at = given[3][0]
    (row,) = bench.store.series("telemetry", {"device": "d1"}, at, at + 1, 9)
    assert row.fields == {"soil_moisture": given[3][3], "soil_ec": 1.5}


def test_a_doubted_value_that_comes_again_is_not_believed(bench):
    """A spike is flagged on arrival. Repeated alone, years later, it would look like any good value."""
    given = readings(range(30))
    spike = (given[29][0] + 10 * MINUTE, "b", 30, 95.0)
    after = [(spike[0] + n * 10 * MINUTE, "b", 30 + n, 33.0) for n in range(1, 15)]
    bench.give(*json_of([*given, spike, *after]))
    assert (spike[0], 95.0) in bench.values("telemetry_flagged") and (spike[0], 95.0) not in bench.values()
    bench.give(message([{"ts": spike[0], "values": {"soil_moisture": 95.0}}]))
    assert (spike[0], 95.0) not in bench.values() and bench.spool.books().duplicate == 1


@pytest.mark.parametrize("encoding", ["json", "list", "chirpstack"])
def test_a_clock_that_leaps_back_with_a_new_boot_is_flagged(bench, encoding):
    given = readings(range(17), "b1")
    bench.give(*ENCODINGS[encoding](given))
    back = [(time, "b2", at, 20.0 + at) for at, (time, *_) in enumerate(given[:3])]
    bench.give(*ENCODINGS[encoding](back))
    assert bench.values() == [(time, value) for time, _, _, value in given], "nothing is written over"
    rows = bench.store.series("telemetry_flagged", {"device": "d1", "reason": "clock"}, 0, 2**60, 10)
    assert sorted((row.fields["value"], row.fields["device_time"]) for row in rows) == [
        (value, time) for time, _, _, value in back
    ]
    right = [(given[-1][0] + 10 * MINUTE, "b2", 3, 34.0)]
    bench.give(*ENCODINGS[encoding](right))
    assert bench.values()[-1] == (right[0][0], 34.0), "once it has caught up it is believed"


def test_a_buffer_that_is_emptied_newest_first_is_believed(bench):
    given = readings(range(20), "b1")
    bench.give(*json_of(given[:5]))
    bench.give(*json_of([given[19], *reversed(given[5:19])]))
    assert bench.values() == [(time, value) for time, _, _, value in given]


def test_what_is_refused_is_not_missing(bench):
    good = clockless(readings(range(6)))
    bad = message({"boot": "b", "seq": 2, "values": {"unknown": 1}})
    bench.give(*good[:2], bad, *good[3:])
    bench.give(message([{"boot": "b", "seq": 6, "values": {}}]))
    bench.give(message({"devAddr": "01a2b3c4", "fCnt": 7, "fPort": 1}, UPLINK))
    bench.give(*uplinks([(NOW + 1, "b", 8, 31.0)]))
    assert bench.memory().missing() == {}
    bench.give(good[2])
    assert 30.2 in [value for _, value in bench.values()] and len(bench.reasons()) == 3


def lines(name):
    return (CASES / name).read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("case", "topic", "stored", "duplicate"),
    [
        ("05-window-of-three.jsonl", TOPIC, 5, 0),
        ("06-abp-restart.uplinks.jsonl", UPLINK, 8, 0),
        ("06c-same-boot.jsonl", TOPIC, 7, 0),
        ("07-clock-rewinds.jsonl", TOPIC, 17, 0),
    ],
)
def test_the_small_inputs_that_went_wrong(bench, case, topic, stored, duplicate):
    bench.arrival = NOW + 14 * 86_400_000
    name = {"05-window-of-three.jsonl": "water_level"}.get(case, "soil_moisture")
    bench.give(*[message(line.encode(), topic) for line in lines(case)])
    rows = bench.store.series("telemetry", {"device": "d1"}, 0, 2**60, 100)
    assert len([row for row in rows if name in row.fields]) == stored
    assert bench.spool.books().duplicate == duplicate and not bench.reasons()
    assert bench.memory().missing() == {}
