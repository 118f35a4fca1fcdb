"""The services that the tests of docker-compose.yml and its overlay use; removed with volumes and image."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.compose.grown import Grown
from tests.compose.village import START, Village


@contextmanager
def running(village: Village, target: str, request: pytest.FixtureRequest) -> Iterator[Village]:
    """`make TARGET` in a copy of the tree; prints what helps to explain a failure."""
    village.copy_tree()
    healthy = False
    try:
        village.run("make", target, seconds=START)
        healthy = True
        yield village
    finally:
        if not healthy or request.session.testsfailed:
            # pytest would keep output written here with the last test, which may have passed
            with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
                village.show()
        village.down()


@pytest.fixture(scope="module")
def village(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    """The services after `make compose`."""
    with running(Village(tmp_path_factory.mktemp("tree")), "compose", request) as village:
        yield village


@pytest.fixture(scope="session")
def grown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Village]:
    """The services after `make grow`."""
    with running(Grown(tmp_path_factory.mktemp("grown")), "grow", request) as village:
        yield village
