"""Requests for pages over loopback, and how long each took."""

import http.client
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

ANYTHING: Mapping[str, str] = MappingProxyType({})  # headers
HTML: Mapping[str, str] = MappingProxyType({"Accept": "text/html"})
PATIENCE = 60.0  # seconds for an answer


def one_by_one(port: int, paths: Sequence[str], headers: Mapping[str, str] = ANYTHING) -> list[float]:
    """Milliseconds of each page, requested once the one before is there."""
    return _timed(port, paths, headers, None)


def paced(port: int, paths: Sequence[str], every: float) -> list[float]:
    """Milliseconds of each page from when it was due; one is due every `every` seconds, on one connection."""
    return _timed(port, paths, ANYTHING, every)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed, of at least one, in any order."""
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


def _timed(port: int, paths: Sequence[str], headers: Mapping[str, str], every: float | None) -> list[float]:
    line, took = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE), list[float]()
    begin = time.perf_counter()
    for number, path in enumerate(paths):
        due = time.perf_counter() if every is None else begin + number * every
        time.sleep(max(0.0, due - time.perf_counter()))
        line.request("GET", path, headers=dict(headers))
        answer = line.getresponse()
        body = answer.read()
        took.append(1000 * (time.perf_counter() - due))
        assert answer.status == 200, (path, body[:200])
    line.close()
    return took
