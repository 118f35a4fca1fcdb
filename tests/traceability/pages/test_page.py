"""The pages of a lot in a browser, at the sizes of a phone and a desk, judged by axe-core."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from PIL import Image

from devices.access.ticket import Ticket
from devices.contract.diary import Packing, Shipping
from devices.pilots.pilot import Pilot
from tests import browser
from tests.scanner import codes
from tests.seen import SIZES, Served, judged, too_wide
from tests.traceability.conftest import HARVESTED, harvest, recall, sprayed, write
from traceability.digital_link import LotKey
from traceability.pages import label, verify_page, web
from traceability.sealing.seal import Sealer


@pytest.fixture
def lot(sealer: Sealer, pilot: Pilot) -> LotKey:
    device = pilot.fleet["tam-que-diary-01"]
    sealer.keep([(device, sprayed(6, 3))])
    done = write(sealer, device, harvest(area_code="GD-DT-0001", by="Tổ trưởng " + "rất dài " * 20))
    assert done is not None
    common = {"ts": HARVESTED, "plot": "plot-1", "crop": "mango"}
    packing = Packing(event="packing", id="pack", quantity_kg=800.0, packages=160, **common)
    shipping = Shipping(event="shipping", id="ship", quantity_kg=800.0, buyer="x" * 200, **common)
    sealer.keep([(device, packing), (device, shipping)])
    sealer.seal_pending()
    return done.key


@pytest.fixture
def recalled(lot: LotKey, sealer: Sealer, pilot: Pilot) -> LotKey:
    recall(sealer, pilot.fleet["tam-que-diary-01"])
    return lot


@pytest.fixture
def site(tmp_path: Path, pilot: Pilot) -> Iterator[str]:
    app = FastAPI()
    app.include_router(web.router(tmp_path, pilot, "https://example.org"))
    with Served(app) as address:
        yield address


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["record", "english", "recalled", "unknown", "wrong", "find", "not found"])
def test_a_page_is_readable_by_everybody(
    page: browser.Page, axe: str, site: str, lot: LotKey, request: pytest.FixtureRequest, tmp_path: Path,
    size: str, kind: str,
) -> None:  # fmt: skip
    if kind == "recalled":
        request.getfixturevalue("recalled")
    path = {
        "unknown": "/01/02000000000039/10/NONE", "wrong": "/01/02000000000030/10/A", "find": "/s",
        "not found": "/s?lot=NONE",
    }.get(kind, lot.path)  # fmt: skip
    if kind == "english":
        path = f"/scan/en{path}"
    before = len(page.requests)
    page.open(site + path, SIZES[size])
    assert judged(page, axe) == []
    assert too_wide(page) == []
    assert page.run("document.documentElement.lang") == ("en" if kind == "english" else "vi")
    assert page.run("document.scripts.length") == 0
    assert [url for url in page.requests[before:] if not url.startswith(site)] == [], "asks nobody else"
    page.picture(tmp_path / "page.png")
    page.call("Network.clearBrowserCookies")


@pytest.mark.parametrize("size", SIZES)
def test_the_checker_is_readable_by_everybody(
    page: browser.Page, axe: str, tmp_path: Path, size: str
) -> None:
    (tmp_path / "verify.html").write_bytes(verify_page.page("vi"))
    page.open((tmp_path / "verify.html").as_uri(), SIZES[size])
    page.run("document.querySelector('button').click()")
    assert judged(page, axe) == []
    assert too_wide(page) == []


@pytest.mark.parametrize("made", ["label", "ticket"])
def test_a_code_is_read_on_a_dark_page_too(page: browser.Page, tmp_path: Path, made: str) -> None:
    """As a reader has it whose colours are dark, or who puts the picture on a dark slide."""
    drawn = tmp_path / "qr.svg"
    if made == "label":
        drawn.write_bytes(label.svg("https://example.org/01/02000000000039/10/TQ261112-PJIDMRMH"))
    else:
        Ticket("h", 1883, False, "my-esp32", "x", "t").draw(drawn)
    (tmp_path / "dark.html").write_text('<body style="background: #000"><img src="qr.svg" width="300">')
    page.open((tmp_path / "dark.html").as_uri())
    page.picture(tmp_path / "page.png")
    assert len(codes(Image.open(tmp_path / "page.png"))) == 1


def test_a_reader_with_colours_of_his_own_sees_code_and_frames(
    page: browser.Page, site: str, recalled: LotKey, tmp_path: Path
) -> None:
    dark = [{"name": "forced-colors", "value": "active"}, {"name": "prefers-color-scheme", "value": "dark"}]
    page.call("Emulation.setEmulatedMedia", features=dark)
    page.open(site + recalled.path)
    page.picture(tmp_path / "page.png")
    assert codes(Image.open(tmp_path / "page.png"))[0].text == f"https://example.org{recalled.path}"
    seen = "getComputedStyle(document.querySelector('.answer.bad')).borderTopStyle"
    assert page.run(seen) == "solid", "red and green are gone"
    page.call("Emulation.setEmulatedMedia", features=[])


def test_print_parts_no_chart_from_its_name(page: browser.Page, site: str, lot: LotKey) -> None:
    page.call("Emulation.setEmulatedMedia", media="print")
    page.open(site + lot.path)
    assert page.run("getComputedStyle(document.querySelector('.charts figure')).breakInside") == "avoid"
    page.call("Emulation.setEmulatedMedia", media="")
