"""The checker's sentences for payloads that makers send, compared with a golden file in both languages.

`python -m tests.devices.probes.test_findings` writes the golden file again; read the difference before you
keep it.
"""

import json
from pathlib import Path

import cbor2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devices.contract import encodings
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from devices.contract.signals import SIGNALS
from devices.probes import findings
from devices.probes.envelope import envelopes
from devices.probes.findings import Examined
from devices.probes.shelf import Shelf
from devices.probes.telemetry import Probes

CHIRPSTACK = envelopes()[0]
PROBES = Probes(Shelf())
GOLDEN = Path(__file__).with_name("findings.golden.yaml")
NOW = 1_795_255_200_000  # 2026-11-21T10:00:00Z
DEVICE = Device("p", "c", "my-esp32", "soil-probe", simulated=False)
# name → payload; those of "lora" come from ChirpStack. The name says what is wrong.
WRONG: dict[str, bytes] = {
    "empty message": b"",
    "not json": b"soil_moisture=31.5",
    "single quotes": b"{'values':{'soil_moisture':31.5}}",
    "comma behind the last": b'{"values":{"soil_moisture":31.5,}}',
    "cut off": b'{"values":{"soil_moisture":31',
    "byte order mark": b'\xef\xbb\xbf{"values":{"soil_moisture":31.5}}',
    "utf-16": '{"values":{"soil_moisture":31.5}}'.encode("utf-16-le"),
    "bare number": b"31.5",
    "text": b'"31.5"',
    "empty object": b"{}",
    "no values": b'{"ts":"2026-11-21T10:00:00Z"}',
    "empty values": b'{"values":{}}',
    "values is a list": b'{"values":[31.5]}',
    "values is a number": b'{"values":31.5}',
    "values beside": b'{"soil_moisture":31.5,"temperature":29.3}',
    "values by another name": b'{"data":{"soilMoisture":31.5,"hum":"81"}}',
    "unknown signal": b'{"values":{"soil_moistur":31.5}}',
    "unknown signal, nothing near": b'{"values":{"happiness":3}}',
    "two things at once": b'{"values":{"temp":"29,3","soil_moisture":true},"seq":"7"}',
    "number as text": b'{"values":{"soil_moisture":"31.5"}}',
    "number with comma and unit": '{"values":{"air_temperature":"29,3 °C"}}'.encode(),
    "true for a moisture": b'{"values":{"soil_moisture":true}}',
    "true for a pump": b'{"values":{"pump_state":true}}',
    "null for all values": b'{"values":null}',
    "null for an unknown signal": b'{"values":{"temp":null,"soil_temperature":27.1}}',
    "c string with its end": b'{"values":{"soil_moisture":31.5}}\x00',
    "c buffer with what was left in it": b'{"values":{"soil_moisture":31.5}}\x005}}',
    "nested value": b'{"values":{"soil_moisture":{"value":31.5,"unit":"%"}}}',
    "nan": b'{"values":{"soil_moisture":NaN,"soil_temperature":27.1}}',
    "infinite": b'{"values":{"soil_moisture":1e999}}',
    "too big": b'{"values":{"energy":1e17}}',
    "twice the same name": b'{"values":{"soil_moisture":31.5,"soil_moisture":33}}',
    "unknown field": b'{"values":{"soil_moisture":31.5},"firmware":"1.0.3"}',
    "battery beside values": b'{"values":{"soil_moisture":31.5},"battery":3.7}',
    "time without zone": b'{"ts":"2026-11-21T10:00:00","values":{"soil_moisture":31.5}}',
    "time as people write it": b'{"ts":"21/11/2026 10:00","values":{"soil_moisture":31.5}}',
    "time by another name": b'{"timestamp":1795255200000,"values":{"soil_moisture":31.5}}',
    "time in seconds by another name": b'{"timestamp":1795255200,"values":{"soil_moisture":31.5}}',
    "time in seconds": b'{"ts":1795255200.5,"values":{"soil_moisture":31.5}}',
    "time in milliseconds and a fraction": b'{"ts":1795255200123.25,"values":{"soil_moisture":31.5}}',
    "seq below zero": b'{"seq":-1,"boot":"a","values":{"soil_moisture":31.5}}',
    "boot is a number": b'{"seq":1,"boot":7,"values":{"soil_moisture":31.5}}',
    "boot with spaces": b'{"seq":1,"boot":"first boot","values":{"soil_moisture":31.5}}',
    "one of a list": b'[{"values":{"soil_moisture":31.5}},{"values":{"soil_moisture":"x"}}]',
    "senml, wrong units": b'[{"bn":"my-esp32/","n":"soil_moisture","u":"Cel","v":31},'
    b'{"n":"salinity","u":"m","v":1}]',
    "senml, unknown name and no number": b'[{"n":"temp","v":29.3},{"n":"soil_moisture","vs":"31.5"}]',
    "senml, another's name": b'[{"bn":"your-esp32/","n":"soil_moisture","v":31.5}]',
    "senml, null": b'[{"n":"soil_moisture","v":null},{"n":"soil_ec","v":1.2}]',
    "senml, no record": b"[1]",
    "cbor, cut off": cbor2.dumps([{0: "soil_moisture", 2: 31.5}])[:-3],
    "over 16 KB": b'{"values":{"soil_moisture":31.5},"note":"' + b"x" * 16_384 + b'"}',
    "weather station of a maker": b'{"dateutc":"now","tempf":"88.5","co2":512,"heap":12,"uv":6}',
    "maker's names in values": b'{"values":{"tempf":88.5,"uv":6,"winddir":215,"dailyrainin":0.1,"co2":512}}',
    "maker's list": b'{"d":[{"tag":"soil_moisture","value":31.5}],"ts":"2026-11-21T10:00:00Z"}',
    "one name of a maker": b'{"temp":31.5}',
    "lora, no codec": b'{"devAddr":"00189440","fCnt":1,"data":"AQI="}',
    "lora, codec of the vendor": b'{"devAddr":"00189440","fCnt":1,"object":{"TempC_SHT":29,"humidity":"81"}}',
    "lora, text for a number": b'{"devAddr":"00189440","fCnt":1,"object":{"soil_moisture":"NaN"}}',
    "lora, no address": b'{"fCnt":1,"object":{"soil_moisture":31.5}}',
}
# stored, but not as it was meant
DOUBTED: dict[str, bytes] = {
    "pascal": b'{"values":{"air_pressure":101325}}',
    "kelvin": b'{"values":{"air_temperature":302.4}}',
    "fahrenheit": b'{"values":{"air_temperature":84.7}}',
    "millivolt": b'{"values":{"battery_voltage":3700}}',
    "share of one": b'{"values":{"relative_humidity":0.81}}',
    "out of range": b'{"values":{"soil_moisture":-5}}',
    "seconds for milliseconds": b'{"ts":1795255200,"values":{"soil_moisture":31.5}}',
    "clock ahead": b'{"ts":"2026-11-21T11:00:00Z","values":{"soil_moisture":31.5}}',
    "local time as UTC": b'{"ts":"2026-11-21T17:01:00Z","values":{"soil_moisture":31.5}}',
    "UTC as local": b'[{"ts":1795226000000,"values":{"rssi":-8}},{"ts":1795230060000,"values":{"rssi":-9}}]',
    "milliseconds in SenML": b'[{"bt":1795255200000,"n":"soil_moisture","v":31.5}]',
    "lora, clock of a server": b'{"devAddr":"00189440","time":"2026-11-21T17:00:00Z","object":{"rssi":-80}}',
    "clock of a cold start": b'{"ts":"2000-01-01T00:00:00Z","values":{"soil_moisture":31.5}}',
    "seq alone": b'{"seq":1,"values":{"soil_moisture":31.5}}',
    "boot alone": b'{"boot":"7f3a","values":{"soil_moisture":31.5}}',
}


def examine(payload: bytes, *, uplink: bool = False) -> Examined:
    return findings.examine(payload, DEVICE, NOW, PROBES, CHIRPSTACK if uplink else None)


def read(payload: bytes, *, uplink: bool = False) -> None:
    PROBES.telemetry(payload, DEVICE, CHIRPSTACK if uplink else None)


def told(name: str, payload: bytes) -> dict[str, object]:
    found = examine(payload, uplink=name.startswith("lora"))
    entry: dict[str, object] = {lang: [one.sentence(lang) for one in found.findings] for lang in ("vi", "en")}
    return entry | ({"right": found.right} if found.right else {})


def golden() -> dict[str, dict[str, object]]:
    return {name: told(name, payload) for name, payload in (WRONG | DOUBTED).items()}


def test_there_are_forty_wrong_payloads_and_the_golden_file_has_them_all() -> None:
    assert len(WRONG) >= 40
    assert list(yaml.safe_load(GOLDEN.read_text("utf-8"))) == [*WRONG, *DOUBTED]


@pytest.mark.parametrize("name", [*WRONG, *DOUBTED])
def test_the_sentences_are_those_of_the_golden_file(name: str) -> None:
    assert told(name, (WRONG | DOUBTED)[name]) == yaml.safe_load(GOLDEN.read_text("utf-8"))[name]


@pytest.mark.parametrize("name", WRONG)
def test_each_is_refused_and_each_sentence_names_its_field(name: str) -> None:
    uplink = name.startswith("lora")
    with pytest.raises(PayloadError) as refused:
        read(WRONG[name], uplink=uplink)
    found = examine(WRONG[name], uplink=uplink)
    assert found.refused
    assert refused.value.reason in {one.reason for one in found.findings}
    for one in found.findings:
        place = one.field or "the whole message"
        assert one.sentence("en").startswith(f"{place}: ")
        assert one.sentence("vi") != one.sentence("en")
    if found.right:
        assert encodings.decode(found.right.encode(), DEVICE.device), "what is said to be right is taken"
        assert not examine(found.right.encode()).refused


def test_a_good_message_has_no_findings() -> None:
    good = b'{"ts":"2026-11-21T10:00:00Z","seq":1,"boot":"a","values":{"soil_moisture":31.5}}'
    assert examine(good) == ("json", (), "")
    assert examine(good.replace(b"31.5", b"null")) == ("json", (), "")


def test_what_a_pack_says_beside_its_values_is_no_finding() -> None:
    pack = b'[{"n":"energy","s":5},{"n":"label","vs":"A1"},{"u":"lat","v":10},{"n":"soil_ec","u":"m","v":1}]'
    assert [(one.field, one.reason) for one in examine(pack).findings] == [("[3].soil_ec", "wrong_unit")]


def test_a_pack_that_says_it_is_cbor_is_told_so() -> None:
    pack = cbor2.dumps([{0: "soil_moisture", 2: 31.5}])
    assert examine(b"\xd9\xd9\xf7" + pack) == ("senml-cbor", (), "")
    (cut,) = examine(b"\xd9\xd9\xf7" + pack[:-3]).findings
    assert cut.reason == "not_cbor"


def test_a_pack_in_cbor_of_a_device_that_a_probe_reads_is_looked_at_too() -> None:
    whose = Device("p", "c", "my-esp32", "soil-probe", simulated=False, probe="dragino-lse01")
    pack = cbor2.dumps([{0: "soil_moisture", 2: 31.5}])
    assert findings.examine(pack, whose, NOW, PROBES) == ("senml-cbor", (), "")
    (cut,) = findings.examine(pack[:-3], whose, NOW, PROBES).findings
    assert cut.reason == "not_cbor"
    found = findings.examine(b'{"water_SOIL":"ERR","temp_SOIL":"28.1"}', whose, NOW, PROBES)
    assert {one.reason for one in found.findings} == {"unread"} and not found.refused


def test_each_wrong_field_is_found_in_one_go() -> None:
    found = examine(WRONG["two things at once"])
    assert [one.field for one in found.findings] == ["values.temp", "values.soil_moisture", "seq"]
    assert json.loads(found.right) == {"values": {"soil_moisture": 31.5}, "seq": 7}


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | st.sampled_from(["31,5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    ["values", "ts", "seq", "boot", "temp", "n", "v", "u", "bn", "data", *list(SIGNALS)[:5]]
)
messages = st.dictionaries(names, st.dictionaries(names, anything, max_size=3) | anything, max_size=4)


@given(st.one_of(messages, st.lists(messages, max_size=3), anything))
def test_it_finds_something_exactly_where_the_gateway_refuses(message: object) -> None:
    payload = json.dumps(message).encode()
    for uplink in (False, True):
        found = examine(payload, uplink=uplink)
        try:
            read(payload, uplink=uplink)
            refused = False
        except PayloadError:
            refused = True
        assert found.refused is refused
        assert not found.right or encodings.decode(found.right.encode(), DEVICE.device)


@given(st.binary(max_size=64))
def test_it_takes_any_bytes(payload: bytes) -> None:
    for uplink in (False, True):
        for one in examine(payload, uplink=uplink).findings:
            assert one.sentence("vi") and one.sentence("en").encode()


if __name__ == "__main__":
    GOLDEN.write_text(yaml.safe_dump(golden(), allow_unicode=True, sort_keys=False, width=10_000), "utf-8")
