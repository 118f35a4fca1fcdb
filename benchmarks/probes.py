"""How many makers' devices our probe files read completely: `python benchmarks/probes.py [FILE]`.

FILE has a line per message: {"maker", "model", "kind": […], "object": what the maker's decoder returns,
"true": the same in our signals and units}; "rain_total" is a running or daily total in mm. A value is right
within 1 % or 0.005. The battery is judged if it is read, and not counted as missing if it is not.

    whole  every signal of every message is right      part   some signals are read, all of them right
    none   no signal is read                           wrong  a value differs
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, TypedDict

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of
from devices.probes.reader import Reader
from devices.probes.shelf import Shelf, plain
from tests.vectors import VECTORS

FIELD = ("soil-monitor", "rain-gauge", "wind", "groundwater", "tank-level", "water-quality", "leaf-wetness",
         "solar-radiation", "water-meter")  # fmt: skip
BATTERY = ("battery_voltage", "battery_level")
TOTALS = {"rain_total": "rainfall"}
Model = tuple[str, str]  # maker and model


class Row(TypedDict):
    """A line of the file. `object` is a maker's own; `true` has our signals in our units."""

    maker: str
    model: str
    kind: list[str]
    object: dict[str, Any]
    true: dict[str, float]


def main() -> None:
    """Read the file and print the results by kind."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "file", nargs="?", type=Path, default=VECTORS / "probes.jsonl", help="the messages, one per line"
    )
    parser.add_argument("--maker", help="measure only this maker's devices")
    parser.add_argument(
        "--verbose", action="store_true", help="also print each model that is not read whole, and why"
    )
    parser.add_argument("--json", type=Path, help="also write the result of each model to this file, as JSON")
    options = parser.parse_args()
    if not options.file.exists():
        parser.error(f"there is no {options.file}")
    models: dict[Model, list[Row]] = defaultdict(list)
    for line in options.file.read_text("utf-8").splitlines():
        row: Row = json.loads(line)
        if options.maker in (None, row["maker"]):
            models[row["maker"], row["model"]].append(row)
    shelf = Shelf()
    known = {
        (plain(kept.probe.maker), model): shelf.reader(kept.probe.id)
        for kept in shelf.probes.values()
        for model in kept.probe.models
    }
    results: dict[Model, str] = {}
    why: dict[Model, list[str]] = {}
    values = Counter[str]()
    for key, rows in models.items():
        reader = known.get((plain(key[0]), key[1]))
        results[key], why[key] = judge(reader, rows, values)
    show(models, results)
    print(f"values: {values['right']} right, {values['missing']} not read, {values['wrong']} wrong")
    if options.verbose:
        for key, reasons in why.items():
            if results[key] != "whole":
                print(f"{results[key]:5} {key[0]} {key[1]}")
                for reason in reasons[:6]:
                    print(f"      {reason}")
    if options.json is not None:
        plainly = {f"{maker} {model}": result for (maker, model), result in results.items()}
        options.json.write_text(json.dumps(plainly, indent=1))


def judge(reader: Reader | None, rows: list[Row], values: Counter[str]) -> tuple[str, list[str]]:
    """The result for a model's messages, and the reasons."""
    if reader is None:
        return "none", ["no probe file"]
    right = missing = wrong = 0
    reasons = []
    for row in rows:
        true = {TOTALS.get(name, name): value for name, value in row["true"].items()}
        reading = reader.read(row["object"], dict.fromkeys(reader.probe.place_values, 0.0))
        ours = reading.values | {name: amount for name, (_, amount) in reading.totals.items()}
        for name, value in true.items():
            if name not in ours:
                missing += name not in BATTERY
                values["missing"] += name not in BATTERY
                if name not in BATTERY:
                    reasons.append(f"{name} {value} is not read of {json.dumps(row['object'])[:200]}")
            elif not alike(ours[name], value):
                wrong += 1
                reasons.append(f"{name} is {value}, read {ours[name]} of {json.dumps(row['object'])[:200]}")
            else:
                right += name not in BATTERY
                values["right"] += 1
    values["wrong"] += wrong
    if wrong:
        return "wrong", reasons
    if not missing:
        return "whole", reasons
    return ("part" if right else "none"), reasons


def alike(ours: float, true: float) -> bool:
    """Whether the two numbers are equal up to their last digits."""
    return abs(ours - true) <= max(0.01 * abs(true), 0.0051)


def show(models: dict[Model, list[Row]], results: dict[Model, str]) -> None:
    """Print a row per kind of device."""
    kinds = sorted({kind for rows in models.values() for kind in rows[0]["kind"]})
    table = Table("kind", "models", "whole", "part", "none", "wrong", "whole %", "something %")
    groups = {kind: [key for key, rows in models.items() if kind in rows[0]["kind"]] for kind in kinds}
    groups["field devices"] = [key for key, rows in models.items() if set(FIELD) & set(rows[0]["kind"])]
    groups["all"] = list(models)
    for name, keys in groups.items():
        counts = Counter(results[key] for key in keys)
        number = max(len(keys), 1)
        whole, some = counts["whole"], counts["whole"] + counts["part"]
        table.add_row(name, *map(str, (len(keys), whole, counts["part"], counts["none"], counts["wrong"])),
                      f"{100 * whole / number:.1f}", f"{100 * some / number:.1f}")  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
