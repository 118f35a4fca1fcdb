"""The store in one file: what it refuses, a locked file, a full disk, two processes."""

import gc
import sqlite3
import tracemalloc

import pytest

from devices.contract.reading import Device
from gateway.stores.points import Point, device_tags, tags
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import RejectPoints, RetryLater
from tests.gateway.readings import HOUR, MINUTE, T, everything, reading


def test_an_unknown_measurement_is_refused_by_the_file(tmp_path):
    made = SqliteStore(tmp_path / "store.sqlite")
    with pytest.raises(RejectPoints) as refused:
        made.write([Point("nonsense", (), {"value": 1.0}, T), reading(T, soil_ec=1.0), reading(T)])
    assert set(refused.value.bad) == {0, 2}
    assert len(everything(made)) == 1
    made.close()


def test_a_locked_file_is_tried_again_later(tmp_path, impatient):
    made = SqliteStore(tmp_path / "store.sqlite")
    other = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RetryLater):
        made.write([reading(T, soil_ec=1.0)])
    other.execute("ROLLBACK")
    made.write([reading(T, soil_ec=1.0)])
    assert len(everything(made)) == 1
    other.close()
    made.close()


def test_a_full_disk_is_tried_again_later_and_leaves_no_half_batch(tmp_path, impatient):
    made = SqliteStore(tmp_path / "store.sqlite")
    points = [reading(T + n * 1000, f"d{n % 50}", soil_ec=float(n)) for n in range(5000)]
    (pages,) = impatient[0].execute("PRAGMA page_count").fetchone()
    impatient[0].execute(f"PRAGMA max_page_count={pages + 10}")
    with pytest.raises(RetryLater):
        made.write(points)
    assert everything(made) == []
    impatient[0].execute("PRAGMA max_page_count=1000000")
    made.write(points)
    assert len(everything(made)) == 5000
    made.close()


def test_two_processes_share_the_file(tmp_path):
    one, two = SqliteStore(tmp_path / "store.sqlite"), SqliteStore(tmp_path / "store.sqlite")
    one.write([reading(T, "d1", soil_ec=1.0)])
    two.write([reading(T, "d1", soil_moisture=2.0), reading(T, "d2", soil_ec=2.0)])
    assert everything(one) == everything(two)
    assert len(everything(one)) == 2
    one.close()
    two.close()


def test_a_place_takes_as_many_steps_of_the_file_among_few_as_among_many(tmp_path, impatient):
    """Known series have to stay known to a reader beside a gateway that writes."""
    steps = []
    for places in (10, 1000):
        gateway, pages = (SqliteStore(tmp_path / f"{places}.sqlite") for _ in range(2))
        gateway.write([
            reading(T, f"d{n % 10}-{n // 10}", f"c{n // 10}", soil_ec=1.0) for n in range(10 * places)
        ])  # fmt: skip
        where = {"pilot": "p", "community": "c3"}
        pages.latest("telemetry", where, T)
        gateway.write([reading(T + MINUTE, "d3-3", "c3", soil_ec=2.0), reading(T, "new", "c3", soil_ec=3.0)])
        counted = []
        impatient[-1].set_progress_handler(lambda counted=counted: counted.append(1), 1)
        newest = pages.latest("telemetry", where, T)
        summed = pages.summary("telemetry", ("soil_ec",), where, T, T + HOUR, HOUR)
        impatient[-1].set_progress_handler(None, 1)
        steps.append(len(counted))
        assert {one.tags["device"]: one.fields["soil_ec"] for one in newest} == {
            **{f"d{n}-3": (T, 1.0) for n in range(10)}, "d3-3": (T + MINUTE, 2.0), "new": (T, 3.0),
        }  # fmt: skip
        assert len(summed["soil_ec"]) == 11
        gateway.close()
        pages.close()
    assert 0 < steps[0] == steps[1]


def test_a_device_more_takes_little_of_its_memory(tmp_path):
    """Bytes per device with series in two measurements, however many other devices are in the file."""
    store = SqliteStore(tmp_path / "store.sqlite")

    def told(first, last):
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for n in range(first, last):
            device = Device("p", f"c{n % 10}", f"d{n}", "soil-probe", simulated=False)
            where = tags(pilot="p", community=device.community, device=device.device)
            store.write(
                [
                    Point("telemetry", device_tags(device), {"soil_ec": 1.0, "rssi": -70.0}, T),
                    Point("device", where, {"coverage": 1.0}, T),
                ]
            )
        assert len(store.latest("telemetry", {"pilot": "p"}, 0)) == last
        assert len(store.summary("device", ["coverage"], {"pilot": "p"}, 0, T + 1, T)["coverage"]) == last
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        return (after - before) / (last - first)

    tracemalloc.start()
    try:
        told(0, 100)
        assert told(100, 300) < 2000
    finally:
        tracemalloc.stop()
        store.close()
