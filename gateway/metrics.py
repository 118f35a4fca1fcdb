"""The gateway's figures for Prometheus; loaded where HOIQUAN_METRICS_PORT asks for them."""

import time
from collections.abc import Callable, Iterator

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

_NAME = "hoiquan_gateway_"


class Collector(Collects):
    """One gateway's metrics, as they are at the moment of a scrape."""

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
            f"{_NAME}community_outcomes",
            "Readings stored, and messages known already or refused, since the gateway started.",
            labels=("community", "outcome"),
        )
        for (community, outcome), number in list(self._pipeline.rates.items()):
            by_community.add_metric((community, outcome), number)
        yield by_community

    def _books(self) -> Iterator[Metric]:
        spool = self._gauges.spool
        books = spool.books()
        age = max(0.0, time.time() - books.oldest / 1000) if books.oldest is not None else 0.0
        for name, value, text in (
            ("received_messages", books.received, "Messages taken from the broker since the spool was made."),
            ("stored_messages", books.stored, "Messages whose readings, states or events are stored."),
            ("duplicate_messages", books.duplicate, "Messages that were known already."),
            ("forgotten_messages", books.forgotten, "Refused messages whose bytes are not kept any more."),
        ):
            yield Counter(_NAME + name, text, value)
        now: tuple[tuple[str, float, str], ...] = (
            # not a counter: a message that is replayed leaves it
            ("quarantined_messages", books.quarantined, "Messages refused, and not replayed since."),
            ("spooled_messages", books.spooled, "Messages that wait for the store."),
            ("books_balanced", books.balanced, "1: received = stored + duplicate + quarantined + spooled."),
            ("spool_bytes", spool.used(), "What spool and quarantine hold."),
            ("spool_limit_bytes", self._gauges.room.most, "What they may hold before nothing more is taken."),
            ("oldest_unsent_seconds", age, "Age of the oldest message that waits for the store; the lag."),
        )
        for name, figure, text in now:
            yield Gauge(_NAME + name, text, figure)

    def _well_being(self) -> Iterator[Metric]:
        receiver = self._gauges.receiver
        for name, value, text in (
            ("connected", receiver.connected, "1: connected to the broker, and subscribed."),
            (
                "heartbeat_age_seconds",
                receiver.heartbeat.age(),
                "Time since the newest heartbeat was sent that the broker gave back.",
            ),
            ("trouble", bool(self._health.trouble), "1: something is not well; the log says what."),
        ):
            yield Gauge(_NAME + name, text, value)
        yield Counter(f"{_NAME}advice_faults", "Times when no advice was given.", self._advisor.faults)
        faults = Counter(
            f"{_NAME}faults",
            "Messages, events and paperwork that this program stumbled over.",
            labels=("part",),
        )
        for part, number in self._faults.counts().items():
            faults.add_metric((part,), number)
        yield faults
        if (missing := self._gauges.missing()) is not None:
            yield Gauge(
                f"{_NAME}missing_messages", "Messages that devices numbered and that never came.", missing
            )
        if receiver.heartbeat.round_trip is not None:
            yield Gauge(
                f"{_NAME}heartbeat_seconds", "Way of the last heartbeat to the broker and back.",
                receiver.heartbeat.round_trip,
            )  # fmt: skip
        if receiver.notices.refused_logins is not None:
            yield Counter(
                f"{_NAME}refused_logins", "Connections that the broker turned away since the gateway looks.",
                receiver.notices.refused_logins,
            )  # fmt: skip
        if receiver.notices.dropped is not None:
            yield Counter(
                f"{_NAME}broker_dropped_messages", "Messages that the broker dropped since it started.",
                receiver.notices.dropped,
            )  # fmt: skip


def expose(collector: Collects, bind: str, port: int) -> Callable[[], None]:
    """Serve /metrics until the returned function is called. Raises OSError for a port that is taken."""
    registry = CollectorRegistry()
    # the registry would collect once, to know the names; there is no need
    registry.register(collector)
    server, thread = start_http_server(port, bind, registry)

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
