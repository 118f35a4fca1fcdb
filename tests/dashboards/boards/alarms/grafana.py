"""A model of how Grafana 12 turns a rule's answers into messages, after its sources, for rules of our form.

    answers of the store ─► state of each series ─► groups of the policy ─► message, through the Go templates

It has only what our files use: math on reduced queries, `for`, `keepFiringFor`, the states for errors and for
no data (KeepLast, OK, Alerting; of all existing series), a series that vanishes (resolved at its second
absence, with the reason MissingSeries and its last values), `group_by`, `group_wait`, `group_interval`.
"""

import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import yaml

MINUTE = 60
ERROR = "the store does not answer"
PROVISIONING = Path(__file__).parents[4] / "dashboards/provisioning"
UNITS = {"s": 1, "m": MINUTE, "h": 60 * MINUTE}


def seconds(duration):
    return int(duration[:-1]) * UNITS[duration[-1]]


@dataclass
class Series:
    """One alert instance: `since` when the condition holds, when it last was `true`, and its last values."""

    rule: dict
    labels: dict
    values: dict = field(default_factory=dict)
    since: int | None = None
    true: int = 0
    firing: bool = False
    absent: int = 0
    reason: str = ""


class Grafana:
    """The rules of one file, evaluated once a minute; `messages` are (second, title, text)."""

    def __init__(self, expand, content):
        data = yaml.safe_load(content)
        self._expand = expand
        self._rules = [rule for group in data["groups"] for rule in group["rules"]]
        self._template = data["templates"][0]["template"]
        self._policy = yaml.safe_load((PROVISIONING / "contact/email.yaml").read_text("utf-8"))["policies"][0]
        self._series, self._told, self._ended = {}, {}, []
        self.now, self.messages = 0, []

    def minutes(self, number, answer):
        """Let `number` minutes pass; `answer(uid, ref)` is ERROR, or (labels, value) of each series."""
        for _ in range(number):
            self.now += MINUTE
            for rule in self._rules:
                self._evaluate(rule, answer)
            self._tell()

    def _evaluate(self, rule, answer):
        queries = {
            d["model"]["expression"]: d["refId"] for d in rule["data"] if d["model"].get("type") == "reduce"
        }
        answers = {name: answer(rule["uid"], query) for query, name in queries.items()}
        mine = {key: one for key, one in self._series.items() if key[0] == rule["uid"]}
        if ERROR in answers.values():
            self._all(rule, mine, rule["execErrState"], {})
        elif not any(answers.values()):
            self._all(rule, mine, rule["noDataState"], dict.fromkeys(answers))
        else:
            found = {}
            for name, series in answers.items():
                for labels, value in series:
                    found.setdefault(tuple(sorted(labels.items())), {})[name] = value
            whole = {labels: values for labels, values in found.items() if len(values) == len(answers)}
            for labels, values in whole.items():
                self._next(rule, labels, values, holds(rule["data"][-1]["model"]["expression"], values))
            for key, one in mine.items():
                if key[1] not in whole:
                    one.absent += 1
                    if one.absent == 2:
                        self._end(key, "MissingSeries")

    def _all(self, rule, mine, state, values):
        if state == "Alerting":
            for labels in [labels for _, labels in mine] or [()]:
                self._next(rule, labels, values, True)
        elif state == "OK":
            for key in mine:
                self._end(key, "NoData")
        else:
            assert state == "KeepLast", state

    def _next(self, rule, labels, values, true):
        one = self._series.setdefault((rule["uid"], labels), Series(rule, rule["labels"] | dict(labels)))
        one.values, one.absent = values, 0
        if true:
            one.since, one.true = one.since if one.since is not None else self.now, self.now
            one.firing = one.firing or self.now - one.since >= seconds(rule["for"])
        elif not one.firing:
            one.since = None
        elif self.now - one.true >= seconds(rule["keepFiringFor"]):
            self._end((rule["uid"], labels), "")

    def _end(self, key, reason):
        one = self._series.pop(key)
        one.reason = reason
        if one.firing:
            self._ended.append((key, one))

    def _tell(self):
        groups = {}
        firing = [(key, one, True) for key, one in self._series.items() if one.firing]
        for key, one, on in [*firing, *((key, one, False) for key, one in self._ended)]:
            group = tuple(one.labels.get(name, "") for name in self._policy["group_by"])
            groups.setdefault(group, ([], []))[0 if on else 1].append((key, one))
        for group, (on, over) in groups.items():
            last, keys, begun = self._told.setdefault(group, (None, set(), self.now))
            wait = self._policy["group_wait"] if last is None else self._policy["group_interval"]
            if self.now - (begun if last is None else last) < seconds(wait):
                continue
            now_on, known = {key for key, _ in on}, [(key, one) for key, one in over if key in keys]
            self._ended = [one for one in self._ended if one not in over]
            if now_on - keys or known:
                self._send([one for _, one in on], [one for _, one in known])
            self._told[group] = (self.now, now_on, begun)
            if not now_on:
                del self._told[group]

    def _send(self, firing, resolved):
        given = {
            "Firing": [self._alert(one) for one in firing],
            "Resolved": [self._alert(one) for one in resolved],
        }
        texts = self._expand(
            [{"Message": self._template, "Name": f"hoiquan.{name}", **given} for name in ("title", "message")]
        )
        self.messages.append((self.now, *texts))

    def _alert(self, one):
        written = one.rule["annotations"]
        said = self._expand(
            [{"Annotation": text, "Labels": one.labels, "Values": one.values} for text in written.values()]
        )
        annotations = dict(zip(written, said, strict=True))
        if one.reason:
            annotations["grafana_state_reason"] = one.reason
        return {"Labels": one.labels, "Annotations": annotations}


def holds(expression, values):
    """Whether a condition in Grafana's math holds."""
    python = re.sub(r"\$(\w+)", r"\1", expression).replace("&&", " and ").replace("||", " or ")
    return bool(eval(python, {"__builtins__": {}}, dict(values)))


def build(go, folder):
    """Build the program that expands templates."""
    made = folder / "expand"
    source = Path(__file__).with_name("expand.go")
    subprocess.run([go, "build", "-o", made, source], check=True, timeout=300, cwd=folder)

    def expand(cases):
        ran = subprocess.run([made], input=json.dumps(cases), capture_output=True, text=True, check=True)
        return json.loads(ran.stdout)

    return expand
