"""`device learn` and `check` as a person uses them: names, units, and a counter in inches."""

import json

import cbor2
import pytest

from devices import credentials
from devices.access.registry import Registry
from devices.texts import LANGS, text
from gateway.ingest.message import Message
from tests.devices.uplinks import EUI, NOW, TOPIC
from tests.gateway.test_probing import PILOT, asked, knowing, learnt, pending, refuse, run, uplink

BATTERY = {"battery": 92, "temperature": 24.1, "humidity": 60}


@pytest.fixture
def registry(tmp_path):
    credentials.environment(tmp_path)
    made = Registry(tmp_path / "registry.sqlite", PILOT)
    made.enroll("tam-que", "weather-station", "station", dev_eui=EUI)
    return made


@pytest.fixture
def message(tmp_path, registry):
    def write(says):
        path = tmp_path / "message.json"
        path.write_text(json.dumps(says), "utf-8")
        return path

    return write


def test_what_was_refused_for_its_battery_is_learnt_from_the_quarantine(tmp_path, registry):
    refuse(tmp_path, registry, Message(TOPIC, uplink(1, BATTERY), NOW))
    takes = ["--take", "air_temperature=temperature", "--take", "battery_level=battery:%"]
    learnt(run(tmp_path, "learn", "--id", "station", *takes), tmp_path, "station")
    decoded = knowing(tmp_path, registry).decode(pending(tmp_path))
    assert [one.values for one in decoded.readings] == [{"air_temperature": 24.1, "battery_level": 92.0}]


def test_what_would_be_stored_is_told_of_the_newest_message_with_a_reading(tmp_path, registry):
    refuse(
        tmp_path, registry, Message(TOPIC, uplink(1, BATTERY), NOW), Message(TOPIC, uplink(2, {"fw": 3}), NOW)
    )
    done = run(tmp_path, "learn", "--id", "station", "--take", "air_temperature=temperature", "--lang", "en")
    assert "air_temperature = 24.1 °C" in done.stdout, done.stdout


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ["../own", "x" * 65, "Soil", "a/b", "own.yaml"])
def test_a_name_that_is_none_is_refused_before_anything_is_asked(tmp_path, message, name, lang):
    done = run(tmp_path, "learn", "--id", "station", message(BATTERY), "--name", name, "--lang", lang)
    assert done.exception.sentence(lang) == text("learn.bad_name", lang, name=name)
    assert done.stdout == "" and not (tmp_path / "probes").exists()


def test_so_is_the_name_that_is_made_of_a_long_id(tmp_path, registry, message):
    registry.enroll("tam-que", "weather-station", "x" * 61)
    done = run(tmp_path, "learn", "--id", "x" * 61, message(BATTERY))
    assert done.exception.sentence("en") == text("learn.bad_name", "en", name="own-" + "x" * 61)
    assert done.stdout == ""
    name = ["--name", "station-61", "--take", "air_temperature=temperature"]
    assert run(tmp_path, "learn", "--id", "x" * 61, message(BATTERY), *name).exit_code == 0


def test_a_name_that_is_taken_is_refused_before_anything_is_asked(tmp_path, message):
    folder = tmp_path / "probes"
    folder.mkdir()
    mine = folder / "mine.yaml"
    mine.write_text("id: own-station\nmaker: A\nreadings:\n  air_temperature: {from: t}\n", "utf-8")
    for words in (["--name", "dragino-lse01"], ["--name", "normalized"], []):
        done = run(tmp_path, "learn", "--id", "station", message(BATTERY), *words)
        assert done.exception.key == "learn.taken_name" and done.stdout == ""
    assert str(mine) in str(done.exception)
    assert [one.name for one in folder.iterdir()] == ["mine.yaml"]


def test_one_s_own_file_is_no_taken_name_and_is_written_again(tmp_path, message):
    words = ["learn", "--id", "station", message(BATTERY), "--take", "air_temperature=temperature"]
    learnt(run(tmp_path, *words), tmp_path, "station")
    probe = learnt(run(tmp_path, *words, "--take", "relative_humidity=humidity:%"), tmp_path, "station")
    assert set(probe.readings) == {"air_temperature", "relative_humidity"}


def test_the_unit_of_wind_is_asked(tmp_path, message):
    done = asked(tmp_path, "--id", "station", message({"wind_speed": 12.6}), answers=["", "2", "", ""])
    assert text("learn.which_unit", "en") in done.stdout and "2) km/h ─► 3.5 m/s" in done.stdout
    assert learnt(done, tmp_path, "station").readings["wind_speed"].unit == "km/h"


@pytest.mark.parametrize(
    ("more", "unit", "counter"),
    [(":[in_i]:total", "[in_i]", "total"), (":total:[in_i]", "[in_i]", "total"), (":total", None, "total"),
     (":[in_i]", "[in_i]", None), (":daily", None, "daily"), ("", None, None)],
)  # fmt: skip
def test_a_counter_s_unit_and_kind_are_both_kept(tmp_path, message, more, unit, counter):
    path = message({"rain": 2.5, "a:b": {"rain:total": 1}})
    for field in ("rain", "a:b.rain:total"):
        done = run(tmp_path, "learn", "--id", "station", path, "--take", f"rainfall={field}{more}")
        reading = learnt(done, tmp_path, "station").readings["rainfall"]
        assert (reading.at, reading.unit, reading.counter) == ([field], unit, counter)


def test_rain_in_inches_of_a_running_total_falls_in_millimetres(tmp_path, registry, message):
    run(tmp_path, "learn", "--id", "station", message({"rain": 1}), "--take", "rainfall=rain:[in_i]:total")
    one = knowing(tmp_path, registry)
    messages = [Message(TOPIC, uplink(at, {"rain": at / 10}), NOW + at * 60_000) for at in (1, 2)]
    for at, each in enumerate(messages, 1):
        said = json.loads(each.payload) | {"time": f"2026-11-21T03:0{at}:00Z"}
        messages[at - 1] = each._replace(payload=json.dumps(said).encode())
    assert [reading.values for reading in one.decode(messages).readings] == [{"rainfall": 2.54}]


def test_check_reads_a_pack_in_cbor_of_a_device_with_a_probe(tmp_path, registry):
    registry.read_with("station", "dragino-lse01", {})
    path = tmp_path / "pack.cbor"
    path.write_bytes(cbor2.dumps([{0: "air_temperature", 2: 31.5}]))
    done = run(tmp_path, "check", path, "--id", "station", "--lang", "en")
    assert done.exit_code == 0, done.output
    assert "Stored: Air temperature = 31.5 °C" in done.stdout
    path.write_bytes(b"\x81\xa1")
    assert run(tmp_path, "check", path, "--id", "station", "--lang", "en").exit_code == 1


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    "says", [{"values": {"soil_moisture": 31.5}}, [{"values": {"soil_ec": 0.4}, "ts": NOW}]]
)
def test_who_speaks_the_contract_is_told_that_no_file_is_needed(tmp_path, message, says, lang):
    done = run(tmp_path, "learn", "--id", "station", message(says), "--lang", lang)
    assert done.exception.sentence(lang) == text("learn.speaks", lang, device="station")
    assert not (tmp_path / "probes").exists()
