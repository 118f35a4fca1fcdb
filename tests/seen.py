"""Pages as a reader has them: served, opened in a browser at the sizes of a phone and a desk, and judged by
axe-core. html-validate and, if Java is there, the Nu HTML Checker judge the HTML as it was sent.
"""

import asyncio
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI

from tests import browser
from tests.programs import one_at_a_time

AXE = "axe-core@4.14.1"
# version 11 of html-validate needs a newer Node than Debian has
TOOLS = (AXE, "html-validate@10.17.0", "vnu-jar@26.9.27")
CACHE = Path.home() / ".cache" / "hoiquan-tests" / "+".join(TOOLS)
MODULES = CACHE / "node_modules"
SIZES = {"phone": 320, "desk": 1280}  # the first also is a desk magnified four times (WCAG 2.2, 1.4.10)
SENT: dict[str, str] = {}  # name of a file → HTML of a page that was judged


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """axe-core's script, from the npm registry. At the end, the pages that it judged must be valid HTML."""
    with one_at_a_time(CACHE):  # every worker wants to install it
        if not MODULES.is_dir():
            if (npm := shutil.which("npm")) is None:
                pytest.skip("npm is not here (apt-get install npm)")
            command = [npm, "install", "--no-save", "--ignore-scripts", "--prefix", str(CACHE), *TOOLS]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode:
                pytest.skip(f"npm could not install {', '.join(TOOLS)}")
    yield (MODULES / "axe-core" / "axe.min.js").read_text("utf-8")
    assert wrong(SENT, tmp_path_factory.mktemp("sent")) == ""


@pytest.fixture(scope="module")
def page() -> Iterator[browser.Page]:
    with browser.page() as made:
        made.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "vi"})
        yield made


class Served:
    """Serves an application on a loopback port until the block ends."""

    def __init__(self, app: FastAPI, http: type[asyncio.Protocol] | str = "auto") -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", http=http))
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.05)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def connections(self) -> int:
        """The number of connections that the server holds."""
        return len(self._server.server_state.connections)

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


def judged(page: browser.Page, axe: str) -> list[str]:
    """What axe-core finds wrong with the open page."""
    url, sent = page.sent()
    SENT[re.sub(r"\W+", "_", f"{len(SENT):03}{urlsplit(url).path}")] = sent
    page.run(axe)
    found = page.run("""axe.run(document, {resultTypes: ["violations"]}).then(result =>
        result.violations.map(one => one.id + ": " + one.nodes.map(node => node.html).join(" ; ")))""")
    assert isinstance(found, list)
    return found


def too_wide(page: browser.Page) -> list[int]:
    """By how many pixels the open page is wider than its window: as it is, and with text twice as large."""
    found = page.run("""["100%", "200%"].map(size => {
        document.documentElement.style.fontSize = size;
        return document.documentElement.scrollWidth - innerWidth;
    }).filter(more => more > 0)""")
    page.run("document.documentElement.style.fontSize = ''")
    assert isinstance(found, list)
    return found


def wrong(pages: Mapping[str, str], folder: Path) -> str:
    """What is not valid HTML in `pages`, one line each; the pages are written by name into a folder."""
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, "utf-8")
    (folder / ".htmlvalidate.json").write_text(
        json.dumps({"root": True, "extends": ["html-validate:standard"]})
    )
    commands = [["node", str(MODULES / "html-validate" / "bin" / "html-validate.mjs"), "--formatter", "text"]]
    if shutil.which("java") is not None:
        jar = MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"
        commands.append(["java", "-jar", str(jar), "--errors-only"])
    files = [f"{name}.html" for name in pages]
    found = [
        subprocess.run(
            [*command, *files], cwd=folder, capture_output=True, text=True, check=False, timeout=120
        )
        for command in commands
    ]
    return "".join(done.stdout + done.stderr for done in found if done.returncode)
