"""The times in which a device might send: what it was before a revocation and new enrolment is kept."""

import sqlite3

from devices.access import registry as registry_module
from devices.access.registry import Registry, moved
from devices.pilots.pilot import load

PILOT = load("dong-thap")


def test_every_time_for_which_a_device_might_speak_is_kept(two, path, monkeypatch):
    """A device enrolled again is a new one; its earlier time is kept."""
    here, there = two
    elsewhere = Registry(path, load("quang-tri"))
    of_pilot = len(PILOT.fleet)

    def spans():
        return sorted((one.enrolled, one.revoked, one.device.community, one.device.plot)
                      for one in there.spans() if not one.device.simulated)  # fmt: skip

    assert len(there.spans()) == of_pilot and all(one.at(0) and one.at(2**62) for one in there.spans())
    moment = iter(range(10, 100, 10))
    monkeypatch.setattr(registry_module, "now_ms", lambda: next(moment))
    here.enroll("tam-que", "soil-probe", "d1", plot="plot-1")
    here.revoke("d1")
    here.enroll("canh-tan", "soil-probe", "d1")
    here.revoke("d1")
    assert spans() == [(10, 20, "tam-que", "plot-1"), (30, 40, "canh-tan", None)]
    elsewhere.enroll(elsewhere.pilot.communities[0].id, "soil-probe", "d1")
    assert spans() == [(10, 20, "tam-que", "plot-1"), (30, 40, "canh-tan", None)]
    now = [one for one in elsewhere.spans() if not one.device.simulated]
    assert [(one.enrolled, one.revoked, one.device.pilot) for one in now] == [(50, None, "quang-tri")]
    first = next(one for one in there.spans() if one.enrolled == 10)
    assert [first.at(moment) for moment in (9, 10, 19, 20)] == [False, True, True, False]
    windows = [(0, 30), (0, 31), (19, 31), (20, 31), (30, 99)]
    assert [bool(moved(there.spans(), *window)) for window in windows] == [False, True, True, False, False]


def test_a_registry_of_an_earlier_version_learns_of_earlier_enrolments(path):
    registry = Registry(path, PILOT)
    registry.enroll("tam-que", "soil-probe", "d1")
    registry.revoke("d1")
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE former")
    again = Registry(path, PILOT)
    again.enroll("canh-tan", "soil-probe", "d1")
    assert {one.device.community for one in again.spans() if not one.device.simulated} == {
        "tam-que",
        "canh-tan",
    }


def test_while_the_table_is_away_the_times_that_were_known_stay(path):
    registry = Registry(path, PILOT)
    registry.enroll("tam-que", "soil-probe", "d1")
    known = registry.spans()
    path.rename(path.with_name("away"))
    path.mkdir()
    registry._engine.dispose()
    assert registry.spans() == known
