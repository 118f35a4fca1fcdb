"""The overview as it was drawn last, shown until this run has drawn its first.

In a province of a thousand places the first drawing takes a moment. The page of the earlier run shows its
time, and the reader's browser asks again by itself.

drawn ─► keep: each minute a file per language ─► the next start ─► page

A page that was drawn by other code is not shown: its style sheet is not ours.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from devices.clock import DAY_MS, now_ms
from devices.files import mend, replace

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds from one write to the next
OLDEST_MS = DAY_MS  # age of a page that is shown; an older one misleads more than waiting does
HERE = Path(__file__).parent
DRAWING = (HERE / "templates", HERE / "pages", HERE / "map", HERE.parent / "devices" / "texts.yaml")


class EarlierPages:
    """The pages in `folder`, one file per `pilot` and language; without a folder nothing is kept."""

    def __init__(self, folder: Path | None, pilot: str) -> None:
        self._folder, self._pilot = folder, pilot
        self._next: dict[str, float] = {}  # language → when it is written again; s, monotonic
        self._failed = False

    def page(self, lang: str) -> str | None:
        """The page that an earlier run left, if it is at most a day old and was drawn by the same code."""
        if self._folder is None:
            return None
        path = self._path(self._folder, lang)
        try:
            if now_ms() - path.stat().st_mtime * 1000 > OLDEST_MS:
                return None
            head, _, page = path.read_text("utf-8").partition("\n")
            return page if head == self._head else None
        except (OSError, UnicodeDecodeError):  # none yet, or damaged: the reader waits for the first page
            return None

    def keep(self, lang: str, page: Callable[[], str]) -> None:
        """Write the page, unless that was done less than EVERY seconds ago."""
        if self._folder is None or time.monotonic() < self._next.get(lang, 0.0):
            return
        self._next[lang] = time.monotonic() + EVERY
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace(self._path(self._folder, lang), f"{self._head}\n{page()}")
            self._failed = False
        except OSError as error:  # such as a full disk: the pages go on working
            if not self._failed:
                log.warning("the overview is not kept for the next start: %s", mend(error))
            self._failed = True

    @cached_property
    def _head(self) -> str:
        """The first line of a file: the hash of the code that drew it."""
        files = (file for path in DRAWING for file in (path, *path.rglob("*")) if file.is_file())
        code = hashlib.sha256()
        for file in sorted(file for file in files if file.suffix in (".py", ".html", ".css", ".yaml")):
            code.update(file.read_bytes())
        return f"<!-- {code.hexdigest()} -->"

    def _path(self, folder: Path, lang: str) -> Path:
        return folder / f"overview-{self._pilot}-{lang}.html"
