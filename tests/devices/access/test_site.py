"""How a device is read: its probe file and the values of its place, from the option into the registry."""

import csv
import json
import sqlite3

import pytest
from sqlalchemy import inspect

from devices.access.registry import EnrolmentError, Registry
from devices.access.roll import enroll_roll
from devices.access.site import site_of
from devices.access.ticket import Ticket
from devices.pilots.pilot import load
from devices.probes.shelf import ProbeError, Shelf
from devices.texts import Misuse

PILOT = load("dong-thap")
FILE = """
id: flat
maker: Acme
readings:
  soil_moisture: {from: m, unit: "%"}
---
id: deep
maker: Acme
readings:
  water_level: {from: d, unit: mm, times: -1, plus: height}
  water_temperature: {from: t, plus: offset}
"""


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "probes").mkdir()
    (tmp_path / "probes" / "mine.yaml").write_text(FILE, "utf-8")
    return Shelf(tmp_path / "probes")


# -- the values of a place


@pytest.mark.parametrize(
    ("probe", "pairs", "site"),
    [
        (None, [], {}),
        ("flat", [], {}),
        ("deep", ["height=3.2", "offset=0"], {"height": 3.2, "offset": 0.0}),
        ("deep", ["offset=-0,5", " height = 3,2 "], {"offset": -0.5, "height": 3.2}),
        ("deep", ["height=1", "height=3.2", "offset=0"], {"height": 3.2, "offset": 0.0}),
    ],
)
def test_the_values_that_a_probe_needs_are_taken(shelf, probe, pairs, site):
    assert site_of(shelf, probe, pairs) == site


@pytest.mark.parametrize(
    ("probe", "pairs", "vi", "en"),
    [
        ("nobody", [], "Không có tệp đầu đo 'nobody'", "There is no probe file 'nobody'"),
        ("deep", ["height=3.2"], "Đầu đo deep cần giá trị offset", "Probe deep needs the place's offset"),
        ("deep", [], "thêm --set height=…", "add --set height=…"),
        ("deep", ["height"], "--set 'height' không đọc được", "--set 'height' cannot be read"),
        ("deep", ["height="], "--set 'height='", "such as height=3.2"),
        ("deep", ["height=high"], "--set 'height=high'", "such as height=3.2"),
        ("deep", ["height=nan"], "--set 'height=nan'", "such as height=3.2"),
        ("deep", ["height=inf"], "--set 'height=inf'", "such as height=3.2"),
        ("deep", ["height=3.2 m"], "--set 'height=3.2 m'", "such as height=3.2"),
        ("deep", ["height=1,500"], "có thể đọc theo hai cách", "'height=1,500' can be read in two ways"),
        ("deep", ["height=1.000,5"], "có thể đọc theo hai cách", "such as height=1.5, or no mark"),
        ("flat", ["height=3.2"], "--set height: đầu đo này không cần. Cần: -", "It needs: -"),
        ("deep", ["height=1", "offset=0", "depth=1"], "Cần: height, offset", "It needs: height, offset"),
        (None, ["height=3.2"], "--set height", "does not need it"),
    ],
)
def test_what_is_wrong_with_them_is_said_in_both_languages(shelf, probe, pairs, vi, en):
    with pytest.raises(Misuse) as error:
        site_of(shelf, probe, pairs)
    assert vi in error.value.sentence("vi") and en in error.value.sentence("en")


def test_where_a_file_of_one_s_own_is_broken_that_is_said_and_not_that_there_is_none(shelf, tmp_path):
    (tmp_path / "probes" / "z.yaml").write_text(
        "id: tank\nmaker: A\nreadings:\n  happiness: {from: x}\n", "utf-8"
    )
    with pytest.raises(ProbeError, match=r"z\.yaml line 4"):
        site_of(shelf, "tank", [])
    assert site_of(shelf, "flat", []) == {}


# -- in the registry


def test_probe_and_values_survive_and_are_listed(path):
    Registry(path, PILOT).enroll(
        "tam-que", "canal-gauge", "g1", probe="deep", site={"height": 3.2, "offset": 0.0}
    )
    Registry(path, PILOT).enroll("tam-que", "canal-gauge", "g2", dev_eui="24e124136b502217")
    again = Registry(path, PILOT)
    known = again.lookup("g1")
    assert (known.probe, dict(known.site)) == ("deep", {"height": 3.2, "offset": 0.0})
    assert (again.lookup("g2").probe, again.lookup("g2").site) == (None, ())
    assert {one.device.device: one.device.probe for one in again.enrolled()} == {"g1": "deep", "g2": None}
    assert again.eui_of("g2") == "24e124136b502217" and again.eui_of("g1") is None


def test_a_device_is_read_with_another_probe_from_now_on_in_every_process(path):
    here, there = Registry(path, PILOT), Registry(path, PILOT)
    password = here.enroll("tam-que", "canal-gauge", "g1", dev_eui="24e124136b502217")
    here.read_with("g1", "deep", {"height": 3.2})
    for registry in (here, there):
        registry.refresh()
        assert (registry.lookup("g1").probe, registry.lookup("g1").site) == ("deep", (("height", 3.2),))
        assert registry.by_eui("24e124136b502217").probe == "deep"
        assert registry.verify("g1", password), "that is all that changes"
    there.read_with("g1", None, {})
    here.refresh()
    assert (here.lookup("g1").probe, here.lookup("g1").site) == (None, ())


def test_only_an_enrolled_device_that_was_not_revoked_can_be_read_with_a_probe(path):
    registry = Registry(path, PILOT)
    registry.enroll("tam-que", "canal-gauge", "gone")
    registry.revoke("gone")
    for name in ("nobody", "gone", next(iter(PILOT.fleet))):
        with pytest.raises(EnrolmentError, match=name):
            registry.read_with(name, "deep", {})


def test_who_is_revoked_and_joins_again_has_the_probe_of_the_new_enrolment(path):
    registry = Registry(path, PILOT)
    registry.enroll("tam-que", "canal-gauge", "g1", probe="deep", site={"height": 3.2})
    registry.revoke("g1")
    registry.enroll("tam-que", "canal-gauge", "g1")
    assert (registry.lookup("g1").probe, registry.lookup("g1").site) == (None, ())


def test_a_registry_of_an_earlier_version_learns_probe_and_values(path):
    Registry(path, PILOT).enroll("tam-que", "canal-gauge", "old-one", plot="plot-1")
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE device DROP COLUMN probe")
        db.execute("ALTER TABLE device DROP COLUMN site")
    again = Registry(path, PILOT)
    assert (again.lookup("old-one").probe, again.lookup("old-one").plot) == (None, "plot-1")
    again.read_with("old-one", "deep", {"height": 3.2})
    again.enroll("tam-que", "canal-gauge", "new-one", probe="flat")
    third = Registry(path, PILOT)
    assert third.lookup("old-one").site == (("height", 3.2),)
    assert third.lookup("new-one").probe == "flat"
    assert {"probe", "site"} <= {column["name"] for column in inspect(third._engine).get_columns("device")}


# -- a roll of many


def ticket(one, given):
    return Ticket("h", 1883, False, one.device, given, "t")


def test_a_roll_may_have_probe_and_values(shelf, path, tmp_path):
    roll, report = tmp_path / "roll.csv", tmp_path / "report.csv"
    roll.write_text(
        "id,community,model,dev_eui,probe,set\n"
        "a,tam-que,soil-probe,24e124136b502217,flat,\n"
        "b,tam-que,canal-gauge,,deep,height=3.2 offset=0\n"
        "c,tam-que,soil-probe,,,\n",
        "utf-8",
    )
    registry = Registry(path, PILOT)
    done = enroll_roll(registry, roll, report, ticket, shelf=shelf)
    assert (done.enrolled, done.refused) == (3, [])
    known = {name: registry.lookup(name) for name in "abc"}
    assert {name: one.probe for name, one in known.items()} == {"a": "flat", "b": "deep", "c": None}
    assert json.dumps(dict(known["b"].site)) == '{"height": 3.2, "offset": 0.0}'
    with report.open(encoding="utf-8") as file:
        assert [row["result"] for row in csv.DictReader(file)] == ["enrolled"] * 3


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ("nobody,", "There is no probe file 'nobody'"),
        ("deep,height=3.2", "Probe deep needs the place's offset"),
        ("flat,height=3.2", "does not need it"),
        ("deep,height", "cannot be read"),
    ],
)
def test_a_line_with_a_wrong_probe_or_value_is_named_and_holds_up_no_other(
    shelf, path, tmp_path, cells, sentence
):
    roll, report = tmp_path / "roll.csv", tmp_path / "report.csv"
    head = "id,community,model,probe,set\n"
    lines = f"a,tam-que,soil-probe,,\nb,tam-que,canal-gauge,{cells}\nc,tam-que,soil-probe,flat,\n"
    roll.write_text(head + lines, "utf-8")
    registry = Registry(path, PILOT)
    done = enroll_roll(registry, roll, report, ticket, shelf=shelf)
    ((line, why),) = done.refused
    assert (done.enrolled, line) == (2, 3) and sentence in why.sentence("en")
    assert {name for name in "abc" if registry.lookup(name)} == {"a", "c"}
    with report.open(encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert sentence in rows["b"]["result"] and not rows["b"]["password"]
    assert rows["a"]["result"] == rows["c"]["result"] == "enrolled"
    # the same file again, corrected, enrols that device
    roll.write_text(head + lines.replace(f"canal-gauge,{cells}", "canal-gauge,flat,"), "utf-8")
    done = enroll_roll(registry, roll, tmp_path / "second.csv", ticket, shelf=shelf)
    assert done.enrolled == 1 and registry.lookup("b").probe == "flat"
