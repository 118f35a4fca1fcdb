"""Names for what the store knows by id: places, crops, rules of advice, indicators, models of device.

    devices/pilots/*.yaml, devices/texts.yaml, devices/contract/models.py ─► value mappings, variable, legends

Grafana shows a mapping's words and keeps the id as the raw value, which links use. A place that is in no
pilot file, and a rule that has no words, keep their id.
"""

import re
from datetime import date
from functools import cache
from itertools import permutations

from grafana_foundation_sdk.models import dashboard

from devices.contract.models import MODELS
from devices.pilots.names import alphabetical
from devices.pilots.pilot import HERE, INDICATORS, Pilot, load
from devices.texts import catalogue, text

DEFAULT = "dong-thap"  # its places come first
COMMA = r"\,"  # a comma within one choice of a variable


@cache
def pilots() -> tuple[Pilot, ...]:
    """Every pilot, the default one first."""
    names = sorted((path.stem for path in HERE.glob("*.yaml")), key=lambda name: (name != DEFAULT, name))
    return tuple(load(name) for name in names)


def places(commune: bool = False) -> dict[str, str]:
    """Id → name of each place, pilot by pilot in Vietnamese order; `commune` adds the commune's name."""
    return {
        place.id: f"{place.name}, {pilot.commune(place, date.max)}" if commune else place.name
        for pilot in pilots()
        for place in sorted(pilot.places, key=lambda one: alphabetical(one.name))
    }


def words(lang: str) -> dict[str, str]:
    """Id → word: crops, rules, indicators, models, kinds of community, services."""
    words = {
        key.removeprefix(f"names.{group}_"): text(key, lang)
        for group in ("crop", "rule")
        for key in catalogue()
        if key.startswith(f"names.{group}_")
    }
    words |= {name: text(f"boards.{name}_short", lang) for name in INDICATORS}
    words |= {model.id: model.name(lang) for model in MODELS.values()}
    words |= {"-": text("boards.has_all", lang)} | _lacking(lang)
    words |= {kind: text(f"boards.kind_{kind.replace('-', '_')}", lang) for kind in ("hoi-quan", "htx")}
    return words


def _lacking(lang: str) -> dict[str, str]:
    """A village's silent services as its row lists them, in any order → the same in words."""
    return {
        ", ".join(one.id for one in some): text(
            "boards.lacks", lang, what=", ".join(one.name.get(lang) for one in some)
        )
        for pilot in pilots()
        for number in range(1, len(pilot.services) + 1)
        for some in permutations(pilot.services, number)
    }


def mappings(lang: str, *, commune: bool = False) -> list[dashboard.ValueMapping]:
    """For every table: ids in words, devices by model and number, dates day first."""
    known = places(commune) | words(lang)
    values = {
        value: dashboard.ValueMappingResult(text=word, index=number)
        for number, (value, word) in enumerate(known.items(), 100)
    }
    shapes = [(_device(model.id), f"{model.name(lang)} $1") for model in MODELS.values()]
    shapes += [(r"/^(\d{4})-(\d\d)-(\d\d)$/", "$3/$2/$1"), (r"/^(\d+)\/(\d+)$/", text("boards.has_of", lang))]
    for kind in ("hoi-quan", "htx"):  # places that a rehearsal invents beside the pilot's own
        of = text("boards.kind_" + kind.replace("-", "_"), lang)
        invented = f"{of} $1 ({text('boards.invented', lang)})"
        shapes.append((rf"/^{kind}-(\d{{3}})$/", invented))
    return [
        dashboard.ValueMap(options=values),
        *(
            dashboard.RegexMap(
                options=dashboard.DashboardRegexMapOptions(
                    pattern=pattern, result=dashboard.ValueMappingResult(text=word, index=500 + number)
                )
            )
            for number, (pattern, word) in enumerate(shapes)
        ),
    ]


def options() -> str:
    """All places as a variable's choices: name : id."""
    return ", ".join(f"{name.replace(',', COMMA)} : {place}" for place, name in places().items())


def legends(lang: str, by: str) -> list[dashboard.DataTransformerConfig]:
    """Rename a legend's series from a tag's values to names: those of places (`by` community) or devices."""
    if by == "community":
        renamed = [(f"^{re.escape(place)}$", name) for place, name in places().items()]
    else:
        renamed = [(_device(one.id).strip("/"), f"{one.name(lang)} $1") for one in MODELS.values()]
    return [
        dashboard.DataTransformerConfig("renameByRegex", options={"regex": regex, "renamePattern": name})
        for regex, name in renamed
    ]


def _device(model: str) -> str:
    """The pattern of a simulated node's id: place, model, number. A real device keeps its given name."""
    return rf"/^.+-{re.escape(model)}-(\d+)$/"
