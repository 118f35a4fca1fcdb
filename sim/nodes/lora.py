"""LoRa in AS923 with a dwell time of 400 ms: how a node's distance from its gateway affects its messages.

    km ─► spreading factor ─► bytes that fit in an uplink ─► uplinks a message ─► airtime ─► collisions

A message of two uplinks is lost if one of them is lost. An uplink has no room for a timestamp.
"""

import math
from typing import NamedTuple

from devices.contract.models import Model
from devices.pilots.places import Place

# nodes in fields without mains; all others use 4G
MODELS = frozenset({"soil-probe", "nutrient-probe", "pest-trap"})


class Spreading(NamedTuple):
    """A spreading factor at 125 kHz, the most bytes of an uplink, and the distance up to which it is used."""

    factor: int
    most: int
    km: float


# Bytes: LoRaWAN regional parameters (RP002), AS923, uplink dwell time 400 ms; 53 and 11 in FACTS section 5.
# Assumption: the reach of antennas a metre above the ground, among trees.
SPREADING = (Spreading(7, 242, 1.5), Spreading(8, 125, 2.5), Spreading(9, 53, 3.5), Spreading(10, 11, 5.0))
REACH = SPREADING[-1].km
_HEADER = 13  # bytes of LoRaWAN around a payload: MHDR, DevAddr, FCtrl, FCnt, FPort, MIC
_CHANNELS = 8  # of a common gateway


def payload_bytes(model: Model) -> int:
    """Assumption: two bytes a value after one byte of format, as in makers' own formats."""
    return 1 + 2 * len(model.signals)


def spreading(km: float) -> Spreading:
    """Return the spreading factor at this distance; beyond the reach it is the last."""
    return next((one for one in SPREADING if km <= one.km), SPREADING[-1])


def uplinks(model: Model, km: float) -> int:
    """Return the number of uplinks that a message needs."""
    return -(-payload_bytes(model) // spreading(km).most)


def airtime_ms(factor: int, size: int) -> float:
    """Return an uplink's airtime, for `size` bytes of payload: Semtech AN1200.13; coding rate 4/5, CRC,
    explicit header.
    """
    symbol = float(2**factor) / 125  # ms
    bits = 8 * (size + _HEADER) - 4 * factor + 28 + 16
    return (8 + 4.25 + 8 + max(math.ceil(bits / (4 * factor)) * 5, 0)) * symbol


def collided(model: Model, km: float, place: Place) -> float:
    """Return the chance that another node of the place sends at the same time on the same channel: ALOHA
    (Abramson 1970).
    """
    size = min(payload_bytes(model), spreading(km).most)
    nodes = sum(count for name, count in place.fleet.items() if name in MODELS)
    # ms of airtime of each node in an interval
    spoken = airtime_ms(spreading(km).factor, size) * uplinks(model, km)
    return 1 - math.exp(-2 * nodes * spoken / (model.interval * 1000) / _CHANNELS)
