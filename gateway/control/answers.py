"""Moves devices' answers to commands from the spool into the ledger, on a thread apart from readings.

    spool (`answers`, durable since the acknowledgement) ─► decode ─► ledger ─► spool.settle

After a kill between ledger and settle the same answer is written again, and recognised by its arrival time.
While the registry's database is away, answers wait in the spool and readings go on; while the store is away,
answers go on.
"""

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
from gateway.stores.waiting import Waiting

WAIT = 0.2  # seconds until the next look for new answers
RETRY = 5.0  # seconds until the database or the spool is tried again


class Answers:
    """Records what became of commands. `decoder` is used by this object only; `ledger` returns the ledger,
    opening it if needed. `trouble` is why answers are waiting, if they are.
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
        """Record answers until `stop` is set."""
        waiting = Waiting("answers to commands wait")
        while not stop.is_set():
            try:
                done = self.keep_some()
            except (RegistryAway, SpoolFull) as error:
                self.trouble = error
                waiting.on(error)
                stop.wait(RETRY)
                continue
            self.trouble = None
            waiting.over()
            if not done:
                stop.wait(WAIT)

    def keep_some(self) -> bool:
        """Record and settle the oldest answers; returns whether there were any. Raises RegistryAway or
        SpoolFull; the answers then stay in the spool and are tried again.
        """
        segment = self._spool.answers()
        if segment is None:
            return False
        decoded = self._decoder.decode(segment.messages)
        for one in decoded.answers:
            self._write(one, segment, decoded)
        decoded.again = {place: decoded.refused.pop(place) for place in self._spool.filed(decoded.refused)}
        refused = list(decoded.refused.values())
        stored = len(segment.messages) - decoded.duplicate - len(refused)
        self._spool.settle(segment, Outcome(stored, decoded.duplicate, refused))
        self._telling.settled(decoded)
        return True

    def _write(self, one: Answered, segment: Segment, decoded: Decoded) -> None:
        """Write one answer to the ledger. An answer without an id is ignored: the device could not even read
        the command. An answer that cannot be written is refused, so that it does not hold up the others.
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
