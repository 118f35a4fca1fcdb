"""The nodes of Đồng Tháp under seed 7, made once for each file of tests."""

import pytest

from devices.pilots.pilot import Pilot, load
from sim.nodes.node import Node
from sim.run import fleet


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return load("dong-thap")


@pytest.fixture(scope="module")
def nodes(pilot: Pilot) -> list[Node]:
    return fleet(7, pilot)
