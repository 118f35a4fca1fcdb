"""QARTOD flags: a check's verdict on a value, which the check never alters.

Source: IOOS QARTOD manual of quality flags (primary level flagging: 1, 2, 3, 4, 9).
"""

from enum import IntEnum


class Flag(IntEnum):
    """Primary flag of one value. A value from SUSPECT on goes to `telemetry_flagged`, else to `telemetry`."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    BAD = 4
    MISSING = 9


CLOCK = "clock"  # the device's own time was not believed
GROSS_RANGE = "gross_range"
RATE = "rate"
SPIKE = "spike"
FLAT_LINE = "flat_line"
NEIGHBOURS = "neighbours"

REASONS = (GROSS_RANGE, RATE, SPIKE, FLAT_LINE, NEIGHBOURS, CLOCK)  # every reason to doubt a value
