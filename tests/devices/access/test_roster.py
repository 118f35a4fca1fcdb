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
        change = "UPDATE device SET site = ?, changed = (SELECT max(changed) + 1 FROM device)"
        file.execute(f"{change} WHERE device = 'my-esp32'", (site,))


def test_a_row_is_reported_each_time_that_it_changes_and_holds_up_no_other(registry, tmp_path):
    reported = []
    registry.report = reported.append
    for times in (1, 2):
        spoil(tmp_path / "registry.sqlite", "{")
        for _ in range(3):
            assert registry.known("nobody") is None
        until(lambda expected=times: len(reported) == expected, "it is reported")
        assert registry.lookup("my-esp32"), "what was known stays"
        assert all(fault.startswith("JSONDecodeError") and "my-esp32" in fault for fault in reported)
        other = Registry(tmp_path / "registry.sqlite", PILOT)
        password = other.enroll("tam-que", "soil-probe", f"after-{times}")
        assert registry.lookup(f"after-{times}") and registry.verify(f"after-{times}", password)
        spoil(tmp_path / "registry.sqlite", None)
        until(lambda: registry.lookup("my-esp32"), "it is read again")
    assert len(reported) == 2


def test_its_new_password_holds_and_not_the_old_one(registry, tmp_path):
    old = registry.rotate("my-esp32")
    other = Registry(tmp_path / "registry.sqlite", PILOT)
    spoil(tmp_path / "registry.sqlite", "{")
    new = other.rotate("my-esp32")
    assert registry.verify("my-esp32", new) and not registry.verify("my-esp32", old)


def test_without_anybody_to_report_to_it_is_logged_in_a_line(registry, tmp_path, caplog):
    spoil(tmp_path / "registry.sqlite", "{")
    registry.refresh()
    assert "JSONDecodeError" in caplog.text and "Traceback" not in caplog.text


def test_a_table_that_is_read_for_the_first_time_has_its_other_rows(registry, tmp_path, caplog):
    registry.enroll("tam-que", "soil-probe", "another")
    spoil(tmp_path / "registry.sqlite", "{")
    first = Registry(tmp_path / "registry.sqlite", PILOT)
    assert first.lookup("another") and first.lookup("my-esp32") is None
    assert [one.device.device for one in first.enrolled()] == ["another"]
    assert "another" in {one.device.device for one in first.spans()}
    assert set(first.hashes()) == {"another", "my-esp32"}
    assert "device my-esp32" in caplog.text
    first.revoke("my-esp32")
    first.enroll("canh-tan", "soil-probe", "my-esp32")
    assert first.lookup("my-esp32")
    stood = {one.device.community for one in first.spans() if one.device.device == "my-esp32"}
    assert stood == {"tam-que", "canh-tan"}, "where it stood before is known, although the old row is spoilt"
