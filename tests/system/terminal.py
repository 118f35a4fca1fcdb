"""`hoiquan` in a terminal of its own, as a shell starts it: there Ctrl-C is a key, and reaches the whole
foreground group.
"""

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from tests.system.running import SLOWER, alive, environment

CTRL_C = b"\x03"
AS_PEOPLE = {
    "PYTHONDONTWRITEBYTECODE": "",  # as usual for people: the run before compiled the modules
    "HOIQUAN_LANG": "en",
}
HOIQUAN = Path(sys.executable).with_name("hoiquan")  # the command that people start
MARK = "TESTS_TERMINAL"  # in the environment of every process started here, so that none is overlooked
SOON = 5.0  # seconds in which everything has to end
SENSIBLE = (0, -signal.SIGINT, -signal.SIGTERM)  # ended as told; or interrupted before it had begun
_NOISE = ("Traceback", "Exception ignored", "KeyboardInterrupt", "CancelledError", "Aborted")
BAD = re.compile("|".join((*_NOISE, "killed", "ended by itself", r"ended \(", "s wait (with|in) the ")))


def _foreground() -> None:
    """Make standard input the terminal of this session, so that Ctrl-C there is a signal."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """One command in the foreground of one terminal, started by the command `under`, if any."""

    def __init__(self, folder: Path, *arguments: str, under: Sequence[str] = (), **settings: str) -> None:
        self._mark = uuid4().hex
        self._screen, theirs = pty.openpty()
        self._shown = bytearray()
        self.process = subprocess.Popen(
            [*under, str(HOIQUAN), *arguments],
            cwd=folder, env=environment(**AS_PEOPLE, **settings, **{MARK: self._mark}),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            preexec_fn=_foreground,  # noqa: PLW1509 -- one call into the kernel
        )  # fmt: skip
        self.began = time.monotonic()
        os.close(theirs)
        self._open = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # a terminal reports so that its last process has closed it
            while (waits := select.select([self._screen], [], [], 0.1)[0]) or self._open:
                if waits:
                    self._shown += os.read(self._screen, 65_536)

    def text(self) -> str:
        return bytes(self._shown).decode("utf-8", "replace")

    def has_loaded(self, library: str) -> bool:
        """Whether the process has imported this library yet."""
        with suppress(OSError):
            return library in Path(f"/proc/{self.process.pid}/maps").read_text("utf-8")
        return False

    def ctrl_c(self) -> None:
        """Press Ctrl-C; does nothing if the terminal is closed."""
        with suppress(OSError):
            os.write(self._screen, CTRL_C)

    def hang_up(self) -> None:
        """Close the window: the foreground group gets SIGHUP, and writing to the terminal fails."""
        if self._open:
            self._open = False
            self._reader.join()
            os.close(self._screen)

    def ended(self) -> bool:
        return self.process.poll() is not None

    def wait(self, seconds: float) -> int | None:
        """The exit code; None if the process has not ended after so many seconds."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def left(self) -> list[str]:
        """Each process that was started here and still runs, anywhere in the tree, as "pid command"."""
        mark, found = f"{MARK}={self._mark}".encode(), []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in path.read_bytes().split(b"\0") and alive(int(path.parent.name)):
                    words = path.with_name("cmdline").read_bytes().replace(b"\0", b" ")
                    found.append(f"{path.parent.name} {words.decode('utf-8', 'replace')}")
        return found

    def close(self) -> None:
        """Kill every process left, by pid, and close the terminal."""
        for one in self.left():
            with suppress(OSError):
                os.kill(int(one.split()[0]), signal.SIGKILL)
        self.process.wait()
        self.hang_up()


def interrupted(terminal: Terminal, times: int = 1) -> tuple[float, int | None, list[str]]:
    """Press Ctrl-C so many times, a moment apart, or, 0 times, close the terminal; returns (seconds until the
    end, exit code, complaints).
    """
    pressed = time.monotonic()
    if not times:
        terminal.hang_up()
    for again in range(times):
        if again:
            time.sleep(0.2)
        terminal.ctrl_c()
    code = terminal.wait(SOON * SLOWER)
    seconds = time.monotonic() - pressed
    left = terminal.left()
    terminal.close()
    wrong = [f"left: {one}" for one in left]
    if code is None:
        wrong.append(f"not ended within {SOON * SLOWER:g} s")
    if code not in (*SENSIBLE, None):
        wrong.append(f"exit code {code}")
    wrong += [line.strip() for line in terminal.text().splitlines() if BAD.search(line)][:3]
    return seconds, code, wrong
