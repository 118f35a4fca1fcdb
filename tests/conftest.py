"""Servers that tests share, and at the end the names of those tests that could not run."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from tests import servers
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
