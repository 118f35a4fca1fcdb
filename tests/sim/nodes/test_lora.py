"""Payloads fit their spreading factor and an uplink its dwell time, and a far node loses more."""

import pytest

from devices.contract.models import MODELS
from devices.pilots.pilot import load
from sim.nodes import lora
from sim.run import fleet

PILOT = load("dong-thap")


@pytest.mark.parametrize("one", lora.SPREADING[2:])
def test_a_full_uplink_fills_the_dwell_time(one):
    """FACTS section 5: 400 ms carry 53 bytes at SF9 and 11 at SF10."""
    assert lora.airtime_ms(one.factor, one.most) <= 400
    assert lora.airtime_ms(one.factor, one.most + 5) > 400
    assert {9: 53, 10: 11}[one.factor] == one.most


def test_the_airtime_of_published_calculators():
    """The Things Network's calculator: 10 bytes of payload take 61.7 ms at SF7 and 370.7 at SF10."""
    assert lora.airtime_ms(7, 10) == pytest.approx(61.7, abs=0.1)
    assert lora.airtime_ms(10, 10) == pytest.approx(370.7, abs=0.1)


def test_messages_go_in_as_many_uplinks_as_they_need():
    assert {name: lora.payload_bytes(MODELS[name]) for name in sorted(lora.MODELS)} == {
        "nutrient-probe": 13,
        "pest-trap": 7,
        "soil-probe": 11,
    }
    far, near = lora.REACH, 0.5
    assert [lora.uplinks(MODELS["nutrient-probe"], km) for km in (near, far)] == [1, 2]
    assert [lora.uplinks(MODELS["soil-probe"], km) for km in (near, far)] == [1, 1]
    assert [lora.spreading(km).factor for km in (0, 2, 3, 4.9, 9)] == [7, 8, 9, 10, 10]


def test_who_is_far_away_loses_more():
    losses = {}
    for node in fleet(3, PILOT, level="normal"):
        if node.model.id == "soil-probe":
            losses[node.radio.km] = float(node.radio.loss(3_000_000, 3_000_001)[0])
    near = [loss for km, loss in losses.items() if km < 2]
    far = [loss for km, loss in losses.items() if km > 4]
    assert max(near) < 0.1
    assert max(far) < 0.2
    assert sum(near) / len(near) + 0.03 < sum(far) / len(far)
    assert all(0 <= km <= lora.REACH for km in losses)
    crowded = PILOT.place["thuan-tan"].model_copy(update={"fleet": {"soil-probe": 1000}})
    model = MODELS["soil-probe"]
    few, many = (lora.collided(model, 4.0, place) for place in (PILOT.place["thuan-tan"], crowded))
    assert few < 0.005
    assert 0.1 < many < 0.2
