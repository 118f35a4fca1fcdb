"""A network with realistic faults: the indicator dips and recovers, and most devices stay covered."""

from collections import Counter
from datetime import UTC, datetime

import numpy as np

from devices.clock import DAY_MS, HOUR_MS
from devices.pilots.pilot import load
from gateway.indicators.count import evaluate
from gateway.indicators.coverage import Coverage
from gateway.past import Past
from gateway.stores.sqlite import SqliteStore
from sim.nodes.masts import GRID_CUT, Incident
from sim.run import fleet
from tests.gateway.indicators.province import DAY, HOUR, NOW, device, reading
from tests.gateway.indicators.province import PILOT as PROVINCE

PILOT = load("dong-thap")
START = int(datetime(2026, 3, 1, 17, tzinfo=UTC).timestamp() * 1000)  # midnight in Vietnam
DAYS = 25


def test_three_days_without_the_grid_are_a_dip_of_the_indicator_that_comes_back(tmp_path):
    """The LoRa gateway and all devices on mains are off; two devices are not the three required."""
    cut = Incident(GRID_CUT, "thuan-tan", START + 9 * DAY_MS, START + 12 * DAY_MS)
    store = SqliteStore(tmp_path / "store.sqlite")
    past = Past(store, PILOT)
    for node in fleet(1, PILOT, interval=3600, forced=[cut]):
        past.keep(list(node.readings(START, START + DAYS * DAY_MS)))
    devices, covered = list(PILOT.fleet.values()), Coverage(store, PILOT)
    counts = [
        evaluate(store, PILOT, devices, START + day * DAY_MS, covered=covered).counts[0]
        for day in range(7, DAYS)
    ]
    store.close()
    usual = counts[0].value
    members = ["thuan-tan" in count.members for count in counts]
    assert [count.value for count in counts] == [usual - (not there) for there in members]
    assert members[0]
    assert members[-1]
    dip = [day for day, there in enumerate(members, start=7) if not there]
    assert dip == list(range(11, 18)), "while two of the three days are in the week that counts"
    assert dict(counts[dip[0] - 7].missed)["thuan-tan"] == "2/3"


def test_a_day_without_any_reading_is_no_beginning(store):
    """A day whose week begins with an outage of everything counts as ever: only what is before the first
    readings is unknown.
    """
    one = device("a1", "a")
    store.write([reading(one, NOW - back * HOUR) for back in (*range(1, 7 * 24 - 30), 10 * 24)])
    known = [Coverage(store, PROVINCE).begun(NOW - back * DAY) for back in range(6)]
    assert known == [True] * 4 + [False] * 2


def test_under_normal_faults_most_devices_stay_covered_and_some_do_not():
    """Half a year with its dull weeks, counted by hours and weeks as the rule defines."""
    start, days = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000), 182
    shares, fell = [], Counter()
    for node in fleet(1, PILOT, level="normal", interval=3600):
        if node.since < start:
            hours = (node.delivered(start, start + days * DAY_MS).times - start) // HOUR_MS
            weeks = np.bincount(np.unique(hours) // 168, minlength=26) / 168
            shares += weeks.tolist()
            fell[bool((weeks < 0.8).any())] += 1
    assert np.mean(np.array(shares) >= 0.8) > 0.9
    assert fell[True] > 5
    assert fell[False] > 5
