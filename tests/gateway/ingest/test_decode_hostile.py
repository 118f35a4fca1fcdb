"""Uplinks nested deeper than any codec nests: each is refused, and the next message is still decoded."""

import json

import pytest

from devices.contract.reading import Device
from gateway.ingest.decode import Decoder
from tests.devices.probes.test_servers import UP
from tests.devices.uplinks import EUI, EVENT, NOW, TOPIC, said

OWN = "hoiquan/v1/p/c/probe/telemetry"
GOOD = json.dumps(EVENT | {"rxInfo": []}).encode()
VALUES = {"soil_moisture": 31.5, "soil_ec": 1.0, "battery_voltage": 3.61}


def nested(depth, name="x"):
    """GOOD's uplink with `depth` lists inside each other in its object."""
    return GOOD.replace(b'"soil_moisture": 31.5', f'"{name}": {"[" * depth}1{"]" * depth}'.encode())


def decoder(probe=None):
    device = Device("p", "c", "probe", "soil-probe", simulated=False, probe=probe)
    return Decoder("p", {"probe": device}.get, by_eui={EUI: device}.get)


@pytest.mark.parametrize("probe", [None, "dragino-lse01", "normalized"])
@pytest.mark.parametrize("topic", [TOPIC, UP, OWN], ids=["chirpstack", "things", "own"])
@pytest.mark.parametrize("depth", [1000, 7000])
def test_a_thousand_nested_lists_are_refused_and_the_next_message_goes_on(probe, topic, depth):
    good = said({"values": VALUES}, topic=OWN, arrival=NOW + 1)
    for hostile in (nested(depth), b"[" * depth + b"]" * depth, b'{"a":' * 1000 + b"1" + b"}" * 1000):
        made = decoder(probe)
        decoded = made.decode([said(hostile, topic=topic), good])
        reason = "not_json" if topic == OWN else "uplink_not_json"
        assert {at: one.reason for at, one in decoded.refused.items()} == {0: reason}
        assert [one.values for one in decoded.readings] == [VALUES]
        assert made.decode([good._replace(mid=2)]).readings, "nor does it end what comes behind the batch"


@pytest.mark.parametrize("topic", [TOPIC, UP], ids=["chirpstack", "things"])
def test_nor_is_there_a_depth_at_which_one_part_still_reads_it_and_the_next_cannot(topic):
    made = decoder()
    depths = range(600, 1001)  # Python's own limit is 1000 calls; how many frames are in use already differs
    batch = [said(b"[" * depth + b"]" * depth, topic=topic, mid=depth) for depth in depths]
    decoded = made.decode([*batch, said(GOOD, topic=TOPIC)])
    assert [one.reason for one in decoded.refused.values()] == ["uplink_not_json"] * len(depths)
    assert [one.values for one in decoded.readings] == [VALUES]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("soil_moisture", "not_a_number"), ("VWC", "unknown_signal"), ("soil", "unknown_signal")],
)
def test_however_deep_it_is_nested_the_reason_is_one_of_the_contract_s(name, reason):
    made = decoder()
    found = [made.decode([said(nested(depth, name), topic=TOPIC)]).refused for depth in range(1, 400)]
    reasons = [refused[0].reason for refused in found]
    assert set(reasons) == {reason, "uplink_not_json"} and reasons[0] == reason
    (reading,) = made.decode([said(GOOD, topic=TOPIC)]).readings
    assert reading.values == VALUES
