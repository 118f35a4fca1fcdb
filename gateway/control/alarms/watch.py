"""The watch: each minute asks the store, brings the states up to date, writes them down, tells people.

Numbers ─► States ─► due ─► Channel (webhook, mail) ─► told ─┬─► DATA/gateway/alarms: a restart goes on
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
    States,
    Told,
    due,
    highest,
    names,
)
from gateway.ingest.faults import Faults
from gateway.stores.points import Point, Value, tags
from gateway.stores.store import RejectPoints, RetryLater, Store

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds
MOST_REFUSED = 20  # messages of a look: then it is not the messages that are wrong


class ToldOf(BaseModel):
    """What was told of a place and quantity, as it is written down."""

    group: Group
    at: int
    named: list[tuple[str, Key]]


class Remembered(BaseModel):
    """What outlives this process: what fires, what was told by whom."""

    alarms: list[Alarm] = []
    told: dict[str, list[ToldOf]] = {}


class Watch:
    """Watches one pilot's store. `devices` gives who may speak, with the model that names it; where nobody
    says, the pilot's own fleet. `site` is the address of the pages; `file` is where it remembers.
    """

    def __init__(
        self, store: Store, pilot: Pilot, file: Path, *, channels: Sequence[Channel] = (), lang: Lang = "vi",
        site: str = "", devices: Callable[[], Collection[Device]] | None = None, faults: Faults | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._pilot = pilot
        self._file = file
        self._channels = channels
        self._rules = {one: {rule.id: rule for rule in rules(pilot, one)} for one in LANGS}
        self._ruled = self._rules[lang]
        self._numbers = Numbers(store, pilot, self._ruled.values())
        self._devices = devices or pilot.fleet.values
        self._speaking: Collection[Device] | None = None  # as of this look; None: it was not read yet
        self._models: dict[str, str] = {}  # the same by name: a hundred silent devices are a hundred names
        self._words = {
            one: Words(pilot, ruled, one, site, lambda: self._models) for one, ruled in self._rules.items()
        }
        self._lang = lang
        self._faults = faults or Faults()
        self._held_up: dict[str, str] = {}  # channel → why it takes nothing, said once
        self._unwritten = True  # what it read may be of another pilot file
        kept = remembered(file)
        self._states = States({(one.rule, one.key): one for one in kept.alarms if one.rule in self._ruled})
        self._told = {
            channel.name: {
                one.group: Told(one.at, frozenset(name for name in one.named if name in self._states.alarms))
                for one in kept.told.get(channel.name, ())
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
        """`look`, and a log line where it does not succeed."""
        try:
            self.look(at, stop)
        except RetryLater as error:
            log.warning("alarms cannot be shown on the pages: %s", error)
        except OSError as error:
            log.warning("what is in alarm cannot be written down: %s", error)
        except CONTENT as error:  # the gateway ends with this thread, and readings go before alarms
            self._faults.add("alarms", error)

    def look(self, at: int, stop: threading.Event | None = None) -> None:
        """Look once, at epoch ms `at`. Raises RetryLater, OSError: what was found and told is kept."""
        with suppress(RegistryAway):  # those of the look before
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
                changed |= self._tell(channel, at, stop)
        self._states.forget(self._told.values())
        self._unwritten |= changed
        try:
            if answers is not None:
                self._store.write(self._points(groups, at))
        except RejectPoints as error:
            log.warning("the store refuses %d alarms: %s", len(error.bad), error)
        finally:
            if self._unwritten:
                self._remember()
                self._unwritten = False
            os.utime(self._file)  # its time says when was looked last

    def _tell(self, channel: Channel, at: int, stop: threading.Event | None) -> bool:
        """Send what is due; what cannot be sent is due again at the next look. Whether anything was sent."""
        told, sent, wrong, refused = self._told[channel.name], False, "", 0
        for one in told.values():
            one.at = min(one.at, at)  # the clock may have been put back
        for notice in due(self._states, self._ruled, told, at):
            if stop is not None and stop.is_set():
                break
            try:
                channel.send(self._words[self._lang].message(notice))
            except Refused as error:  # of this one alone: those behind it are sent
                wrong, refused = wrong or str(error), refused + 1
                if refused == MOST_REFUSED:
                    break
                continue
            except OSError as error:
                wrong = str(error)
                break
            told[notice.quantity, notice.place] = Told(
                at, frozenset() if notice.over else names(notice.alarms)
            )
            sent = True
            with suppress(OSError):  # after a kill what was told is not told again; a full disk is said later
                self._remember()
        if wrong and self._held_up.get(channel.name) != wrong:
            log.warning("alarms cannot be sent by %s, again each minute: %s", channel.name, wrong)
        self._held_up[channel.name] = wrong
        for group in [group for group, one in told.items() if not one.named and at - one.at >= BETWEEN_MS]:
            del told[group]
        return sent

    def _remember(self) -> None:
        told = {
            name: [ToldOf(group=group, at=one.at, named=sorted(one.named)) for group, one in groups.items()]
            for name, groups in self._told.items()
        }
        kept = Remembered(alarms=list(self._states.alarms.values()), told=told)
        replace(self._file, kept.model_dump_json(), 0o600)

    def _points(self, groups: Mapping[Group, list[Alarm]], at: int) -> list[Point]:
        """What fires, and what has just ended, as points of the hour."""
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
            "text": "; ".join(self._words["vi"].brief(one) for one in shown),
            "text_en": "; ".join(self._words["en"].brief(one) for one in shown),
        }
        if shown[0].value is not None:
            fields["value"] = shown[0].value
        return Point("alarm_now", tags(**where), fields, at // HOUR_MS * HOUR_MS)


def read(file: Path) -> Remembered:
    """What a watch wrote down. Raises OSError, ValidationError."""
    return Remembered.model_validate_json(file.read_bytes())


def remembered(file: Path) -> Remembered:
    """The same; nothing where it has not written, or where the file is damaged."""
    try:
        return read(file)
    except FileNotFoundError:
        return Remembered()
    except (OSError, ValidationError) as error:
        log.warning("%s cannot be read, alarms begin anew: %s", file, error)
        return Remembered()
