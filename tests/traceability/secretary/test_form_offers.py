"""The form offers only lots with which something can be done: none that sealing would refuse."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.access.registry import Registry
from devices.contract.diary import DiaryEvent
from devices.pilots.pilot import Pilot
from devices.texts import text
from tests.traceability.conftest import HARVESTED, WHO, Grower, harvest, write
from tests.traceability.diary.test_standing import Plot, correct, entry, pack, pick, spray
from tests.traceability.secretary.test_form_lots import app, say
from traceability.sealing.seal import Sealer
from traceability.secretary import form
from traceability.secretary.book import Book

assert app and say  # fixtures

DONE: dict[str, Callable[[str], list[dict[str, Any]]]] = {
    "whole": lambda of: [],
    "packed": lambda of: [pack(f"{of}-p", 4, 40, of)],
    "all-packed": lambda of: [pack(f"{of}-p", 4, 100, of)],
    "shipped": lambda of: [entry("shipping", f"{of}-s", 4, harvest=of, quantity_kg=40, buyer="Chợ")],
    "all-shipped": lambda of: [entry("shipping", f"{of}-s", 4, harvest=of, quantity_kg=100, buyer="Chợ")],
    "split": lambda of: [entry("split", f"{of}-x", 4, harvest=of, parts=[20, 30])],
    "all-split": lambda of: [entry("split", f"{of}-x", 4, harvest=of, parts=[20, 80])],
    "packing-corrected": lambda of: [
        pack(f"{of}-p", 4, 100, of), correct(f"{of}-c", f"{of}-p", 4, quantity_kg=60.0)
    ],
    "harvest-corrected": lambda of: [pack(f"{of}-p", 4, 40, of), correct(f"{of}-c", of, 4, quantity_kg=40.0)],
    "recalled": lambda of: [entry("revocation", f"{of}-r", 4, harvest=of, reason="hỏng")],
    "broken": lambda of: [spray(f"{of}-i", 2, 60, plot="plot-2")],
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "packing": {"quantity_kg": 0.5, "packages": 1},
    "shipping": {"quantity_kg": 0.5, "buyer": "Chợ"},
    "split": {"parts": [0.25, 0.25]},
    "merge": {},
    "revocation": {"reason": "dư lượng"},
}


def test_what_is_offered_is_sealed_and_what_is_not_would_be_refused(tmp_path: Path, pilot: Pilot) -> None:
    plot = Plot(tmp_path / "made", pilot)
    plot.write(pick("other", 3, 100))
    for name, done in DONE.items():
        where = {"plot": "plot-2"} if name == "broken" else {}
        plot.write(pick(name, 3, 100, **where))
        plot.write(*(one | where for one in done(name)))
        assert plot.fate(name) == ""
    plot.sealer.close()
    offered = {kind: set(Book(plot.folder, pilot).lots("tam-que", kind)) for kind in KINDS}
    assert offered["merge"] >= {"whole", "other", "split-x-1"}
    for kind, fields in KINDS.items():
        for name in DONE:
            again = shutil.copytree(plot.folder, tmp_path / f"{kind}-{name}")
            copy = Plot(again, pilot)
            lots = {"harvests": [name, "other"]} if kind == "merge" else {"harvest": name}
            copy.write(entry(kind, "now", 5, **lots, **fields))
            copy.sealer.close()
            if kind == "revocation":  # a revocation is always sealed, and offered where it has an effect
                assert copy.fate("now") == "" and (name in offered[kind]) == (
                    name not in ("recalled", "all-split")
                )
            elif name == "recalled":
                assert name not in offered[kind], "nobody packs or ships what was recalled"
            else:
                assert (name in offered[kind]) == (copy.fate("now") == ""), (kind, name, copy.fate("now"))


@pytest.fixture
def two_products(pilot: Pilot) -> Pilot:
    """The pilot, with longan as a second product of the group."""
    place, longan = pilot.place["tam-que"], pilot.place["canh-tan"].products[0]
    both = place.model_copy(update={"products": (*place.products, longan)})
    places = tuple(both if one.id == place.id else one for one in pilot.communities)
    made = pilot.model_copy(update={"communities": places})
    for name in made.__dict__.keys() - Pilot.model_fields.keys():  # cached properties of the first pilot
        del made.__dict__[name]
    return made


def test_lots_of_two_products_are_not_merged(
    two_products: Pilot, registry: Registry, password: str, tmp_path: Path
) -> None:
    pilot, folder = two_products, tmp_path / "two"
    sealer = Sealer(folder, pilot, Grower(), "https://example.org", "example.org/log")
    for number, crop in ((1, "mango"), (2, "longan")):
        event = harvest(number, HARVESTED, 300.0, crop=crop, plot=f"plot-{number}")
        write(sealer, pilot.fleet["tam-que-diary-01"], event)
    sent: list[bytes] = []
    pages = FastAPI()
    send = lambda _, __, payload: sent.append(payload)  # noqa: E731
    pages.include_router(form.router(folder, pilot, registry, send, secure=False))
    with TestClient(pages) as client:
        client.post("/diary/sign-in", data={"device": WHO, "password": password})
        shown = client.get("/diary/merge").text
        check = re.findall(r'name="check" value="([^"]*)"', shown)[0]
        lots = {"harvests": ["mango-1", "mango-2"], "check": check, "id": "merge-1", "ts": "2026-11-14T08:00"}
        said = client.post("/diary/merge", data=lots).text
    sealer.close()
    assert "Xoài" in shown and "Nhãn" in shown, "which is which"
    assert text("form.other_product", "vi") in said and 'value="mango-2" checked' in said and sent == []


def test_a_lot_that_cannot_be_merged_any_more_is_not_sent(
    say: Callable[..., str], sent: list[DiaryEvent]
) -> None:
    """Another secretary split the lot while the page was open."""
    say("split", harvest="mango-1", parts="100; 150")
    assert f"Hãy xem lại mục “{text('form.harvests', 'vi')}”" in say("merge", harvests=["mango-2", "mango-1"])
    assert len(sent) == 1
