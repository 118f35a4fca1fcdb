"""Rules of advice in a pilot file: which readings of a crop call for which action, and how that is known.

    advice:
      rules:
        - id: close-sluice
          crops: [rice]
          when: [{signal: salinity, of: high, hours: 3, above: 0.69}]
          severity: 3
          text: {vi: "Độ mặn {value} g/L: đóng cống lấy nước.", en: "Salinity {value} g/L: close the sluice."}
          command: {actuator: sluice, set: 0, minutes: 360}
          source: "a sluice was closed at 0.69 ‰ (FACTS section 3)"
      automatic: {enabled: false, communities: [tan-binh], most_minutes_a_day: 720}

`level: II` in the place of `above` is the place's own alarm level (`alarms`). A rule without a source is an
assumption and says so. `command` is what a person would do; the gateway does it by itself only where
`automatic` is enabled and names the community, and never beyond its limits.
"""

from typing import Literal

from pydantic import Field, model_validator

from devices.contract.orders import Actuator
from devices.contract.signals import SIGNALS
from devices.contract.topics import Id
from devices.pilots.alarms import Level
from devices.pilots.written import Defended, Written
from devices.texts import Misuse

Severity = Literal[1, 2, 3]  # 1 do it when convenient, 2 today, 3 now


class Sentence(Written):
    """What to do, in both languages; {value}, {unit} and {amount} are placeholders."""

    vi: str
    en: str

    @model_validator(mode="after")
    def _fits(self) -> "Sentence":
        for sentence in (self.vi, self.en):
            try:
                sentence.format(value="", unit="", amount="")
            except (KeyError, IndexError, ValueError):
                raise Misuse("pilot.braces") from None
        return self


class Condition(Written):
    """A signal over the last `hours`, taken over a community's devices: the mean of their means, the lowest,
    the highest, or the mean of their sums. It is compared with one limit: `below` or `above`, in the signal's
    unit, or an alarm `level`, of which each place has its own.
    """

    signal: str
    of: Literal["mean", "low", "high", "sum"] = "mean"
    hours: float = Field(gt=0, le=24 * 31)
    below: float | None = None
    above: float | None = None
    level: Literal["I", "II", "III"] | None = None

    @model_validator(mode="after")
    def _known(self) -> "Condition":
        if self.signal not in SIGNALS:
            raise Misuse("pilot.no_signal", signal=self.signal)
        if SIGNALS[self.signal].circular:
            raise Misuse("pilot.direction", signal=self.signal)
        if [self.below, self.above, self.level].count(None) != 2:
            raise Misuse("pilot.one_limit")
        return self

    def holds(self, value: float, levels: Level | None) -> bool:
        """Whether the condition holds at `value`; `levels`: the place's levels of this signal."""
        if self.level is not None:
            return levels is not None and levels.beyond(self.level, value)
        return (self.below is not None and value < self.below) or (
            self.above is not None and value > self.above
        )


class Dose(Written):
    """How much to give: `per_unit` for each unit that the first condition's value lacks of `target`, but
    never more than `most`. `target` is in the signal's unit, `most` in the sentence's unit of {amount}.
    """

    target: float
    per_unit: float = Field(gt=0)
    most: float = Field(gt=0)

    def amount(self, value: float) -> float:
        """The amount to give at `value`."""
        return min(max(0.0, (self.target - value) * self.per_unit), self.most)


class Remedy(Written):
    """What an actuator would do about it."""

    actuator: Actuator
    set: float = Field(ge=0, le=1)
    minutes: float = Field(gt=0, le=24 * 60)


class Rule(Defended):
    """Advice for these crops when all of `when` holds."""

    id: Id
    crops: tuple[Id, ...] = Field(min_length=1)
    when: tuple[Condition, ...] = Field(min_length=1)
    severity: Severity
    text: Sentence
    dose: Dose | None = None
    command: Remedy | None = None


class Automatic(Written):
    """Where the gateway may send a rule's command by itself, and for how many minutes a day."""

    enabled: bool = False
    communities: tuple[Id, ...] = ()
    most_minutes_a_day: float = Field(default=240, gt=0, le=1440)


class Advising(Written):
    """The section `advice` of a pilot file."""

    rules: tuple[Rule, ...] = ()
    automatic: Automatic = Automatic()

    @model_validator(mode="after")
    def _once(self) -> "Advising":
        ids = [rule.id for rule in self.rules]
        for one in ids:
            if ids.count(one) > 1:
                raise Misuse("pilot.twice", where="rules", id=one)
        return self
