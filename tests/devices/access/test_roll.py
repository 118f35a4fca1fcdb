"""Enrolling many devices from a CSV file, and the ticket that a technician gets for one of them."""

import csv
import json
import stat
import time

import pytest
from PIL import Image
from typer.testing import CliRunner

from devices import credentials
from devices.access.registry import Registry
from devices.access.roll import RollError, enroll_roll, read_roll
from devices.access.ticket import Ticket
from devices.pilots.pilot import load
from hoiquan import app
from tests.scanner import codes

PILOT = load("dong-thap")


def issue(one, password):
    return Ticket("h", 8883, True, one.device, password, f"t/{one.device}")


def written(tmp_path, text, name="roll.csv"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def report(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


ROLL = """\ufeffID;community;model;dev_eui
a-1;tam-que;soil-probe;
a-2;atlantis;soil-probe;
a-3;tam-que;balloon;
a-1;tam-que;soil-probe;
Ạ;tam-que;soil-probe;
l-1;tam-que;soil-probe;24E124136B502217
l-2;tam-que;soil-probe;24e124136b502217
a-4;lang-dinh-yen;canal-gauge;
"""


def test_each_line_is_reported_and_bad_ones_hold_up_no_other(registry, tmp_path):
    out = tmp_path / "report.csv"
    done = enroll_roll(registry, written(tmp_path, ROLL), out, issue)
    assert done.enrolled == 3
    assert [number for number, _ in done.refused] == [3, 4, 5, 6, 8]
    for (_, why), part in zip(done.refused, ["atlantis", "balloon", "already", "a-z", "l-1"], strict=True):
        assert part in str(why)
    rows = report(out)
    assert [row["result"].partition(":")[0] for row in rows] == [
        "enrolled", "refused", "refused", "refused", "refused", "enrolled", "refused", "enrolled",
    ]  # fmt: skip
    for row in rows:
        if row["result"] == "enrolled":
            assert registry.verify(row["user"], row["password"])
    assert registry.by_eui("24e124136b502217").device == "l-1"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_the_same_file_again_enrols_the_rest(registry, tmp_path):
    enroll_roll(registry, written(tmp_path, ROLL), tmp_path / "1.csv", issue)
    mended = written(tmp_path, ROLL.replace("atlantis", "canh-tan"))
    assert enroll_roll(registry, mended, tmp_path / "2.csv", issue).enrolled == 1
    kept = {row["id"]: row["password"] for row in report(tmp_path / "1.csv") if row["password"]}
    assert all(registry.verify(device, password) for device, password in kept.items())


def test_where_passwords_cannot_be_written_nobody_is_enrolled(registry, tmp_path):
    out = written(tmp_path, "somebody's", "report.csv")
    with pytest.raises(FileExistsError):
        enroll_roll(registry, written(tmp_path, ROLL), out, issue)
    assert registry.enrolled() == []
    assert out.read_text("utf-8") == "somebody's"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "community"),
        ("id,model\na,b\n", "community"),
        ("id,community,model\na,b\n", "line 2"),
        ("id,community,model\na,b,c,d\n", "line 2"),
        ('id,community,model\n"a,b,c\n', "line"),
    ],
)
def test_a_file_that_is_no_list_says_where(tmp_path, text, named):
    with pytest.raises(RollError, match=named):
        read_roll(written(tmp_path, text or "x\n"))
    (tmp_path / "roll.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(RollError, match="UTF-8"):
        read_roll(tmp_path / "roll.csv")
    with pytest.raises(RollError, match=r"none\.csv"):
        read_roll(tmp_path / "none.csv")


def test_ten_thousand_devices_take_less_than_a_minute(registry, tmp_path):
    """The only limit in seconds that is promised; here it takes about three."""
    lines = "".join(f"probe-{number},tam-que,soil-probe\n" for number in range(10_000))
    begin = time.monotonic()
    done = enroll_roll(registry, written(tmp_path, "id,community,model\n" + lines), tmp_path / "r.csv", issue)
    assert (done.enrolled, done.refused) == (10_000, [])
    assert time.monotonic() - begin < 60
    assert len(registry.hashes()) == 10_000


@pytest.fixture
def data(tmp_path):
    """The `--data` option of an installation, whose folder is as `hoiquan up` leaves it."""
    credentials.environment(tmp_path / "data")
    return ["--data", str(tmp_path / "data")]


def run(*arguments):
    return CliRunner().invoke(app, ["device", *arguments])


def test_a_diary_is_shown_its_page_and_its_own_topic(tmp_path, data, monkeypatch):
    one = ["--community", "tam-que", "--model", "diary", "--id"]
    shown = json.loads(run("enroll", *one, "notebook", "--json", *data).stdout)
    assert shown["topic"] == "hoiquan/v1/dong-thap/tam-que/notebook/diary"
    assert shown["page"] == "http://localhost:8080/diary"
    assert shown["line"].endswith("/notebook/diary -f event.json")
    (tmp_path / "data" / "running.json").write_text('{"web_url":"http://127.0.0.1:8090"}', "utf-8")
    told = run("enroll", *one, "another", *data).stdout
    assert "Trang nhật ký http://127.0.0.1:8090/diary\n" in told, "where hoiquan runs here"
    monkeypatch.setenv("HOIQUAN_BASE_URL", "https://village.vn/")
    assert json.loads(run("rotate", "another", "--json", *data).stdout)["page"] == "https://village.vn/diary"
    probe = ["--community", "tam-que", "--model", "soil-probe", "--id", "my-esp32", "--json"]
    assert "page" not in json.loads(run("enroll", *probe, *data).stdout)


def test_the_command_enrols_rotates_and_draws(tmp_path, data):
    qr = tmp_path / "way.png"
    one = ["--community", "tam-que", "--model", "soil-probe", "--id", "my-esp32"]
    told = run("enroll", *one, "--qr", str(qr), "--json", *data)
    assert told.exit_code == 0, told.output
    shown = json.loads(told.stdout)
    (code,) = codes(Image.open(qr))
    scanned = json.loads(code.text)
    assert {name: shown[name] for name in ("host", "port", "tls", "user", "password", "topic")} == {
        name: value for name, value in scanned.items() if name != "v"
    }
    assert stat.S_IMODE(qr.stat().st_mode) == 0o600
    registry = Registry(tmp_path / "data" / "registry.sqlite", PILOT)
    assert registry.verify("my-esp32", scanned["password"])

    told = json.loads(run("rotate", "my-esp32", "--json", *data).stdout)
    assert told["topic"] == shown["topic"]
    registry.refresh()
    assert registry.verify("my-esp32", told["password"])
    assert not registry.verify("my-esp32", shown["password"])
    assert isinstance(run("rotate", "nobody", *data).exception, ValueError)


def test_a_code_that_cannot_be_drawn_enrols_nobody(tmp_path, data):
    one = ["--community", "tam-que", "--model", "soil-probe", "--id", "my-esp32"]
    (tmp_path / "there.svg").touch()
    for name in ("there.svg", "way.bmp", "no/way.svg"):
        told = run("enroll", *one, "--qr", str(tmp_path / name), *data)
        assert isinstance(told.exception, ValueError), name
    assert json.loads(run("list", "--json", *data).stdout) == []


def test_the_command_reports_lines(tmp_path, data):
    roll = written(tmp_path, ROLL)
    told = run("enroll-many", str(roll), "--report", str(tmp_path / "r.csv"), "--lang", "en", *data)
    assert told.exit_code == 1
    assert "3 enrolled, 5 refused" in told.stdout
    assert "line 3: no community has the id 'atlantis'" in told.stderr
