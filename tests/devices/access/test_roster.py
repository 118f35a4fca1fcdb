"""A row that our own code stumbles over: it is reported, and what was known before stays."""

import sqlite3
from contextlib import closing

import pytest

from devices.access import roster
from devices.access.registry import Registry
from devices.pilots.pilot import load
from tests.servers import until

PILOT = load("dong-thap")


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setattr(roster, "RECHECK", 0)
    made = Registry(tmp_path / "registry.sqlite", PILOT)
    made.enroll("tam-que", "soil-probe", "my-esp32")
    assert made.lookup("my-esp32")
    return made


def spoil(path, site):
    """Give the device's row a text that no version of ours wrote, or its usual nothing."""
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE device SET site = ?, changed = changed + 1", (site,))


def test_an_error_of_ours_is_reported_once_until_the_table_is_read_again(registry, tmp_path):
    reported = []
    registry.report = reported.append
    for times in (1, 2):
        spoil(tmp_path / "registry.sqlite", "{")
        for _ in range(3):
            assert registry.known("nobody") is None
        assert registry.lookup("my-esp32"), "what was known stays"
        assert [fault.partition(":")[0] for fault in reported] == times * ["JSONDecodeError"]
        spoil(tmp_path / "registry.sqlite", None)
        until(lambda: registry.lookup("my-esp32"), "it is read again")


def test_without_anybody_to_report_to_it_is_logged_in_a_line(registry, tmp_path, caplog):
    spoil(tmp_path / "registry.sqlite", "{")
    registry.refresh()
    assert "JSONDecodeError" in caplog.text and "Traceback" not in caplog.text


def test_a_table_that_was_never_read_raises_it(registry, tmp_path):
    spoil(tmp_path / "registry.sqlite", "{")
    with pytest.raises(ValueError, match="Expecting property name"):
        Registry(tmp_path / "registry.sqlite", PILOT).refresh()
