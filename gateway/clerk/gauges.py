"""The gateway's figures for Prometheus and for the measurement `gateway`.

They are read from the spool, receiver and decoder on request, so handling a message costs nothing extra.
"""

from dataclasses import dataclass

from gateway.ingest.decode import Decoder
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import Room
from gateway.intake.receive import Receiver


@dataclass(frozen=True, slots=True)
class Gauges:
    """The parts of a gateway that have figures."""

    spool: Spool
    room: Room
    receiver: Receiver
    decoder: Decoder
    # gateways of a group share a device's messages, so none of them can see gaps in its numbering
    alone: bool = True

    def missing(self) -> int | None:
        """Return how many numbered messages never came; None if this gateway, one of a group, cannot tell."""
        return sum(self.decoder.missing().values()) if self.alone else None

    def fields(self) -> dict[str, int]:
        """Return the fields that stand beside the books in the measurement `gateway`."""
        fields = {"spool_bytes": self.spool.used()}
        if (missing := self.missing()) is not None:
            fields["missing"] = missing
        if self.receiver.notices.dropped is not None:
            fields["broker_dropped"] = self.receiver.notices.dropped
        if self.receiver.notices.refused_logins is not None:
            fields["refused_logins"] = self.receiver.notices.refused_logins
        return fields
