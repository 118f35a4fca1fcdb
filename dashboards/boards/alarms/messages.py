"""What an alarm says: the annotations of a rule as Grafana's templates, and the message that is sent of them.

    rule ─► annotations: summary, place, description, calm, … ─┐
    texts.yaml ─► message template (one a language) ──────────┴─► mail, webhook

- A value that is not there is never printed, and nothing is ordered without one. Grafana leaves `$values.B`
  out when a query failed, and makes it NaN when a query found nothing; both are asked for (`valued`).
- A message is one of a place and quantity: the policy groups by them, the template says the highest level.
- While anything of it still fires nothing is called over. What vanished (a gauge that stays silent for longer
  than the rule looks back) is said to be unknown, by Grafana's own reason for resolving it.
- Annotations must not hold `${`: newer versions look for it in the environment.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date

from devices.contract.models import MODELS
from devices.pilots.pilot import Pilot
from devices.pilots.places import Place
from devices.texts import text, with_unit
from gateway.control.alarms.message import place_name

NAME = "hoiquan"  # of the template, and of the contact point that uses it
GONE = ("MissingSeries", "NoData", "Error")  # Grafana's reasons for an end that is none


def places(pilot: Pilot, of: Iterable[Place], lang: str) -> dict[str, str]:
    """Id → how a message names the place: kind, name, commune as it is called last, for files stay."""
    return {place.id: place_name(place, pilot.commune(place, date.max), lang) for place in of}


def where(tag: str, names: Mapping[str, str], lang: str) -> str:
    """The place of the label `tag` in words, and before it the device where it is one; nothing where there is
    no such label. A place that the pilot file does not know keeps its id.
    """
    if not tag:
        return ""
    if tag == "instance":
        said = f"{text('alerts.instance', lang)} {{{{ $labels.instance }}}}"
        return f"{{{{ if $labels.instance }}}}{said}{{{{ end }}}}"
    device = f"{{{{ if $labels.device }}}}{{{{ $labels.device{_named(lang)} }}}}, {{{{ end }}}}"
    chain = "".join(
        f"{{{{ {'else ' if number else ''}if eq $labels.community {_literal(place)} }}}}{name}"
        for number, (place, name) in enumerate(names.items())
    )
    known = f"{chain}{{{{ else }}}}{{{{ $labels.community }}}}{{{{ end }}}}"
    return f"{device if tag == 'device' else ''}{{{{ if $labels.community }}}}{known}{{{{ end }}}}"


def _named(lang: str) -> str:
    """The stages of a pipeline that make a name of a device's id: its kind and number where the id says them,
    as `device_name` does; else the id in quotes, which a model's name cannot be taken for.
    """
    kinds = "".join(
        f' | reReplaceAll "^.+-{model.id}-0*([0-9]+)$" "{model.name(lang)} $1"' for model in MODELS.values()
    )
    return f'{kinds} | reReplaceAll "^([a-z0-9-]+)$" "{text("place.device", lang)} “$1”"'


def number(decimals: int, unit: str, lang: str, *, absolute: bool = False) -> str:
    """The value B with its unit, as it is written in the language."""
    said = f'(printf "%.{decimals}f" $values.B.Value)'
    if absolute:
        said = f'(reReplaceAll "^-" "" {said})'
    if lang == "vi":
        said = f'(reReplaceAll "[.]" "," {said})'
    return with_unit(f"{{{{ {said} }}}}", unit)


def valued(then: str, otherwise: str) -> str:
    """`then` where there is a value B, else `otherwise`."""
    return (
        f"{{{{ if $values.B }}}}{{{{ if eq $values.B.Value $values.B.Value }}}}{then}"
        f"{{{{ else }}}}{otherwise}{{{{ end }}}}{{{{ else }}}}{otherwise}{{{{ end }}}}"
    )


def link(board: str, panel: int, pilot: str, by_community: bool) -> str:
    """To the panel meant, at the place; after the address that Grafana is told to have (its root URL)."""
    place = (
        "{{ if $labels.community }}&var-community={{ $labels.community }}{{ end }}" if by_community else ""
    )
    root = '{{ reReplaceAll `/*\\z` "" externalURL }}'
    return f"{root}/d/{board}?var-pilot={pilot}{place}&viewPanel={panel}"


def template(lang: str) -> str:
    """The message and its subject. `$level`: the highest level that fires, `$was`: the highest that ended."""
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
    """As a string stands in a template of Go."""
    return json.dumps(words, ensure_ascii=False)
