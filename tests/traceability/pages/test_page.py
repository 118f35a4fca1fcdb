"""The pages as a reader has them: in a browser, on a phone and on a desk, judged by axe-core."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from devices.contract.diary import Packing, Revocation, Shipping
from devices.pilots.pilot import Pilot
from tests import browser
from tests.programs import one_at_a_time
from tests.traceability.conftest import HARVESTED, harvest, sprayed, write
from traceability.digital_link import LotKey
from traceability.pages import verify_page, web
from traceability.sealing.seal import Sealer

AXE = "axe-core@4.14.1"
CACHE = Path.home() / ".cache" / "hoiquan-tests" / AXE
SIZES = {"phone": 360, "desk": 1280}


@pytest.fixture(scope="session")
def axe() -> str:
    """axe-core's script, out of the npm registry."""
    script = CACHE / "node_modules" / "axe-core" / "axe.min.js"
    with one_at_a_time(CACHE):  # every worker wants it
        if not script.exists():
            if (npm := shutil.which("npm")) is None:
                pytest.skip("npm is not here (apt-get install npm)")
            command = [npm, "install", "--no-save", "--ignore-scripts", "--prefix", str(CACHE), AXE]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
            if done.returncode:
                pytest.skip(f"npm could not install {AXE}")
    return script.read_text("utf-8")


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
    event = Revocation(
        event="revocation", id="recall", ts=HARVESTED, plot="plot-1", crop="mango", harvest="mango-1",
        reason="dư lượng thuốc",
    )  # fmt: skip
    sealer.keep([(pilot.fleet["tam-que-diary-01"], event)])
    sealer.seal_pending()
    return lot


@pytest.fixture
def site(tmp_path: Path, pilot: Pilot) -> Iterator[str]:
    app = FastAPI()
    app.include_router(web.router(tmp_path, pilot, "https://example.org"))
    with Served(app) as address:
        yield address


@pytest.fixture(scope="module")
def page() -> Iterator[browser.Page]:
    with browser.page() as made:
        made.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "vi"})
        yield made


class Served:
    """An application on a port of loopback, while the block lasts."""

    def __init__(self, app: FastAPI) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.05)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


def judged(page: browser.Page, axe: str) -> list[str]:
    """What axe-core finds wrong with the page that is open."""
    page.run(axe)
    found = page.run("""axe.run(document, {resultTypes: ["violations"]}).then(result =>
        result.violations.map(one => one.id + ": " + one.nodes.map(node => node.html).join(" ; ")))""")
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["record", "english", "recalled", "unknown", "wrong"])
def test_a_page_is_readable_by_everybody(
    page: browser.Page, axe: str, site: str, lot: LotKey, request: pytest.FixtureRequest, tmp_path: Path,
    size: str, kind: str,
) -> None:  # fmt: skip
    if kind == "recalled":
        request.getfixturevalue("recalled")
    path = {"unknown": "/01/02000000000039/10/NONE", "wrong": "/01/02000000000030/10/A"}.get(kind, lot.path)
    if kind == "english":
        path = f"/scan/en{path}"
    before = len(page.requests)
    page.open(site + path, SIZES[size])
    assert judged(page, axe) == []
    assert page.run("document.documentElement.scrollWidth") <= SIZES[size], "nothing sticks out"
    assert page.run("document.documentElement.lang") == ("en" if kind == "english" else "vi")
    assert page.run("document.scripts.length") == 0
    assert all(url.startswith(site) for url in page.requests[before:]), "asks nobody else"
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
    assert page.run("document.documentElement.scrollWidth") <= SIZES[size]
