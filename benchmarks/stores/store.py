"""A store that a benchmark starts, fills and opens again in another process."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from gateway.stores.influx import InfluxStore
from gateway.stores.points import Point
from gateway.stores.sqlite import SqliteStore
from gateway.stores.store import Store
from tests.servers import Influx

BATCH = 20_000  # points per write
MILLION = 1_000_000


@contextmanager
def engine(folder: Path) -> Iterator[tuple[Influx, str]]:
    """Run InfluxDB behind nginx on a folder, which may hold its data already; yields it and its bucket."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Influx(folder)
    server.start()
    try:
        yield server, server.bucket()
    finally:
        server.stop()


def address(server: Influx, bucket: str) -> list[str]:
    """The words that `opened` takes for a bucket."""
    return [server.url, server.token, server.org, bucket]


def opened(*words: str) -> Store:
    """The store at an address: a SQLite file's path, or URL, token, organisation and bucket of InfluxDB."""
    if len(words) == 1:
        return SqliteStore(Path(words[0]))
    url, token, org, bucket = words
    return InfluxStore(url, token, org, bucket)


def fill(store: Store, points: Iterable[Point], report: Callable[[int], None]) -> int:
    """Write the points in batches; returns their number. `report` gets it after each million, too."""
    rest, number = iter(points), 0
    while batch := list(islice(rest, BATCH)):
        store.write(batch)
        number += len(batch)
        if number % MILLION < len(batch):
            report(number)
    return number
