"""A whole run writes the same bytes twice, and in one or four shards; its labels go to a file and to MQTT."""

import json
import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from devices.broker_url import leave
from devices.clock import now_ms
from devices.pilots.pilot import load
from devices.texts import Misuse
from sim import session
from sim.commands import (
    BEGINS,
    beside_a_store,
    parse_duration,
    parse_history,
    parse_moment,
    parse_shard,
    parse_span,
)
from sim.nodes.faults import LEVELS, NONE
from sim.nodes.masts import MAST_OUTAGE, Incident
from sim.physics.moment import ANCHOR
from sim.run import QUARTER, fleet
from sim.session import Plan, Session
from tests import servers

WHOLE = load("dong-thap")
PART = {"communities": WHOLE.communities[:3], "villages": WHOLE.villages[:1], "records": {}, "alarms": None,
        "advice": {}}  # fmt: skip
PILOT = type(WHOLE).model_validate(WHOLE.model_dump() | PART)  # a part is enough, and quick
START = int(datetime(2026, 10, 3, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000


def plan(**fields):
    usual = {"seed": 4, "shard": (1, 1), "history_ms": 8 * HOUR, "start": START, "until": START + 2 * HOUR,
             "speed": 0, "mqtt": None, "out": None, "store": False}  # fmt: skip
    return Plan(**(usual | fields))


def played(folder, level, shard=(1, 1)):
    out, truth = folder / "out", folder / "truth"
    what = plan(out=str(out), truth=str(truth), faults=level, shard=shard)
    Session(what, PILOT, folder, "secret", None).run(threading.Event())
    return out.read_bytes(), truth.read_bytes()


@pytest.mark.parametrize("level", [NONE, *LEVELS])
def test_the_same_bytes_twice_and_in_shards(tmp_path, level):
    out, truth = played(tmp_path, level)
    assert (out, truth) == played(tmp_path, level)
    shards = [played(tmp_path, level, (i, 4)) for i in (1, 2, 3, 4)]
    for number, whole in enumerate((out, truth)):
        lines = [line for shard in shards for line in shard[number].splitlines()]
        assert sorted(lines) == sorted(whole.splitlines())
    assert len(out.splitlines()) > 700
    assert bool(truth) == (level != "none")
    kinds = {json.loads(line)["kind"] for line in truth.splitlines()}
    assert len(kinds) >= {"none": 0, "normal": 1, "harsh": 5}[level]


def test_without_faults_it_is_as_if_there_were_none_to_choose(tmp_path):
    out, _ = played(tmp_path, "none")
    plain = tmp_path / "plain"
    what = plan(out=str(plain))
    Session(what, PILOT, tmp_path, "secret", None).run(threading.Event())
    assert plain.read_bytes() == out


class Kept(list):
    """A past that only collects the readings."""

    keep = list.extend


def test_what_a_node_kept_when_the_last_run_ended_is_in_the_next_ones_history(tmp_path):
    """The mast was down from four hours before the last run's end until an hour ago."""
    now, kept = now_ms(), Kept()
    last = now - 3 * HOUR
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "dong-thap-1-of-1.json").write_text(json.dumps({"seed": 4, "readings": last}))
    down = Incident(MAST_OUTAGE, "thuan-tan", last - 4 * HOUR, now - HOUR)
    what = plan(store=True, start=None, until=None, history_ms=24 * HOUR, forced=(down,), speed=1.0)
    Session(what, PILOT, tmp_path, "secret", kept).run(threading.Event())
    times = sorted(one.time for one in kept if one.device.device == "thuan-tan-weather-station-01")
    assert times[0] < down.start + HOUR and len(times) == len(set(times)) > 30
    assert min(one.time for one in kept if one.device.community == "tam-que") >= last - HOUR


@pytest.mark.parametrize(
    ("saved", "boot"),
    [(None, "sim-4"), ({"seed": 4}, "sim-4-2"), ({"seed": 4, "runs": 2}, "sim-4-3")],
)
def test_after_a_pause_that_goes_straight_to_the_store_nodes_begin_a_new_boot(tmp_path, saved, boot):
    """Under the old one a gateway would miss the numbers of the pause."""
    now, out = now_ms(), tmp_path / "out"
    if saved is not None:
        (tmp_path / "sim").mkdir()
        state = tmp_path / "sim" / "dong-thap-1-of-1.json"
        state.write_text(json.dumps(saved | {"readings": now - HOUR // 4}))
    what = plan(store=True, start=None, until=now + HOUR, history_ms=HOUR, out=str(out))
    Session(what, PILOT, tmp_path, "secret", Kept()).run(threading.Event())
    messages = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    sent = [one["payload"] for one in messages if one["topic"].endswith("telemetry")]
    assert {payload["boot"] for payload in sent} == {boot}


def test_a_history_into_a_file_ends_where_live_begins(tmp_path):
    out = tmp_path / "out"
    what = plan(out=str(out), until=None, speed=1.0, history_ms=HOUR, live=False)
    Session(what, PILOT, tmp_path, "secret", None).run(threading.Event())  # with live, for ever
    sent = [json.loads(line)["payload"] for line in out.read_text("utf-8").splitlines()]
    times = [payload["ts"] for payload in sent if "values" in payload]
    assert times and max(times) < START


def test_a_run_without_a_store_goes_on_with_the_boot_of_the_run_before(tmp_path):
    state, out = tmp_path / "sim" / "dong-thap-1-of-1.json", tmp_path / "out"
    state.parent.mkdir()
    state.write_text(json.dumps({"seed": 4, "runs": 3, "readings": now_ms() - HOUR // 60}))
    live = {"start": None, "until": now_ms() + HOUR, "history_ms": HOUR}
    Session(plan(out=str(out), **live), PILOT, tmp_path, "secret", None).run(threading.Event())
    messages = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert {one["payload"]["boot"] for one in messages if one["topic"].endswith("telemetry")} == {"sim-4-3"}
    Session(plan(**live), PILOT, tmp_path, "secret", None).run(threading.Event())
    assert json.loads(state.read_text())["runs"] == 3, "the next run with a store begins another boot"


def test_a_longer_past_that_is_not_made_any_more_is_named(tmp_path):
    """The readings of an earlier run stay, and what is asked for from before them is not added."""
    now = {"store": True, "start": None, "until": None, "speed": 1.0, "shard": (1, 8)}
    first = Session(plan(**now, history_ms=2 * HOUR), PILOT, tmp_path, "secret", Kept())
    assert first.simulated_span() is None
    begun = now_ms()
    first.run(threading.Event())
    for asked, longer in ((HOUR, False), (9 * HOUR, True)):
        kept = Kept()
        again = Session(plan(**now, history_ms=asked), PILOT, tmp_path, "secret", kept)
        span = again.simulated_span()
        assert (span is not None) == longer
        again.run(threading.Event())
    assert span is not None and 0 <= span[0] - (begun - 2 * HOUR) < HOUR
    assert span[1] >= begun and all(one.time > begun - 2 * HOUR for one in kept)


def test_the_progress_of_history_ends_at_its_total(tmp_path, monkeypatch):
    """A mast was down all the last quarter, so its nodes' memory begins before that: one piece more."""
    now, shown = now_ms(), []

    def track(pieces, *_, total, **__):
        made = list(pieces)
        shown.append((len(made), total))
        return made

    monkeypatch.setattr(session, "track", track)
    last = now - QUARTER + HOUR + 60_000
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "dong-thap-1-of-8.json").write_text(json.dumps({"seed": 4, "readings": last}))
    down = Incident(MAST_OUTAGE, "thuan-tan", last - 9 * HOUR, now - HOUR)
    past = {"start": None, "until": None, "speed": 1.0, "history_ms": 2 * QUARTER, "store": True}
    what = plan(**past, forced=(down,), shard=(1, 8))
    Session(what, PILOT, tmp_path, "secret", Kept()).run(threading.Event())
    ((made, total),) = shown
    assert made == total > len(fleet(4, PILOT, (1, 8)))


def test_live_labels_are_published_outside_the_contract(tmp_path):
    heard, ready, stop = [], threading.Event(), threading.Event()
    with servers.mosquitto("allow_anonymous true") as broker:
        client = Client(CallbackAPIVersion.VERSION2, client_id="judge")
        client.on_connect = lambda *_: client.subscribe("hoiquan-truth/#", qos=1)
        client.on_subscribe = lambda *_: ready.set()
        client.on_message = lambda _, __, m: heard.append((m.topic, m.qos, m.retain, json.loads(m.payload)))
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        assert ready.wait(servers.PATIENCE)
        truth = tmp_path / "truth"
        what = plan(mqtt=broker.url, truth=str(truth), faults="harsh", history_ms=0, until=START + 12 * HOUR)
        Session(what, PILOT, tmp_path, "secret", None).run(stop)
        lines = [json.loads(line) for line in truth.read_text().splitlines()]
        expected = [line for line in lines if line["stop"] is not None]
        assert expected
        servers.until(lambda: len(heard) == len(expected), "all labels")
        leave(client)
    assert [label for *_, label in heard] and all(
        topic == f"hoiquan-truth/v1/dong-thap/{PILOT.fleet[label['device']].community}/{label['device']}"
        and (qos, retain) == (1, False)
        for topic, qos, retain, label in heard
    )
    assert sorted(map(repr, expected)) == sorted(repr(label) for *_, label in heard)


def test_a_run_that_is_stopped_ends(tmp_path):
    stop = threading.Event()
    what = plan(out=str(tmp_path / "out"), until=None, speed=1.0, history_ms=0, faults="normal")
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    Session(what, PILOT, tmp_path, "secret", None).run(stop)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("wrong", ["", "30", "d", "-1d", "1.5h", "3w", "²d", "9" * 5000 + "d"])
def test_durations(wrong):
    assert parse_duration("30d", "--storm") == 30 * 24 * HOUR
    with pytest.raises(Misuse, match="30d"):
        parse_duration(wrong, "--storm")


def test_no_history_is_older_than_the_simulated_world():
    assert BEGINS == ANCHOR
    assert parse_history("30d", ANCHOR + 30 * 24 * HOUR) == 30 * 24 * HOUR
    for start, most in (ANCHOR + 30 * 24 * HOUR, "30d"), (0, "0d"):
        with pytest.raises(Misuse, match=f"begins on 1 Jan 2020, so {most} is the most"):
            parse_history("31d", start)
    with pytest.raises(Misuse, match="40000d"):
        beside_a_store("40000d", 1.0, 1, "none", "plan")


@pytest.mark.parametrize("wrong", ["", "today", "2026-11-21", "2026-11-21T00:00:00"])
def test_moments(wrong):
    assert parse_moment("2026-10-03T07:00:00+07:00") == START
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_moment(wrong)


@pytest.mark.parametrize(
    ("start", "until", "says"),
    [
        ("0001-01-01T00:00:00+07:00", None, "from 1 Jan 2020 to 31 Dec 2199"),
        ("9999-12-31T00:00:00+00:00", None, "from 1 Jan 2020 to 31 Dec 2199"),
        (None, "2201-01-01T00:00:00+07:00", "from 1 Jan 2020 to 31 Dec 2199"),
        ("2026-10-03T07:00:00+07:00", "2026-10-03T06:59:59+07:00", "after --start"),
        (None, "2021-01-01T00:00:00+07:00", "after now"),
    ],
)
def test_no_run_is_outside_the_simulated_world_or_ends_before_it_begins(start, until, says):
    with pytest.raises(Misuse, match=says):
        parse_span(start, until)
    assert parse_span("2026-10-03T07:00:00+07:00", "2026-10-03T07:00:00+07:00") == (START, START)


@pytest.mark.parametrize("wrong", ["", "1", "0/4", "5/4", "a/b", "1/0", "²/4"])
def test_shards(wrong):
    assert parse_shard("2/4") == (2, 4)
    with pytest.raises(Misuse, match="i/n"):
        parse_shard(wrong)


def test_saving_goes_on_after_a_disk_that_took_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "SAVE_EVERY", 0.01)
    made = Session(plan(start=None), PILOT, tmp_path, "secret", None)
    state, tries, save = made._state, [], made._save
    monkeypatch.setattr(made, "_save", lambda **until: tries.append(until) or save(**until))
    state.parent.touch()  # a file where the folder should be
    with made._saved_now_and_then(SimpleNamespace(now=START)):
        servers.until(lambda: tries, "it has tried in vain")
        state.parent.unlink()
        servers.until(state.exists, "it is saved")


def test_a_run_that_ended_leaves_no_thread_that_would_hold_its_world(tmp_path):
    before = {*threading.enumerate()}
    Session(plan(out=str(tmp_path / "out")), PILOT, tmp_path, "secret", None).run(threading.Event())
    assert {*threading.enumerate()} <= before
