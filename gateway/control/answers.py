"""What devices answer to commands, from the spool into the ledger; neither readings nor answers wait for
the others.

    spool (`answers`, durable since the acknowledgement) ─► decode ─► ledger ─► spool.settle

Killed between ledger and settle the same answer is written again, and known by its arrival. While the
registry's database is away answers wait in the spool; readings go on, and while the store is away answers do.
"""

import logging
import threading
from collections.abc import Callable

from devices.access.database import RegistryAway
from devices.errors import CONTENT
from devices.texts import Mendable
from gateway.control.ledger import Ledger
from gateway.ingest.decode import Decoded, Decoder
from gateway.ingest.message import Answered, Outcome, Refusal, Segment, unhandled
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import SpoolFull
from gateway.ingest.telling import Telling

log = logging.getLogger(__name__)
WAIT = 0.2  # seconds after which it looks for new ones
RETRY = 5.0  # seconds until what was away is asked again


class Answers:
    """Keeps what became of commands. `decoder`: one of its own; `ledger` opens the ledger, or gives it.
    `trouble`: why something is being tried again.
    """

    def __init__(
        self, spool: Spool, decoder: Decoder, ledger: Callable[[], Ledger], telling: Telling
    ) -> None:
        self._spool = spool
        self._decoder = decoder
        self._ledger = ledger
        self._telling = telling
        self.trouble: Mendable | None = None

    def run(self, stop: threading.Event) -> None:
        """Write down what comes until `stop` is set."""
        while not stop.is_set():
            try:
                done = self.keep_some()
            except (RegistryAway, SpoolFull) as error:
                self.trouble = error
                log.warning("answers to commands wait: %s; again in %.0f s", error, RETRY)
                stop.wait(RETRY)
                continue
            self.trouble = None
            if not done:
                stop.wait(WAIT)

    def keep_some(self) -> bool:
        """Bring the oldest to their end; whether there were any. Raises RegistryAway or SpoolFull: all of
        them stay, and come again.
        """
        segment = self._spool.answers()
        if segment is None:
            return False
        decoded = self._decoder.decode(segment.messages)
        for one in decoded.answers:
            self._write(one, segment, decoded)
        refused = list(decoded.refused.values())
        stored = len(segment.messages) - decoded.duplicate - len(refused)
        self._spool.settle(segment, Outcome(stored, decoded.duplicate, refused))
        self._telling.settled(decoded)
        return True

    def _write(self, one: Answered, segment: Segment, decoded: Decoded) -> None:
        """That to a command which could not even be read is nobody's; one that cannot be written down holds
        up no other.
        """
        message, answer = segment.messages[one.place], one.answer
        if answer.id is None:
            return
        try:
            news = self._ledger().answered(answer.id, one.device.device, answer.ok, answer.error, one.time)
        except CONTENT as error:
            decoded.refused[one.place] = unhandled(message, error)
            return
        if news is None:
            decoded.refused[one.place] = Refusal(message, "unknown_command", answer.id)
        elif not news:
            decoded.repeated[one.place] = one.device
