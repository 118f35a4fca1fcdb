"""Servers that tests share, and at the end the names of those tests that could not run."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests import influx2, servers
from tests.seen import axe, page

__all__ = ["axe", "page"]  # fixtures of pages in a browser

# the same examples in every run, and no haste: a busy machine is no reason to fail
settings.register_profile("hoiquan", derandomize=True, deadline=None)
settings.load_profile("hoiquan")


@pytest.fixture(scope="session")
def influx() -> Iterator[servers.Influx]:
    """InfluxDB; a test that breaks it mends it again (`with influx.down(): …`)."""
    with servers.influx() as server:
        yield server


@pytest.fixture(scope="session")
def given_influx() -> Iterator[influx2.Given]:
    """The InfluxDB 2 of HOIQUAN_TEST_INFLUX; nobody breaks it."""
    with influx2.given() as server:
        yield server


@pytest.fixture(scope="session", params=influx2.ENGINES)
def any_influx(request: pytest.FixtureRequest) -> servers.Influx | influx2.Given:
    """Each InfluxDB there is, to ask and not to break."""
    server: servers.Influx | influx2.Given = request.getfixturevalue(influx2.ENGINES[request.param])
    return server


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[servers.Mosquitto]:
    """A Mosquitto that lets everybody in; for another configuration call `servers.mosquitto`."""
    with servers.mosquitto("allow_anonymous true", "log_dest topic", "log_type notice") as broker:
        yield broker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole installations first: they take longest, and none should begin when all else is done."""
    items.sort(key=lambda item: "tests/system/" not in item.nodeid)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each test that did not run, with what it needed; nothing when all ran."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section(f"{len(skipped)} tests did not run")
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.write_line(f"{report.nodeid}: {reason.removeprefix('Skipped: ')}")
