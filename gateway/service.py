"""One running gateway: makes, joins, starts and watches its parts, and ends them in reverse order."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import cache, partial

from devices.access.database import RegistryAway
from devices.access.registry import Registry
from devices.clock import AHEAD_MS, DAY_MS, now_ms
from devices.contract.payloads import PayloadError
from devices.contract.topics import Topic
from devices.credentials import FIRST_INSTANCE, GATEWAYS, gateway_account, gateway_accounts
from devices.errors import CONTENT
from devices.files import mend, replace
from devices.pilots.pilot import Pilot
from devices.probes.shelf import Shelf
from devices.processes import spare_the_collector
from devices.salvage import why
from devices.settings import Settings
from devices.texts import Mendable
from gateway import instance
from gateway.audit.acts import Acts
from gateway.brokers.denied import Denials
from gateway.clerk.clerk import Clerk
from gateway.clerk.gauges import Gauges
from gateway.control.advisor import Advisor, Send
from gateway.control.alarms.message import Channel
from gateway.control.alarms.watch import Watch
from gateway.control.answers import Answers
from gateway.control.dispatch import dispatch
from gateway.control.ledger import Entry, Ledger
from gateway.health import FULL, Health
from gateway.ingest.batch import split_memory
from gateway.ingest.checks import Checker
from gateway.ingest.decode import Decoder
from gateway.ingest.faults import Faults
from gateway.ingest.held import begun
from gateway.ingest.message import Message, Refusal, Written
from gateway.ingest.pipeline import Pipeline
from gateway.ingest.spool import Spool
from gateway.ingest.spoolfile import MB, Room, SpoolFull
from gateway.instance import Files, claimed, files
from gateway.intake.receive import Receiver
from gateway.lots import told
from gateway.lots.growth import Growth
from gateway.lots.openings import Openings
from gateway.stores.points import Point, Value, tags
from gateway.stores.store import RejectPoints, RetryLater, Store
from gateway.stores.waiting import Waiting
from traceability.diary.rows import Unhandled
from traceability.sealing.seal import Sealer
from traceability.tlog.log import LogBusy

log = logging.getLogger(__name__)
WAIT = 1.0  # seconds after which an idle thread checks whether it should stop
LOOK_EVERY = 1.0  # seconds between two looks at whether all is well
RETRY = 5.0  # seconds until a store that did not answer is asked again


def serve(settings: Settings, store: Store, stop: threading.Event) -> bool:
    """Run until `stop` is set; returns False if the gateway ended for another reason. Raises InstanceBusy.

    `health` touches `gateway/alive` in the data folder, which health checks and the simulator's start look
    at. Several gateways share the messages with HOIQUAN_GROUP, each under its own HOIQUAN_INSTANCE. On one
    machine they may share the data folder: diary events then go into one file, and the gateway that holds the
    log seals for all. On several machines each gateway has its own diary and log, and a lot's record would
    hold only what one of them heard: there use a group for readings, and leave the diary to one gateway.
    """
    own = files(settings.data, settings.instance)
    account = gateway_account(settings.instance)
    with claimed(own.lock, settings.instance):
        return _serve(settings, own, account, store, stop)


def _serve(settings: Settings, own: Files, account: str, store: Store, stop: threading.Event) -> bool:
    pilot, faults = settings.loaded_pilot, Faults()
    registry = _registry(settings, own, faults, stop)
    if registry is None:
        return True
    password = settings.gateway_password.get_secret_value()
    former = _former_group(own)
    receiver = Receiver(
        settings.mqtt, account, password, settings.mqtt_version, settings.group, former, settings.mqtt_ca
    )
    room = Room(settings.spool_max_mb * MB, settings.spool_free_mb * MB)
    spool = Spool(own.spool, room, mend=True)
    sealer = _sealer(settings, store, registry)
    decoder, checker = _readers(settings, account, spool, store, registry)
    gauges = Gauges(spool, room, receiver, decoder, alone=not settings.group)
    kept_ms, kept_bytes = settings.quarantine_days * DAY_MS, settings.quarantine_max_mb * MB
    clerk = Clerk(
        store, pilot, settings.instance, spool.books, registry.devices, registry.spans,
        figures=gauges.fields, openings=Openings(settings.trace, pilot).write,
        acts=Acts(settings, registry).points,
        forget=lambda: spool.forget(now_ms() - kept_ms, kept_bytes), faults=faults,
    )  # fmt: skip
    diaries = Diaries(sealer, store, pilot, clerk.past_changed, spool.set_aside, faults)
    ledger = cache(lambda: Ledger(settings.registry_url))
    pipeline = Pipeline(receiver, spool, decoder, store, diaries.keep, checker, faults)
    diaries.answer = pipeline.telling.answer
    # answers have a decoder of their own: the pipeline's works on other messages at the same time
    answers = Answers(
        spool, Decoder(pilot, registry.known, refresh=registry.refresh), ledger, pipeline.telling
    )
    health = Health(own, receiver, spool, pipeline, (answers, diaries), faults)
    denials = _denials(settings)
    crowded = receiver.notices.crowded if settings.instance == FIRST_INSTANCE else tuple
    advisor = Advisor(
        store, pilot, registry.devices, settings.data, ledger, _sender(settings, registry, ledger)
    )
    works = [
        ("clerk", clerk.run), ("sealer", diaries.run), ("answers", answers.run), ("advice", advisor.run),
    ]  # fmt: skip
    if settings.instance == FIRST_INSTANCE:  # the first of several gateways watches for all
        works.append(("alarms", _watch(settings, own, store, registry, faults).run))
    others = [threading.Thread(target=work, args=(stop,), name=name) for name, work in works]
    with ExitStack() as ends:  # in reverse order: parts that bring messages end before parts that keep them
        ends.callback(spool.close)
        ends.callback(sealer.close)
        ends.callback(_join, stop, others)
        if settings.metrics_port:
            from gateway.metrics import Collector, expose

            collector = Collector(gauges, pipeline, health, advisor, faults)
            ends.callback(expose(collector, settings.metrics_bind, settings.metrics_port))
        ends.callback(health.end)
        ends.callback(pipeline.stop)
        ends.callback(receiver.stop)
        spare_the_collector()
        receiver.start()
        pipeline.start()
        for thread in others:
            thread.start()
        while not stop.wait(LOOK_EVERY):
            if pipeline.failed or not all(thread.is_alive() for thread in others):
                return False
            health.look()
            if receiver.connected and (denied := [*denials(), *crowded()]):
                receiver.take_in(denied)
            if receiver.connected and former != settings.group:
                with suppress(OSError):  # a full disk: the next look tries again
                    replace(own.group, settings.group)
                    former = settings.group
        return True


def _former_group(own: Files) -> str:
    """The group that the broker's session belongs to, as last written down; only a hint."""
    try:
        return own.group.read_text("utf-8")
    except (OSError, UnicodeDecodeError):  # there is no file yet, or it is damaged
        return ""


def _sealer(settings: Settings, store: Store, registry: Registry) -> Sealer:
    pilot = settings.loaded_pilot
    growth = Growth(store, pilot, registry.spans)
    origin = f"{settings.log_origin}/{pilot.pilot}"
    return Sealer(settings.trace, pilot, growth, settings.base_url, origin)


def _readers(
    settings: Settings, account: str, spool: Spool, store: Store, registry: Registry
) -> tuple[Decoder, Checker]:
    """The decoder and the checker, with the memories of earlier messages from the spool."""
    pilot = settings.loaded_pilot
    seen, checks = split_memory(spool.seen())
    with suppress(RegistryAway):
        seen |= begun(store, registry.devices(), seen, now_ms() + AHEAD_MS)
    lane = (gateway_accounts().index(account), GATEWAYS) if settings.group else (0, 1)
    decoder = Decoder(
        pilot, registry.known, seen, spool.marks(), registry.by_eui, registry.refresh, lane,
        Shelf(settings.probes),
    )  # fmt: skip
    return decoder, Checker(pilot, checks)


def _watch(settings: Settings, own: Files, store: Store, registry: Registry, faults: Faults) -> Watch:
    ways: list[Channel] = []
    if settings.alert_email or settings.alert_webhook.get_secret_value():
        from gateway.control.alarms.sending import channels  # here: it loads the mail modules

        ways = channels(settings)
    return Watch(
        store, settings.loaded_pilot, own.alarms, channels=ways, lang=settings.lang,
        site=settings.base_url, devices=registry.devices, faults=faults,
    )  # fmt: skip


def _sender(settings: Settings, registry: Registry, ledger: Callable[[], Ledger]) -> Send | None:
    """The function that sends automatic commands. None unless this is the first of several gateways and it
    has the operator's password, which is the right to send them.
    """

    def send(device: str, actuator: str, value: float, until: int, by: str) -> Entry:
        return dispatch(settings, registry, ledger(), device, actuator, value, until, by)

    may = settings.operator_password.get_secret_value() and settings.instance == FIRST_INSTANCE
    return send if may else None


def _denials(settings: Settings) -> Callable[[], Sequence[str]]:
    """The function that returns new denials of the broker's rules; only the first gateway reports them."""
    if settings.mosquitto_denied is None or settings.instance != FIRST_INSTANCE:
        return tuple
    return Denials(settings.mosquitto_denied).new


def _registry(settings: Settings, own: Files, faults: Faults, stop: threading.Event) -> Registry | None:
    """Read the registry, retrying: without it every real device is unknown. None if stopped meanwhile."""
    own.trouble.unlink(missing_ok=True)  # left by a run that was killed
    registry, waiting = Registry(settings.registry_url, settings.loaded_pilot), Waiting("the gateway waits")
    registry.report = partial(faults.add, "registry")
    while True:
        try:
            registry.refresh()
        except RegistryAway as error:
            waiting.on(error)
            with suppress(OSError):  # a full disk
                replace(own.trouble, instance.trouble_text([error]))
            if stop.wait(RETRY):
                return None
        else:
            waiting.over()
            return registry


def _join(stop: threading.Event, threads: Sequence[threading.Thread]) -> None:
    stop.set()
    for thread in threads:
        if thread.ident is not None:
            thread.join()


class Diaries:
    """Keeps diary events, and seals harvests in a thread of its own: readings do not wait for records.

    While another instance holds the log, that instance seals the harvests that this one keeps. Sealed lots
    are written to the store for the boards, and `sealed_one` is called. `set_aside` puts messages that cannot
    be handled into the quarantine, durably; the same message again changes nothing. `answer` tells a device
    why its harvest or its entry about a lot was not sealed.
    """

    def __init__(
        self, sealer: Sealer, store: Store, pilot: Pilot, sealed_one: Callable[[], None],
        set_aside: Callable[[Sequence[Refusal]], None] = lambda _: None, faults: Faults | None = None,
    ) -> None:  # fmt: skip
        self.answer: Callable[[Refusal], None] = lambda _: None
        self._set_aside = set_aside
        self._faults = faults or Faults()
        self._sealer = sealer
        self._store = store
        self._pilot = pilot
        self._sealed_one = sealed_one
        self._new = threading.Event()
        self.trouble: Mendable | None = None  # why harvests wait, if not for the store

    def keep(self, events: Sequence[Written]) -> list[int]:
        """Keep `events`, durably; the same event again changes nothing. Returns the places of events whose id
        another event has. Raises RetryLater (a full disk).
        """
        again = [(one.device.community, one.event.id) for one in events if one.replayed]
        try:
            taken = self._sealer.keep([(one.device, one.event) for one in events], again)
        except sqlite3.DatabaseError as error:
            raise RetryLater("store.diary", why=why(error), alarm=True) from error
        self._new.set()
        return taken

    def run(self, stop: threading.Event) -> None:
        """Seal what is pending until `stop` is set."""
        waiting = Waiting("sealing waits")
        while not stop.is_set():
            self._new.clear()
            try:
                done = self.seal_some()
            except LogBusy:
                stop.wait(RETRY)  # the other instance seals; if it is gone by then, this one does
                continue
            # the store, room in the quarantine, or the disk: readings go on meanwhile
            except (RetryLater, SpoolFull, OSError, sqlite3.DatabaseError) as error:
                self.trouble = self._unsealed(error)
                waiting.on(self.trouble or error)
                stop.wait(RETRY)
                continue
            except CONTENT as error:  # a defect that no single event causes: it must not end the gateway
                self._faults.add("sealing", error)
                stop.wait(RETRY)
                continue
            self.trouble = None
            waiting.over()
            if not done:
                self._new.wait(WAIT)

    def _unsealed(self, error: Exception) -> Mendable | None:
        """What to tell of a full disk of the records; None for other errors, of which others tell."""
        known = mend(error, Mendable)
        full = isinstance(known, Mendable) and known is not error and known.key in FULL
        return Mendable("unwell.sealing", folder=self._sealer.folder, why=known) if full else None

    def seal_some(self, limit: int = 20) -> int:
        """Seal at most `limit` pending harvests and show them; returns how many. May raise RetryLater."""
        sealed = self._sealer.seal_pending(limit)
        points: list[Point] = []
        for one in sealed:
            if one.refused:
                continue
            where = tags(pilot=self._pilot.pilot, community=one.community, product=one.product)
            fields: dict[str, Value] = {
                # canonical JSON writes 1.0 as 1, and InfluxDB holds a field to the type that it first had
                "quantity": float(one.quantity_kg),
                "coverage": float(one.coverage or 0.0),
                "verified": one.leaf is not None,
                "simulated": one.simulated,
                "lot": one.key.lot,
            }
            points += told.points(where, fields, one.slots)
        if points:
            try:
                self._store.write(points)
            except RejectPoints as error:  # the records are sealed: a figure on a board must not stop sealing
                log.warning("%d lots are sealed but not on the boards: %s", len(error.bad), error)
            self._sealed_one()
        failed = self._sealer.unhandled()
        if failed:
            self._set_aside([self._refusal(one) for one in failed])
            for entry in failed:
                self._faults.add("diary", entry.error)
        self._sealer.note_published(sealed, failed)
        # last: all before may have to be repeated, for as long as the store or the disk takes nothing
        for one in sealed:
            if one.refused:
                log.warning("%s: harvest %s is not sealed: %s", one.community, one.harvest, one.refused)
        for unsealed in self._sealer.refused(sealed):
            message = Message(self._topic(unsealed.community, unsealed.device), b"", now_ms())
            self.answer(Refusal(message, "not_sealed", f"{unsealed.id}: {unsealed.reason}"))
        return len(sealed)

    def _refusal(self, failed: Unhandled) -> Refusal:
        """The refusal of a diary entry, with its message rebuilt as nearly as possible."""
        error = PayloadError("unhandled", failed.error)
        topic = self._topic(failed.community, failed.device)
        return Refusal(Message(topic, failed.body, now_ms()), error.reason, error.field)

    def _topic(self, community: str, device: str) -> str:
        return str(Topic(self._pilot.pilot, community, device or "unknown", "diary"))
