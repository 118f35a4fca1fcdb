"""Rules applied to readings: which advice follows, for whom, how severe, and which orders it sends."""

import threading
from dataclasses import replace

import pytest

from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.pilots.advice import Advising, Automatic, Condition, Rule
from devices.pilots.pilot import load
from gateway.control.advisor import OFF, Advisor
from gateway.control.ledger import Entry, Ledger
from gateway.control.rules import advise, points
from gateway.stores.influx import InfluxStore
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater
from tests.servers import until

PILOT = load("dong-thap")
HOUR = 3_600_000
NOW = 1_795_255_200_000
POND = "ca-tra-hong-ngu"
BUOY = PILOT.fleet[f"{POND}-pond-buoy-01"]
RULES = {rule.id: rule for rule in PILOT.advice.rules}


def test_no_rule_is_held_against_a_direction():
    """A mean direction is neither below nor above a limit."""
    with pytest.raises(ValueError, match="neither over nor under"):
        Condition(signal="wind_direction", hours=3, above=180)


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "store.sqlite")
    yield made
    made.close()


def say(store, device, at=NOW - HOUR // 2, **values):
    store.write([Point("telemetry", device_tags(device), values, at)])


def real(community, model="soil-probe", name="real-1"):
    return Device("dong-thap", community, name, model, simulated=False)


def by_rule(store, at=NOW):
    return {(one.community, one.crop, one.rule): one for one in advise(store, PILOT, at).advised}


# Each case: community, values measured, the rule that follows, and a word that its sentence contains.
@pytest.mark.parametrize(
    ("community", "values", "rule", "named"),
    [
        ("tam-que", {"soil_moisture": 18.0}, "irrigate", "18,0"),
        ("tam-que", {"soil_moisture": 48.0}, "drain", "thoát nước"),
        ("tan-binh", {"salinity": 0.9}, "close-sluice", "0,90"),
        ("tan-binh", {"water_level": 2.25}, "high-water", "2,25"),
        (POND, {"dissolved_oxygen": 2.4}, "aerate", "quạt nước"),
        (POND, {"ammonia": 0.05}, "ammonia", "0,050"),
        ("tam-que", {"soil_nitrogen": 15.0}, "fertilise-n", "52 kg N/ha"),
        ("tam-que", {"soil_phosphorus": 12.0}, "fertilise-p", "26 kg P/ha"),
        ("tam-que", {"soil_potassium": 50.0}, "fertilise-k", "80 kg K/ha"),
        ("tam-que", {"soil_ph": 5.4}, "lime", "vôi"),
        ("tan-binh", {"pest_count": 800.0}, "planthopper", "800"),
    ],
)
def test_each_rule_speaks_when_its_reading_calls_for_it(store, community, values, rule, named):
    say(store, real(community), **values)
    (one,) = [one for one in advise(store, PILOT, NOW).advised if one.rule == rule]
    assert one.community == community
    assert one.severity == RULES[rule].severity
    assert named in one.vi
    assert one.vi != one.en and "{" not in one.vi + one.en


def test_high_water_is_held_against_the_gauge_of_each_place(store):
    """Alarm level II: 2.0 m at Trường Xuân, 2.1 m at Cao Lãnh."""
    for place in ("sen-thap-muoi", "tan-binh"):
        say(store, real(place, "canal-gauge", f"{place}-1"), water_level=2.05)
    assert {key[0] for key in by_rule(store) if key[2] == "high-water"} == {"sen-thap-muoi"}


def test_over_influxdb_the_same_is_advised(store, any_influx):
    """Of each signal only what the rules look at is queried, and nothing else."""
    made = InfluxStore(any_influx.url, any_influx.token, any_influx.org, any_influx.bucket())
    signals = {condition.signal for rule in PILOT.advice.rules for condition in rule.when}
    some = [one for one in PILOT.fleet.values() if one.community in (POND, "tam-que", "tan-binh")]
    for number, device in enumerate(some):
        for there in (store, made):
            for turn in range(3):
                values = {name: SIGNALS[name].low + 2.0 * turn + number for name in signals}
                say(there, device, NOW - HOUR // 2 + turn, **values)
    advised = advise(store, PILOT, NOW).advised
    assert advise(made, PILOT, NOW).advised == advised and len({one.rule for one in advised}) > 3
    made.close()


def test_every_rule_says_how_it_is_known():
    assert {"irrigate", "drain", "close-sluice", "aerate", "planthopper"} <= RULES.keys()
    for rule in PILOT.advice.rules:
        assert rule.source or rule.assumption


def test_nothing_is_advised_of_what_is_well_or_unknown(store):
    assert advise(store, PILOT, NOW).advised == []
    say(store, real("tam-que"), soil_moisture=30.0, soil_nitrogen=60.0)
    assert advise(store, PILOT, NOW).advised == []
    assert by_rule(store, NOW + 40 * 24 * HOUR) == {}


def test_old_readings_advise_nothing(store):
    say(store, BUOY, at=NOW - 2 * HOUR, dissolved_oxygen=1.0)
    assert by_rule(store) == {}


def test_real_devices_go_before_simulated_ones(store):
    say(store, PILOT.fleet["tam-que-soil-probe-01"], soil_moisture=10.0)
    assert by_rule(store)["tam-que", "mango", "irrigate"].simulated
    say(store, real("tam-que"), soil_moisture=30.0)
    assert by_rule(store) == {}


def test_a_real_device_that_fell_silent_is_not_spoken_for_by_a_simulated_one(store):
    mine, simulated = real("tam-que"), PILOT.fleet["tam-que-soil-probe-01"]
    say(store, mine, at=NOW - 10 * HOUR, soil_moisture=38.0)
    say(store, simulated, soil_moisture=10.0)
    assert advise(store, PILOT, NOW, [mine, simulated]).advised == []
    (one,) = advise(store, PILOT, NOW, [simulated]).advised  # the other device was revoked
    assert one.simulated and one.vi.endswith("(thiết bị mô phỏng)") and one.en.endswith("(simulated device)")
    say(store, mine, soil_moisture=10.0)
    (one,) = advise(store, PILOT, NOW, [mine, simulated]).advised
    assert not one.simulated and "mô phỏng" not in one.vi


def test_advice_is_not_over_because_its_gauge_died(store):
    say(store, real("tan-binh"), salinity=5.0)
    store.write(points(store, PILOT, advise(store, PILOT, NOW), NOW))
    for hours, severity in ((4, 3), (5, 3), (8, 0)):
        at = NOW + hours * HOUR
        store.write(points(store, PILOT, advise(store, PILOT, at), at))
        (latest,) = store.latest("advice", {"pilot": "dong-thap"}, 0)
        assert latest.fields["severity"][1] == severity, hours


def test_advice_that_is_over_is_said_to_be(store):
    say(store, BUOY, dissolved_oxygen=2.0)
    store.write(points(store, PILOT, advise(store, PILOT, NOW), NOW))
    (latest,) = store.latest("advice", {"pilot": "dong-thap"}, 0)
    assert latest.tags["rule"] == "aerate"
    assert latest.fields["severity"][1] == 3
    say(store, BUOY, at=NOW + HOUR, dissolved_oxygen=6.0)
    later = NOW + 3 * HOUR // 2
    store.write(points(store, PILOT, advise(store, PILOT, later), later))
    (latest,) = store.latest("advice", {"pilot": "dong-thap"}, 0)
    assert latest.fields["severity"][1] == 0
    assert points(store, PILOT, advise(store, PILOT, later), later + HOUR) == [], "and once is enough"


# -- acting -----------------------------------------------------------------------------------------


class Sent:
    """A sender that records each order and answers that it was done."""

    def __init__(self, ledger):
        self.ledger, self.entries = ledger, []

    def __call__(self, device, actuator, value, until, by):
        entry = Entry(f"c{len(self.entries)}", device, actuator, value, by, self.now, until)
        self.ledger.sent(entry)
        self.ledger.answered(entry.id, device, True, None, self.now)
        self.entries.append(entry)
        return replace(entry, ok=True)


def advisor(tmp_path, store, devices=(BUOY,), **automatic):
    ledger = Ledger(tmp_path / "registry.sqlite")
    allowed = Automatic(**({"enabled": True, "communities": (POND,), "most_minutes_a_day": 100} | automatic))
    advising = Advising(rules=PILOT.advice.rules, automatic=allowed)
    pilot = PILOT.model_copy(update={"advice": advising})
    send = Sent(ledger)
    made = Advisor(store, pilot, lambda: list(devices), tmp_path, lambda: ledger, send)

    def look(now):
        send.now = now
        made.look(now)
        return [(one.device, one.actuator, (one.until - one.sent) // 60_000) for one in send.entries]

    return look, ledger


def test_where_the_pilot_allows_it_acts_within_its_limits(tmp_path, store):
    look, _ = advisor(tmp_path, store)
    for hour in range(30):
        say(store, BUOY, at=NOW + hour * HOUR, dissolved_oxygen=2.0)
    assert look(NOW + 1) == [(BUOY.device, "aerator", 60)]
    assert len(look(NOW + HOUR // 2)) == 1, "it runs already"
    assert look(NOW + HOUR + 2)[1:] == [(BUOY.device, "aerator", 40)], "100 minutes a day and no more"
    assert len(look(NOW + 3 * HOUR)) == 2
    assert len(look(NOW + 26 * HOUR)) == 3, "the next day"


@pytest.mark.parametrize(
    "automatic", [{"enabled": False}, {"communities": ()}, {"communities": ("tam-que",)}]
)
def test_elsewhere_it_does_not(tmp_path, store, automatic):
    look, _ = advisor(tmp_path, store, **automatic)
    say(store, BUOY, at=NOW, dissolved_oxygen=2.0)
    assert look(NOW + 1) == []


def test_the_off_switch_and_a_persons_command_go_before(tmp_path, store):
    look, ledger = advisor(tmp_path, store)
    say(store, BUOY, at=NOW, dissolved_oxygen=2.0)
    (tmp_path / OFF).touch()
    assert look(NOW + 1) == []
    (tmp_path / OFF).unlink()
    ledger.sent(Entry("p", BUOY.device, "aerator", 0.0, "officer", NOW, NOW + HOUR // 2))
    assert look(NOW + 2) == [], "an officer holds it off"
    assert len(look(NOW + HOUR // 2 + 1)) == 1


def test_an_invented_reading_moves_no_real_actuator(tmp_path, store):
    there = real(POND, "pond-buoy", "real-buoy")
    look, _ = advisor(tmp_path, store, devices=(there,))
    say(store, BUOY, at=NOW, dissolved_oxygen=2.0)
    assert look(NOW + 1) == []
    say(store, there, at=NOW, dissolved_oxygen=2.0)
    assert look(NOW + 2) == [("real-buoy", "aerator", 60)]


def test_a_rule_needs_a_source_or_says_that_it_assumes():
    content = RULES["lime"].model_dump(exclude={"source"})
    with pytest.raises(ValueError, match="source"):
        Rule.model_validate(content)


def test_the_thread_goes_on_when_the_store_does_not_answer(tmp_path):
    calls = []

    def devices():
        return []

    class Away(SqliteStore):
        def summary(self, *given, **_):
            calls.append(given)
            raise RetryLater("store.silent", error="away")

    away = Away(tmp_path / "away.sqlite")
    stop = threading.Event()
    made = Advisor(away, PILOT, devices, tmp_path, lambda: None, None)
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    until(lambda: calls, "it asked")
    assert thread.is_alive()
    stop.set()
    thread.join()
    away.close()
