"""A small store for open data: nine days of soil, a real station with rare signals, one flagged value."""

from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from dashboards.figures import Figures
from dashboards.progress import Progress
from devices.clock import DAY_MS, HOUR_MS
from devices.contract.reading import Device
from devices.pilots.pilot import load
from gateway.indicators.count import evaluate, points
from gateway.stores.points import Point, device_tags
from gateway.stores.sqlite import SqliteStore

NOW = int(datetime(2026, 11, 21, 5, tzinfo=UTC).timestamp() * 1000)
PILOT = load("dong-thap")
LOTS = [
    {"community": name, "gtin": PILOT.place[name].products[0].gtin, "lot": f"SECRET-{n}",
     "time": NOW - n * DAY_MS, "quantity_kg": 850.0 + n, "coverage": 0.9, "leaf": n, "refused": "",
     "simulated": n > 0, "recalled": n == 2}
    for n, name in enumerate(("tam-que", "canh-tan", "tam-que"))
]  # fmt: skip
MORE = {  # signals that no simulated node carries
    "battery_level": 64.0, "illuminance": 52_000.0, "wind_direction": 180.0, "water_volume": 1520.125,
    "rain_rate": 12.4, "pm2_5": 38.0, "pm10": 61.0, "noise": 58.3,
}  # fmt: skip


def fleet(figures):
    """A function that reads the devices of these figures, of a place or of all, at each call."""
    return lambda place: figures.devices(figures.now(), **({"community": place} if place else {}))


def targets(figures):
    """A function that reads how the targets of these figures stand, at each call."""
    return partial(Progress.read, figures)


@contextmanager
def figures(folder):
    """The store's figures at the moment `NOW`."""
    store = SqliteStore(folder / "store.sqlite")
    probes = [("tam-que", n) for n in (1, 2, 3)] + [("canh-tan", n) for n in (1, 2)]
    store.write(
        [
            Point(
                "telemetry", device_tags(PILOT.fleet[f"{name}-soil-probe-0{n}"]),
                {"soil_moisture": 30.0 + at // HOUR_MS % 2}, at,
            )
            for name, n in probes
            for at in range(NOW - 9 * DAY_MS, NOW, HOUR_MS // 2)
        ]
    )  # fmt: skip
    sky = device_tags(Device("dong-thap", "thuan-tan", "sky", "weather-station", simulated=False))
    turned = {DAY_MS + 1: 350.0, DAY_MS: 10.0, HOUR_MS: 0.0, 1: 180.0}  # ms before now
    store.write([Point("telemetry", sky, {"wind_direction": one}, NOW - ago) for ago, one in turned.items()])
    store.write([Point("telemetry", sky, MORE, NOW - 1)])
    flagged = (*device_tags(PILOT.fleet["tam-que-soil-probe-01"]), ("signal", "soil_ec"), ("reason", "spike"))
    store.write([Point("telemetry_flagged", tuple(sorted(flagged)), {"value": 9.0, "flag": 3}, NOW - 1000)])

    def counted(at):
        return evaluate(store, PILOT, PILOT.fleet.values(), at)

    def newest(limit, community=""):
        return [lot for lot in LOTS if community in ("", lot["community"])][:limit]

    store.write(points(PILOT, counted(NOW)))
    yield Figures(store, PILOT, newest, counted, now=lambda: NOW)
    store.close()
