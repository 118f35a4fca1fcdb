"""The tide of the sea at the mouth, from constants of its gauge, as phasors that carry it up the river.

    sun and moon ─► phase of each constituent ─┐
    constants of Vũng Tàu, nodal factors ──────┴─► two slow phasors a day, and the sea's season

The constituents of a species (once or twice a day) beat so slowly against its carrier that their sum can be
interpolated between noons, within some 5 mm: a moment costs two carriers instead of ten constituents.

Constants: Hart-Davis, Dettmering and Seitz (2025), TICON-4, SEANOE, doi 10.17882/109129, CC BY 4.0: station
vung_tau-383-vnm-uhslc_fd, record 2007 to 2025. "Pugh": Pugh, Tides, Surges and Mean Sea-Level (Wiley 1987),
arguments of Table 4:1 and nodal factors of Table 4:3. "Meeus": Astronomical Algorithms (1998).
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from devices.clock import DAY_MS, HOUR_MS
from sim.physics.moment import ANCHOR, Moment
from sim.physics.streams import Array, Index


class Constituent(NamedTuple):
    """One constituent: `amplitude` m, `phase` ° behind Greenwich.

    Its argument at universal time t hours is 15 `species` t + `s` of the moon's mean longitude + `h` of the
    sun's + `p` of the moon's perigee + `plus` °. As the moon's node N goes round, the amplitude is multiplied
    by `usual` + `swell` cos N, and `turn` sin N ° is added to the argument.
    """

    amplitude: float
    phase: float
    species: int
    s: int
    h: int
    p: int
    plus: float = 0.0
    usual: float = 1.0
    swell: float = 0.0
    turn: float = 0.0


CONSTITUENTS = {
    "M2": Constituent(0.773, 193.8, 2, -2, 2, 0, swell=-0.037, turn=-2.1),
    "S2": Constituent(0.302, 228.6, 2, 0, 0, 0),
    "N2": Constituent(0.163, 174.1, 2, -3, 2, 1, swell=-0.037, turn=-2.1),
    "K2": Constituent(0.094, 239.9, 2, 0, 2, 0, usual=1.024, swell=0.286, turn=-17.7),
    "K1": Constituent(0.595, 206.6, 1, 0, 1, 0, plus=90, usual=1.006, swell=0.115, turn=-8.9),
    "O1": Constituent(0.447, 164.9, 1, -2, 1, 0, plus=-90, usual=1.009, swell=0.187, turn=10.8),
    "P1": Constituent(0.189, 203.1, 1, 0, -1, 0, plus=-90),
    "Q1": Constituent(0.085, 147.8, 1, -3, 1, 1, plus=-90, usual=1.009, swell=0.187, turn=10.8),
    # Counted from the sun's mean longitude, as the constants are published: the sea is highest in December.
    # Programs that count SA from the sun's perigee would make it highest in October.
    "SA": Constituent(0.212, 278.1, 0, 0, 1, 0),
    "SSA": Constituent(0.057, 95.4, 0, 0, 2, 0),
}
# ° an hour: in the middle of the constituents of once and of twice a day.
CARRIERS = (14.5, 29.25)
_CENTURY, _J2000 = 36_525 * DAY_MS, 946_728_000_000  # 2000-01-01T12:00Z, epoch ms


class Tide(NamedTuple):
    """Values by day, at noon in Vietnam: real and imaginary parts of each species' phasor, and the sea's
    season. In m, for a wave that left the sea `late` hours before.
    """

    once: tuple[Array, Array]
    twice: tuple[Array, Array]
    season: Array


@lru_cache(maxsize=64)
def tide(days: int, late: float) -> Tide:
    """Return the tide by day from the anchor on, where the sea's wave arrives after `late` hours."""
    noon = ANCHOR + np.arange(days) * DAY_MS + DAY_MS // 2 - round(late * HOUR_MS)
    turned = tuple(_phasor(noon, species) for species in (1, 2))
    # the carrier goes on turning while the wave travels
    back = [np.exp(-1j * np.radians(carrier * late)) for carrier in CARRIERS]
    once, twice = (phasor * turn for phasor, turn in zip(turned, back, strict=True))
    return Tide((once.real, once.imag), (twice.real, twice.imag), _phasor(noon, 0).real)


def _phasor(times: Index, species: int) -> np.typing.NDArray[np.complex128]:
    """Return the sum of a species' constituents, relative to its carrier."""
    century = (times - _J2000) / _CENTURY
    # Meeus, eqs. 47.1, 47.7 and 25.2; without the quadratic terms, within 0.01° until 2100
    moon, sun = 218.3165 + 481_267.8812 * century, 280.4665 + 36_000.7698 * century
    perigee, node = 83.3532 + 4069.0137 * century, np.radians(125.0446 - 1934.1363 * century)
    carrier = (0.0, *CARRIERS)[species] * _since(times)
    hours = (times % DAY_MS) / HOUR_MS
    total = np.zeros(len(times), dtype=np.complex128)
    for one in CONSTITUENTS.values():
        if one.species == species:
            argument = 15 * species * hours + one.s * moon + one.h * sun + one.p * perigee + one.plus
            angle = argument + one.turn * np.sin(node) - one.phase - carrier
            height = one.amplitude * (one.usual + one.swell * np.cos(node))
            total += height * np.exp(1j * np.radians(angle % 360))
    return total


def _since(times: Index) -> Array:
    """Hours since the anchor, which turn the carriers."""
    return np.asarray((times - ANCHOR) / HOUR_MS)


def weaker(phasor: tuple[Array, Array], left: Array) -> tuple[Array, Array]:
    """Scale a phasor by `left`, by day."""
    return phasor[0] * left, phasor[1] * left


def wave(at: Moment, phasor: tuple[Array, Array], carrier: float) -> Array:
    """Return m: a species' daily phasor on its carrier."""
    angle = np.radians(carrier * _since(at.times) % 360)
    return np.asarray(at.between(phasor[0]) * np.cos(angle) - at.between(phasor[1]) * np.sin(angle))
