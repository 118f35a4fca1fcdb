"""The checks on the simulator's faults, and on a fleet without faults.

benchmarks/checks.py measures which share of each fault they find, and how often they flag a good value.
"""

from datetime import UTC, datetime

import pytest

from devices.clock import AHEAD_MS, YEAR_2020_MS
from devices.contract.quality import CLOCK, GROSS_RANGE, RATE, SPIKE, Flag
from devices.contract.signals import SIGNALS
from devices.pilots.pilot import load
from gateway.ingest.checks import LEAPS, SPIKE_SHARE, Checker
from sim.nodes.faults import SKEW, VALUE
from sim.nodes.truth import records
from sim.run import fleet

PILOT = load("dong-thap")
DAY = 86_400_000
START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)
STOP = START + 7 * DAY
HOUR = 3_600_000
# communes in which three or more devices of a kind have joined by then
COMMUNES = {"phường Cao Lãnh", "xã Phú Hựu"}


class Run:
    """A week of two communes, checked in the order in which the messages arrive."""

    def __init__(self, level):
        nodes = [
            node
            for node in fleet(1, PILOT, level=level)
            if PILOT.place[node.device.community].commune_new in COMMUNES and node.since < START
        ]
        self.devices = len(nodes)
        by_name = {node.device.device: node for node in nodes}
        self.records = [record for node in nodes for record in records(node, START, STOP)]
        self.messages = sorted(
            (message for node in nodes for message in node.deliveries(START, STOP)),
            key=lambda message: message.arrives,
        )
        checker, newest = Checker(PILOT), {}
        # (device, time of measuring) → (message, its points, whether it arrived in order)
        self.told, self.times = {}, {name: [] for name in by_name}
        for message in self.messages:
            reading = message.reading
            node = by_name[reading.device.device]
            place = reading.device.device, node.ticks.time(reading.seq)
            in_order = reading.time > newest.get(place[0], 0)
            self.told[place] = message, checker.check(reading), in_order
            self.times[place[0]].append(place[1])
            if reading.device_time is None:
                newest[place[0]] = max(reading.time, newest.get(place[0], 0))

    def within(self, device, start, stop):
        """The times of measuring within [start, stop) of messages from the device, in order."""
        return sorted(time for time in self.times[device] if start <= time < stop)


@pytest.fixture(scope="module")
def harsh():
    return Run("harsh")


def doubts(points, time):
    """Signal → reason, of the flags on the values of that time."""
    return {
        dict(point.tags)["signal"]: dict(point.tags)["reason"]
        for point in points
        if point.measurement == "telemetry_flagged"
        and point.time == time
        and point.fields["flag"] > Flag.GOOD
    }


def test_a_week_in_which_nothing_fails_has_no_false_alarm():
    run = Run("none")
    flagged = [
        point for _, points, _ in run.told.values() for point in points if point.measurement != "telemetry"
    ]
    assert flagged == []
    values = sum(len(message.reading.values) for message in run.messages)
    stored = sum(len(point.fields) for _, points, _ in run.told.values() for point in points)
    assert values == stored > 100_000
    assert run.devices > 30


def test_every_spike_is_flagged_at_once(harsh):
    """The first value of each spike is flagged; the values after it may as well be a step. Only spikes count
    whose message arrives in order and whose value leaps further than the threshold from a good value of less
    than an hour before.
    """
    spikes = 0
    for record in harsh.records:
        if record.kind != "spike" or record.signal in LEAPS:
            continue
        signal = SIGNALS[record.signal]
        assert abs(record.parameters["add"]) > SPIKE_SHARE * (signal.high - signal.low)
        before = harsh.within(record.device, record.start - HOUR, record.start)
        times = harsh.within(record.device, record.start, record.stop)
        if not before or not times:
            continue  # the edge of the week, or the message before was lost
        told = [harsh.told[record.device, time] for time in (before[-1], times[0])]
        if not all(in_order and message.reading.device_time is None for message, _, in_order in told):
            continue
        if any(
            other.kind in VALUE and other.device == record.device and other.signal == record.signal
            and other is not record and other.stop > record.start - HOUR and other.start < record.start
            for other in harsh.records
        ):  # fmt: skip
            continue
        message, points, _ = told[1]
        found = doubts(points, message.reading.time)
        assert found.get(record.signal) in {GROSS_RANGE, RATE, SPIKE}, record
        spikes += 1
    assert spikes > 15


def test_every_time_that_cannot_be_is_flagged(harsh):
    seen = set()
    for record in harsh.records:
        if record.kind != SKEW or record.parameters["offset_ms"] is None:
            continue
        for time in harsh.within(record.device, record.start, record.stop):
            message, points, _ = harsh.told[record.device, time]
            claimed = time + record.parameters["offset_ms"]
            found = doubts(points, message.reading.time)
            if YEAR_2020_MS <= claimed <= message.arrives + AHEAD_MS:
                assert CLOCK not in found.values(), "a clock that is behind looks like a buffer"
                continue
            seen.add((record.device, time))
            assert found.keys() == message.reading.values.keys(), "none is good"
            assert set(found.values()) <= {CLOCK, GROSS_RANGE}
            assert CLOCK in found.values()
            assert all(point.fields["device_time"] == claimed for point in points)
    flagged = {
        place
        for place, (message, points, _) in harsh.told.items()
        if CLOCK in doubts(points, message.reading.time).values()
    }
    assert flagged == seen
    assert len(seen) > 300
