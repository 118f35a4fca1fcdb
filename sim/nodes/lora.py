"""LoRa in AS923 with a dwell time of 400 ms: what a node's distance from its gateway makes of its messages.

    km ─► spreading factor ─► bytes that an uplink may have ─► uplinks a message ─► airtime ─► collisions

Of a message that needs two uplinks nothing is left when one is lost. An uplink has no room for a timestamp.
"""

import math
from typing import NamedTuple

from devices.contract.models import Model
from devices.pilots.places import Place

MODELS = frozenset({"soil-probe", "nutrient-probe", "pest-trap"})  # fields without mains; others talk over 4G


class Spreading(NamedTuple):
    """A spreading factor at 125 kHz, the most bytes of an uplink, and up to which distance it is taken."""

    factor: int
    most: int
    km: float


# Bytes: LoRaWAN regional parameters (RP002), AS923, uplink dwell time 400 ms; 53 and 11 in FACTS section 5.
# Assumption: the reach of antennas a metre above the ground, among trees.
SPREADING = (Spreading(7, 242, 1.5), Spreading(8, 125, 2.5), Spreading(9, 53, 3.5), Spreading(10, 11, 5.0))
REACH = SPREADING[-1].km
_HEADER = 13  # bytes of LoRaWAN about them: MHDR, DevAddr, FCtrl, FCnt, FPort, MIC
_CHANNELS = 8  # of a usual gateway


def payload_bytes(model: Model) -> int:
    """Assumption: two bytes a value behind one of format, as makers' own formats have it."""
    return 1 + 2 * len(model.signals)


def spreading(km: float) -> Spreading:
    """What a node so far from its gateway takes; the last beyond its reach."""
    return next((one for one in SPREADING if km <= one.km), SPREADING[-1])


def uplinks(model: Model, km: float) -> int:
    """In how many parts a message goes."""
    return -(-payload_bytes(model) // spreading(km).most)


def airtime_ms(factor: int, size: int) -> float:
    """Of an uplink of `size` bytes of payload: Semtech AN1200.13; coding rate 4/5, CRC, explicit header."""
    symbol = float(2**factor) / 125  # ms
    bits = 8 * (size + _HEADER) - 4 * factor + 28 + 16
    return (8 + 4.25 + 8 + max(math.ceil(bits / (4 * factor)) * 5, 0)) * symbol


def collided(model: Model, km: float, place: Place) -> float:
    """Chance that another node of the place speaks at that time on that channel: ALOHA (Abramson 1970)."""
    size = min(payload_bytes(model), spreading(km).most)
    nodes = sum(count for name, count in place.fleet.items() if name in MODELS)
    spoken = airtime_ms(spreading(km).factor, size) * uplinks(model, km)  # ms an interval, each of the nodes
    return 1 - math.exp(-2 * nodes * spoken / (model.interval * 1000) / _CHANNELS)
