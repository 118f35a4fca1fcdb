"""The times at which entries were sealed or took effect: each entry once, and no refused one."""

import json
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from devices.contract.diary import decode_diary
from devices.pilots.pilot import Pilot
from tests.traceability.conftest import HARVESTED, harvest, write
from traceability.diary.reader import DiaryReader
from traceability.sealing.seal import Sealer

WHO = "tam-que-diary-01"


def told(folder: Path) -> list[tuple[str, str]]:
    return [(one.kind, one.object) for one in DiaryReader(folder).acts(0)]


def test_each_act_of_a_lot_is_there_once(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    def said(kind: str, id: str, hours: float = 1, **fields: object) -> None:
        event = {"event": kind, "id": id, "ts": (HARVESTED + timedelta(hours=hours)).isoformat(),
                 "plot": "plot-1", "crop": "mango"} | fields  # fmt: skip
        for _ in range(2):  # a broker may deliver twice
            write(sealer, pilot.fleet[WHO], decode_diary(json.dumps(event).encode()))

    before = time.time_ns() // 10**6
    said("correction", "of-nothing", of="nobody-wrote-it", reason="x", changes={"minutes": 5.0})
    said("irrigation", "water-1", -5, minutes=500.0)
    said("correction", "right-0", of="water-1", reason="wrong by ten", changes={"minutes": 50.0})
    sealed = write(sealer, pilot.fleet[WHO], harvest())
    assert sealed is not None
    write(sealer, pilot.fleet[WHO], harvest(2, kilograms=1e6))  # refused: more than the plot can yield
    said("packing", "pack-1", quantity_kg=1e5, packages=3)  # refused: more than the lot has
    said("correction", "right-1", 2, of="mango-1", reason="the scales", changes={"quantity_kg": 840.0})
    said("split", "parts", 3, harvest="mango-1", parts=[400.0, 440.0])
    said("revocation", "recall", 4, harvest="parts-1", reason="a leak")
    sealer.note_published(sealer.seal_pending())
    with closing(sqlite3.connect(tmp_path / "trace.sqlite")) as db:
        (part,) = db.execute("SELECT lot FROM lot WHERE harvest='parts-1'").fetchone()
    lot = sealed.key.lot
    assert told(tmp_path) == [
        # the first correction waited for the harvest
        ("correction", lot), ("harvest", lot), ("correction", lot), ("split", lot),
        ("revocation", part),
    ]  # fmt: skip
    acts = DiaryReader(tmp_path).acts(0)
    assert {one.device for one in acts} == {WHO} and all(one.simulated for one in acts)
    times = [one.time for one in acts]
    assert times == sorted(set(times)) and before <= times[0] and times[-1] <= time.time_ns() / 10**6 + 10
    assert DiaryReader(tmp_path).acts(times[-1]) == acts[-1:]


def test_a_diary_of_an_earlier_version_has_none(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    write(sealer, pilot.fleet[WHO], harvest())
    assert told(tmp_path)
    with closing(sqlite3.connect(tmp_path / "trace.sqlite")) as db:
        db.execute("DROP TABLE act")
    assert told(tmp_path) == [] == told(tmp_path / "nowhere")
