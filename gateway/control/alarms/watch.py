"""The watch: reads the store every minute, updates the alarm states, saves them, and tells people.

Numbers ─► States ─► due ─► Channel (webhook, mail) ─► told ─┬─► DATA/gateway/alarms: kept over a restart
                                                             └─► alarm_now in the store: pages, boards
"""

import logging
import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from devices.access.database import RegistryAway
from devices.clock import HOUR_MS, now_ms
from devices.contract.reading import Device
from devices.errors import CONTENT
from devices.files import replace
from devices.pilots.pilot import Pilot
from devices.texts import LANGS, Lang
from gateway.control.alarms.message import Channel, Refused, Words
from gateway.control.alarms.numbers import Numbers
from gateway.control.alarms.rules import rules
from gateway.control.alarms.states import (
    AWAY,
    BETWEEN_MS,
    Alarm,
    Group,
    Key,
    LastMessage,
    States,
    due,
    highest,
    names,
)
from gateway.ingest.faults import Faults
from gateway.stores.points import Point, Value, tags
from gateway.stores.store import RejectPoints, RetryLater, Store
from gateway.stores.waiting import Waiting

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds between two looks
MOST_REFUSED = 20  # refused messages in one look; with more the fault is not in the messages


class SavedMessage(BaseModel):
    """The last message about a place and quantity, as saved in the file."""

    group: Group
    at: int
    named: list[tuple[str, Key]]


class Remembered(BaseModel):
    """What a restart keeps: the alarms, and what was told on each channel."""

    alarms: list[Alarm] = []
    told: dict[str, list[SavedMessage]] = {}


class Watch:
    """Watches one pilot's store. `devices` returns the devices that may send now, with the model that names
    them; without it the pilot's own fleet counts. `site` is the address of the pages; `file` keeps the state.
    """

    def __init__(
        self, store: Store, pilot: Pilot, file: Path, *, channels: Sequence[Channel] = (), lang: Lang = "vi",
        site: str = "", devices: Callable[[], Collection[Device]] | None = None, faults: Faults | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._pilot = pilot
        self._file = file
        self._waiting = Waiting("alarms cannot be shown or written down")
        self._refused = Waiting("the store refuses alarms")
        self._channels = channels
        self._rules = {one: {rule.id: rule for rule in rules(pilot, one)} for one in LANGS}
        self._ruled = self._rules[lang]
        self._numbers = Numbers(store, pilot, self._ruled.values())
        self._devices = devices or pilot.fleet.values
        self._speaking: Collection[Device] | None = None  # as of this look; None: not read yet
        # device → model, looked up once for messages that name a hundred silent devices
        self._models: dict[str, str] = {}
        self._words = {
            one: Words(pilot, ruled, one, site, lambda: self._models) for one, ruled in self._rules.items()
        }
        self._lang = lang
        self._faults = faults or Faults()
        self._held_up: dict[str, str] = {}  # channel → why it takes nothing, logged once
        self._unwritten = True  # the file may be of another pilot file
        memory = remembered(file)
        self._states = States({(one.rule, one.key): one for one in memory.alarms if one.rule in self._ruled})
        self._messages = {
            channel.name: {
                one.group: LastMessage(one.at, frozenset(one.named).intersection(self._states.alarms))
                for one in memory.told.get(channel.name, ())
            }
            for channel in channels
        }

    def run(self, stop: threading.Event) -> None:
        """Look each minute until `stop` is set; a pilot without alarms has nothing to look for."""
        if not self._ruled:
            stop.wait()
        while not stop.is_set():
            self.try_look(now_ms(), stop)
            stop.wait(EVERY)

    def try_look(self, at: int, stop: threading.Event | None = None) -> None:
        """Call `look`, and log its errors."""
        try:
            self.look(at, stop)
        except (RetryLater, OSError) as error:
            self._waiting.on(error)
        # an error would end this thread, and with it the gateway; readings matter more than alarms
        except CONTENT as error:
            self._faults.add("alarms", error)
        else:
            self._waiting.over()

    def look(self, at: int, stop: threading.Event | None = None) -> None:
        """Look once, at epoch ms `at`. Raises RetryLater, OSError; the states and what was told are kept."""
        with suppress(RegistryAway):  # keep the devices of the look before
            self._speaking = self._devices()
            self._models = {one.device: one.model for one in self._speaking}
        try:
            answers = self._numbers.look(at, self._speaking)
        except RetryLater:
            answers = None
        changed = self._states.step(self._ruled.values(), AWAY if answers is None else answers, at)
        groups = self._states.groups(self._ruled)
        for channel in self._channels:
            if stop is None or not stop.is_set():
                changed |= self._send_due(channel, at, stop)
        self._states.forget(self._messages.values())
        self._unwritten |= changed
        try:
            if answers is not None:
                self._store.write(self._points(groups, at))
                self._refused.over()
        except RejectPoints as error:
            self._refused.on(error)
        finally:
            if self._unwritten:
                self._remember()
                self._unwritten = False
            os.utime(self._file)  # the file's time tells when the watch last looked

    def _send_due(self, channel: Channel, at: int, stop: threading.Event | None) -> bool:
        """Send what is due; returns whether anything was sent. What fails is due again at the next look."""
        messages, sent, wrong, refused = self._messages[channel.name], False, "", 0
        for one in messages.values():
            one.at = min(one.at, at)  # the clock may have been put back
        for notice in due(self._states, self._ruled, messages, at):
            if stop is not None and stop.is_set():
                break
            try:
                channel.send(self._words[self._lang].message(notice))
            except Refused as error:  # only this message is refused; go on with the next
                wrong, refused = wrong or str(error), refused + 1
                if refused == MOST_REFUSED:
                    break
                continue
            except OSError as error:
                wrong = str(error)
                break
            messages[notice.quantity, notice.place] = LastMessage(
                at, frozenset() if notice.over else names(notice.alarms)
            )
            sent = True
            # saved at once, so that a kill does not repeat the message; a full disk is reported later
            with suppress(OSError):
                self._remember()
        if wrong and self._held_up.get(channel.name) != wrong:
            log.warning("alarms cannot be sent by %s, again each minute: %s", channel.name, wrong)
        self._held_up[channel.name] = wrong
        for group, one in list(messages.items()):
            if not one.named and at - one.at >= BETWEEN_MS:
                del messages[group]
        return sent

    def _remember(self) -> None:
        told = {
            name: [
                SavedMessage(group=group, at=one.at, named=sorted(one.named))
                for group, one in messages.items()
            ]
            for name, messages in self._messages.items()
        }
        memory = Remembered(alarms=list(self._states.alarms.values()), told=told)
        replace(self._file, memory.model_dump_json(), 0o600)

    def _points(self, groups: Mapping[Group, list[Alarm]], at: int) -> list[Point]:
        """Return what fires, and what has just ended, as points of the hour."""
        return [self._point(group, alarms, at) for group, alarms in groups.items()]

    def _point(self, group: Group, alarms: list[Alarm], at: int) -> Point:
        quantity, place = group
        firing = highest([one for one in alarms if one.firing], self._ruled)
        shown = firing or highest(alarms, self._ruled)
        rules = [self._ruled[one.rule] for one in shown]
        where = {"pilot": self._pilot.pilot, "quantity": quantity}
        if place:
            where["instance" if rules[0].where == "instance" else "community"] = place
        fields: dict[str, Value] = {
            "state": "firing"
            if firing
            else "lost"
            if any(one.outcome == "lost" for one in shown)
            else "over",
            "level": max(rule.level for rule in rules),
            "severe": any(rule.severe for rule in rules),
            "since": min(one.began for one in shown),
            "looked": at,
            "text": self._words["vi"].brief(shown),
            "text_en": self._words["en"].brief(shown),
        }
        if rules[0].where in ("community", "device"):
            kinds = {one.simulated for one in shown}
            fields["simulated"], fields["real"] = kinds == {True}, kinds == {False}
        if shown[0].value is not None:
            fields["value"] = shown[0].value
        return Point("alarm_now", tags(**where), fields, at // HOUR_MS * HOUR_MS)


def read(file: Path) -> Remembered:
    """Return what a watch saved. Raises OSError, ValidationError."""
    return Remembered.model_validate_json(file.read_bytes())


def remembered(file: Path) -> Remembered:
    """Return the same; empty if nothing was saved or the file is damaged."""
    try:
        return read(file)
    except FileNotFoundError:
        return Remembered()
    except (OSError, ValidationError) as error:
        log.warning("%s cannot be read, alarms begin anew: %s", file, error)
        return Remembered()
