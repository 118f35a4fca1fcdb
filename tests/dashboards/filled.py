"""A store as the gateway leaves it: thirty days of the default pilot, then the gateway itself for a while.

simulator ─► gateway.past (checks, store) ─► InfluxDB behind nginx
diaries ──► gateway.past (records, lots) ──┘
Mosquitto ─► gateway.service (books, roster, indicators, alarms) ─┘
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from dashboards.boards import style
from dashboards.boards.build import BOARDS
from devices.pilots.pilot import Pilot, load
from devices.texts import Lang
from gateway import service
from gateway.instance import files
from gateway.lots.growth import Growth
from gateway.past import Past
from gateway.stores.influx import InfluxStore
from gateway.stores.store import Store
from sim.run import diaries, fleet, history, pieces
from tests.gateway.running import device, enrolled, settings
from tests.servers import Influx, Mosquitto, until
from traceability.sealing.seal import Sealer

DAY = 86_400_000
# seconds between readings: six times a node's own, which still gives each slot of coverage a reading
EVERY = 3600
COUNTED = 3  # days of indicators before today: enough for a line
Series = dict[str, Any]  # of InfluxDB's JSON: `name`, `columns`, `values`
Engine = Callable[[str], list[Series]]  # what answers a query
Publish = Callable[[str, object], None]  # topic and message, which becomes JSON
NAMED = ("pilot", "community", "instance")


def simulated(
    store: Store, pilot: Pilot, folder: Path, now: int, seed: int = 1, days: int = 30, faults: str = "harsh"
) -> None:
    """Write the pilot's history up to `now`: readings, lots, indicators of the last days."""
    sealer = Sealer(
        folder / "trace", pilot, Growth(store, pilot), "http://localhost:8080", "localhost/hoiquan/dong-thap"
    )
    past = Past(store, pilot, sealer)
    try:
        for _, readings in history(
            pieces(fleet(seed, pilot, level=faults, interval=EVERY), now - days * DAY, now)
        ):
            if readings:
                past.keep(readings)
        past.write_down(diaries(seed, pilot, now - 20 * DAY, now))
        past.count(now - COUNTED * DAY, now)
    finally:
        sealer.close()


@contextmanager
def gateway(store: Store, broker: Mosquitto, folder: Path) -> Iterator[Publish]:
    """A gateway in a thread; yields a function by which a device publishes."""
    given = settings(broker, folder)
    enrolled(given)
    stop = threading.Event()
    running = threading.Thread(target=service.serve, args=(given, store, stop))
    running.start()
    try:
        # only then does it receive the broker's notices about clients that connect and that are refused
        until(files(given.data, given.instance).alive.exists, "a heartbeat came back")
        with device(broker) as publish:
            yield publish
    finally:
        stop.set()
        running.join(60)


class Board:
    """One board's JSON, and its queries as Grafana sends them."""

    def __init__(self, name: str, lang: Lang = "vi") -> None:
        self.name = name
        self.data = style.plain(BOARDS[name](lang).build())
        # asked: queries of the variables whose “all” is what their query finds
        self.default, self.asked = dict[str, str](), dict[str, str]()
        for variable in self.data["templating"]["list"]:
            name, value = variable["name"], variable["current"]["value"]
            if value != "$__all":
                self.default[name] = escaped(value)
            elif "allValue" in variable:
                self.default[name] = variable["allValue"]
            else:
                self.asked[name] = variable["query"]

    @property
    def panels(self) -> list[dict[str, Any]]:
        panels: list[dict[str, Any]] = self.data["panels"]
        return panels

    def all_found(self, engine: Engine, now: int, days: int = 30, **chosen: str) -> dict[str, str]:
        """Variable → all choices that its query finds in `engine`, as `${name:regex}` writes them."""
        values = {}
        for name, query in self.asked.items():
            choices = found(engine(self.sent(query, now, days, **chosen)))
            values[name] = f"({'|'.join(map(escaped, choices))})"
        return values

    def sent(self, query: str, now: int, days: int = 30, step: str = "1h", **chosen: str) -> str:
        """The query with every variable and macro replaced."""
        values = dict.fromkeys((*NAMED, *self.asked), ".*") | self.default | chosen
        for name, value in values.items():
            query = query.replace(f"${{{name}:regex}}", value)
        start = now - days * DAY
        query = query.replace("$timeFilter", f"time >= {start}ms and time <= {now}ms")
        query = query.replace("$__interval", step).replace("${__to}", str(now))
        query = query.replace("${__from}", str(start))
        assert "$" not in query.replace("$/", ""), query
        return query


def found(series: list[Series]) -> list[str]:
    """The choices that Grafana makes of an answer: the first column after the time."""
    return sorted({row[1] for one in series for row in one["values"]})


def escaped(value: str) -> str:
    """One value as `${name:regex}` writes it."""
    return re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value)


def ask(server: Influx, bucket: str, query: str) -> list[Series]:
    """The series that a statement selects, asked through nginx with its token, as Grafana does."""
    asked = Request(
        f"{server.url}/query?{urlencode({'db': bucket, 'q': query, 'epoch': 'ms'})}",
        headers={"Authorization": f"Token {server.token}"},
    )
    try:
        with urlopen(asked, timeout=30) as answer:
            (result,) = json.load(answer)["results"]
    except HTTPError as error:
        raise AssertionError(f"{query}: {error.read().decode()}") from error
    assert "error" not in result, (result, query)
    series: list[Series] = result.get("series", [])
    return series


@contextmanager
def province(server: Influx, broker: Mosquitto, folder: Path) -> Iterator[tuple[str, int]]:
    """Yields (bucket, now) of the filled store. Its gateway has written its paperwork and has stopped."""
    bucket = server.bucket()
    store = InfluxStore(server.url, server.token, server.org, bucket)
    pilot = load("dong-thap")
    try:
        simulated(store, pilot, folder / "data", time.time_ns() // 1_000_000)
        with gateway(store, broker, folder) as publish:
            topic = "hoiquan/v1/dong-thap/tam-que/my-esp32"

            def written() -> object:
                publish(f"{topic}/status", {"state": "online"})
                publish(f"{topic}/telemetry", {"values": {"soil_moisture": 31.5}})
                publish(f"{topic}/telemetry", {"values": {"soil_moisture": "wet"}})
                time.sleep(0.5)
                with suppress(IndexError):
                    books = ask(server, bucket, 'SELECT last("broker_dropped"), "quarantined" FROM "gateway"')
                    standing = ask(server, bucket, 'SELECT count("low") FROM "kpi_forecast"')
                    refused = ask(server, bucket, 'SELECT count("refused_logins") FROM "gateway"')
                    scans = ask(server, bucket, 'SELECT count("scans") FROM "scan"')
                    return books[0]["values"][0][2] and standing and refused and scans
                return False

            until(written, "the gateway's paperwork", 300)
        yield bucket, time.time_ns() // 1_000_000
    finally:
        store.close()
