"""An InfluxDB with a few points, queried as Grafana queries it."""

import re
from datetime import datetime, timedelta, timezone
from urllib.request import Request, urlopen

DAY = 86_400_000
HANOI = timezone(timedelta(hours=7))


def epoch(*date):
    return int(datetime(*date, tzinfo=HANOI).timestamp() * 1000)


NOW = epoch(2026, 11, 21, 15)


class Engine:
    """The server, and the bucket that has the points."""

    def __init__(self, server):
        self._server, self._bucket = server, server.bucket()

    def ask(self, query):
        """The series that a statement selects."""
        return self._server.ask(query, self._bucket)

    def write(self, lines):
        target = f"{self._server.url}/api/v2/write?org={self._server.org}&bucket={self._bucket}&precision=ms"
        token = {"Authorization": f"Token {self._server.token}"}
        urlopen(Request(target, "\n".join(lines).encode(), token), timeout=10).close()

    def panel(self, query, **given):
        return self.ask(as_grafana(query, **given))


def as_grafana(query, pilot="dong-thap", start=NOW - 30 * DAY, stop=NOW, some=".*"):
    """The query with variables and macros replaced as Grafana replaces them."""
    escaped = re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", pilot)
    sent = query.replace("${pilot:regex}", escaped).replace("${least_covered:regex}", some)
    sent = sent.replace("${__from}", str(start)).replace("${__to}", str(stop))
    sent = sent.replace("${community:regex}", ".*").replace("${instance:regex}", ".*")
    sent = sent.replace("$timeFilter", f"time >= {start}ms and time <= {stop}ms")
    assert "$" not in sent.replace("$/", "")
    return sent


def rows(series):
    """Every row as a dict that includes the tags of its series."""
    return [
        {**one.get("tags", {}), **dict(zip(one["columns"], values, strict=True))}
        for one in series
        for values in one["values"]
    ]


def measured(engine, device, **values):
    """Write one device's readings of one signal, given as {time: value}."""
    (name, numbers), *_ = values.items()
    where = f"pilot=dong-thap,community=moi,device={device},model=m,simulated=false"
    engine.write([f"telemetry,{where} {name}={value} {at}" for at, value in numbers.items()])
