"""A device may stand on a plot: it is enrolled and listed with it, and the plot is known where it matters."""

import json
import sqlite3

import pytest
from typer.testing import CliRunner

from devices import credentials
from devices.access.registry import EnrolmentError, Registry
from devices.access.roll import read_roll
from devices.commands import devices_app
from devices.pilots.pilot import load

PILOT = load("dong-thap")


def test_a_device_is_known_with_its_plot_and_without_one(path):
    registry = Registry(path, PILOT)
    registry.enroll("tam-que", "soil-probe", "mine", plot="plot-1")
    registry.enroll("tam-que", "soil-probe", "ours")
    assert registry.lookup("mine").plot == "plot-1"
    assert registry.lookup("ours").plot is None
    assert {row.device.device: row.device.plot for row in registry.enrolled()} == {
        "mine": "plot-1",
        "ours": None,
    }


@pytest.mark.parametrize("plot", ["Thửa 1", "", "a/b", "x" * 65])
def test_a_plot_is_named_as_the_diary_names_it(path, plot):
    with pytest.raises(EnrolmentError, match="as the diary names it"):
        Registry(path, PILOT).enroll("tam-que", "soil-probe", "mine", plot=plot)


def test_a_registry_of_an_earlier_version_learns_the_plot(path):
    Registry(path, PILOT).enroll("tam-que", "soil-probe", "old-one")
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE device DROP COLUMN plot")
    again = Registry(path, PILOT)
    assert again.lookup("old-one").plot is None
    again.enroll("tam-que", "soil-probe", "new-one", plot="plot-1")
    assert Registry(path, PILOT).lookup("new-one").plot == "plot-1"


def test_the_command_takes_and_shows_it(tmp_path):
    command = CliRunner()
    credentials.environment(tmp_path)  # `hoiquan up` leaves its folder like this
    at = ["--data", str(tmp_path)]
    asked = ["enroll", "--community", "tam-que", "--model", "soil-probe", "--id", "mine", "--plot", "plot-4"]
    assert command.invoke(devices_app, [*asked, *at]).exit_code == 0
    shown = json.loads(command.invoke(devices_app, ["show", "mine", *at]).stdout)
    assert (shown["plot"], shown["dev_eui"]) == ("plot-4", None)
    assert shown["topic"] == "hoiquan/v1/dong-thap/tam-que/mine/telemetry"
    assert "plot-4" in command.invoke(devices_app, ["list", *at]).stdout
    assert json.loads(command.invoke(devices_app, ["list", "--json", *at]).stdout)[0]["plot"] == "plot-4"
    command.invoke(devices_app, [*asked[:-3], "lora", "--dev-eui", "24E124136B502217", *at])
    shown = json.loads(command.invoke(devices_app, ["show", "lora", *at]).stdout)
    assert shown["dev_eui"] == "24e124136b502217"
    diary = ["enroll", "--community", "tam-que", "--model", "diary", "--id", "notes"]
    command.invoke(devices_app, [*diary, *at])
    shown = json.loads(command.invoke(devices_app, ["show", "notes", *at]).stdout)
    assert shown["topic"] == "hoiquan/v1/dong-thap/tam-que/notes/diary"


def test_a_roll_may_have_the_plot_and_no_dev_eui(tmp_path):
    roll = tmp_path / "roll.csv"
    roll.write_text("id,community,model,plot\na,tam-que,soil-probe,plot-7\nb,tam-que,soil-probe,\n", "utf-8")
    assert [(one.device, one.dev_eui, one.plot) for _, one in read_roll(roll)] == [
        ("a", None, "plot-7"),
        ("b", None, None),
    ]
