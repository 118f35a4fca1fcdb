"""A scenario file defines what is played, and an error in it is named with its mend."""

import os
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from dashboards.pages.measured import silence
from devices.clock import HOUR_MS
from devices.pilots import scenario, written
from devices.pilots.names import Names
from devices.pilots.pilot import load as load_pilot
from devices.pilots.scenario import load
from devices.pilots.written import FileError
from devices.texts import Misuse
from sim.commands import played, rehearse
from sim.session import Plan

ROOT = Path(__file__).parents[3]
PILOT = load_pilot("dong-thap")
GOOD = 'name: {vi: "Thử", en: "A try"}\nstart: 2026-03-01\nuntil: 2026-03-08\n'
PLACED = "events: [{kind: theft, devices: [a], places: [b], start: 2026-03-02, stop: 2026-03-03}]"
BAD = [
    ("start: 2026-03-01", "start: March", "start", "valid date"),
    ("start: 2026-03-01", "start: 2019-03-01", "start", "2020-01-01"),
    ("until: 2026-03-08", "until: 2026-02-08", "until", "a later day"),
    ("until: 2026-03-08", "", "until", "is missing"),
    ("until: 2026-03-08", "until: 2026-03-08\nfault: harsh", "fault", "do you mean faults?"),
    ("until: 2026-03-08", "until: 2026-03-08\nwind: 3", "wind", "write one of name, happens"),
    ("until: 2026-03-08", "until: 2026-03-08\nfaults: some", "faults", "'none', 'normal', 'harsh'"),
    (
        "until: 2026-03-08",
        "until: 2026-03-08\nrollout: soon",
        "rollout",
        "'plan', 'on-time', 'late', 'drop-out'",
    ),
    ("until: 2026-03-08", "until: 2026-03-08\nseed: -1", "seed", "greater than or equal to 0"),
    ("until: 2026-03-08", "until: 2026-03-08\ninterval_minutes: 7", "interval_minutes", "10, 60 or 360"),
    ("until: 2026-03-08", "until: 2026-03-08\nyears: [{year: 2027, salt_km: 90}]", "salt_km", "equal to 60"),
    ("until: 2026-03-08", "until: 2026-03-08\nyears: [{year: 2027, salt: 50}]", "salt", "salt_km"),
    ("until: 2026-03-08", "until: 2026-03-08\nyears: [{year: 2026}, {year: 2026}]", "years", "one row"),
    ("until: 2026-03-08", "until: 2026-03-08\nyears: [{year: 2062}]", "2062", "years from 2025 to 2026"),
    ("until: 2026-03-08", "until: 2026-03-08\nyears: [{year: 2024}]", "2024", "years from 2025 to 2026"),
    (
        "until: 2026-03-08",
        "until: 2026-03-08\nevents: [{kind: flood, start: 2026-03-02, stop: 2026-03-03}]",
        "events.0",
        "'rain', 'hoppers'",
    ),
    (
        "until: 2026-03-08",
        "until: 2026-03-08\nevents: [{kind: rain, mm: 50, start: 2026-03-03, stop: 2026-03-03}]",
        "events.0",
        "later day",
    ),
    (
        "until: 2026-03-08",
        "until: 2026-03-08\nevents: [{kind: rain, mm: 50, start: 2026-04-02, stop: 2026-04-03}]",
        "events.0",
        "choose days",
    ),
    (
        "until: 2026-03-08",
        "until: 2026-03-08\nevents: [{kind: theft, start: 2026-03-02, stop: 2026-03-03}]",
        "devices",
        "is missing",
    ),
    (
        "until: 2026-03-08",
        "until: 2026-03-08\n" + PLACED,
        "events.0.theft.places",
        "devices alone",
    ),
    ('en: "A try"', 'de: "Versuch"', "name.en", "is missing"),
    ("start: 2026-03-01", "start: [", "not YAML", "line"),
]


@pytest.mark.parametrize(
    ("instead", "vietnamese"),
    [
        (
            "events: [{kind: heist, start: 2026-03-02, stop: 2026-03-03}]",
            "events.0: 'kind': hãy ghi một trong 'rain', 'hoppers'",
        ),
        ("faults: some", "faults: 'some' không đúng: hãy ghi một trong 'none', 'normal', 'harsh'"),
        ("years: [{year: 2026, flood_m: 9}]", "years.0.flood_m: 9 không đúng: nhiều nhất là 5.3"),
        (
            "events: [{kind: rain, mm: 50, start: 2026-04-02, stop: 2026-04-03}]",
            "hãy chọn ngày từ 2026-03-01",
        ),
        ("years: [{year: 2026, salt_km: 90.5}]", "years.0.salt_km: 90.5 không đúng: nhiều nhất là 60"),
        ("seed: [", "không phải YAML: sai từ dòng 5, cột 1 (expected the node"),
        ("seed: -1", "seed: -1 không đúng: phải từ 0 trở lên"),
        ("seed: x", "seed: 'x' không đúng: phải là một số nguyên"),
        (PLACED, "events.0.theft.places: mất cắp (theft) chỉ nói đến thiết bị"),
        ("events: rain", "events: 'rain' không đúng: phải là một danh sách"),
        ("years: [2026]", "years.0: 2026 không đúng: phải là các trường"),
        (
            "events: [{kind: leaves, places: [], start: 2026-03-02, stop: 2026-03-03}]",
            "events.0.leaves.places: quá ít; cần ít nhất 1 mục",
        ),
        (
            "events: [{kind: outage, places: [Tâm Quê], start: 2026-03-02, stop: 2026-03-03}]",
            "phải viết theo mẫu ^[a-z0-9-]{1,64}$, ví dụ tam-que",
        ),
    ],
)
def test_a_mistake_is_said_in_vietnamese(tmp_path, instead, vietnamese):
    path = tmp_path / "mine.yaml"
    path.write_text(f"{GOOD}{instead}\n", "utf-8")
    with pytest.raises(FileError) as error:
        load(str(path))
    assert vietnamese in error.value.sentence("vi")


@pytest.mark.parametrize(("line", "instead", "field", "mend"), BAD, ids=[case[1][-25:] for case in BAD])
def test_a_mistake_names_file_field_and_mend(tmp_path, line, instead, field, mend):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(line, instead), "utf-8")
    with pytest.raises(FileError) as error:
        load(str(path))
    sentence = str(error.value)
    assert all(part in sentence for part in (str(path), field, mend)), sentence
    assert "\n" not in sentence


def test_shipped_scenarios_are_whole_and_an_unknown_one_names_them():
    names = sorted(path.stem for path in scenario.HERE.glob("*.yaml"))
    assert names == [
        "budget-cut", "decade", "decade-late", "decade-on-time", "drop-out", "dry-2015", "fish-kill",
        "flood-2011", "harsh-month", "hopper", "merger-2025", "salt-2020", "storm-3-days", "theft",
    ]  # fmt: skip
    for name in names:
        play = load(name)
        play.require(load_pilot(play.pilot))
    with pytest.raises(FileError, match="budget-cut, decade, decade-late"):
        load("century")


def test_a_scenario_is_played_live_over_mqtt_and_else_as_a_past():
    play = load("decade")
    begin, end = (int(datetime(year, 1, 1, tzinfo=PILOT.zone).timestamp() * 1000) for year in (2021, 2031))
    usual = {"seed": 1, "shard": (1, 1), "history_ms": 0, "start": None, "until": None, "speed": 1.0}
    live = played(Plan(**usual, mqtt="mqtt://127.0.0.1", out=None, store=False), play, PILOT)
    assert (live.start, live.until, live.history_ms, live.interval) == (begin, end, 0, 43_200)
    past = played(Plan(**usual, mqtt=None, out=None, store=True), play, PILOT)
    assert (past.start, past.history_ms, past.complete) == (end, end - begin, True)


@pytest.mark.parametrize(
    ("event", "names"),
    [
        ("kind: outage, places: [nowhere]", "'nowhere'.*tam-que"),
        ("kind: theft, devices: [tam-que-soil-probe-9]", "'tam-que-soil-probe-9'.*tam-que-soil-probe-01"),
        ("kind: theft, devices: [tam-que-diary-01]", "'tam-que-diary-01'.*is a diary and no node"),
    ],
)
def test_what_the_pilot_does_not_have_is_named(tmp_path, event, names):
    path = tmp_path / "mine.yaml"
    days = "start: 2026-03-02, stop: 2026-03-03"
    path.write_text(f"{GOOD}events: [{{{event}, {days}}}]\n", "utf-8")
    usual = Plan(1, (1, 1), 0, None, None, 0, None, "-", False)
    with pytest.raises(Misuse, match=names):
        played(usual, load(str(path)), PILOT)


def test_a_node_is_judged_by_the_interval_it_promised():
    assert load("decade").judged(PILOT).rules.iot_communities.slot_minutes == 720
    assert load("harsh-month").judged(PILOT).rules == PILOT.rules


def test_a_node_that_is_heard_twice_a_day_is_not_silent_after_three_hours():
    assert PILOT.alarms.silent_hours == 3
    assert load("decade").judged(PILOT).alarms.silent_hours == 24
    assert load("hopper").judged(PILOT).alarms == load("harsh-month").judged(PILOT).alarms == PILOT.alarms
    without = PILOT.model_copy(update={"alarms": None})
    assert silence(without) == silence(PILOT) == 3 * HOUR_MS
    assert silence(load("decade").judged(without)) == silence(load("decade").judged(PILOT)) == 24 * HOUR_MS


def test_a_rehearsal_keeps_to_a_folder_of_its_own(tmp_path):
    rehearse(tmp_path, load("decade"))
    rehearse(tmp_path, load("decade"))
    with pytest.raises(ValueError, match="another scenario"):
        rehearse(tmp_path, load("decade-late"))
    worded = load("decade").model_copy(update={"name": Names(vi="Khác", en="Other"), "watch": ()})
    rehearse(tmp_path, worded)
    assert scenario.held(tmp_path) == worded
    with pytest.raises(ValueError, match=f"delete the folder {tmp_path}"):
        rehearse(tmp_path, worded.model_copy(update={"seed": 2}))
    assert scenario.held(tmp_path) == worded
    lived = tmp_path / "lived"
    (lived / "gateway").mkdir(parents=True)
    with pytest.raises(ValueError, match="running pilot"):
        rehearse(lived, load("decade"))


@pytest.mark.parametrize("mark", [b'{"name":', b"", b'{"wind": 3}', b"\xff"])
def test_a_mark_that_cannot_be_read_is_named_with_the_cure(tmp_path, mark):
    path = tmp_path / written.SCENARIO
    path.write_bytes(mark)
    with pytest.raises(Misuse) as error:
        rehearse(tmp_path, load("theft"))
    sentence = str(error.value)
    assert str(path) in sentence and f"delete the folder {tmp_path} and play again" in sentence


def test_a_played_scenario_fills_store_records_and_indicators(tmp_path):
    """The command as a person gives it: a place joins, and picks its mangoes in September."""
    path = tmp_path / "summer.yaml"
    text = GOOD.replace("2026-03-01", "2021-05-25").replace("2026-03-08", "2021-09-25")
    path.write_text(text + "interval_minutes: 360\n", "utf-8")
    data = tmp_path / "data"

    def run(*words):
        return subprocess.run(
            [sys.executable, str(ROOT / "hoiquan.py"), *words, "--data", str(data)],
            capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "HOIQUAN_PILOT": "dong-thap"},
        )  # fmt: skip

    done = run("simulate", "--scenario", str(path), "--store")
    assert done.returncode == 0, done.stderr
    assert "diễn lại từ 25/05/2021 đến 25/09/2021" in done.stderr
    kpi = dict(
        sqlite3.connect(data / "store.sqlite").execute(
            "SELECT date(time/1000, 'unixepoch', '+7 hours'), value FROM kpi JOIN series ON id=series "
            "WHERE tags LIKE '%iot_communities%'"
        )
    )
    # the place joins on 1 June, and has 80 % of the window's readings from the sixth day on
    assert kpi["2021-06-05"] == 0 and kpi["2021-06-07"] == 1 and max(kpi) == "2021-09-24"
    sealed = (
        sqlite3.connect(data / "trace" / "trace.sqlite").execute("SELECT count(leaf) FROM lot").fetchone()
    )
    assert sealed[0] > 0
    refused = run("up")
    assert refused.returncode == 2 and "đang giữ một cuộc diễn tập" in refused.stderr
