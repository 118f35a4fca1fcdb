"""Fixtures: the file of an empty registry, the registry, and two processes that have it open."""

import pytest

from devices.access.registry import Registry
from devices.pilots.pilot import load

PILOT = load("dong-thap")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "registry.sqlite"


@pytest.fixture
def registry(path):
    return Registry(path, PILOT)


@pytest.fixture
def two(path):
    """The registry as two processes have it: each with its own memory of one file."""
    return Registry(path, PILOT), Registry(path, PILOT)
