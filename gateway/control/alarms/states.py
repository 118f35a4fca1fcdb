"""The states of the alarms, and what people were told about them. No I/O; times are epoch ms.

    found at a moment ─► step ─► Alarm of each rule and key: pending, firing, ended ─► groups, one a place and
                                 quantity ─► due ─► Notice: begun, changed, still so, over, unknown ─► told

A place's state is compared with what was last told. So if messages could not be sent, one message about the
present state makes up for all of them, and a level that changes and comes back within `BETWEEN_MS` is not
mentioned.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from gateway.control.alarms.rules import OVERLAP_MS, Rule

# least time between two messages of one place and quantity, as in provisioning/contact
BETWEEN_MS = 5 * MINUTE_MS
NOTHING_MS = DAY_MS  # how long a rule that finds nothing at all keeps its state: the store may be filling
# longest pause between two looks that counts as watched: the watch looks each minute
LOOKED_MS = 3 * MINUTE_MS
AGAIN_MS = 12 * HOUR_MS  # a message is repeated after this time while the alarm still fires


class Key(NamedTuple):
    """What a number is about: the id of a place or the name of a gateway, and maybe a device."""

    place: str = ""
    device: str = ""


class Number(NamedTuple):
    """A number of a rule. None: the device it was about may not send any more.

    For a gauge, `readings` is the number of its readings in the running hour (only zero or not matters).
    `simulated` says whether the devices behind the number are simulated; None: some of them.
    """

    value: float | None
    readings: int = 1
    simulated: bool | None = False


AWAY: Literal["away"] = "away"  # stands for the answers while the store is away
Answers = Mapping[str, Mapping[Key, Number]]  # rule id → its numbers
Group = tuple[str, str]  # quantity, place: the subject of one message
Outcome = Literal["", "over", "lost"]  # how it ended: it is over, or nobody knows because its number is gone


@dataclass(slots=True)
class Alarm:
    """The state of one rule for one key. `since` is when it began to hold, moved on by times without a look;
    `held` is when it last held; from `began` on it fires.
    """

    rule: str
    key: Key
    since: int
    held: int
    value: float | None
    began: int = 0  # 0: it does not fire yet
    missed: int = 0  # since when it has no number; 0: it has one
    outcome: Outcome = ""
    # while it waits to fire again: `began` of the firing before, if its end was not told everywhere
    earlier: int = 0
    simulated: bool | None = False  # whether its number is of simulated devices; None: of real ones, too

    @property
    def firing(self) -> bool:
        return self.began > 0 and not self.outcome

    def put_back(self, at: int) -> None:
        """Move times that are later than now back to now: a clock that was ahead would hold the alarm up."""
        self.since, self.held = min(self.since, at), min(self.held, at)
        self.began, self.missed = min(self.began, at), min(self.missed, at)


@dataclass(slots=True)
class LastMessage:
    """The last message about a place and quantity: the alarms that it named, and its time `at`."""

    at: int
    named: frozenset[tuple[str, Key]]


class Notice(NamedTuple):
    """A message that is due, and the alarms that it names. `over`: none of them fires any more."""

    quantity: str
    place: str
    alarms: tuple[Alarm, ...]
    over: bool


@dataclass(slots=True)
class States:
    """The alarms of all rules. An ended alarm stays here until its end was told, or need not be told."""

    alarms: dict[tuple[str, Key], Alarm] = field(default_factory=dict)

    def step(self, rules: Iterable[Rule], answers: Answers | Literal["away"], at: int) -> bool:
        """Bring the alarms up to date with what was found at `at`; returns whether any began, ended or is
        pending anew. While the store is away only the rule about the store changes.
        """
        for one in self.alarms.values():
            one.put_back(at)
        before = self._shape()
        for rule in rules:
            if answers == AWAY:
                if rule.away_speaks:
                    self._hold(rule, Key(), None, at)
            elif numbers := answers.get(rule.id):
                self._hear(rule, numbers, at)
            elif rule.none_speaks:
                for key in self._keys(rule) or [Key()]:
                    self._hold(rule, key, None, at)
            else:
                for key in self._keys(rule):
                    self._miss(rule, key, at, NOTHING_MS)
        return self._shape() != before

    def _hear(self, rule: Rule, numbers: Mapping[Key, Number], at: int) -> None:
        for key, one in numbers.items():
            if one.value is None:
                continue
            if rule.condition.holds(one.value) and not (rule.query == "quiet" and one.readings):
                self._hold(rule, key, one.value, at).simulated = one.simulated
            else:
                self._release(rule, key, one.value, at)
        for key in self._keys(rule):
            if key not in numbers or numbers[key].value is None:
                self._miss(rule, key, at)

    def _keys(self, rule: Rule) -> list[Key]:
        return [one.key for one in self.alarms.values() if one.rule == rule.id and not one.outcome]

    def _shape(self) -> dict[tuple[str, Key], tuple[int, int, str]]:
        return {name: (one.since, one.began or one.held, one.outcome) for name, one in self.alarms.items()}

    def _hold(self, rule: Rule, key: Key, value: float | None, at: int) -> Alarm:
        one = self.alarms.get((rule.id, key))
        if one is None or one.outcome:
            earlier = one.began if one else 0
            one = self.alarms[rule.id, key] = Alarm(rule.id, key, at, at, value, earlier=earlier)
        if not one.began:  # nobody knows whether it held in a longer pause
            one.since += max(0, at - one.held - LOOKED_MS)
        one.held, one.missed, one.value = at, 0, value
        if not one.began and at - one.since >= rule.lasts:
            one.began, one.earlier = at, 0
        return one

    def _release(self, rule: Rule, key: Key, value: float, at: int) -> None:
        """The condition does not hold: a firing alarm goes on for the overlap, a pending one is dropped."""
        one = self.alarms.get((rule.id, key))
        if one is None or one.outcome:
            return
        one.missed, one.value = 0, value
        if not one.began:
            self._drop(one, "over")
        elif at - one.held >= OVERLAP_MS:
            one.outcome = "over"

    def _miss(self, rule: Rule, key: Key, at: int, patience: int = OVERLAP_MS) -> None:
        """The alarm has no number. After `patience` ms it is over if it fired because there was none, else
        lost: nobody knows.
        """
        one = self.alarms[rule.id, key]
        one.missed = one.missed or at
        if at - one.missed < patience:
            return
        outcome: Outcome = "over" if rule.bare and key == Key() else "lost"
        if one.began:
            one.outcome = outcome
        else:
            self._drop(one, outcome)

    def _drop(self, one: Alarm, outcome: Outcome) -> None:
        """Drop a pending alarm that does not fire after all; an earlier firing of it has ended still."""
        if one.earlier:
            one.began, one.earlier, one.outcome = one.earlier, 0, outcome
        else:
            del self.alarms[one.rule, one.key]

    def forget(self, channels: Iterable[Mapping[Group, LastMessage]]) -> None:
        """Delete ended alarms, except those that the last message on one of the `channels` named."""
        named = {name for channel in channels for group in channel.values() for name in group.named}
        for name in [name for name, one in self.alarms.items() if one.outcome and name not in named]:
            del self.alarms[name]

    def groups(self, rules: Mapping[str, Rule]) -> dict[Group, list[Alarm]]:
        """Return all alarms that fire or have ended, by quantity and place."""
        groups: dict[Group, list[Alarm]] = {}
        for one in self.alarms.values():
            if one.firing or one.outcome:
                groups.setdefault((rules[one.rule].quantity, one.key.place), []).append(one)
        return groups


def due(
    states: States, rules: Mapping[str, Rule], messages: Mapping[Group, LastMessage], at: int
) -> list[Notice]:
    """Return the messages to send at `at` on a channel, given the last `messages` on it: one a place and
    quantity. Messages about severe alarms come first, those about ended alarms last.
    """
    notices = []
    for group, alarms in states.groups(rules).items():
        last = messages.get(group)
        if last is not None and at - last.at < BETWEEN_MS:
            continue
        named = highest([one for one in alarms if one.firing], rules)
        if named:
            if last is None or at - last.at >= AGAIN_MS or names(named) != last.named:
                notices.append(Notice(*group, named, over=False))
        elif last is not None and (
            ended := highest([one for one in alarms if (one.rule, one.key) in last.named], rules)
        ):
            notices.append(Notice(*group, ended, over=True))

    def urgency(one: Notice) -> tuple[bool, bool]:
        return one.over, not any(rules[alarm.rule].severe for alarm in one.alarms)

    return sorted(notices, key=urgency)


def highest(alarms: Iterable[Alarm], rules: Mapping[str, Rule]) -> tuple[Alarm, ...]:
    """Return the alarms of the highest level, and those without a level."""
    some = sorted(alarms, key=lambda one: (rules[one.rule].level == "", one.rule, one.key))
    top = max((rules[one.rule].level for one in some), default="")
    return tuple(one for one in some if rules[one.rule].level in ("", top))


def names(alarms: Iterable[Alarm]) -> frozenset[tuple[str, Key]]:
    """Return the identity of the alarms: rule and key."""
    return frozenset((one.rule, one.key) for one in alarms)
