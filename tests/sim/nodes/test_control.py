"""Commands: a possible one is done once and always answered; any other is refused with a sentence."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.contract.orders import CARRIED
from devices.pilots.pilot import load
from sim.nodes.control import Control
from sim.physics.actions import Actions
from sim.run import fleet

PILOT = load("dong-thap")
NOW = int(datetime(2026, 2, 10, 8, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000
PUMP, BUOY, GAUGE, PROBE = (
    "thuan-tan-pump-controller-01",
    "ca-tra-hong-ngu-pond-buoy-01",
    "thuan-tan-canal-gauge-01",
    "thuan-tan-soil-probe-01",
)


def control():
    actions = Actions()
    nodes = fleet(3, PILOT, actions=actions)
    return Control(actions, nodes), actions, {node.device.device: node for node in nodes}


def command(**fields):
    usual = {"id": "c1", "actuator": "pump", "set": 1, "until": NOW + HOUR}
    return json.dumps(usual | fields).encode()


def answered(answer):
    said = json.loads(answer)
    assert set(said) == {"id", "ok", "error"}
    assert said["ok"] is (said["error"] is None)
    return said


def test_a_pump_wets_the_soil_and_says_that_it_runs():
    mine, actions, nodes = control()
    probe, pump = nodes[PROBE], nodes[PUMP]
    assert probe.plot == pump.plot
    before = {n: list(nodes[n].readings(NOW - HOUR, NOW + 6 * HOUR)) for n in (PROBE, PUMP)}
    said = answered(mine.answer(PUMP, command(until=NOW + 3 * HOUR), NOW))
    assert said == {"id": "c1", "ok": True, "error": None}
    (action,) = actions.of("thuan-tan")
    assert (action.actuator, action.set, action.start, action.stop) == ("pump", 1.0, NOW, NOW + 3 * HOUR)
    after = {n: list(nodes[n].readings(NOW - HOUR, NOW + 6 * HOUR)) for n in (PROBE, PUMP)}
    for name in (PROBE, PUMP):
        assert [r for r in after[name] if r.time < NOW] == [r for r in before[name] if r.time < NOW]
    assert before[PROBE][-1].values["soil_moisture"] + 0.3 < after[PROBE][-1].values["soil_moisture"]
    running = {r.time: r.values["pump_state"] for r in after[PUMP]}
    assert {state for time, state in running.items() if NOW <= time < NOW + 3 * HOUR} == {1.0}
    assert {state for time, state in running.items() if time >= NOW + 3 * HOUR} == {0.0}
    assert after[PUMP][-1].values["energy"] > before[PUMP][-1].values["energy"]


def test_a_day_already_computed_tick_by_tick_follows_the_command():
    mine, _, nodes = control()
    pump = nodes[PUMP]
    first = next(iter(pump.readings(pump.ticks.after(NOW), pump.ticks.after(NOW) + 1)))
    mine.answer(PUMP, command(), NOW)
    again = next(iter(pump.readings(pump.ticks.after(NOW), pump.ticks.after(NOW) + 1)))
    assert (first.values["pump_state"], again.values["pump_state"]) == (0.0, 1.0)


def test_an_aerator_gives_oxygen():
    mine, _, nodes = control()
    buoy, now = nodes[BUOY], NOW + 4 * 365 * 24 * HOUR + 12 * HOUR  # at night, after its place joined in 2029
    before = list(buoy.readings(now, now + 5 * HOUR))
    text = datetime.fromtimestamp((now + 5 * HOUR) / 1000, UTC).isoformat()
    order = command(actuator="aerator", set=True, until=text)
    assert "not installed" in answered(mine.answer(BUOY, command(actuator="aerator"), NOW))["error"]
    assert answered(mine.answer(BUOY, order.replace(b"c1", b"c2"), now))["ok"]
    after = list(buoy.readings(now, now + 5 * HOUR))
    gain = after[-1].values["dissolved_oxygen"] - before[-1].values["dissolved_oxygen"]
    assert gain > 0.1  # mg/L


def test_the_same_id_twice_is_answered_twice_and_done_once():
    mine, actions, _ = control()
    answers = {mine.answer(PUMP, command(), NOW), mine.answer(PUMP, command(set=0), NOW + 1000)}
    assert len(answers) == 1
    assert actions.count("thuan-tan") == 1
    # the same id c1, for another device
    assert answered(mine.answer(GAUGE, command(actuator="sluice", set=0.4), NOW))["ok"]
    assert actions.count("thuan-tan") == 2


@pytest.mark.parametrize(
    ("payload", "name", "says"),
    [
        (command(actuator="sluice"), "c1", "no actuator 'sluice'; it has: pump, valve"),
        (command(until=NOW), "c1", "has passed"),
        (command(until=NOW + 400 * 24 * HOUR), "c1", "31 days"),
        (command(until="tomorrow"), "c1", "RFC 3339"),
        (command(until="2026-02-10T12:00:00"), "c1", "RFC 3339"),
        (command(until=True), "c1", "until"),
        (command(set=2), "c1", "set"),
        (command(set="on"), "c1", "set"),
        (command(more=1), "c1", "more"),
        (b'{"id":"c9","actuator":"pump"}', "c9", "set"),
        (b'{"actuator":"pump","set":1,"until":1}', None, "id"),
        (b"{", None, "JSON"),
        (b"\xff\xfe", None, "command"),
        (b"[]", None, "command"),
        (b"[" * 9000, None, "command"),
        (b"x" * 20_000, None, "bytes"),
        (b'{"id":"\\ud800"}', "\ud800", "id"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(payload, name, says):
    mine, actions, _ = control()
    said = answered(mine.answer(PUMP, payload, NOW))
    assert not said["ok"]
    assert said["id"] == name
    assert says in said["error"]
    assert actions.count("thuan-tan") == 0


def test_nodes_without_actuators_say_so():
    mine, _, nodes = control()
    assert "it has: none" in answered(mine.answer(PROBE, command(), NOW))["error"]
    assert {n.model.id for n in nodes.values()} >= set(CARRIED)


MINE = control()[0]


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode)))
def test_nothing_that_comes_stops_a_node(payload):
    assert not answered(MINE.answer(PUMP, payload, NOW))["ok"]
