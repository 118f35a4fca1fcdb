"""A paddy's water, day by day: when it is flooded, may dry, and is drained.

    puddled ─► sown on mud ─► wet and dry by turns ─► flooded at flowering ─► wet and dry ─► drained, cut

Alternate wetting and drying (tưới ngập khô xen kẽ; IRRI's safe AWD, which Vietnam's "1 phải 5 giảm" teaches):
a tube in the field shows the water table; when it stands 15 cm below the mud the pump floods 5 cm.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from sim.physics.growing import Grown
from sim.physics.streams import Array

# mm above the mud, negative below. Assumption: the height of the outlet, and the water kept around sowing.
TUBE, FLOODED, _SHALLOW, BUND = -150.0, 50.0, 20.0, 70.0
_MOIST = -20.0
# Assumption, days: puddled before sowing; sown on mud, without standing water; drained before the harvest.
_PUDDLED, _ON_MUD, _DRAINED = 5, 7, 12
_FLOWERS = (0.58, 0.75)  # Assumption: shares of the growing time when it must not dry
# Crop coefficients of the beginning, the middle and the end (FAO-56 Table 12, rice), and the shares of the
# growing time (Table 11: of 150 days the beginning ends at 30, and the middle starts at 60). Assumption: the
# coefficient of stubble and weeds between crops.
_KC, _SHARES, _STUBBLE = (1.05, 1.20, 0.90), (0.2, 0.4, 0.8, 1.0), 0.75
NEVER = -1e9


class Paddy(NamedTuple):
    """Values by day from the anchor on. Levels are mm above the mud, NEVER: nobody pumps.

    `dries`: the pump starts when the water falls below this. `rises`: it pumps up to this. `holds`: the most
    water that the field holds. `puddled`: 1 while the plough pan holds water. `kc`: crop coefficients.
    """

    dries: Array
    rises: Array
    holds: Array
    puddled: Array
    kc: Array


def paddy(grown: Iterable[Grown], days: int) -> Paddy:
    """Return the regime of rice crops over `days` days."""
    day = np.arange(days)
    dries, rises = np.full(days, NEVER), np.full(days, NEVER)
    holds, puddled, kc = np.zeros(days), np.zeros(days), np.full(days, _STUBBLE)
    for crop in grown:
        sown, cut = crop.sown, crop.picked[0]
        mud, last = sown + _ON_MUD, cut - _DRAINED
        bloom = [round(sown + share * (cut - sown)) for share in _FLOWERS]
        for first, stop, low, high, bund in (
            (sown - _PUDDLED, sown, _MOIST, _SHALLOW, BUND),
            (sown, mud, _MOIST, 0.0, 0.0),
            (mud, last, TUBE, FLOODED, BUND),
            (*bloom, _SHALLOW / 2, FLOODED, BUND),
        ):
            when = (day >= first) & (day < stop)
            dries[when], rises[when], holds[when] = low, high, bund
        puddled[(day >= sown - _PUDDLED) & (day < last)] = 1
        grows = (day >= sown) & (day < cut)
        age = (day[grows] - sown) / (cut - sown)
        kc[grows] = np.interp(age, _SHARES, (_KC[0], _KC[1], _KC[1], _KC[2]))
    return Paddy(dries, rises, holds, puddled, kc)
