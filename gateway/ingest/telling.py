"""Once messages are settled: count them by community, and tell the senders of refused ones why."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from devices.contract import topics
from devices.contract.payloads import PayloadError
from devices.contract.reading import Device
from gateway.ingest.decode import Decoded
from gateway.ingest.faults import Faults
from gateway.ingest.message import Refusal

log = logging.getLogger(__name__)
ANSWERED = 100  # refusals of a batch that are logged and answered: a flood must not cause another one


class Publishes(Protocol):
    """See `receive.Receiver`."""

    def publish(self, topic: str, payload: bytes) -> None: ...


class Telling:
    """Counts settled messages and answers refused ones. `find` gives the device of an id, or None if it may
    not send. `rates` counts since the start by community ("" where it is unknown) and outcome: readings
    stored, messages duplicate or quarantined. Safe to use from several threads.
    """

    def __init__(self, publishes: Publishes, find: Callable[[str], Device | None], faults: Faults) -> None:
        self._publishes = publishes
        self._find = find
        self._faults = faults
        self._lock = threading.Lock()
        self.rates: Counter[tuple[str, str]] = Counter()

    def settled(self, decoded: Decoded) -> None:
        """Count a settled batch, and tell the senders of refused messages why; of a retained message that is
        in the quarantine already also, since whoever looks for its cause listens now.
        """
        self._count(decoded)
        refused = list(decoded.refused.values())
        for refusal in refused[:ANSWERED]:
            self.answer(refusal)
        for refusal in list(decoded.again.values())[:ANSWERED]:
            self._tell(refusal)
        for refusal in refused:
            if refusal.reason == "unhandled":
                self._faults.add("messages", refusal.field)
        if len(refused) > ANSWERED:
            log.warning("refused: %d messages more: hoiquan quarantine list", len(refused) - ANSWERED)

    def _count(self, decoded: Decoded) -> None:
        refused = [self._community(refusal) for refusal in decoded.refused.values()]
        repeated = [self._community(refusal) for refusal in decoded.again.values()]
        with self._lock:
            rates = self.rates
            rates.update((reading.device.community, "stored") for reading in decoded.readings)
            rates.update((device.community, "duplicate") for device in decoded.repeated.values())
            rates.update((community, "duplicate") for community in repeated)
            rates.update((community, "quarantined") for community in refused)

    def answer(self, refusal: Refusal) -> None:
        """Log one line, and send the reason back to the device if the topic names one."""
        error = PayloadError(refusal.reason, refusal.field)
        log.warning("refused: %.200r: %s", refusal.message.topic, " ".join(error.sentence("en").split()))
        self._tell(refusal)

    def _tell(self, refusal: Refusal) -> None:
        """Send the reason to the device if the topic names one."""
        error = PayloadError(refusal.reason, refusal.field)
        device = self._sender(refusal.message.topic)
        try:  # the answer goes to the device's own topic: it may listen on no other
            topic = (
                topics.Topic(device.pilot, device.community, device.device, "rejected")
                if device is not None
                else topics.parse(refusal.message.topic)
            )
        except topics.TopicError:
            return
        answer = {"reason": refusal.reason, "vi": error.sentence("vi"), "en": error.sentence("en")}
        payload = json.dumps(answer, ensure_ascii=False).encode()
        self._publishes.publish(str(topic._replace(kind="rejected")), payload)

    def _community(self, refusal: Refusal) -> str:
        """The community of a message's sender, "" if it is unknown."""
        device = self._sender(refusal.message.topic)
        return "" if device is None else device.community

    def _sender(self, topic: str) -> Device | None:
        """The device that a topic names, or whose message the broker turned away; None if it is unknown."""
        name = topics.denied_to(topic) or topics.speaker(topic)
        return None if name is None else self._find(name)
