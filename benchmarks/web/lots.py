"""Sealed lots, for servers whose pages are measured."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

from devices.clock import moment_of
from devices.contract.diary import Harvest, Packing, Shipping
from devices.pilots.pilot import load
from traceability.records.conditions import Conditions
from traceability.sealing import seal
from traceability.sealing.seal import Sealer

SIGNALS = ("air_temperature", "relative_humidity", "rainfall", "soil_moisture", "soil_ph")
BEGIN = datetime(2025, 1, 1, 3, tzinfo=UTC)  # of the first harvest; another follows each hour
BATCH = 500  # lots sealed at once
PLOT, CROP, BUYER = "plot-1", "mango", "Chợ đầu mối"


class Grew:
    """Growing conditions: two weeks of five signals."""

    def conditions(self, community: str, plot: str, start: int, stop: int) -> Conditions:
        days = [(moment_of(stop) - timedelta(days=n)).date().isoformat()
                for n in range(14, 0, -1)]  # fmt: skip
        rows = [[day, 22.1 + math.sin(n), 26.4, 31.9 - math.cos(n), 576] for n, day in enumerate(days)]
        return Conditions(start, stop, 8, 8, 0.97, 0.01, dict.fromkeys(SIGNALS, rows), 40_000, "ab" * 32)


def sealed(folder: Path, number: int) -> list[str]:
    """Seal `number` lots, packed and shipped; returns the paths of their pages."""
    pilot = load("dong-thap")
    device = pilot.fleet["tam-que-diary-01"]
    sealer = Sealer(folder, pilot, Grew(), "https://example.org", "example.org/log")
    for n in range(number):
        at = BEGIN + timedelta(hours=n)
        later = at + timedelta(minutes=1)
        harvest = Harvest(event="harvest", id=f"mango-{n}", ts=at, plot=PLOT, crop=CROP, quantity_kg=1.5)
        packing = Packing(event="packing", id=f"pack-{n}", ts=later, plot=PLOT, crop=CROP, quantity_kg=1.0,
                          packages=160)  # fmt: skip
        shipping = Shipping(event="shipping", id=f"ship-{n}", ts=later, plot=PLOT, crop=CROP, quantity_kg=1.0,
                            buyer=BUYER)  # fmt: skip
        sealer.keep([(device, harvest), (device, packing), (device, shipping)])
    while done := sealer.seal_pending(BATCH):
        sealer.note_published(done)
    sealer.close()
    return [f"/01/{row['gtin']}/10/{row['lot']}" for row in seal.lots(folder, number)]
