"""What each gateway last wrote about itself into the store, as Prometheus metrics.

The names are those of a gateway's own `/metrics`. There is one sample per gateway, with the label `instance`.
Nothing is added up: gateways hear the same broker, so each counts the same dropped messages, and lags have no
sum. `arrived` and `kept`, which count five minutes, are left out: Prometheus has them as rates.
"""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dashboards.figures import Figures, balanced
from devices.texts import Mendable, text
from gateway.instance import STALE, trouble, unwell
from gateway.stores.points import BALANCED, EXPORTED, EXPORTS

OF_EACH = ("instance",)


def troubled(data: Path, lang: str) -> list[str]:
    """A sentence for each gateway of the data folder that runs and is not well, with what to do, in words for
    anybody; none for a folder without gateways. It comes from the gateways' own files, so it does not depend
    on the store.
    """
    unsaid = Mendable("unwell.unsaid", seconds=round(STALE))
    return [
        text("unwell.gateway", lang, instance=name, trouble=trouble(own, lang, public=True) or unsaid)
        for name, own in unwell(data)
    ]


class Gateways(Collector):
    """The newest books of each gateway that wrote any within a day. Collecting raises RetryLater where the
    store does not answer.
    """

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """A family for each export, with a sample per gateway that writes its field; then the families that
        are made of several fields.
        """
        gateways = self._figures.gateways(self._figures.now())
        for one in EXPORTS:
            family = (CounterMetricFamily if one.grows else GaugeMetricFamily)(
                EXPORTED + one.name, one.help, labels=OF_EACH
            )
            for instance, fields in gateways.items():
                if one.field in fields:
                    family.add_metric((instance,), fields[one.field].value)
            yield family
        lag = GaugeMetricFamily(
            f"{EXPORTED}lag_seconds",
            "Longest age of a message that waited, in the five minutes of the newest books.",
            labels=OF_EACH,
        )
        whole = GaugeMetricFamily(f"{EXPORTED}books_balanced", BALANCED, labels=OF_EACH)
        written = GaugeMetricFamily(
            f"{EXPORTED}books_timestamp_seconds", "Beginning of the five minutes of the newest books.",
            labels=OF_EACH,
        )  # fmt: skip
        for instance, fields in gateways.items():
            if "lag_ms" in fields:
                lag.add_metric((instance,), fields["lag_ms"].value / 1000)
            whole.add_metric((instance,), balanced({name: field.value for name, field in fields.items()}))
            written.add_metric((instance,), max(field.time for field in fields.values()) / 1000)
        yield from (lag, whole, written)
