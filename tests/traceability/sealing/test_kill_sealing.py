"""Sealing is killed again and again: the log verifies, no lot is in it twice, and none is lost."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from devices.pilots.pilot import Pilot
from tests.traceability.conftest import Grower
from traceability.diary.reader import DiaryReader
from traceability.digital_link import LotKey
from traceability.records.shelf import Shelf
from traceability.sealing import seal
from traceability.sealing.seal import Sealer
from traceability.tlog.log import Log
from traceability.tlog.note import Signer

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("HOIQUAN_TEST_KILLS", "10"))
ORIGIN = "example.org/log"
CHILD = """
import sys
from datetime import timedelta
from pathlib import Path
from devices.contract.diary import Packing, Split
from devices.pilots.pilot import load
from tests.traceability.conftest import HARVESTED, Grower, harvest
from traceability.sealing.seal import Sealer

folder, number = Path(sys.argv[1]), int(sys.argv[2])
pilot = load("dong-thap")
device = pilot.fleet["tam-que-diary-01"]
sealer = Sealer(folder, pilot, Grower(), "https://example.org", "example.org/log")
while True:
    number += 1
    at = HARVESTED + timedelta(minutes=10 * number)
    same = {"plot": "plot-1", "crop": "mango"}
    packed = Packing(event="packing", id=f"pack-{number}", ts=at + timedelta(minutes=1), quantity_kg=1.0,
                     packages=1, **same)
    split = Split(event="split", id=f"split-{number}", ts=at + timedelta(minutes=2),
                  harvest=f"mango-{number}", parts=(2.0, 3.0), **same)
    sealer.keep((device, event) for event in (harvest(number, at, 8.5), packed, split))
    print(number, flush=True)
    sealer.note_published(sealer.seal_pending())
"""


def test_killed_while_sealing(tmp_path: Path, pilot: Pilot) -> None:
    chance = random.Random(6)
    kept, acknowledged = 0, set[str]()
    for _ in range(KILLS):
        process = subprocess.Popen(
            # one more number than printed may be kept
            [sys.executable, "-c", CHILD, str(tmp_path), str(kept + 1)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdout is not None
        first = process.stdout.readline()  # kept, but not sealed yet
        time.sleep(chance.uniform(0.0, 0.2))
        process.kill()
        said = [first, *process.stdout.read().split("\n")[:-1]]  # the last line may be cut off
        process.wait()
        process.stdout.close()
        acknowledged |= {f"mango-{int(number)}" for number in said}
        kept = max([kept + 1, *map(int, said)])
    sealer = Sealer(tmp_path, pilot, Grower(), "https://example.org", ORIGIN)
    while done := sealer.seal_pending():
        sealer.note_published(done)
    sealer.close()

    rows = seal.lots(tmp_path, 1_000_000)
    lots = [LotKey(str(row["gtin"]), str(row["lot"])) for row in rows]
    assert len(set(lots)) == len(lots) and all(row["leaf"] is not None for row in rows)
    with Log.open(tmp_path / "log", Signer.from_file(tmp_path / "log.key", ORIGIN), ORIGIN) as log:
        # opening the log recomputed the tree
        entries = Counter(log.entry(index) for index in range(log.size))
    assert set(entries.values()) == {1}, "nothing stands in the log twice"
    shelf, events = Shelf(tmp_path), 0
    for key in lots:
        assert shelf.check(seal.read(tmp_path, key) or b"")[1] == ""
        found = shelf.addenda(key)
        assert all(one["leaf"] is not None for one in found)
        events += len(found)
    assert len(entries) == len(lots) + events
    harvests = len(lots) // 3  # each became a lot and two parts of it
    assert len(lots) == 3 * harvests and events == 2 * harvests
    with closing(sqlite3.connect(tmp_path / "trace.sqlite")) as db:
        sealed = {row[0] for row in db.execute("SELECT harvest FROM lot")}
    done = Counter((one.kind, one.object) for one in DiaryReader(tmp_path).acts(0))
    assert set(done.values()) == {1} and len(done) == 3 * harvests, "each act is told once"
    assert len(acknowledged) >= KILLS and acknowledged <= sealed, "what was kept is sealed"
    files = list((tmp_path / "records").rglob("*.json"))
    assert len(files) == len(entries), "no record stands outside the log"
