"""The advice thread: applies the rules every ten minutes, and acts on them where the pilot allows it.

The pilot file's `automatic` says where and how much it may act. A file `automatic-off` in the data folder
stops all automatic commands at once (`hoiquan advice off`). Advice from a simulated reading moves only
simulated actuators. An actuator that is already held by a command, such as a person's, is left alone.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from devices.clock import DAY_MS, MINUTE_MS, now_ms
from devices.contract.orders import CARRIED
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from gateway.control.ledger import Entry, Ledger
from gateway.control.rules import Advice, advise, points
from gateway.stores.store import RejectPoints, RetryLater, Store
from gateway.stores.waiting import Waiting

log = logging.getLogger(__name__)
EVERY = 600.0  # seconds between two looks
BY = "advice"  # who sent an automatic command, in the ledger
OFF = "automatic-off"
Send = Callable[[str, str, float, int, str], Entry]  # device, actuator, set, until, by


class Advisor:
    """Gives advice and acts on it. `send` sends a command and may raise OSError or ValueError; it is None if
    this gateway sends no commands.
    """

    def __init__(
        self, store: Store, pilot: Pilot, devices: Callable[[], list[Device]], data: Path,
        ledger: Callable[[], Ledger], send: Send | None,
    ) -> None:  # fmt: skip
        self._store = store
        self._pilot = pilot
        self._devices = devices
        self._off = data / OFF
        self._ledger = ledger
        self._send = send
        self.faults = 0  # looks that ended in an unforeseen error
        self._last_fault = ""
        self._waiting = Waiting("advice waits")
        self._refused = Waiting("the store refuses advice")

    def run(self, stop: threading.Event) -> None:
        """Look every EVERY seconds until `stop` is set. A look that fails is repeated at the next turn."""
        while not stop.is_set():
            self.try_look(now_ms())
            stop.wait(EVERY)

    def try_look(self, now: int) -> None:
        """Call `look`, and log its errors."""
        try:
            self.look(now)
        except (RetryLater, OSError) as error:
            self._waiting.on(error)
        except Exception as error:
            # An error here would end this thread, and with it the gateway; readings matter more than advice.
            self.faults += 1
            if (fault := repr(error)) != self._last_fault:
                log.exception("no advice: an error that this program does not know; it is said once")
            self._last_fault = fault
        else:
            self._waiting.over()

    def look(self, now: int) -> list[Advice]:
        """Write the advice of epoch ms `now`, and act on it where allowed. Raises RetryLater, OSError."""
        if not self._pilot.advice.rules:
            return []
        looked = advise(self._store, self._pilot, now, self._devices())
        try:
            self._store.write(points(self._store, self._pilot, looked, now))
            self._refused.over()
        except RejectPoints as error:
            self._refused.on(error)
        for one in looked.advised:
            self._act(one, now)
        return looked.advised

    def _act(self, advice: Advice, now: int) -> None:
        allowed, remedy = self._pilot.advice.automatic, advice.command
        if self._send is None or remedy is None or not allowed.enabled or self._off.exists():
            return
        if advice.community not in allowed.communities:
            return
        ledger = self._ledger()
        for device in self._devices():
            if device.community != advice.community or device.simulated != advice.simulated:
                continue
            if remedy.actuator not in CARRIED.get(device.model, ()):
                continue
            used = ledger.minutes(device.device, remedy.actuator, BY, now - DAY_MS)
            minutes = min(remedy.minutes, allowed.most_minutes_a_day - used)
            if minutes <= 0 or ledger.holding(device.device, remedy.actuator, now):
                continue
            until = now + round(minutes * MINUTE_MS)
            try:
                entry = self._send(device.device, remedy.actuator, remedy.set, until, BY)
            except ValueError as error:
                log.warning("%s: %s", advice.rule, error)
                continue
            became = "done" if entry.ok else entry.error or "no answer"
            log.info("%s: %s %s for %.0f min: %s", advice.rule, entry.device, entry.actuator, minutes, became)
