"""The texts of an alarm: the annotations of its rule, as Grafana templates, and the message made of them.

    rule ─► annotations: summary, place, description, calm, … ─┐
    texts.yaml ─► message template (one per language) ─────────┴─► mail, webhook

- A missing value is never printed, and without a value nobody is told to act. Grafana leaves out `$values.B`
  when a query failed, and sets it to NaN when a query found nothing; `valued` checks both.
- One message covers one place and quantity: Grafana's policy groups alerts by these, and the template reports
  the highest level.
- While any alert of a message still fires, the message does not say that anything is over. An alert that
  vanished (its gauge has been silent for longer than the rule looks back) is reported as unknown, recognised
  by the reason that Grafana gives for resolving it.
- Annotations must not contain `${`: newer versions of Grafana take it for an environment variable.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date

from devices.contract.models import MODELS
from devices.pilots.pilot import Pilot
from devices.pilots.places import Place
from devices.texts import rounded, text, with_unit
from gateway.control.alarms.message import place_name

NAME = "hoiquan"  # of the templates, and of the contact point that uses them
GONE = ("MissingSeries", "NoData", "Error")  # Grafana's reasons for resolving an alert that is not over


def places(pilot: Pilot, of: Iterable[Place], lang: str) -> dict[str, str]:
    """Id → a place's name in messages: kind, name, commune. The commune's latest name is taken, as the files
    are not written again when it changes.
    """
    return {place.id: place_name(place, pilot.commune(place, date.max), lang) for place in of}


def where(tag: str, names: Mapping[str, str], lang: str) -> str:
    """A template for the place in the label `tag`, with the device before it if `tag` is "device". It gives
    nothing where the label is missing, and the id of a place that the pilot file does not know.
    """
    if not tag:
        return ""
    if tag == "instance":
        sentence = f"{text('alerts.instance', lang)} {{{{ $labels.instance }}}}"
        return f"{{{{ if $labels.instance }}}}{sentence}{{{{ end }}}}"
    device = f"{{{{ if $labels.device }}}}{{{{ $labels.device{_named(lang)} }}}}, {{{{ end }}}}"
    chain = "".join(
        f"{{{{ {'else ' if number else ''}if eq $labels.community {_literal(place)} }}}}{name}"
        for number, (place, name) in enumerate(names.items())
    )
    known = f"{chain}{{{{ else }}}}{{{{ $labels.community }}}}{{{{ end }}}}"
    return f"{device if tag == 'device' else ''}{{{{ if $labels.community }}}}{known}{{{{ end }}}}"


def _named(lang: str) -> str:
    """Pipeline stages that turn a device's id into a name, as `device_name` does: model and number where the
    id has them, else the id in quotes. The last stage's pattern matches bare ids only, never a model's name.
    """
    kinds = "".join(
        f' | reReplaceAll "^.+-{model.id}-0*([0-9]+)$" "{model.name(lang)} $1"' for model in MODELS.values()
    )
    return f'{kinds} | reReplaceAll "^([a-z0-9-]+)$" "{text("place.device", lang)} “$1”"'


def number(decimals: int, unit: str, lang: str, limit: float, *, absolute: bool = False) -> str:
    """A template for value B with its unit, as the language writes numbers, or for its `absolute` amount. It
    has one decimal more where it would read like the `limit`, as `Rule.decimals` says.
    """
    value, before = f'(printf "%.{decimals}f" $values.B.Value)', ""
    if rounded(limit, decimals) == limit:
        alike = f'(eq {value} (printf "%.{decimals}f" {float(limit)})) (ne $values.B.Value {float(limit)})'
        longer = f"{{{{ if and {alike} }}}}{{{{ $places = {decimals + 1} }}}}{{{{ end }}}}"
        value, before = '(printf "%.*f" $places $values.B.Value)', f"{{{{ $places := {decimals} }}}}{longer}"
    if absolute:
        value = f'(reReplaceAll "^-" "" {value})'
    if lang == "vi":
        value = f'(reReplaceAll "[.]" "," {value})'
    return before + with_unit(f"{{{{ {value} }}}}", unit)


def valued(then: str, otherwise: str) -> str:
    """A template that gives `then` where value B is present and not NaN, else `otherwise`."""
    return (
        f"{{{{ if $values.B }}}}{{{{ if eq $values.B.Value $values.B.Value }}}}{then}"
        f"{{{{ else }}}}{otherwise}{{{{ end }}}}{{{{ else }}}}{otherwise}{{{{ end }}}}"
    )


def link(board: str, panel: int, pilot: str, by_community: bool) -> str:
    """A template for the address of a panel, at the alarm's place, below Grafana's configured root URL."""
    place = (
        "{{ if $labels.community }}&var-community={{ $labels.community }}{{ end }}" if by_community else ""
    )
    root = '{{ reReplaceAll `/*\\z` "" externalURL }}'
    return f"{root}/d/{board}?var-pilot={pilot}{place}&viewPanel={panel}"


def template(lang: str) -> str:
    """The message and its subject. `$level` is the highest firing level, `$was` the highest resolved one."""
    reasons = " ".join(_literal(reason) for reason in GONE)
    return _TEMPLATE.replace("LOOK", text("alerts.look", lang)).replace("GONE", reasons)


_HIGHEST = (
    '{{ $level := "" }}{{ range .Alerts.Firing }}'
    "{{ if gt .Labels.level $level }}{{ $level = .Labels.level }}{{ end }}{{ end }}"
    '{{ $was := "" }}{{ range .Alerts.Resolved }}'
    "{{ if gt .Labels.level $was }}{{ $was = .Labels.level }}{{ end }}{{ end }}"
)
_FIRES = "{{ if or (eq .Labels.level $level) (not .Labels.level) }}"
_ENDED = '{{ if or (not .Labels.level) (and (eq $level "") (eq .Labels.level $was)) }}'
_PLACE = "{{ with .Annotations.place }} – {{ . }}{{ end }}"
_END = (
    "{{ if eq .Annotations.grafana_state_reason GONE }}{{ .Annotations.lost }}"
    "{{ else }}{{ .Annotations.calm }}{{ end }}" + _PLACE
)
_TEMPLATE = f"""\
{{{{ define "{NAME}.title" }}}}{_HIGHEST}\
{{{{ range .Alerts.Firing }}}}{_FIRES}{{{{ .Annotations.summary }}}}{_PLACE}. {{{{ end }}}}{{{{ end }}}}\
{{{{ if not .Alerts.Firing }}}}{{{{ range .Alerts.Resolved }}}}{_ENDED}{_END}. {{{{ end }}}}{{{{ end }}}}\
{{{{ end }}}}{{{{ end }}}}
{{{{ define "{NAME}.message" }}}}{_HIGHEST}\
{{{{ range .Alerts.Firing }}}}{_FIRES}{{{{ .Annotations.summary }}}}{_PLACE}
{{{{ .Annotations.description }}}}
LOOK: {{{{ .Annotations.board }}}}

{{{{ end }}}}{{{{ end }}}}\
{{{{ range .Alerts.Resolved }}}}{_ENDED}{_END}
{{{{ end }}}}{{{{ end }}}}{{{{ end }}}}
"""


def _literal(words: str) -> str:
    """The words as a string literal of a Go template."""
    return json.dumps(words, ensure_ascii=False)
