"""The text of an alarm: the same sentences as in Grafana's messages, from the same catalogue.

alarm ─► summary: what, how much ─┐
key ─► place: kind, name, commune ┴─► lines ─► title, text with what to do and where to look
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from devices.clock import day_of, now_ms
from devices.contract.models import device_name
from devices.pilots.pilot import Pilot
from devices.pilots.places import Community, Place
from devices.texts import number, text, with_unit
from gateway.control.alarms.rules import Rule
from gateway.control.alarms.states import Alarm, Key, Notice

# Most alarms that one message writes out: a hundred silent devices are one power cut, and a chat takes 4,096
# characters.
MOST_NAMED = 10


def place_name(place: Place, commune: str, lang: str) -> str:
    """Return a place as messages name it: kind, name, commune."""
    kind = place.kind.replace("-", "_") if isinstance(place, Community) else "village"
    return text(
        "alerts.place", lang, kind=text(f"boards.kind_{kind}", lang), name=place.name, commune=commune
    )


@dataclass(frozen=True, slots=True)
class Message:
    """A message to people: a one-line `title`, the whole `text`, and for programs the notice behind it."""

    title: str
    text: str
    notice: Notice


class Refused(OSError):
    """The server is reachable but refuses this message; it may take the next."""


class Channel(Protocol):
    """A way to reach people. `name` is the key under which its sent messages are remembered."""

    name: str

    def send(self, message: Message) -> None:
        """Send a message. When this returns, the server has taken it. Raises Refused, or else OSError; even
        then the server may have taken it.
        """


class Words:
    """Writes one pilot's messages in one language. `models`: device → model; `site`: the pages' address."""

    def __init__(
        self, pilot: Pilot, rules: Mapping[str, Rule], lang: str, site: str,
        models: Callable[[], Mapping[str, str]],
    ) -> None:  # fmt: skip
        self.lang = lang
        self._pilot = pilot
        self._rules = rules
        self._site = site.rstrip("/")
        self._models = models

    def message(self, notice: Notice) -> Message:
        """Return a notice as a message."""
        named = notice.alarms[:MOST_NAMED]
        lines = [self._ended(one) if notice.over else self.named(one) for one in named]
        more = []
        if others := len(notice.alarms) - len(named):
            more = [text("alerts.more", self.lang, count=others)]
        title = " ".join(f"{line}." for line in (*lines, *more))
        if notice.over:
            return Message(title, "\n".join((*lines, *more)) + "\n", notice)
        look = f"{text('alerts.look', self.lang)}: {self.link(notice.place)}"
        blocks = [
            f"{line}\n{self._rules[one.rule].advice(self.lang)}\n{look}\n"
            for line, one in zip(lines, named, strict=True)
        ]
        return Message(title, "\n".join((*blocks, *(f"{line}\n" for line in more))), notice)

    def link(self, place: str) -> str:
        """Return the address of the page that shows `place`."""
        return f"{self._site}/place/{place}" if place in self._pilot.place else f"{self._site}/"

    def named(self, alarm: Alarm) -> str:
        """Return what, how much and where."""
        return self.summary(alarm) + self._where(alarm)

    def brief(self, alarms: Sequence[Alarm]) -> str:
        """Return the same of several alarms, for a page that shows their place beside them, and whether all
        are of simulated devices; where only some are, each of these is marked.
        """
        mixed = len({one.simulated for one in alarms}) > 1
        parts = []
        for one in alarms:
            who = self._who(self._rules[one.rule], one.key)
            said = self.summary(one) if mixed else self._summary(one)
            parts.append(f"{said} – {who}" if who else said)
        return "; ".join(parts)

    def summary(self, alarm: Alarm) -> str:
        """Return what, and how much of it."""
        return self._of(alarm, self._summary(alarm))

    def _summary(self, alarm: Alarm) -> str:
        rule = self._rules[alarm.rule]
        title = rule.title(self.lang)
        return title if alarm.value is None else title + self._value(rule, alarm.value)

    def _ended(self, alarm: Alarm) -> str:
        """Say that the alarm is over, with the number that shows it, or that nobody knows."""
        rule = self._rules[alarm.rule]
        sentence = text(
            f"alerts.{'lost' if alarm.outcome == 'lost' else 'calm'}", self.lang, what=rule.title(self.lang)
        )
        if alarm.outcome != "lost" and alarm.value is not None:
            sentence += self._value(rule, alarm.value)
        return self._of(alarm, sentence) + self._where(alarm)

    def _of(self, alarm: Alarm, sentence: str) -> str:
        """Mark a sentence about simulated devices, so that nobody acts on it as on one about real ones."""
        return text("alerts.simulated", self.lang, said=sentence) if alarm.simulated else sentence

    def _value(self, rule: Rule, value: float) -> str:
        if rule.value is None:
            return ""
        written = number(abs(value) if rule.absolute else value, self.lang, rule.decimals(value))
        return f": {with_unit(written, rule.value[1])}"

    def _where(self, alarm: Alarm) -> str:
        where = self.where(self._rules[alarm.rule], alarm.key)
        return f" – {where}" if where else ""

    def where(self, rule: Rule, key: Key) -> str:
        """Return the place, device or gateway in words; a place that the pilot file lacks keeps its id."""
        who = self._who(rule, key)
        if not key.place or rule.where == "instance":
            return who
        place = self._pilot.place.get(key.place)
        if place is None:
            named = key.place
        else:
            commune = self._pilot.commune(place, day_of(now_ms(), self._pilot.zone))
            named = place_name(place, commune, self.lang)
        return f"{who}, {named}" if who else named

    def _who(self, rule: Rule, key: Key) -> str:
        """Return the device or gateway in words, "" for an alarm about a place."""
        if key.device:
            return device_name(key.device, key.place, self._models().get(key.device, ""), self.lang)
        return (
            f"{text('alerts.instance', self.lang)} {key.place}"
            if key.place and rule.where == "instance"
            else ""
        )
