"""The overview as it was drawn last, for whoever asks before this run has drawn its first: in a province of a
thousand places that takes a moment. It says of when it is, and its reader's browser asks again by itself.

drawn ─► keep: each minute a file a language ─► the next start ─► page
"""

import logging
import time
from pathlib import Path

from devices.clock import DAY_MS, now_ms
from devices.files import replace

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds from one writing to the next
OLDEST_MS = DAY_MS  # that is shown: what is older misleads more than waiting does


class Left:
    """`folder` holds the files, by `pilot` and language; None: nothing is kept."""

    def __init__(self, folder: Path | None, pilot: str) -> None:
        self._folder, self._pilot = folder, pilot
        self._next: dict[str, float] = {}  # by language, when it is written again; s, monotonic
        self._failed = False

    def page(self, lang: str) -> str | None:
        """The page that an earlier run left a day ago at most."""
        if self._folder is None:
            return None
        path = self._path(self._folder, lang)
        try:
            if now_ms() - path.stat().st_mtime * 1000 > OLDEST_MS:
                return None
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):  # none yet, or damaged: who asks waits for the first
            return None

    def keep(self, lang: str, page: str) -> None:
        """Write the page, where that was not done a moment ago."""
        if self._folder is None or time.monotonic() < self._next.get(lang, 0.0):
            return
        self._next[lang] = time.monotonic() + EVERY
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace(self._path(self._folder, lang), page)
            self._failed = False
        except OSError as error:  # a full disk: the pages go on
            if not self._failed:
                log.warning("the overview is not kept for the next start: %s", error)
            self._failed = True

    def _path(self, folder: Path, lang: str) -> Path:
        return folder / f"overview-{self._pilot}-{lang}.html"
