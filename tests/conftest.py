"""Servers that tests share; at the end of the run, the names of the tests that could not run."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests import influx2, servers
from tests.seen import axe, page

__all__ = ["axe", "page"]  # fixtures of pages in a browser

# the same examples in every run, and no deadline: a busy machine is no reason to fail
settings.register_profile("hoiquan", derandomize=True, deadline=None)
settings.load_profile("hoiquan")


@pytest.fixture(scope="session")
def influx() -> Iterator[servers.Influx]:
    """InfluxDB; a test that breaks it also repairs it (`with influx.down(): …`)."""
    with servers.influx() as server:
        yield server


@pytest.fixture(scope="session")
def given_influx() -> Iterator[influx2.Given]:
    """The InfluxDB 2 of HOIQUAN_TEST_INFLUX; no test breaks it."""
    with influx2.given() as server:
        yield server


@pytest.fixture(scope="session", params=influx2.ENGINES)
def any_influx(request: pytest.FixtureRequest) -> servers.Influx | influx2.Given:
    """Each InfluxDB that there is, for tests that query it and do not break it."""
    server: servers.Influx | influx2.Given = request.getfixturevalue(influx2.ENGINES[request.param])
    return server


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[servers.Mosquitto]:
    """A Mosquitto that admits everybody; for another configuration, call `servers.mosquitto`."""
    with servers.mosquitto("allow_anonymous true", "log_dest topic", "log_type notice") as broker:
        yield broker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests of whole installations first: they take longest, and none should start last."""
    items.sort(key=lambda item: "tests/system/" not in item.nodeid)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print one line for each test that did not run, with what it needed; nothing if all ran."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section(f"{len(skipped)} tests did not run")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
