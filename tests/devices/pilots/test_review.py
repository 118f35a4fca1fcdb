"""The questions of a careful officer about a pilot file; and a new province needs nothing but a file."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from devices import credentials
from devices.pilots.pilot import HERE, Pilot, load
from devices.pilots.review import review
from hoiquan import app

PILOTS = sorted(path.stem for path in HERE.glob("*.yaml"))


def test_there_are_four_provinces():
    assert PILOTS == ["binh-duong", "dong-thap", "quang-ngai", "quang-tri"]


@pytest.mark.parametrize("name", PILOTS)
def test_ours_leave_nothing_to_think_over(name):
    assert [doubt.sentence("en") for doubt in review(load(name))] == []


def spoilt(change):
    content = yaml.safe_load((HERE / "binh-duong.yaml").read_text("utf-8"))
    change(content)
    return Pilot.model_validate(content)


def sets(*path, to):
    def change(content):
        for part in path[:-1]:
            content = content[part]
        content[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "where", "named"),
    [
        (sets("targets", 0, "points", 0, "at_least", to=3), "targets.iot_communities", "2025"),
        (sets("communities", 0, "fleet", to={"soil-probe": 1, "diary": 3}), "communities.", "never count"),
        (sets("communities", 1, "products", to=[]), "communities.rau-tan-uyen.products", "no product"),
        (sets("villages", 0, "fleet", to={"soil-probe": 2}), "villages.lang-bach-dang", "water_level"),
        (sets("villages", 1, "assumption", to=None), "places.lang-thanh-hoi", "source"),
        (sets("organisations", 0, "htx", to=20), "organisations", "100%"),
        (sets("reports", to=[]), "reports", "day"),
        (sets("advice", "rules", 0, "crops", to=["pomelo", "banana"]), "advice.rules.irrigate", "banana"),
        (
            sets("advice", "automatic", to={"enabled": True, "communities": ["buoi-bach-dang"]}),
            "advice.automatic", "buoi-bach-dang",
        ),
    ],
)  # fmt: skip
def test_each_doubt_names_its_part(change, where, named):
    doubts = list(review(spoilt(change)))
    said = [doubt.sentence("en") for doubt in doubts]
    assert any(one.startswith(where) and named in one for one in said), said
    assert all(doubt.sentence("vi") != doubt.sentence("en") for doubt in doubts)


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_the_command_says_it(tmp_path):
    told = run("pilot", "check", "quang-tri")
    assert told.exit_code == 0
    assert "dùng được: 4 hội quán, 3 làng" in told.stdout
    content = yaml.safe_load((HERE / "quang-tri.yaml").read_text("utf-8"))
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(content | {"reports": []}, allow_unicode=True), "utf-8")
    told = run("pilot", "check", str(path), "--lang", "en")
    assert told.exit_code == 1
    assert "reports: no day of report" in told.stdout
    path.write_text(yaml.safe_dump(content | {"target": []}, allow_unicode=True), "utf-8")
    assert "do you mean targets" in str(run("pilot", "check", str(path)).exception)


def test_a_new_province_is_a_file_and_nothing_else(tmp_path):
    """An invented province in its own folder: devices are enrolled, simulated and checked by its path."""
    content = (HERE / "binh-duong.yaml").read_text("utf-8").replace("binh-duong", "ca-mau")
    path = tmp_path / "ca-mau.yaml"
    path.write_text(content, "utf-8")
    credentials.environment(tmp_path / "data")  # `hoiquan up` leaves its folder like this
    there = ["--pilot", str(path), "--data", str(tmp_path / "data")]
    assert run("pilot", "check", str(path)).exit_code == 0
    one = ["--community", "buoi-bach-dang", "--model", "soil-probe", "--id", "d-1", "--json"]
    topic = json.loads(run("device", "enroll", *one, *there).stdout)["topic"]
    assert topic == "hoiquan/v1/ca-mau/buoi-bach-dang/d-1/telemetry"
    out = tmp_path / "out.ndjson"
    period = ["--start", "2026-11-01T00:00:00Z", "--until", "2026-11-01T00:20:00Z", "--history", "1h"]
    told = run("simulate", "--out", str(out), "--speed", "0", *period, *there)
    assert told.exit_code == 0, told.output
    topics = {json.loads(line)["topic"].split("/")[2] for line in out.read_text("utf-8").splitlines()}
    assert topics == {"ca-mau"}
