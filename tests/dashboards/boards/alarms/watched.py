"""The watch of `hoiquan up`, given the same answers as Grafana: its states, what is due, its messages."""

from devices.clock import MINUTE_MS
from devices.pilots.pilot import Pilot
from gateway.control.alarms.message import Words
from gateway.control.alarms.rules import rules
from gateway.control.alarms.states import AWAY, Key, LastMessage, Number, States, due, names
from tests.dashboards.boards.alarms.grafana import ERROR, MINUTE

BEGIN = 1_795_230_000_000


class Watched:
    """The watch, which looks once a minute; `messages` are (second, title, text)."""

    def __init__(self, pilot: Pilot, lang="vi"):
        self._rules = {rule.id: rule for rule in rules(pilot, lang)}
        models = {name: device.model for name, device in pilot.fleet.items()}
        self._words = Words(pilot, self._rules, lang, "http://localhost:8080", lambda: models)
        self._states, self._told = States(), {}
        self.now, self.messages = 0, []

    def minutes(self, number, answer):
        """Let `number` minutes pass; `answer(uid, ref)` is ERROR, or (labels, value) of each series."""
        for _ in range(number):
            self.now += MINUTE
            at = BEGIN + self.now // MINUTE * MINUTE_MS
            self._states.step(self._rules.values(), self._answers(answer), at)
            for notice in due(self._states, self._rules, self._told, at):
                message = self._words.message(notice)
                self.messages.append((self.now, message.title, message.text))
                named = frozenset() if notice.over else names(notice.alarms)
                self._told[notice.quantity, notice.place] = LastMessage(at, named)
            self._states.forget([self._told])

    def _answers(self, answer):
        found = {}
        for rule in self._rules.values():
            first = answer(rule.id, "A")
            if first == ERROR:
                return AWAY
            readings = {key(labels): value for labels, value in answer(rule.id, "M")}
            found[rule.id] = {
                key(labels): Number(value, readings.get(key(labels), 1)) for labels, value in first
            }
            if rule.query == "store":
                found[rule.id] = {Key(): Number(0)}
        return found


def key(labels):
    """The watch's key for a series with Grafana's labels."""
    return Key(labels.get("community", labels.get("instance", "")), labels.get("device", ""))
