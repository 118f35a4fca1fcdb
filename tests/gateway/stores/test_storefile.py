"""The store's file: turns of its threads; a damaged file is told of, no longer written, mended at a start."""

import threading
from contextlib import closing

import pytest

from devices.salvage import aside
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RetryLater
from gateway.stores.storefile import Turns, damage
from tests.gateway.damage import PAGE, WAYS, overwrite, pages
from tests.gateway.readings import MINUTE, T, everything, reading
from tests.servers import until

DEVICES, TIMES = 20, 200
ALL = [
    reading(T + time * MINUTE, f"d{one}", f"c{one}", soil_ec=float(time), soil_moisture=30.0)
    for time in range(TIMES)
    for one in range(DEVICES)
]


def test_who_waits_has_it_before_who_asks_again():
    lock, order = Turns(), []

    def other():
        with lock:
            order.append("other")

    for _ in range(20):
        with lock:
            waiting = threading.Thread(target=other)
            waiting.start()
            until(lock._next.locked, "the other waits")
        with lock:
            order.append("again")
        waiting.join()
    assert order == ["other", "again"] * 20


def test_what_fails_gives_it_back():
    lock = Turns()
    for _ in range(2):
        try:
            with lock:
                raise ValueError
        except ValueError:
            pass
    assert not lock._lock.locked() and not lock._next.locked()


STILL_OPEN = {"a page overwritten", "the table's first page"}
KEPT = {"a page overwritten": 0.9, "cut off": 0.2, "no database": 0, "the table's first page": 0}


@pytest.fixture
def path(tmp_path):
    """A file with many readings, closed."""
    path = tmp_path / "store.sqlite"
    with closing(SqliteStore(path)) as made:
        made.write(ALL)
    return path


def believe_nothing(store):
    with pytest.raises(RetryLater) as refused:
        store.write([reading(T, "new", soil_ec=1.0)])
    return refused.value


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_file_is_told_of_and_mended_at_the_next_start(path, way, tmp_path):
    WAYS[way](path)
    with closing(SqliteStore(path)) as pages:
        with pytest.raises(RetryLater) as met:
            everything(pages)
        for told in (met.value, believe_nothing(pages)):
            assert told.key == "store.damaged" and told.alarm
            assert str(path) in str(told) and "start again" in str(told)
            assert str(tmp_path) not in told.public("vi") and "bị hỏng" in told.public("vi")
        assert damage(path)
        with closing(SqliteStore(path)) as another:  # it does not mend
            believe_nothing(another)
        if way in STILL_OPEN:
            with closing(SqliteStore(path, mend=True)) as gateway:
                believe_nothing(gateway)
    with closing(SqliteStore(path, mend=True)) as gateway, closing(SqliteStore(path)) as pages:
        assert damage(path) is None and len(aside(path)) == 1
        back = everything(gateway)
        assert all(one in ALL for one in back) and len(back) >= KEPT[way] * len(ALL)
        assert {one.tags["device"] for one in pages.latest("telemetry", {}, T)} == {
            dict(one.tags)["device"] for one in back
        }
        gateway.write(ALL)
        assert everything(pages) == sorted(ALL, key=lambda one: (-one.time, one.tags))


def test_what_is_not_damaged_of_the_file_is_still_shown(path):
    overwrite(path, pages(path, "telemetry")[0] // 2)
    with closing(SqliteStore(path)) as store:
        shown = 0
        for one in range(DEVICES):
            try:
                shown += len(everything(store, where={"device": f"d{one}"})) == TIMES
            except RetryLater as error:
                assert error.key == "store.damaged"
        assert DEVICES - 3 <= shown < DEVICES
        believe_nothing(store)


def test_tags_are_also_read_from_their_index(path):
    overwrite(path, pages(path, "series")[1])
    with closing(SqliteStore(path)) as store:
        believe_nothing(store)
    with closing(SqliteStore(path, mend=True)) as store:
        assert len(everything(store)) == len(ALL)


def test_what_two_devices_seem_to_have_measured_is_left_out_and_nothing_else(path):
    text = path.read_bytes()
    for name in (b"device=d11\n", b"community=c11\n"):
        assert text.count(name) == 2, "in the table and in its index"
        text = text.replace(name, name.replace(b"11", b"12"))
    path.write_bytes(text)
    overwrite(path, pages(path, "telemetry")[0] // 2)
    with closing(SqliteStore(path)) as store, pytest.raises(RetryLater):
        everything(store)
    with closing(SqliteStore(path, mend=True)) as store:
        back = everything(store)
        assert {dict(one.tags)["device"] for one in back} == {
            f"d{one}" for one in range(DEVICES) if one not in (11, 12)
        }
        assert all(one in ALL for one in back)


def test_a_mend_that_was_cut_off_before_its_last_step_is_finished(path):
    overwrite(path, pages(path, "telemetry")[0] // 2)
    with closing(SqliteStore(path)) as store, pytest.raises(RetryLater):
        everything(store)
    whole = path.with_name("whole.sqlite")
    with closing(SqliteStore(whole)) as store:
        store.write(ALL)
    path.rename(path.with_name("store.sqlite.damaged-1"))
    whole.rename(path.with_name("store.sqlite.new"))
    with closing(SqliteStore(path)) as store:
        believe_nothing(store)
    assert not path.exists()
    with closing(SqliteStore(path, mend=True)) as store:
        assert len(everything(store)) == len(ALL)
    assert damage(path) is None


def test_a_whole_file_that_was_brought_back_is_used_as_it_is(path):
    before = path.read_bytes()
    overwrite(path, pages(path, "telemetry")[0] // 2)
    with closing(SqliteStore(path)) as store, pytest.raises(RetryLater):
        everything(store)
    path.write_bytes(before)
    with closing(SqliteStore(path, mend=True)) as store:
        assert len(everything(store)) == len(ALL)
    assert damage(path) is None and not aside(path)


def test_a_file_that_cannot_be_opened_is_tried_again(tmp_path):
    path = tmp_path / "store.sqlite"
    path.mkdir()
    with closing(SqliteStore(path)) as store:
        assert believe_nothing(store).key == "store.unread"
        path.rmdir()
        store.write([reading(T, soil_ec=1.0)])
        assert len(everything(store)) == 1
    assert damage(path) is None


def test_tags_around_a_damaged_page_are_read_one_by_one(tmp_path):
    path, devices = tmp_path / "store.sqlite", 300
    with closing(SqliteStore(path)) as store:
        store.write([reading(T, f"d{one}", soil_ec=1.0) for one in range(devices)])
    with path.open("rb") as file:  # the root's first cell begins with the number of the first leaf
        file.seek((pages(path, "series")[1] - 1) * PAGE)
        root = file.read(PAGE)
    assert root[0] == 5, "an inner page"
    cell = int.from_bytes(root[12:14], "big")
    overwrite(path, int.from_bytes(root[cell : cell + 4], "big"))
    overwrite(path, pages(path, "sqlite_autoindex_series_1")[1])
    with closing(SqliteStore(path)) as store:
        believe_nothing(store)
    with closing(SqliteStore(path, mend=True)) as store:
        assert devices * 0.7 <= len(everything(store)) < devices


def test_damage_that_cannot_be_marked_is_no_less_damage(path):
    overwrite(path, pages(path, "telemetry")[0] // 2)
    path.with_suffix(".damaged").mkdir()  # as a full disk, it takes no file of that name
    with closing(SqliteStore(path)) as store:
        with pytest.raises(RetryLater):
            everything(store)
        assert damage(path) is None
        believe_nothing(store)


def test_a_mend_that_finds_no_room_is_tried_again_and_leaves_the_file(path):
    overwrite(path, pages(path, "telemetry")[0] // 2)
    with closing(SqliteStore(path)) as store, pytest.raises(RetryLater):
        everything(store)
    before = path.read_bytes()
    path.with_name("store.sqlite.new").mkdir()
    with closing(SqliteStore(path, mend=True)) as store:
        assert "cannot be used" in str(believe_nothing(store))
        assert path.read_bytes() == before and damage(path)
        path.with_name("store.sqlite.new").rmdir()
        store.write(ALL)
        assert len(everything(store)) == len(ALL)


def test_who_may_mend_and_is_the_first_to_meet_the_damage_mends_at_once(path):
    overwrite(path, 1)
    with closing(SqliteStore(path, mend=True)) as store:
        store.write(ALL)
        assert len(everything(store)) == len(ALL)
    assert damage(path) is None and len(aside(path)) == 1
