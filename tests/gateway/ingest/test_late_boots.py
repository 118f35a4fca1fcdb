"""What is refused at delivery, or replayed, says nothing false of a device's clock or of its numbers."""

import pytest

from tests.gateway.ingest.test_repetition import json_of, message, readings, uplinks
from tests.gateway.ingest.test_repetition_late import fates, said
from tests.gateway.ports import DEVICES, MINUTE, FakeStore, build, drain

DAY = 1440 * MINUTE
ROWS = readings(range(20), "b1")
LAST = ROWS[-1][0]


def lost(boot, seq):
    """A reading with a clock that fell a day behind."""
    return said(LAST - DAY + seq * MINUTE, 50.0 + seq, boot=boot, seq=seq)


@pytest.fixture
def running(bench):
    """The device has run for hours, and its clock was right."""
    bench.give(*json_of(ROWS))
    bench.arrival = LAST + 10 * MINUTE
    return bench


def doubted(bench):
    """The values that came with a time that is not believed."""
    return [value for _, value in bench.values("telemetry_flagged")]


def test_a_boot_that_is_refused_at_delivery_does_not_hide_that_another_ones_clock_leapt_back(running):
    running.give(message(lost("b2", 0)))
    running.give(message([lost("b3", 5), said(ROWS[0][0], 77.0, boot="b1", seq=0)]))
    assert running.reasons() == [("conflicting_time", "soil_moisture")]
    running.give(message(lost("b2", 1)), message(lost("b3", 6)))
    assert doubted(running) == [50.0, 51.0, 56.0] and len(running.values()) == len(ROWS)


def test_nor_does_a_replay(running):
    running.give(message(lost("b2", 0)))
    earlier = message(said(LAST - 3 * DAY, 10.0, boot="b0", seq=5))
    running.give(earlier._replace(replayed=True, arrival=LAST - 3 * DAY))
    running.give(message(lost("b2", 1)))
    assert doubted(running) == [50.0, 51.0] and running.values()[0] == (LAST - 3 * DAY, 10.0)


def test_what_a_node_sent_before_it_was_enrolled_and_started_again_keeps_its_time(bench):
    known = {}
    pipeline, _ = build(bench.spool, bench.store, lookup=known.get)
    early, later = readings(range(5), "b0"), readings(range(5), "b1", first=10)
    for rows in (early, later):
        bench.spool.append([one._replace(arrival=rows[-1][0]) for one in json_of(rows)])
        drain(pipeline, bench.spool)
        known.update(DEVICES)
    bench.spool.release([row.id for row in reversed(bench.spool.quarantined())])
    drain(pipeline, bench.spool)
    assert bench.values() == [(time, value) for time, _, _, value in early + later]
    assert not doubted(bench) and fates(bench) == (10, 0, 0)


@pytest.mark.parametrize("encoding", [uplinks, json_of])
def test_a_replay_weeks_later_is_no_counter_that_began_again(bench, encoding):
    """Its number is known, its content no longer."""
    rows = [(LAST - (1000 - n) * 10 * MINUTE, "b", n, 30.0 + n % 50 / 10) for n in range(1001)]
    sqlite, bench.store = bench.store, FakeStore(refuses=lambda point: point.time == rows[3][0])
    bench.give(*encoding(rows[:1000]), batch=100)
    bench.store = sqlite
    bench.spool.release([row.id for row in bench.spool.quarantined()])
    bench.give(*encoding(rows[1000:]))
    assert fates(bench) == (1001, 0, 0) and (rows[3][0], rows[3][3]) in bench.values()
    assert bench.memory().missing() == {} and bench.memory().restarts() == {}
