"""The gateway's three loops over messages. No other loop carries them.

    intake:      receiver.take ─► spool.append (fsync) ─► receiver.ack
    understand:  spool.pending ─► decode ─► check ─┐
    deliver:     held? ─► store.write ─► diary ─► spool.settle ◄┘

One batch is decoded and checked while the batch before is on its way to the store. The memories of decoder
and checker are copied into each batch before the next is decoded, so that a batch is settled with the
memories of its own moment. A reading that is refused only at delivery is taken out of the memories of its own
batch, and of the batches that were decoded meanwhile.

A crash before `append` leaves the message with the broker. After a crash between `append` and `ack` the
broker sends the message again, and `seen` recognizes it. After a crash between `store.write` and `settle` the
same points are written again onto themselves (a late reading is then found in the store, and booked as a
duplicate). Only `settle` changes the books.

No message ends a loop: a message that our own code stumbles over is refused as `unhandled`, and the next one
is processed.
"""

import logging
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Protocol

from devices.contract.reading import Device, Reading
from devices.errors import CONTENT
from devices.texts import Mendable
from gateway.ingest.batch import (
    Batch,
    TakenBack,
    forgotten,
    join_memory,
    outcome,
    refuse_repeated,
    taken_back,
    without,
    without_refused,
    write_down,
)  # fmt: skip
from gateway.ingest.checks import Checker
from gateway.ingest.decode import Decoded, Decoder
from gateway.ingest.faults import Faults
from gateway.ingest.held import Held, held
from gateway.ingest.message import Message, Refusal, Segment, Written, unhandled
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import SpoolFull
from gateway.ingest.telling import Telling
from gateway.stores.points import Point, Value, tags
from gateway.stores.store import RejectPoints, RetryLater, Store
from gateway.stores.waiting import Waiting

log = logging.getLogger(__name__)
COMMIT = 1500  # most messages of a group commit
BATCH = 3000  # messages of a delivery; whole commits, so it may exceed this
WAIT = 0.2  # seconds after which an idle loop checks whether it should stop
FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0  # seconds between tries
_WAITS = {"_intake": "messages wait with the broker"}  # by loop, what the log says of it; see `_patiently`


class Receives(Protocol):
    """The broker's side: see `receive.Receiver`."""

    def take(self, limit: int, wait: float) -> list[Message]: ...
    def ack(self, messages: Sequence[Message]) -> None: ...
    def publish(self, topic: str, payload: bytes) -> None: ...


class Pipeline:
    """Joins receiver, spool, store and the diary's keeper.

    `write_diary` keeps diary events (the same event twice is kept once), returns the places of events whose
    id another event has, and may raise RetryLater. Answers to commands do not come here (see `Spool`); an
    answer that an earlier version spooled among the other messages is handed on.
    """

    def __init__(
        self,
        receiver: Receives,
        spool: Spool,
        decoder: Decoder,
        store: Store,
        write_diary: Callable[[Sequence[Written]], Sequence[int]],
        checker: Checker | None = None,
        faults: Faults | None = None,
    ) -> None:
        self._receiver = receiver
        self._spool = spool
        self._decoder = decoder
        self._store = store
        self._checker = checker or Checker()
        self._write_diary = write_diary
        self._faults = faults or Faults()
        self.telling = Telling(receiver, decoder.device, self._faults)
        self._stop = threading.Event()
        self._spooled = threading.Event()
        self._understood: Queue[Batch] = Queue(maxsize=1)
        # readings the decoder was asked to forget, by request number: batches decoded before relied on them
        self._forgotten: list[tuple[int, list[TakenBack]]] = []
        self._threads: list[threading.Thread] = []
        self.failed: BaseException | None = None
        # by loop: one's success does not clear another's
        self._troubles: dict[str, Mendable] = {}
        self._waiting: dict[str, Waiting] = {}

    @property
    def troubles(self) -> list[Mendable]:
        """Why loops are retrying; empty if none is."""
        return list(self._troubles.values())

    def start(self) -> None:
        """Run the loops in threads of their own."""
        for loop in (self._intake, self._understand, self._deliver):
            thread = threading.Thread(target=self._guard, args=(loop,), name=loop.__name__)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish the work in hand and end the loops; spooled messages are delivered at the next start."""
        self._stop.set()
        self._spooled.set()
        for thread in self._threads:
            thread.join()

    def _guard(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except BaseException as error:
            log.exception("the gateway stops")
            self.failed = error
            self._stop.set()
            raise

    def _intake(self) -> None:
        while not self._stop.is_set():
            messages = self._receiver.take(COMMIT, WAIT)
            if not messages:
                continue
            if self._patiently(lambda messages=messages: self._spool.append(messages)):  # type: ignore[misc]
                self._receiver.ack(messages)
                self._spooled.set()

    def _understand(self) -> None:
        after = 0
        while not self._stop.is_set():
            segment = self._spool.pending(BATCH, after)
            if segment is None:
                self._spooled.wait(WAIT)
                self._spooled.clear()
                continue
            after = segment.ids[-1]
            batch = self.understand(segment)
            while not self._stop.is_set():
                with suppress(Full):
                    self._understood.put(batch, timeout=WAIT)
                    break

    def _deliver(self) -> None:
        while not self._stop.is_set():
            with suppress(Empty):
                self.deliver(self._understood.get(timeout=WAIT))

    def understand(self, segment: Segment) -> Batch:
        """Decode and check a segment. Segments must come in their order."""
        decoded = self._decoder.decode(segment.messages)
        for device in decoded.anew:
            self._checker.forget(device)
        points, source = self._points(segment, decoded)
        seen = {device.device: self._remember(device) for device in decoded.touched.values()}
        return Batch(segment, decoded, points, source, seen)

    def deliver(self, batch: Batch) -> None:
        """Bring one batch to its end: each message is stored, a duplicate, or refused with a reason."""
        understood = batch.decoded.readings, batch.decoded.source
        if batch.decoded.late:
            holdings: list[Held] = []
            late = batch.decoded.late
            if not self._patiently(lambda: holdings.append(held(self._store, late))):
                return
            batch = without(batch, holdings[-1])
        before = self._vain_before(batch.decoded)
        refuse_repeated(batch, understood, before)
        segment, decoded, points, source, seen = batch = without_refused(batch)

        def write() -> None:
            self._write(segment, decoded, points, source)
            if decoded.diary:
                write_down(segment, decoded, self._write_diary)

        if not self._patiently(write):
            return
        refuse_repeated(batch, understood, before)  # once more: the store may have refused messages
        if mine := taken_back(*understood, decoded):
            number = self._decoder.forget([one.reading for one in mine])
            self._forgotten.append((number, mine))
        if in_vain := before + mine:
            seen = forgotten(seen, in_vain)
        decoded.again = {place: decoded.refused.pop(place) for place in self._spool.filed(decoded.refused)}
        end = outcome(batch, seen)
        if self._patiently(lambda: self._spool.settle(segment, end)):
            self.telling.settled(decoded)

    def _vain_before(self, decoded: Decoded) -> list[TakenBack]:
        """Readings of earlier batches that were refused after this batch was decoded."""
        self._forgotten = [(number, some) for number, some in self._forgotten if number > decoded.forgot]
        return [one for _, some in self._forgotten for one in some]

    def _write(
        self, segment: Segment, decoded: Decoded, points: list[Point], source: list[int | None]
    ) -> None:
        """Write the points. If our own code stumbles, write each message's alone and refuse the bad one."""
        try:
            self._store.write(points)
        except RejectPoints as error:
            for place, sentence in error.bad.items():
                if (index := source[place]) is not None:
                    decoded.refused[index] = Refusal(segment.messages[index], "store_refused", sentence)
        except CONTENT as error:
            places = list(dict.fromkeys(source))
            if len(places) > 1:
                for index in places:
                    some = [point for point, of in zip(points, source, strict=True) if of == index]
                    self._write(segment, decoded, some, [index] * len(some))
            elif places[0] is not None:
                decoded.refused[places[0]] = unhandled(segment.messages[places[0]], error)
            else:
                self._faults.add("states", error)

    def _patiently(self, attempt: Callable[[], object]) -> bool:
        """Try until it succeeds or the gateway stops; returns whether it succeeded."""
        delay, loop = FIRST_DELAY, threading.current_thread().name
        waiting = self._waiting.setdefault(loop, Waiting(_WAITS.get(loop, "readings wait in the spool")))
        while True:
            try:
                attempt()
            except (RetryLater, SpoolFull) as error:
                self._troubles[loop] = error
                waiting.on(error)
                # jitter, so that several gateways do not return to a store all at once
                if self._stop.wait(delay * random.uniform(0.5, 1.0)):  # noqa: S311
                    return False
                delay = min(2 * delay, LONGEST_DELAY)
            else:
                self._troubles.pop(loop, None)
                waiting.over()
                return True

    def _remember(self, device: Device) -> str:
        """The decoder's and checker's memory of a device, as text for the spool."""
        return join_memory(self._decoder.state(device.device), self._checker.dump(device))

    def _points(self, segment: Segment, decoded: Decoded) -> tuple[list[Point], list[int | None]]:
        """All points of a batch, and for each its message's place (None: the point comes from no reading)."""
        points: list[Point] = []
        source: list[int | None] = []
        check = self._checker.check
        for reading, index in zip(decoded.readings, decoded.source, strict=True):
            try:
                checked = check(reading)
            except CONTENT as error:
                checked = self._checked_anew(reading, index, error, segment, decoded)
            points += checked
            source += [index] * len(checked)
        for state in decoded.states:
            device = state.device
            where = tags(pilot=device.pilot, community=device.community, device=device.device)
            fields: dict[str, Value] = {"online": state.online}
            if not state.retained:
                fields["last_seen"] = state.time
            points.append(Point("device", where, fields, state.time))
            source.append(None)
        return points, source

    def _checked_anew(
        self, reading: Reading, index: int, error: Exception, segment: Segment, decoded: Decoded
    ) -> list[Point]:
        """The checks stumbled: check again without the device's memory, and else refuse the message."""
        self._faults.add("checks", error)
        self._checker.forget(reading.device)
        try:
            return self._checker.check(reading)
        except CONTENT as again:
            decoded.refused[index] = unhandled(segment.messages[index], again)
            return []
