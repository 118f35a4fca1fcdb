"""A registry restored from a copy, in which change numbers repeat, is never mistaken for the later one."""

import sqlite3
from contextlib import closing, contextmanager

import pytest

from devices.access.mosquitto import write_passwords
from devices.access.registry import Registry
from devices.pilots.pilot import load

PILOT = load("dong-thap")


@pytest.fixture
def registry(path):
    """The registry through which changes are made."""
    made = Registry(path, PILOT)
    for name in ("d1", "d2", "d3"):
        made.enroll("tam-que", "soil-probe", name)
    return made


@contextmanager
def put_back(path):
    """Restore the file after the block to its state before the block."""
    with closing(sqlite3.connect(path)) as now, closing(sqlite3.connect(":memory:")) as copy:
        now.backup(copy)
        yield
        copy.backup(now)


@pytest.mark.parametrize("more", [0, 1])
def test_who_read_the_later_one_reads_all_of_it_anew(registry, path, more):
    """It has as many rows, and its newest change has the number that the reader saw or a later one."""
    reader = Registry(path, PILOT)
    with put_back(path):
        registry.revoke("d1")
        reader.refresh()
    registry.revoke("d2")
    for _ in range(more):
        registry.rotate("d3")
    fresh = Registry(path, PILOT)
    assert {one.device for one in reader.devices()} == {one.device for one in fresh.devices()}
    assert reader.hashes() == fresh.hashes()
    assert reader.known("d1") is not None and reader.known("d2") is None


def test_the_brokers_accounts_are_written_anew(registry, path):
    """The lost change and the one that got its number are of the same device and password."""
    accounts = path.with_name("passwords")
    with put_back(path):
        registry.read_with("d1", "lse01", {})
        write_passwords(accounts, registry, "g", "secret")
    registry.revoke("d1")
    write_passwords(accounts, registry, "g", "secret")
    names = {line.partition(":")[0] for line in accounts.read_text("utf-8").splitlines()}
    assert "d2" in names and "d1" not in names
