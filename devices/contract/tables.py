"""The generated parts of the contract: tables in devices/README.md and devices/refusals.md, the makers in
devices/probes.md, the payload's JSON Schema, and the AsyncAPI document.

`python -m devices.contract.tables devices` writes them again; a test fails while they are stale.
"""

import json
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import yaml

from devices.contract import asyncapi
from devices.contract.models import MODELS
from devices.contract.orders import CARRIED
from devices.contract.senml import units
from devices.contract.signals import SIGNALS
from devices.texts import catalogue

SCHEMA, ASYNCAPI = "telemetry.schema.json", "asyncapi.json"
DIALECT, ID = "https://json-schema.org/draft/2020-12/schema", "urn:hoiquan:schema:telemetry:1"
PAGES = {  # page → its tables
    "README.md": ("senml", "signals", "models"),
    "refusals.md": ("reasons",),
    "probes.md": ("makers",),
}
MAKERS = Path(__file__).parents[1] / "probes" / "makers"
WIDTH = 118  # characters of a line of the pages


def tables() -> dict[str, str]:
    """Each generated table, by the name in its markers."""
    signals = [
        f"| `{s.id}` | {s.vi} | {s.en} | `{s.unit}` | {s.low:g} … {s.high:g} | {s.resolution:g} |"
        for s in SIGNALS.values()
    ]
    models = [
        f"| `{m.id}` | {m.vi} | {m.en} | {f'{m.interval} s' if m.interval else '-'} | "
        f"{_names(m.signals)} | {_names(CARRIED.get(m.id, ()))} |"
        for m in MODELS.values()
    ]
    reasons = [
        f"| `{key.split('.')[1]}` | {texts['vi'].format(field='…')} | {texts['en'].format(field='…')} |"
        for key, texts in catalogue().items()
        if key.startswith("rejected.")
    ]
    return {
        "signals": _table("id|Tiếng Việt|English|unit (UCUM)|believed|resolution", signals),
        "models": _table("model|Tiếng Việt|English|interval|signals|actuators", models),
        "senml": _table("unit|SenML units", [f"| `{ucum}` | {taken} |" for ucum, taken in _units().items()]),
        "reasons": _table("reason|Tiếng Việt|English", reasons),
        "makers": _makers(),
    }


def _names(some: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in some) or "-"


def _units() -> dict[str, str]:
    """The SenML units that are accepted for each unit of the signal table."""
    taken: dict[str, list[str]] = {}
    for unit, ucum in units():
        taken.setdefault(ucum, []).append(f"`{unit}`")
    return {ucum: ", ".join(names) for ucum, names in sorted(taken.items())}


def makers() -> dict[str, int]:
    """How many models of each maker the probe files decode. The files are read as plain data here, because
    the contract knows nothing of probes.
    """
    models = Counter[str]()
    for path in sorted(MAKERS.glob("*.yaml")):
        for probe in yaml.safe_load_all(path.read_text("utf-8")):
            models[probe["maker"]] += len(probe.get("models", []))
    return dict(sorted(models.items(), key=lambda one: one[0].casefold()))


def _makers() -> str:
    known = makers()
    counts = len(known), sum(known.values())
    total = "**{} hãng, {} loại máy · {} makers, {} models**".format(*counts, *counts)
    some = " · ".join(f"{maker} {number}" for maker, number in known.items())
    return textwrap.fill(f"{total}: {some}.", WIDTH, break_long_words=False, break_on_hyphens=False)


def fill(page: str, names: Iterable[str]) -> str:
    """The page with each of these tables filled in between `<!-- name -->` and `<!-- /name -->`."""
    filled = tables()
    for name in names:
        before, rest = page.split(f"<!-- {name} -->\n", 1)
        _, after = rest.split(f"<!-- /{name} -->", 1)
        page = f"{before}<!-- {name} -->\n{filled[name]}\n<!-- /{name} -->{after}"
    return page


def payload_schema() -> str:
    """JSON Schema of a telemetry message."""
    document = {"$schema": DIALECT, "$id": ID, **asyncapi.telemetry_schema()}
    return json.dumps(document, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def generated(folder: Path) -> dict[str, str]:
    """Each generated file of `folder` and what must stand in it."""
    pages = {page: fill((folder / page).read_text("utf-8"), names) for page, names in PAGES.items()}
    return pages | {SCHEMA: payload_schema(), ASYNCAPI: asyncapi.written()}


def write(folder: Path) -> None:
    """Write the generated parts into `folder`."""
    for name, content in generated(folder).items():
        (folder / name).write_text(content, "utf-8")


def _table(header: str, rows: list[str]) -> str:
    names = header.split("|")
    return "\n".join([f"| {' | '.join(names)} |", f"|{'---|' * len(names)}", *rows])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
