"""The gateway's figures for Prometheus; loaded only if HOIQUAN_METRICS_PORT is set."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector as Collects

from gateway.clerk.gauges import Gauges
from gateway.control.advisor import Advisor
from gateway.health import Health
from gateway.ingest.faults import Faults
from gateway.ingest.pipeline import Pipeline
from gateway.stores.points import BALANCED, EXPORTED, EXPORTS


class Collector(Collects):
    """One gateway's metrics, read at the moment of a scrape."""

    def __init__(
        self, gauges: Gauges, pipeline: Pipeline, health: Health, advisor: Advisor, faults: Faults
    ) -> None:  # fmt: skip
        self._faults = faults
        self._gauges = gauges
        self._advisor = advisor
        self._pipeline = pipeline
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Books, spool, gaps, health, and messages by community."""
        yield from self._books()
        yield from self._well_being()
        by_community = Counter(
            f"{EXPORTED}community_outcomes",
            "Readings stored, and messages that were duplicates or refused, since the gateway started.",
            labels=("community", "outcome"),
        )
        for (community, outcome), number in list(self._pipeline.telling.rates.items()):
            by_community.add_metric((community, outcome), number)
        yield by_community

    def _books(self) -> Iterator[Metric]:
        books = self._gauges.spool.books()
        fields = asdict(books) | self._gauges.fields()
        for one in EXPORTS:
            if one.field in fields:
                yield (Counter if one.grows else Gauge)(EXPORTED + one.name, one.help, fields[one.field])
        age = max(0.0, time.time() - books.oldest / 1000) if books.oldest is not None else 0.0
        now: tuple[tuple[str, float, str], ...] = (
            ("books_balanced", books.balanced, BALANCED),
            (
                "spool_limit_bytes",
                self._gauges.room.most,
                "Bytes that spool and quarantine may hold before the gateway stops taking messages.",
            ),
            (
                "oldest_unsent_seconds",
                age,
                "Age in seconds of the oldest message that waits to be stored (the lag).",
            ),
        )
        for name, figure, text in now:
            yield Gauge(EXPORTED + name, text, figure)

    def _well_being(self) -> Iterator[Metric]:
        receiver = self._gauges.receiver
        for name, value, text in (
            ("connected", receiver.connected, "1 if connected to the broker and subscribed, else 0."),
            (
                "heartbeat_age_seconds",
                receiver.heartbeat.age(),
                "Seconds since the gateway sent the newest heartbeat that came back from the broker.",
            ),
            (
                "trouble",
                bool(self._health.troubles),
                "1 if something is not well (the log says what), else 0.",
            ),
        ):
            yield Gauge(EXPORTED + name, text, value)
        yield Counter(
            f"{EXPORTED}advice_faults", "Times that computing the advice failed.", self._advisor.faults
        )
        faults = Counter(
            f"{EXPORTED}faults",
            "Messages, events and other work that a defect of this program made it set aside, by part.",
            labels=("part",),
        )
        for part, number in self._faults.counts().items():
            faults.add_metric((part,), number)
        yield faults
        if receiver.heartbeat.round_trip is not None:
            yield Gauge(
                f"{EXPORTED}heartbeat_seconds",
                "Round trip of the last heartbeat in seconds, to the broker and back.",
                receiver.heartbeat.round_trip,
            )  # fmt: skip


def expose(collector: Collects, bind: str, port: int) -> Callable[[], None]:
    """Serve /metrics until the returned function is called. Raises OSError if the port is taken."""
    registry = CollectorRegistry()
    # a registry of our own does not collect here; the default one would, only to learn the names
    registry.register(collector)
    server, thread = start_http_server(port, bind, registry)

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
