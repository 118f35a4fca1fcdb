"""`hoiquan device probes`, `set` and `learn`: write a probe file for a device's messages, and replay them."""

import json
import os
import re
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from devices import credentials
from devices.access.registry import Registry
from devices.pilots.pilot import load
from devices.probes.shelf import Shelf, read
from devices.texts import LANGS, text
from gateway.ingest.decode import Decoder
from gateway.ingest.message import Message, Outcome
from gateway.ingest.spool import Spool
from gateway.instance import files
from hoiquan import app
from tests import forked
from tests.devices.probes.test_servers import MESSAGE, UP
from tests.devices.uplinks import EUI, EVENT, NOW, TOPIC

PILOT = load("dong-thap")
INSTANCE = "gateway-1"  # the instance that a command looks at by default
OWN = "hoiquan/v1/dong-thap/tam-que/mine/telemetry"
SAYS = {"Bat": 3.41, "TempC": "327.67", "water_SOIL": "34.60", "temp_SOIL": "28.15", "conduct_SOIL": 870}
ALL = ["--take", "soil_moisture=water_SOIL:%", "--take", "soil_ec=conduct_SOIL:uS/cm", "--take",
       "soil_temperature=temp_SOIL"]  # fmt: skip
VALUES = {"soil_moisture": 34.6, "soil_ec": 0.87, "soil_temperature": 28.15}


@pytest.fixture
def registry(tmp_path):
    credentials.environment(tmp_path)  # `hoiquan up` leaves its folder like this
    made = Registry(tmp_path / "registry.sqlite", PILOT)
    made.enroll("tam-que", "soil-probe", "mine", dev_eui=EUI)
    made.enroll("tam-que", "canal-gauge", "gauge")
    made.enroll("tam-que", "weather-station", "station")
    return made


@pytest.fixture
def message(tmp_path):
    path = tmp_path / "message.json"
    path.write_text(json.dumps(SAYS), "utf-8")
    return path


def run(tmp_path, *words, stdin=None):
    return CliRunner().invoke(app, ["device", *map(str, words), "--data", str(tmp_path)], input=stdin)


def fails(tmp_path, *words, stdin=None, code=2):
    """The command's one line on stderr, from a process of its own, as a person would see it."""
    environment = {**os.environ, "HOIQUAN_LANG": "en"}
    arguments = ["device", *map(str, words), "--data", str(tmp_path), "--lang", "en"]
    done = forked.run(tmp_path, arguments, environment, 60)
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("hoiquan: "), done.stderr
    return lines[0]


def uplink(count, says=SAYS):
    changed = {"fCnt": count, "object": says, "rxInfo": [], "deduplicationId": f"d{count}"}
    return json.dumps(EVENT | changed).encode()


def refuse(tmp_path, registry, *messages):
    """Quarantine these messages as a gateway does that does not know how to read the device."""
    decoder = Decoder("dong-thap", registry.lookup, by_eui=registry.by_eui)
    with closing(Spool(files(tmp_path, INSTANCE).spool)) as spool:
        spool.append(messages)
        refused = decoder.decode(spool.pending(99).messages).refused
        assert len(refused) == len(messages)
        spool.settle(spool.pending(99), Outcome(refused=list(refused.values())))


def knowing(tmp_path, registry):
    """A decoder that knows the probe files."""
    registry.refresh()
    shelf = Shelf(tmp_path / "probes")
    return Decoder("dong-thap", registry.lookup, by_eui=registry.by_eui, shelf=shelf)


def pending(tmp_path):
    with closing(Spool.to_read(files(tmp_path, INSTANCE).spool)) as spool:
        found = spool.pending(99)
        return [] if found is None else found.messages


def learnt(done, tmp_path, device):
    """The probe file that was written for the device."""
    assert done.exit_code == 0, done.output
    (probe,) = read(tmp_path / "probes" / f"own-{device}.yaml")
    return probe


def nothing_written(tmp_path, registry):
    registry.refresh()
    return not (tmp_path / "probes").exists() and registry.lookup("mine").probe is None


# -- probes


def test_probes_are_listed_and_one_is_shown_with_its_fields(tmp_path):
    for lang in LANGS:
        listed = run(tmp_path, "probes", "lse01", "--lang", lang)
        assert listed.exit_code == 0
        assert "dragino-lse01" in listed.stdout and "water_SOIL" in listed.stdout
    every = run(tmp_path, "probes").stdout
    assert "dragino-lse01" in every and "normalized" in every
    page = (Path(__file__).parents[2] / "devices" / "probes.md").read_text("utf-8")
    assert run(tmp_path, "probes", "EM410").stdout.partition("\n")[2] in page, "whatever case"
    rows = json.loads(run(tmp_path, "probes", "dragino", "--json").stdout)
    assert all("dragino" in json.dumps(row).lower() for row in rows)
    assert "from" in rows[0]["readings"]["soil_moisture"]


def test_own_probes_are_listed_with_what_they_need_and_a_broken_one_is_said(tmp_path):
    folder = tmp_path / "probes"
    folder.mkdir()
    (folder / "tank.yaml").write_text(
        "id: my-tank\nmaker: Hãng A\nreadings:\n  water_level: {from: d, unit: mm, times: -1, plus: height}",
        "utf-8",
    )
    (folder / "bad.yaml").write_text("id: bad\nmaker: A\nreadings:\n  happiness: {from: x}\n", "utf-8")
    shown = run(tmp_path, "probes", "hãng a", "--lang", "en")
    assert "my-tank: Hãng A" in shown.stdout and str(folder / "tank.yaml") in shown.stdout
    assert text("learn.needs", "en", values="--set height=…") in shown.stdout
    assert 'bad.yaml line 4: readings.happiness: there is no signal "happiness"' in shown.stderr


def test_a_word_that_no_probe_has_is_one_line(tmp_path):
    assert "No probe file has 'of-nobody'" in fails(tmp_path, "probes", "of-nobody")


# -- set


def test_a_device_is_read_by_a_probe_and_by_the_contract_again(tmp_path, registry):
    refuse(
        tmp_path, registry, Message(TOPIC, uplink(1), NOW), Message(OWN, json.dumps(SAYS).encode(), NOW + 1)
    )
    done = run(tmp_path, "set", "--id", "mine", "--probe", "dragino-lse01", "--lang", "en")
    assert done.exit_code == 0
    assert re.search(
        r"mine is read by dragino-lse01 from now on\. 2 refused messages are tried again at", done.stdout
    )
    assert [one.replayed for one in pending(tmp_path)] == [True, True]
    registry.refresh()
    assert registry.lookup("mine").probe == "dragino-lse01"
    done = run(tmp_path, "set", "--id", "mine", "--lang", "en")
    assert re.search(r"mine is read without a probe file from now on.*\. 0 refused messages", done.stdout)
    registry.refresh()
    assert registry.lookup("mine").probe is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--id", "nobody", "--probe", "dragino-lse01"], "no enrolled device 'nobody'"),
        (["--id", next(iter(PILOT.fleet)), "--probe", "dragino-lse01"], "no enrolled device"),
        (["--id", "mine", "--probe", "of-nobody"], "There is no probe file 'of-nobody'"),
        (
            ["--id", "mine", "--probe", "dragino-lse01", "--set", "height=3"],
            "--set height: this probe does not need it",
        ),
        (["--id", "mine", "--set", "height"], "--set 'height' cannot be read"),
    ],
)
def test_what_cannot_be_set_is_one_line(tmp_path, registry, words, sentence):
    assert sentence in fails(tmp_path, "set", *words)
    registry.refresh()
    assert registry.lookup("mine").probe is None


# -- learn, with all answers as options


def test_learn_from_a_file_writes_a_probe_that_reads_the_device_from_now_on(tmp_path, registry, message):
    done = run(tmp_path, "learn", "--id", "mine", message, *ALL, "--maker", "Hãng A", "--lang", "en")
    assert done.exit_code == 0, done.output
    assert text("learn.stored", "en", signal="soil_ec", value="0.87 dS/m") in done.stdout
    assert text("learn.sentinel", "en") in done.stdout
    (probe,) = read(tmp_path / "probes" / "own-mine.yaml")
    assert (probe.id, probe.maker) == ("own-mine", "Hãng A")
    decoded = knowing(tmp_path, registry).decode(
        [Message(TOPIC, uplink(1), NOW), Message(OWN, json.dumps(SAYS).encode(), NOW)]
    )
    assert [reading.values for reading in decoded.readings] == [VALUES, VALUES]


SAID = {"decoded_payload": SAYS, "normalized_payload": None}
THINGS = MESSAGE | {"uplink_message": MESSAGE["uplink_message"] | SAID}


@pytest.mark.parametrize("envelope", [EVENT | {"object": SAYS}, THINGS], ids=["chirpstack", "things"])
def test_a_file_may_be_a_network_server_s_message(tmp_path, registry, message, envelope):
    message.write_text(json.dumps(envelope), "utf-8")
    probe = learnt(run(tmp_path, "learn", "--id", "mine", message, *ALL), tmp_path, "mine")
    assert probe.readings["soil_moisture"].at == ["water_SOIL"]


def test_learn_from_the_quarantine_writes_it_and_tries_again_what_was_refused(tmp_path, registry):
    messages = [
        Message(TOPIC, uplink(1), NOW),
        Message(UP, json.dumps(THINGS).encode(), NOW + 1),
        Message(OWN, json.dumps(SAYS).encode(), NOW + 2),
        Message(TOPIC.replace(EUI, "0" * 16), uplink(2), NOW + 3),  # another device's
        Message(OWN, b"rubbish", NOW + 4),
    ]
    refuse(tmp_path, registry, *messages)
    done = run(tmp_path, "learn", "--id", "mine", *ALL, "--name", "soil-x", "--lang", "en")
    assert done.exit_code == 0, done.output
    assert "mine is read by soil-x from now on. 4 refused messages are tried again" in done.stdout
    again = pending(tmp_path)
    assert [one.arrival for one in again] == [NOW, NOW + 1, NOW + 2, NOW + 4], "its own, the oldest first"
    decoded = knowing(tmp_path, registry).decode(again)
    assert [reading.values["soil_moisture"] for reading in decoded.readings] == [34.6] * 3
    assert [refused.reason for refused in decoded.refused.values()] == ["not_json"]


def test_a_distance_needs_the_height_and_a_rain_counter_its_kind(tmp_path, registry, message):
    message.write_text('{"distance": 1100, "day": {"rain": 4.2}, "temp": "27.5 °C"}', "utf-8")
    takes = ["--take", "water_level=distance:mm", "--take", "rainfall=day.rain:daily"]
    words = ["learn", "--id", "gauge", message, *takes]
    assert "needs the place's height" in fails(tmp_path, *words)
    for height in ("height=high", "height=nan", "height=inf", "height="):
        assert f"--set '{height}' cannot be read" in fails(tmp_path, *words, "--set", height)
    assert "--set depth" in fails(tmp_path, *words, "--set", "height=3.2", "--set", "depth=1")
    assert not (tmp_path / "probes").exists(), "nothing was written"
    done = run(tmp_path, *words, "--set", "height=3,2", "--lang", "en")
    assert done.exit_code == 0, done.output
    assert text("learn.stored", "en", signal="water_level", value="2.1 m") in done.stdout
    assert text("learn.counter", "en", signal="rainfall", value="4.2 mm") in done.stdout
    registry.refresh()
    assert registry.lookup("gauge").site == (("height", 3.2),)


@pytest.mark.parametrize(
    ("content", "words", "sentence"),
    [
        (None, ["--id", "nobody"], "no enrolled device 'nobody'"),
        (None, ["--id", "mine", "--take", "happiness=water_SOIL"], 'there is no signal "happiness"'),
        (None, ["--id", "mine", "--take", "soil_ec=nope:uS/cm"], "The message has no field 'nope:uS/cm'"),
        (None, ["--id", "mine", "--take", "soil_ec=conduct_SOIL"], "soil_ec needs its unit"),
        (None, ["--id", "mine", "--take", "soil_ec=conduct_SOIL:mm"], 'unit "mm" does not measure soil_ec'),
        (None, ["--id", "mine", *ALL, "--name", "../own"], "The name '../own' must be 1 to 64 of a-z"),
        ("{}", ["--id", "mine", *ALL], "No message of mine has a number yet"),
        ("water_SOIL=3", ["--id", "mine", *ALL], "JSON"),
        ('{"a": 1, "a": 2}', ["--id", "mine", *ALL], "twice"),
    ],
    ids=str,
)
def test_what_cannot_be_learnt_is_one_line_and_nothing_is_written(
    tmp_path, registry, message, content, words, sentence
):
    if content is not None:
        message.write_text(content, "utf-8")
    assert sentence in fails(tmp_path, "learn", message, *words)
    assert nothing_written(tmp_path, registry)


def test_a_file_that_is_not_there_is_one_line(tmp_path, registry):
    assert "no.json" in fails(tmp_path, "learn", "--id", "mine", tmp_path / "no.json", *ALL)


@pytest.mark.parametrize(
    "words", [["set", "--id", "mine"], ["learn", "--id", "mine", "x.json"]], ids=lambda one: one[0]
)
def test_beside_no_installation_it_says_so_and_makes_none(tmp_path, words):
    assert "no installation in" in fails(tmp_path, *words)
    assert list(tmp_path.iterdir()) == []


# -- learn, with questions


def asked(tmp_path, *words, answers):
    return run(tmp_path, "learn", *words, "--lang", "en", stdin="".join(f"{one}\n" for one in answers))


def test_a_person_is_asked_for_each_signal_for_the_unit_where_it_is_needed_and_before_it_is_written(
    tmp_path, registry, message
):
    answers = [
        "",  # is soil_moisture water_SOIL? yes
        "x", "1",  # its unit? no default: %
        "",  # soil_temperature
        "",  # in the signal's own unit
        "y", "3",  # soil_ec: uS/cm
        "n",  # battery_voltage: not wanted
        "",  # no further signal
        "",  # written
    ]  # fmt: skip
    done = asked(tmp_path, "--id", "mine", message, answers=answers)
    probe = learnt(done, tmp_path, "mine")
    assert text("learn.which_unit", "en") in done.stdout
    assert "3) uS/cm ─► 0.87 dS/m" in done.stdout and f"({text('learn.implausible', 'en')})" in done.stdout
    registry.refresh()
    assert {name: (one.at, one.unit) for name, one in probe.readings.items()} == {
        "soil_moisture": (["water_SOIL"], "%"),
        "soil_temperature": (["temp_SOIL"], "Cel"),
        "soil_ec": (["conduct_SOIL"], "uS/cm"),
    }
    assert registry.lookup("mine").probe == "own-mine"


def test_another_field_s_number_may_be_the_answer(tmp_path, registry, message):
    message.write_text('{"temp_SOIL": 28.15, "other": 27.5}', "utf-8")
    probe = learnt(asked(tmp_path, "--id", "mine", message, answers=["2", "", "", "y"]), tmp_path, "mine")
    assert probe.readings["soil_temperature"].at == ["other"]


def test_a_signal_that_was_not_proposed_may_be_named_with_a_field_s_number(tmp_path, registry, message):
    message.write_text('{"x": 31.5, "y": 28.15}', "utf-8")
    wrong = ["co2=1", "soil_moisture=9", "soil_moisture"]
    done = asked(tmp_path, "--id", "mine", message, answers=[*wrong, "soil_moisture = 1", "1", "", ""])
    probe = learnt(done, tmp_path, "mine")
    assert {name: one.at for name, one in probe.readings.items()} == {"soil_moisture": ["x"]}


@pytest.mark.parametrize("last", [["n"], []], ids=["no", "the terminal ends"])
def test_who_does_not_say_yes_at_the_end_has_nothing_written(tmp_path, registry, message, last):
    message.write_text('{"temp_SOIL": 28.15}', "utf-8")
    assert asked(tmp_path, "--id", "mine", message, answers=["", "", *last]).exit_code == 1
    assert nothing_written(tmp_path, registry)


def test_who_takes_no_field_has_nothing_written(tmp_path, registry, message):
    done = asked(tmp_path, "--id", "mine", message, answers=["n"] * 4 + [""])
    assert str(done.exception) == text("learn.none_taken", "en") and nothing_written(tmp_path, registry)


def test_a_distance_asks_the_height_and_rain_the_kind_of_counter(tmp_path, registry, message):
    message.write_text('{"distance": 1100}', "utf-8")
    done = asked(tmp_path, "--id", "gauge", message, answers=["", "3", "", "", "3,2", ""])
    assert done.exit_code == 0, done.output
    assert text("learn.down", "en") in done.stdout and text("learn.height", "en") in done.stdout
    registry.refresh()
    assert registry.lookup("gauge").site == (("height", 3.2),)
    message.write_text('{"rainfall": 43.2}', "utf-8")
    done = asked(tmp_path, "--id", "station", message, answers=["", "3", "3", "", ""])
    probe = learnt(done, tmp_path, "station")
    assert probe.readings["rainfall"].counter == "total"
