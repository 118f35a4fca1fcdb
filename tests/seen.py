"""Pages as a reader has them: served, opened in a browser on a phone and on a desk, judged by axe-core."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from tests import browser
from tests.programs import one_at_a_time

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
