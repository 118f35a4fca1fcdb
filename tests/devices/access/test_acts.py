"""Acts on the registry: each change is recorded once with its account; failed and cut-off ones are not."""

import os
import pwd
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devices.access.registry import EnrolmentError, Registry, Wanted
from devices.pilots.pilot import load

PILOT = load("dong-thap")
ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("HOIQUAN_TEST_KILLS", "5"))
ME = pwd.getpwuid(os.getuid()).pw_name
CHILD = """
import sys
from devices.access.registry import Registry
from devices.pilots.pilot import load

registry, number = Registry(sys.argv[1], load("dong-thap")), int(sys.argv[2])
while True:
    number += 1
    registry.enroll("tam-que", "soil-probe", f"probe-{number}")
    print(number, flush=True)
    registry.rotate(f"probe-{number}")
    registry.revoke(f"probe-{number}")
"""


def told(registry, since=0):
    return [(one.what, one.object) for one in registry.acts(since)]


def test_each_change_is_there_once_with_who_and_when(registry, monkeypatch):
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now)  # even with a stopped clock the recorded times rise
    registry.enroll_many([Wanted("tam-que", "soil-probe", name) for name in ("a", "b")])
    registry.read_with("a", "dragino-lse01", {})
    registry.rotate("a")
    registry.revoke("a")
    registry.enroll("tam-que", "soil-probe", "a")  # enrolled again: the earlier acts stay recorded
    registry.revoke("a")
    assert told(registry) == [
        ("enrolled", "a"), ("enrolled", "b"), ("probe_set", "a"), ("rotated", "a"), ("revoked", "a"),
        ("enrolled", "a"), ("revoked", "a"),
    ]  # fmt: skip
    acts = registry.acts(0)
    assert {one.who for one in acts} == {ME}
    assert [one.time for one in acts] == list(range(now // 10**6, now // 10**6 + 7))
    assert told(registry, acts[5].time) == [("enrolled", "a"), ("revoked", "a")]


def test_what_failed_is_not_told(registry):
    def full(_):
        raise OSError("the report cannot be written")

    with pytest.raises(EnrolmentError):
        registry.enroll("nowhere", "soil-probe", "a")
    with pytest.raises(EnrolmentError):
        registry.revoke("a")
    with pytest.raises(EnrolmentError):
        registry.rotate("a")
    with pytest.raises(OSError, match="report"):
        registry.enroll_many([Wanted("tam-que", "soil-probe", "a")], full)
    with pytest.raises(OSError, match="report"), registry.acting("advice_off"):
        full(None)
    assert registry.acts(0) == []


def test_pilots_share_a_registry_and_not_their_acts(tmp_path, registry):
    other = Registry(tmp_path / "registry.sqlite", load("quang-tri"))
    registry.enroll("tam-que", "soil-probe", "a")
    assert told(registry) == [("enrolled", "a")] and told(other) == []


def test_killed_at_any_moment_the_acts_are_those_that_hold(tmp_path, registry):
    chance, begun = random.Random(18), 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path / "registry.sqlite"), str(begun)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.2))
        process.kill()
        process.communicate()
        begun += 1000
    acts, rows = told(registry), registry.enrolled()
    assert len(rows) >= KILLS and len(set(acts)) == len(acts), "none is told twice"
    assert {name for what, name in acts if what == "enrolled"} == {row.device.device for row in rows}
    gone = {row.device.device for row in rows if row.revoked is not None}
    assert {name for what, name in acts if what == "revoked"} == gone
