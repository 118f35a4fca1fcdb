"""Alarm levels of a pilot file."""

import pytest
from pydantic import ValidationError

from devices.pilots.alarms import Alarms, Level
from devices.pilots.pilot import load

REST = {
    "silent_hours": 3,
    "coverage": 0.8,
    "quarantined_an_hour": 20,
    "spool_minutes": 15,
    "assumption": "all",
}


def test_a_place_has_its_own_levels_or_those_of_everywhere():
    alarms = load("dong-thap").alarms
    assert alarms.of("water_level", "ca-tra-hong-ngu").gauge == "Tân Châu"
    assert alarms.of("water_level", "tam-que").named() == (("I", 1.9), ("II", 2.1), ("III", 2.3))
    assert alarms.of("soil_moisture", "tam-que") is None


@pytest.mark.parametrize(
    ("level", "cause"),
    [
        ({"signal": "depth", "levels": [1], "source": "s"}, "no signal 'depth'"),
        ({"signal": "wind_direction", "levels": [180], "source": "s"}, "neither over nor under"),
        ({"signal": "salinity", "levels": [2, 1], "source": "s"}, "the mildest first"),
        ({"signal": "dissolved_oxygen", "when": "under", "levels": [2, 3], "source": "s"}, "mildest first"),
        ({"signal": "salinity", "levels": [1]}, "write source"),
        ({"signal": "salinity", "levels": [1, 2, 3, 4], "source": "s"}, "at most 3"),
    ],
)
def test_a_level_that_cannot_be_meant_is_refused(level, cause):
    with pytest.raises(ValidationError, match=cause):
        Level.model_validate(level)


def test_a_place_is_named_once_and_exists():
    twice = [{"signal": "salinity", "levels": [1], "source": "s", "places": ["a"]}] * 2
    with pytest.raises(ValidationError, match="a is named twice"):
        Alarms.model_validate({"levels": twice, **REST})
    known = Alarms.model_validate({"levels": twice[:1], **REST})
    with pytest.raises(ValueError, match="no place"):
        known.require(["b"])
