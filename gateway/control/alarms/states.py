"""What begins, lasts and ends: the states of the rules, and what people were told. Pure; times are epoch ms.

    found at a moment ─► step ─► Alarm of each rule and key: pending, firing, ended ─► groups, one a place and
                                 quantity ─► due ─► Notice: begun, changed, still so, over, unknown ─► told

What a place's state is, is held against what was told last: what nobody could be told is made up for by one
message of how it is then, and a level that changed and came back within `BETWEEN_MS` is not spoken of.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS
from gateway.control.alarms.rules import OVERLAP_MS, Rule

BETWEEN_MS = 5 * MINUTE_MS  # between two messages of one place and quantity, as provisioning/contact has it
NOTHING_MS = DAY_MS  # for which a rule that finds nothing at all keeps its state: the store may be filling
LOOKED_MS = 3 * MINUTE_MS  # that count between two looks at most: the watch looks each minute
AGAIN_MS = 12 * HOUR_MS  # after which what still fires is told again


class Key(NamedTuple):
    """Whose number it is: the id of a place, or the name of a gateway; and a device where it is one's."""

    place: str = ""
    device: str = ""


class Found(NamedTuple):
    """A number, and of a gauge how many readings the running hour has of it (only 0 or not is meant), and
    whether it is a simulated one's. None: whoever it was of may not speak any more.
    """

    value: float | None
    readings: int = 1
    simulated: bool = False


AWAY: Literal["away"] = "away"  # what was found while the store does not answer
Answers = Mapping[str, Mapping[Key, Found]]  # rule id → what it found
Group = tuple[str, str]  # quantity, place: what one message is about
Outcome = Literal["", "over", "lost"]  # how it ended: it is over, or nobody knows, as its number is gone


@dataclass(slots=True)
class Alarm:
    """The state of one rule at one key. It fires from `began` on; `since` it has held, but for times in which
    nobody looked; `held` when last.
    """

    rule: str
    key: Key
    since: int
    held: int
    value: float | None
    began: int = 0  # 0: it does not fire yet
    missed: int = 0  # since when it has no number; 0: it has one
    outcome: Outcome = ""
    earlier: int = 0  # it waits to fire again: when it began before, whose end somebody was not told
    simulated: bool = False  # its number is a simulated gauge's

    @property
    def firing(self) -> bool:
        return self.began > 0 and not self.outcome

    def put_back(self, at: int) -> None:
        """Nothing of it is later than now: a clock that was ahead would hold it up until then."""
        self.since, self.held = min(self.since, at), min(self.held, at)
        self.began, self.missed = min(self.began, at), min(self.missed, at)


@dataclass(slots=True)
class Told:
    """What was told of a place and quantity: the alarms (rule, key) that the last message of `at` named."""

    at: int
    named: frozenset[tuple[str, Key]]


class Notice(NamedTuple):
    """A message that is due: the alarms that it names. `over`: none of them fires any more."""

    quantity: str
    place: str
    alarms: tuple[Alarm, ...]
    over: bool


@dataclass(slots=True)
class States:
    """Of all rules. What ended stays here until it was told, or need not be."""

    alarms: dict[tuple[str, Key], Alarm] = field(default_factory=dict)

    def step(self, rules: Iterable[Rule], answers: Answers | Literal["away"], at: int) -> bool:
        """What was found at `at`; whether anything began, ended or is waited for. While the store is
        away, all but the rule about it keep their state.
        """
        for one in self.alarms.values():
            one.put_back(at)
        before = self._shape()
        for rule in rules:
            if answers == AWAY:
                if rule.away_speaks:
                    self._hold(rule, Key(), None, at)
            elif found := answers.get(rule.id):
                self._hear(rule, found, at)
            elif rule.none_speaks:
                for key in self._keys(rule) or [Key()]:
                    self._hold(rule, key, None, at)
            else:
                for key in self._keys(rule):
                    self._miss(rule, key, at, NOTHING_MS)
        return self._shape() != before

    def _hear(self, rule: Rule, found: Mapping[Key, Found], at: int) -> None:
        for key, one in found.items():
            if one.value is None:
                continue
            if rule.condition.holds(one.value) and not (rule.asked == "quiet" and one.readings):
                self._hold(rule, key, one.value, at).simulated = one.simulated
            else:
                self._release(rule, key, one.value, at)
        for key in self._keys(rule):
            if key not in found or found[key].value is None:
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
        if not one.began:  # whether it held in a longer pause nobody knows
            one.since += max(0, at - one.held - LOOKED_MS)
        one.held, one.missed, one.value = at, 0, value
        if not one.began and at - one.since >= rule.lasts:
            one.began, one.earlier = at, 0
        return one

    def _release(self, rule: Rule, key: Key, value: float, at: int) -> None:
        """Its number does not hold: what fires goes on for the overlap, what waited begins anew."""
        one = self.alarms.get((rule.id, key))
        if one is None or one.outcome:
            return
        one.missed, one.value = 0, value
        if not one.began:
            self._drop(one, "over")
        elif at - one.held >= OVERLAP_MS:
            one.outcome = "over"

    def _miss(self, rule: Rule, key: Key, at: int, patience: int = OVERLAP_MS) -> None:
        """It has no number. What spoke as there was none is over; of all else nobody knows, once it has been
        so for `patience` ms.
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
        """It waited and does not fire after all; what it was before has ended still."""
        if one.earlier:
            one.began, one.earlier, one.outcome = one.earlier, 0, outcome
        else:
            del self.alarms[one.rule, one.key]

    def forget(self, told: Iterable[Mapping[Group, Told]]) -> None:
        """Let go of what has ended, but for what was `told` to somebody who waits for its end."""
        named = {name for channel in told for group in channel.values() for name in group.named}
        for name in [name for name, one in self.alarms.items() if one.outcome and name not in named]:
            del self.alarms[name]

    def groups(self, rules: Mapping[str, Rule]) -> dict[Group, list[Alarm]]:
        """All that fire, or have ended, by quantity and place."""
        groups: dict[Group, list[Alarm]] = {}
        for one in self.alarms.values():
            if one.firing or one.outcome:
                groups.setdefault((rules[one.rule].quantity, one.key.place), []).append(one)
        return groups


def due(states: States, rules: Mapping[str, Rule], told: Mapping[Group, Told], at: int) -> list[Notice]:
    """The messages that are to be sent at `at`, to whom `told` was told: one a place and quantity; those of
    what is severe first, those of what is over last.
    """
    notices = []
    for group, alarms in states.groups(rules).items():
        last = told.get(group)
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
    """Those of the highest level, and those without one."""
    some = sorted(alarms, key=lambda one: (rules[one.rule].level == "", one.rule, one.key))
    top = max((rules[one.rule].level for one in some), default="")
    return tuple(one for one in some if rules[one.rule].level in ("", top))


def names(alarms: Iterable[Alarm]) -> frozenset[tuple[str, Key]]:
    """What tells these alarms from others."""
    return frozenset((one.rule, one.key) for one in alarms)
