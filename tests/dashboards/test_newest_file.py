"""The newest values of a large store are there at the next start, with the points that came meanwhile."""

from hashlib import sha256

import pytest

from dashboards.newest_file import OLDEST_MS, NewestFile
from gateway.stores import newest as newest_module
from gateway.stores.newest import Newest
from gateway.stores.sqlite import SqliteStore
from tests.gateway.readings import DAY, HOUR, MINUTE, PILOT, T, as_if_large, in_order, reading

BACK = 7 * DAY
HERE = sha256(b"here").hexdigest().encode()


class Counting:
    """A store that counts how often all values are asked for."""

    def __init__(self, store):
        self._store, self.whole = store, 0
        self.series = store.series

    def latest(self, *where):
        self.whole += 1
        return self._store.latest(*where)


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / "store.sqlite")
    yield made
    made.close()


@pytest.fixture
def slow(monkeypatch):
    as_if_large(monkeypatch)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "web" / "newest.json"


def started(store, path, at=None, source="here"):
    """A new start: the store, its newest values and their file, which is taken at `at`."""
    counting = Counting(store)
    newest = Newest(counting, "telemetry", PILOT, BACK)
    file = NewestFile(path, source, newest)
    if at is not None:
        file.take(at)
    return counting, newest, file


def test_after_a_start_only_the_points_since_are_asked_for(store, slow, path):
    store.write([reading(T - 3 * DAY, "long-ago", soil_ec=1.0, rssi=-70.0), reading(T - HOUR, soil_ec=2.0)])
    _, newest, file = started(store, path)
    newest.at(T)
    file.keep()
    store.write([reading(T + MINUTE, "new", soil_ph=6.0), reading(T + MINUTE, soil_ec=3.0)])

    counting, newest, file = started(store, path, T + 2 * MINUTE)
    now = T + 3 * MINUTE
    assert b"here" not in path.read_bytes(), "an address may hold a password"
    assert in_order(newest.at(now)) == in_order(store.latest("telemetry", PILOT, now - BACK))
    assert counting.whole == 0
    file.keep()
    assert counting.whole == 0


def test_all_values_are_asked_for_soon_after_a_start(store, slow, path, monkeypatch):
    """A point that was stored late while nobody looked is found then."""
    _, newest, file = started(store, path)
    newest.at(T)
    file.keep()
    store.write([reading(T - DAY, "late", soil_ec=1.0)])
    monkeypatch.setattr(newest_module, "RESUMED", 0.0)
    counting, newest, _ = started(store, path, T + MINUTE)
    assert [one.tags["device"] for one in newest.at(T + MINUTE)] == ["late"]
    assert counting.whole == 1


@pytest.mark.parametrize(
    ("at", "source"), [(T + OLDEST_MS + 1, "here"), (T - 1, "here"), (T + MINUTE, "another store")]
)
def test_values_that_are_old_or_of_another_store_are_not_used(store, slow, path, at, source):
    store.write([reading(T - HOUR, soil_ec=2.0)])
    _, newest, file = started(store, path)
    newest.at(T)
    file.keep()
    counting, newest, _ = started(store, path, at, source)
    newest.at(at)
    assert counting.whole == 1


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"[1]", b"{}", b'{"format":1}',
        b'{"format":1,"source":"%s","looked":%d,"series":[[1,2]]}' % (HERE, T),
        b'{"format":1,"source":"%s","looked":%d,"series":[[[["a","b"]],{"x":1}]]}' % (HERE, T),
        b'{"format":1,"source":"%s","looked":"x","series":[]}' % HERE,
    ],
)  # fmt: skip
def test_a_damaged_file_is_as_none(store, slow, path, damage):
    path.parent.mkdir()
    path.write_bytes(damage)
    counting, newest, file = started(store, path, T)
    assert newest.at(T) == [] and counting.whole == 1
    file.keep()
    counting, newest, _ = started(store, path, T)
    assert newest.at(T) == [] and counting.whole == 0, "it was written anew"


def test_a_small_store_leaves_nothing(store, path):
    _, newest, file = started(store, path)
    newest.at(T)
    file.keep()
    assert not path.exists()


def test_a_file_that_cannot_be_written_is_told_once(store, slow, path, caplog):
    path.parent.write_text("a file where the folder would be")
    _, newest, file = started(store, path)
    for minute in (0, 1):
        newest._all(T + minute * MINUTE)
        file.keep()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
