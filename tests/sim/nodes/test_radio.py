"""The link loses more in rain and far away, keeps messages that it cannot send, and sends them in order."""

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.clock import DAY_MS
from devices.contract.models import MODELS
from devices.pilots.pilot import load
from sim.nodes.faults import OUTAGE, Episode
from sim.nodes.radio import LORA, MOBILE, Carrier, Power, Radio, carrier, distance
from sim.nodes.ticks import Ticks
from sim.physics.streams import uniform
from sim.run import fleet

PILOT = load("dong-thap")
START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000)
TICKS = Ticks(600_000, 0, 1000)


def radio(carrier=LORA, km=10.0, rain=0.0, on=None, episodes=(), ticks=TICKS):
    return Radio(
        3, "probe-01", carrier, km, ticks,
        lambda a, b: np.full(b - a, rain),
        on or (lambda a, b: np.ones(b - a, dtype=bool)),
        lambda a, b: [e for e in episodes if e.start < b and e.stop > a],
    )  # fmt: skip


def test_loss_grows_with_rain_and_distance():
    for link in (LORA, MOBILE):
        dry, wet, far = (float(r.loss(1000, 1001)[0]) for r in
                         (radio(link), radio(link, rain=5.0), radio(link, km=40.0)))  # fmt: skip
        assert dry < wet
        assert dry < far
        assert 1 - radio(link, rain=5.0).gets_through(1000, 9000).mean() == pytest.approx(wet, abs=0.03)
    assert radio(LORA).loss(0, 1) > radio(MOBILE).loss(0, 1)


def test_models_and_distances():
    assert {carrier(m) for m in ("soil-probe", "nutrient-probe", "pest-trap")} == {LORA}
    assert {carrier(m) for m in ("weather-station", "canal-gauge", "pond-buoy", "pump-controller")} == {
        MOBILE
    }
    assert {carrier(model) for model in MODELS} == {LORA, MOBILE}
    km = [distance(PILOT, place) for place in PILOT.place]
    assert 0 < min(km) < 15
    assert 20 < max(km) < 120


@settings(max_examples=60, deadline=None)
@given(
    loss=st.sampled_from([0.0, 0.1, 0.6]),
    memory=st.integers(1, 30),
    dark=st.tuples(st.integers(1000, 1150), st.integers(0, 60)),
    out=st.tuples(st.integers(1000, 1150), st.integers(1, 60)),
    cut=st.integers(1001, 1199),
)
def test_arrivals_are_those_of_a_queue(loss, memory, dark, out, cut):
    link = Carrier("x", loss, 0, 0, 1, memory, 7)
    outage = Episode("probe-01", OUTAGE, None, TICKS.edge(out[0]), TICKS.edge(sum(out)))
    off = range(dark[0], sum(dark))

    def on(a, b):
        return np.array([tick not in off for tick in range(a, b)], dtype=bool)

    mine = radio(link, on=on, episodes=[outage])
    queue, arrived = deque(maxlen=memory), {}
    for tick in range(1000, 1400):
        if tick in off:
            continue
        queue.append(tick)
        luck = uniform(3, "radio@probe-01", np.array([tick]))[0]
        if luck >= loss and not outage.start < TICKS.time(tick) < outage.stop:
            for place, kept in enumerate(queue):
                arrived[kept] = TICKS.time(tick) + place * 7
            queue.clear()
    for low, high in ((1000, 1200), (1000, cut), (cut, 1200), (cut, cut + 1)):
        arrives, kept = mine.trips(low, high)
        found = dict(zip(np.arange(low, high)[kept].tolist(), arrives[kept].tolist(), strict=True))
        assert found == {tick: at for tick, at in arrived.items() if low <= tick < high}


@settings(max_examples=60, deadline=None)
@given(volts=st.lists(st.sampled_from([3.5, 3.59, 3.65, 3.7, 3.71, 3.9]), min_size=4, max_size=400),
       data=st.data())  # fmt: skip
def test_power_has_a_hysteresis_however_it_is_asked(volts, data):
    ticks = Ticks(600_000, 0, 1000)
    course = np.array(volts)

    def between(a, b):
        return np.concatenate((course, np.full(2000, 4.0)))[a - 1000 : b - 1000]

    state, expected = True, []
    for volt in volts:
        state = volt > 3.7 if volt < 3.6 or volt > 3.7 else state
        expected.append(state)
    power = Power("probe-01", ticks, between)
    low = data.draw(st.integers(0, len(volts) - 1))
    high = data.draw(st.integers(low + 1, len(volts)))
    assert power.on(1000 + low, 1000 + high).tolist() == expected[low:high]
    assert power.on(1000, 1000 + len(volts)).tolist() == expected
    dark = power.episodes(ticks.edge(1000), ticks.edge(1000 + len(volts)))
    off = {tick for e in dark for tick in range(ticks.at(e.start), ticks.at(e.stop))}
    assert off == {1000 + i for i, state in enumerate(expected) if not state}
    start, stop = ticks.time(1000 + low), ticks.time(1000 + high)
    asked = Power("probe-01", ticks, between).episodes(start, stop)
    assert asked == [e for e in dark if e.start < stop and e.stop > start]


def test_rain_delays_4g_and_loses_nothing_of_it():
    late = 0
    there = [n for n in fleet(5, PILOT, level="normal") if n.model.id == "weather-station"]
    for node in there[:6]:
        delivered = node.delivered(START, START + 30 * DAY_MS)
        waits = delivered.arrives - delivered.times
        late += int((waits >= 600_000).sum())
        assert (waits >= 0).all()
        on = node.on(node.ticks.at(START), node.ticks.at(START + 30 * DAY_MS))
        assert len(waits) == on.sum()
    assert late > 50


def test_without_a_memory_a_message_comes_at_once_or_never():
    mine = radio(LORA, rain=1.0)
    arrives, kept = mine.trips(1000, 5000)
    assert kept.tolist() == mine.gets_through(1000, 5000).tolist()
    assert arrives.tolist() == [TICKS.time(tick) for tick in range(1000, 5000)]
    assert mine.waiting(1200) == 0


def test_two_uplinks_are_lost_more_often_than_one():
    one, two = (replace(radio(LORA), uplinks=parts, collided=0.05) for parts in (1, 2))
    (single,), (double,) = one.loss(1000, 1001), two.loss(1000, 1001)
    assert 1 - double == pytest.approx((1 - single) ** 2)
    assert single > radio(LORA).loss(1000, 1001)[0]


def test_a_storm_is_as_hard_at_any_interval():
    """The loss depends on the rain an hour, whether rain is reported each ten minutes or twice a day."""
    slow = Ticks(43_200_000, 0, 1000)
    assert radio(LORA, rain=72.0, ticks=slow).loss(1, 2) == pytest.approx(radio(LORA, rain=1.0).loss(1, 2))
