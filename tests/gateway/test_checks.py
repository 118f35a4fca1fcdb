"""Checks say what they think of a value and leave it as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.quality import Flag
from devices.reading import Device, Reading
from devices.signals import SIGNALS
from gateway.checks import check, gross_range
from gateway.points import MEASUREMENTS

DEVICE = Device("p", "c", "d", "soil-probe", simulated=False)
READINGS = st.builds(
    Reading,
    st.just(DEVICE),
    st.integers(0, 2**45),
    st.dictionaries(st.sampled_from(sorted(SIGNALS)), st.floats(-(2**53), 2**53), min_size=1, max_size=6),
    st.none() | st.integers(-(2**53), 2**53),
)


@given(READINGS)
def test_every_value_is_written_once_unaltered_and_in_the_right_place(reading):
    given_values = dict(reading.values)
    points = check(reading)
    assert reading.values == given_values
    good = [point for point in points if point.measurement == "telemetry"]
    flagged = [point for point in points if point.measurement == "telemetry_flagged"]
    assert len(good) <= 1 and len(good) + len(flagged) == len(points)
    kept = dict(good[0].fields) if good else {}
    for point in flagged:
        signal = dict(point.tags)["signal"]
        assert signal not in kept
        kept[signal] = point.fields["value"]
        believed = SIGNALS[signal].low <= point.fields["value"] <= SIGNALS[signal].high
        assert dict(point.tags)["reason"] == ("clock" if believed else "gross_range")
        assert point.fields["flag"] == (Flag.SUSPECT if believed else Flag.BAD)
        assert point.fields.get("device_time") == reading.device_time
    assert kept == given_values
    for point in good:
        assert reading.device_time is None, "a reading of a wrong clock is not good"
        assert all(SIGNALS[name].low <= value <= SIGNALS[name].high for name, value in point.fields.items())
    for point in points:
        schema = MEASUREMENTS[point.measurement]
        assert point.time == reading.time
        assert tuple(name for name, _ in point.tags) == tuple(sorted(schema.tags))
        assert point.fields.keys() <= schema.fields.keys()
        assert (
            dict(point.tags).items()
            >= {"pilot": "p", "community": "c", "device": "d", "simulated": "false"}.items()
        )


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=lambda signal: signal.id)
def test_limits_belong_to_the_range(signal):
    assert gross_range(signal.id, signal.low) == gross_range(signal.id, signal.high) == Flag.GOOD
    assert gross_range(signal.id, signal.low - signal.resolution) == Flag.BAD
    assert gross_range(signal.id, signal.high + signal.resolution) == Flag.BAD
