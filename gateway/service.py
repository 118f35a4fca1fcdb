"""One gateway as it runs: its parts made, joined, started, watched, and ended in the other order."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devices.credentials import GATEWAY
from devices.pilot import Pilot
from devices.registry import Registry
from devices.settings import Settings
from gateway.clerk import Clerk
from gateway.decode import Decoder, Written
from gateway.growth import Growth
from gateway.pipeline import Pipeline
from gateway.points import Point, Value, tags
from gateway.receive import Receiver
from gateway.spool import Spool
from gateway.store import RejectPoints, Store
from traceability.seal import Sealer

log = logging.getLogger(__name__)


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
    decoder = Decoder(pilot.pilot, registry.lookup, spool.seen(), spool.marks())
    password = settings.gateway_password.get_secret_value()
    receiver = Receiver(settings.mqtt, GATEWAY, password, settings.mqtt_version)
    pipeline = Pipeline(receiver, spool, decoder, store, diaries.write)
    paperwork = threading.Thread(target=clerk.run, args=(stop,), name="clerk")
    alive = settings.data / "gateway" / "alive"
    try:
        receiver.start()
        pipeline.start()
        paperwork.start()
        while not stop.wait(1.0):
            if pipeline.failed or not paperwork.is_alive():
                stop.set()
                return False
            if receiver.connected and not pipeline.trouble:
                alive.touch()
        return True
    finally:
        stop.set()
        receiver.stop()
        pipeline.stop()
        paperwork.join()
        sealer.close()
        spool.close()


@dataclass(frozen=True, slots=True)
class Diaries:
    """Keeps diary events: a harvest is sealed, its lot shown on the boards, and `sealed_one` told."""

    sealer: Sealer
    store: Store
    pilot: Pilot
    sealed_one: Callable[[], None]

    def write(self, events: Sequence[Written]) -> None:
        """Keep `events`; the same again changes nothing. May raise the store's RetryLater."""
        points = []
        for device, event in events:
            sealed = self.sealer.write(device, event)
            if sealed is None:
                continue
            if sealed.refused:
                log.warning("%s: harvest %s is not sealed: %s", device.community, event.id, sealed.refused)
                continue
            where = tags(pilot=self.pilot.pilot, community=sealed.community, product=sealed.product)
            fields: dict[str, Value] = {
                # canonical JSON writes 1.0 as 1, and InfluxDB keeps a field to the type it first had
                "quantity": float(sealed.quantity_kg),
                "coverage": float(sealed.coverage),
                "verified": sealed.leaf is not None,
                "simulated": sealed.simulated,
                "lot": sealed.key.lot,
            }
            points.append(Point("lot", where, fields, sealed.time))
        if not points:
            return
        try:
            self.store.write(points)
        except RejectPoints as error:  # the records are sealed: a figure on a board must not stop us
            log.warning("%d lots are sealed but not on the boards: %s", len(error.bad), error)
        self.sealed_one()
