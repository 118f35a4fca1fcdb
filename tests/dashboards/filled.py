"""A store as the gateway leaves it: thirty days of the default pilot, then the gateway itself for a while.

simulator ─► gateway.past (checks, store) ─► InfluxDB behind nginx
diaries ──► gateway.past (records, lots) ──┘
Mosquitto ─► gateway.service (books, roster, indicators, alarms) ─┘
"""

import json
import re
import threading
import time
from contextlib import contextmanager, suppress
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from dashboards.boards import style
from dashboards.boards.build import BOARDS
from devices.pilots.pilot import load
from gateway import service
from gateway.instance import files
from gateway.lots.growth import Growth
from gateway.past import Past
from gateway.stores.influx import InfluxStore
from sim.run import diaries, fleet, history, pieces
from tests.gateway.running import device, enrolled, settings
from tests.servers import until
from traceability.sealing.seal import Sealer

DAY = 86_400_000
# seconds between readings: six times a node's own, which still gives each slot of coverage a reading
EVERY = 3600
COUNTED = 3  # days of indicators before today: enough for a line
NAMED = ("pilot", "community", "instance")


def simulated(store, pilot, folder, now, seed=1, days=30, faults="harsh"):
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
def gateway(store, broker, folder):
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

    def __init__(self, name, lang="vi"):
        self.name = name
        self.data = style.plain(BOARDS[name](lang).build())
        # asked: queries of the variables whose “all” is what their query finds
        self.default, self.asked = {}, {}
        for variable in self.data["templating"]["list"]:
            name, value = variable["name"], variable["current"]["value"]
            if value != "$__all":
                self.default[name] = escaped(value)
            elif "allValue" in variable:
                self.default[name] = variable["allValue"]
            else:
                self.asked[name] = variable["query"]

    @property
    def panels(self):
        return self.data["panels"]

    def all_found(self, engine, now, days=30, **chosen):
        """Variable → all choices that its query finds in `engine`, as `${name:regex}` writes them."""
        values = {}
        for name, query in self.asked.items():
            choices = found(engine(self.sent(query, now, days, **chosen)))
            values[name] = f"({'|'.join(map(escaped, choices))})"
        return values

    def sent(self, query, now, days=30, step="1h", **chosen):
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


def found(series):
    """The choices that Grafana makes of an answer: the first column after the time."""
    return sorted({row[1] for one in series for row in one["values"]})


def escaped(value):
    """One value as `${name:regex}` writes it."""
    return re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value)


def ask(server, bucket, query):
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
    return result.get("series", [])


@contextmanager
def province(server, broker, folder):
    """Yields (bucket, now) of the filled store. Its gateway has written its paperwork and has stopped."""
    bucket = server.bucket()
    store = InfluxStore(server.url, server.token, server.org, bucket)
    pilot = load("dong-thap")
    try:
        simulated(store, pilot, folder / "data", time.time_ns() // 1_000_000)
        with gateway(store, broker, folder) as publish:
            topic = "hoiquan/v1/dong-thap/tam-que/my-esp32"

            def written():
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
