"""What each gateway last wrote of itself into the store, as Prometheus metrics.

The names are those of a gateway's own `/metrics`. There is one sample a gateway, with the label `instance`:
nothing is added up: gateways hear the same broker, so each counts the same dropped messages, and lags have no
sum. `arrived` and `kept`, which are of five minutes, are left out: Prometheus has them as rates.
"""

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dashboards.figures import Figures, balanced

_PREFIX = "hoiquan_gateway_"


class Row(NamedTuple):
    """How a field of the measurement `gateway` becomes a metric: its value times `scale`, in base units."""

    field: str
    family: type[CounterMetricFamily] | type[GaugeMetricFamily]
    name: str
    help: str
    scale: float = 1.0


ROWS = (
    Row("received", CounterMetricFamily, "received_messages",
        "Messages taken from the broker since the spool was made."),
    Row("stored", CounterMetricFamily, "stored_messages",
        "Messages whose readings, states or events are stored."),
    Row("duplicate", CounterMetricFamily, "duplicate_messages", "Messages that were known already."),
    Row("forgotten", CounterMetricFamily, "forgotten_messages",
        "Refused messages whose bytes are not kept any more."),
    # not a counter: a message that is replayed leaves it
    Row("quarantined", GaugeMetricFamily, "quarantined_messages",
        "Messages refused, and not replayed since."),
    Row("spooled", GaugeMetricFamily, "spooled_messages", "Messages that wait for the store."),
    Row("spool_bytes", GaugeMetricFamily, "spool_bytes", "What spool and quarantine hold."),
    Row("lag_ms", GaugeMetricFamily, "lag_seconds",
        "Longest age of a message that waited for the store, in the five minutes of the newest books.",
        1e-3),
    Row("missing", GaugeMetricFamily, "missing_messages",
        "Messages that devices numbered and that never came."),
    Row("broker_dropped", CounterMetricFamily, "broker_dropped_messages",
        "Messages that the broker dropped since it started."),
    Row("refused_logins", CounterMetricFamily, "refused_logins",
        "Connections that the broker turned away since the gateway looks."),
)  # fmt: skip


class Gateways(Collector):
    """The newest books of each gateway that wrote any within a day. Collecting raises RetryLater where the
    store does not answer.
    """

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """One family a row of the table, with as many samples as there are gateways that write its field."""
        gateways = self._figures.gateways(self._figures.now())
        for row in ROWS:
            family = row.family(_PREFIX + row.name, row.help, labels=("instance",))
            for instance, fields in gateways.items():
                if row.field in fields:
                    family.add_metric((instance,), fields[row.field].value * row.scale)
            yield family
        whole = GaugeMetricFamily(
            f"{_PREFIX}books_balanced", "1: received = stored + duplicate + quarantined + spooled.",
            labels=("instance",),
        )  # fmt: skip
        written = GaugeMetricFamily(
            f"{_PREFIX}books_timestamp_seconds", "Beginning of the five minutes of the newest books.",
            labels=("instance",),
        )  # fmt: skip
        for instance, fields in gateways.items():
            whole.add_metric((instance,), balanced({name: field.value for name, field in fields.items()}))
            written.add_metric((instance,), max(field.time for field in fields.values()) / 1000)
        yield whole
        yield written
