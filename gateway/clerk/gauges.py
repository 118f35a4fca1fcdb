"""The gateway's figures for Prometheus and for the measurement `gateway`.

They are read from spool, receiver and decoder when somebody asks: nothing is counted on a message's way.
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
    alone: bool = True  # in a group each gets every other number of a device, so none of them sees gaps

    def missing(self) -> int | None:
        """Messages that devices numbered and that never came; None where one gateway cannot tell."""
        return sum(self.decoder.missing().values()) if self.alone else None

    def fields(self) -> dict[str, int]:
        """What stands beside the books in the measurement `gateway`."""
        fields = {"spool_bytes": self.spool.used()}
        if (missing := self.missing()) is not None:
            fields["missing"] = missing
        if self.receiver.notices.dropped is not None:
            fields["broker_dropped"] = self.receiver.notices.dropped
        if self.receiver.notices.refused_logins is not None:
            fields["refused_logins"] = self.receiver.notices.refused_logins
        return fields
