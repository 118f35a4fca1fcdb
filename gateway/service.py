"""One gateway as it runs: its parts made, joined, started, watched, and ended in the other order."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence

from devices.credentials import GATEWAY
from devices.pilot import Pilot
from devices.registry import Registry
from devices.settings import Settings
from gateway.checks import Checker
from gateway.clerk import Clerk
from gateway.decode import Decoder, Written
from gateway.growth import Growth
from gateway.pipeline import Pipeline, split_memory
from gateway.points import Point, Value, tags
from gateway.receive import Receiver
from gateway.spool import Spool
from gateway.store import RejectPoints, RetryLater, Store
from traceability.seal import Sealer

log = logging.getLogger(__name__)
WAIT = 1.0  # seconds after which an idle thread looks whether it should stop
RETRY = 5.0  # seconds until a store that did not answer is asked again


def serve(settings: Settings, store: Store, stop: threading.Event) -> bool:
    """Run until `stop` is set; returns whether it ended because it was told to.

    While it is connected, subscribed and without trouble it touches `gateway/alive` in the data folder
    every second: that is what health checks and the simulator's start look at.
    """
    pilot = settings.loaded_pilot
    registry = Registry(settings.registry_url, pilot)
    spool = Spool(settings.data / "gateway" / "spool.sqlite")
    origin = f"{settings.log_origin}/{pilot.pilot}"
    sealer = Sealer(settings.data / "trace", pilot, Growth(store, pilot), settings.base_url, origin)
    clerk = Clerk(store, pilot, settings.instance, spool.books, registry.devices)
    diaries = Diaries(sealer, store, pilot, clerk.past_changed)
    seen, checks = split_memory(spool.seen())
    decoder = Decoder(pilot.pilot, registry.lookup, seen, spool.marks())
    password = settings.gateway_password.get_secret_value()
    receiver = Receiver(settings.mqtt, GATEWAY, password, settings.mqtt_version)
    pipeline = Pipeline(receiver, spool, decoder, store, diaries.keep, Checker(pilot, checks))
    others = [
        threading.Thread(target=work, args=(stop,), name=name)
        for name, work in (("clerk", clerk.run), ("sealer", diaries.run))
    ]
    alive = settings.data / "gateway" / "alive"
    alive.unlink(missing_ok=True)
    try:
        receiver.start()
        pipeline.start()
        for thread in others:
            thread.start()
        while not stop.wait(1.0):
            if pipeline.failed or not all(thread.is_alive() for thread in others):
                stop.set()
                return False
            if receiver.connected and not pipeline.trouble:
                alive.touch()
        return True
    finally:
        stop.set()
        receiver.stop()
        pipeline.stop()
        for thread in others:
            if thread.ident is not None:
                thread.join()
        sealer.close()
        spool.close()


class Diaries:
    """Keeps diary events, and seals harvests in a thread of its own: readings do not wait for records.

    A sealed lot is shown on the boards, and `sealed_one` told.
    """

    def __init__(self, sealer: Sealer, store: Store, pilot: Pilot, sealed_one: Callable[[], None]) -> None:
        self._sealer = sealer
        self._store = store
        self._pilot = pilot
        self._sealed_one = sealed_one
        self._new = threading.Event()

    def keep(self, events: Sequence[Written]) -> None:
        """Keep `events`, durably; the same again changes nothing. Raises RetryLater (a full disk)."""
        try:
            self._sealer.keep(events)
        except sqlite3.OperationalError as error:
            raise RetryLater(f"the diary cannot be written: {error}", alarm=True) from error
        self._new.set()

    def run(self, stop: threading.Event) -> None:
        """Seal what is pending until `stop` is set."""
        while not stop.is_set():
            self._new.clear()
            try:
                done = self.seal_some()
            except RetryLater as error:
                log.warning("sealing waits for the store: %s", error)
                stop.wait(RETRY)
                continue
            if not done:
                self._new.wait(WAIT)

    def seal_some(self, limit: int = 20) -> int:
        """Seal at most `limit` pending harvests and show them; returns how many. May raise RetryLater."""
        sealed = self._sealer.seal_pending(limit)
        points = []
        for one in sealed:
            if one.refused:
                log.warning("%s: harvest %s is not sealed: %s", one.community, one.harvest, one.refused)
                continue
            where = tags(pilot=self._pilot.pilot, community=one.community, product=one.product)
            fields: dict[str, Value] = {
                # canonical JSON writes 1.0 as 1, and InfluxDB keeps a field to the type it first had
                "quantity": float(one.quantity_kg),
                "coverage": float(one.coverage),
                "verified": one.leaf is not None,
                "simulated": one.simulated,
                "lot": one.key.lot,
            }
            points.append(Point("lot", where, fields, one.time))
        if points:
            try:
                self._store.write(points)
            except RejectPoints as error:  # the records are sealed: a figure on a board must not stop us
                log.warning("%d lots are sealed but not on the boards: %s", len(error.bad), error)
            self._sealed_one()
        self._sealer.told(sealed)
        return len(sealed)
