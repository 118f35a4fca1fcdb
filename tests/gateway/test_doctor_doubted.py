"""`hoiquan doctor` names real devices of which nothing is believed."""

from contextlib import closing

from devices.access.registry import Registry
from devices.pilots.pilot import load
from gateway.stores.points import Point, tags
from gateway.stores.sqlite import SqliteStore
from tests.gateway.test_doctor import bare, doctor, now

assert bare  # a fixture of each test: no server at the default ports
HOUR = 3_600_000


def where(device, *, simulated="false", **more):
    more |= {"community": "tam-que", "device": device, "model": "soil-probe", "pilot": "dong-thap"}
    return tags(simulated=simulated, **more)


def doubted(device, signal, reason, hours, **more):
    tagged = where(device, signal=signal, reason=reason, **more)
    return Point("telemetry_flagged", tagged, {"value": 1.0, "flag": 3}, now() - hours * HOUR)


def believed(device, hours, **fields):
    return Point("telemetry", where(device), fields, now() - hours * HOUR)


def test_real_devices_whose_values_are_all_doubted_for_a_day_are_named(tmp_path):
    registry = Registry(tmp_path / "registry.sqlite", load("dong-thap"))
    for device in ("ahead", "spiky", "gone", "half"):
        registry.enroll("tam-que", "soil-probe", device)
    registry.revoke("gone")
    with closing(SqliteStore(tmp_path / "store.sqlite")) as store:
        store.write(
            [doubted("spiky", "soil_moisture", "spike", 0), believed("spiky", 3, soil_moisture=1.0),
             doubted("gone", "soil_moisture", "clock", 0),
             doubted("played", "soil_ph", "clock", 0, simulated="true")]
        )  # fmt: skip
        assert "doubted" not in doctor(tmp_path)[1]
        store.write(
            [doubted("ahead", "soil_moisture", "clock", 1), doubted("ahead", "soil_ec", "clock", 1),
             believed("ahead", 25, soil_moisture=1.0),
             doubted("half", "soil_ph", "gross_range", 5), doubted("half", "soil_ph", "clock", 7),
             believed("half", 0, soil_moisture=1.0)]
        )  # fmt: skip
        _, found = doctor(tmp_path, "--lang", "en")
        vi = doctor(tmp_path)[1]["doubted"]
    assert found["doubted"]["level"] == "warning"
    assert found["doubted"]["sentence"].startswith("2 real devices")
    assert found["doubted"]["sentence"].endswith(
        "ahead: Soil conductivity, Volumetric soil moisture (Wrong clock); half: Soil pH (Out of range)."
    )
    assert "hoiquan device check --live --id ahead" in found["doubted"]["mend"]
    assert vi["sentence"].endswith("half: pH đất (Ngoài khoảng có thể).")
