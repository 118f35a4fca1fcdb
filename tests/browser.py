"""A headless Chromium driven over a pipe (Chrome DevTools Protocol), to see pages as a reader does."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip
KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}  # name of a key → its code, and what it types


class Page:
    """One tab. `requests` are the addresses that documents of the opened site requested, without what the
    document before it asks for late, such as its icon.
    """

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = os.fdopen(read, "rb", 0), os.fdopen(write, "wb", 0)
        self._number, self._rest, self._session = 0, b"", ""
        self._loaded = False
        self._document = "", ""  # request id and address of the open document
        self.requests: list[str] = []
        self._site = "", ""  # scheme and host that were opened
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Send a command of the protocol; returns its result."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._write.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def open(self, url: str, width: int = 360, height: int = 800) -> None:
        """Load an address in a window of this size, in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self._loaded, self._site = False, urlsplit(url)[:2]
        self.call("Page.navigate", url=url)
        while not self._loaded:
            self._next()

    def sent(self) -> tuple[str, str]:
        """The address of the open page, and its HTML as the server sent it."""
        request, url = self._document
        found = self.call("Network.getResponseBody", requestId=request)
        return url, base64.b64decode(found["body"]).decode() if found["base64Encoded"] else found["body"]

    def run(self, script: str) -> Any:
        """The value of an expression or promise; the page's own policy does not bind the script."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"].get("description"))
        return result["result"].get("value")

    def choose(self, selector: str, files: Sequence[Path]) -> None:
        """Put files into an input, as a person does."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def press(self, selector: str) -> None:
        """Click on an element that leads to another page, and wait until that page is loaded."""
        self._loaded = False
        self.run(f"document.querySelector({selector!r}).click()")
        while not self._loaded:
            self._next()

    def keys(self, *keys: str) -> None:
        """Press keys, as somebody without a mouse: Tab and Enter by name, anything else is typed."""
        for key in keys:
            if key not in KEYS:
                self.call("Input.insertText", text=key)
                continue
            number, text = KEYS[key]
            for kind in ("keyDown", "keyUp"):
                said = {"text": text} if text and kind == "keyDown" else {}
                self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                          windowsVirtualKeyCode=number, **said)  # fmt: skip

    def enter(self) -> None:
        """Press Enter on what leads to another page, and wait until that page is loaded."""
        self._loaded = False
        self.keys("Enter")
        while not self._loaded:
            self._next()

    def focused(self) -> str:
        """The element that has the focus: its tag, and its role, name or address."""
        told: str = self.run("""(one => one.tagName.toLowerCase() + " " +
            (one.getAttribute("role") || one.getAttribute("name") || one.getAttribute("href") || "")
        )(document.activeElement)""")
        return told.strip()

    def picture(self, path: Path) -> None:
        """Save the whole page as a PNG file."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def _next(self) -> Any:
        while b"\0" not in self._rest:
            data = self._read.read(1 << 16)
            if not data:
                raise RuntimeError("the browser is gone")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(line)
        if message.get("method") == "Network.requestWillBeSent":
            document, asked = message["params"]["documentURL"], message["params"]["request"]["url"]
            self.requests += [asked] if urlsplit(document)[:2] == self._site else []
        if message.get("method") == "Network.responseReceived" and message["params"]["type"] == "Document":
            self._document = message["params"]["requestId"], message["params"]["response"]["url"]
        self._loaded |= message.get("method") == "Page.loadEventFired"
        return message


@contextmanager
def page() -> Iterator[Page]:
    """A tab in a browser of its own; skips the test if there is no Chromium."""
    command = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if command is None:
        pytest.skip("Chromium is not here (apt-get install chromium)")
    ours_read, theirs_write = os.pipe()
    theirs_read, ours_write = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        line = f'exec "$@" 3<&{theirs_read} 4>&{theirs_write}'  # the browser expects the pipes as 3 and 4
        process = subprocess.Popen(
            ["bash", "-c", line, "bash", command, *QUIET, f"--user-data-dir={profile}"],
            pass_fds=(theirs_read, theirs_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_read)
        os.close(theirs_write)
        try:
            yield Page(ours_read, ours_write)
        finally:
            process.terminate()
            process.wait(10)
