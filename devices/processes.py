"""Several `hoiquan` processes as one: started together, watched, ended in the other order.

Each is the same command that runs alone. A child holds the end of a pipe as its standard input, so it
ends when its parent is gone, however that happened.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from devices.terminal import announce
from devices.texts import Mendable

CHILD = "HOIQUAN_CHILD"  # set in the environment of a child
GRACE = 4.0  # seconds that all children together have to end before they are killed
HASTE = 2.0  # seconds of it for a child that nobody has to wait for
LEAST = 0.3  # seconds of it that are kept for each child that is still to come
STEADY = 60.0  # seconds after which a child that runs counts as well
LONGEST_WAIT = 30.0


class Failed(Mendable, OSError):
    """A part that the others need ended with an error, of which it has told."""


@dataclass(slots=True)
class Child:
    """One `hoiquan` subcommand as a process."""

    name: str
    arguments: list[str]
    when: Callable[[], bool] = lambda: True  # may it be started yet?
    waited_for: bool = True  # has it a goodbye to say? Else it ends at once, and killed it loses nothing
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    again: float = 0.0  # when to start it again, monotonic
    wait: float = field(default=1.0)

    def start(self) -> None:
        command = [sys.executable, "-m", "hoiquan", *self.arguments]
        # a session of its own: Ctrl-C in the terminal reaches the parent alone, which keeps the order
        self.process = subprocess.Popen(  # noqa: S603 -- our own command
            command, stdin=subprocess.PIPE, start_new_session=True, env=os.environ | {CHILD: "1"}
        )
        self.started = time.monotonic()

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


def run_together(
    first: Child | None,
    children: Sequence[Child],
    ready: Callable[[], bool],
    say: Callable[[], object],
    stop: threading.Event,
    lang: str,
) -> None:
    """Run `first`, if any, to its end, then all of `children` until `stop`; `say` once it is `ready`. What
    becomes of them is told in `lang`.

    A child that ends by itself is started again, after a pause that grows while it keeps ending.
    """
    if stop.is_set():
        return
    try:
        if first is not None:
            first.start()
            while not first.ended():
                if stop.wait(0.05):
                    return
            if first.process and first.process.returncode:
                raise Failed("up.failed", part=first.name)
        announced = False
        while not stop.wait(0.1):
            if not announced and ready():
                announced = True
                say()
            for child in children:
                _watch(child, lang)
    finally:
        _end([*children[::-1], *([first] if first is not None else [])], lang)


def _watch(child: Child, lang: str) -> None:
    now = time.monotonic()
    if child.process is None:
        if child.when():
            child.start()
        return
    if not child.ended():
        if now - child.started > STEADY:
            child.wait = 1.0
        return
    if not child.again:
        announce("up.ended", lang, err=True,
                 part=child.name, code=child.process.returncode, seconds=child.wait)  # fmt: skip
        child.again = now + child.wait
        child.wait = min(2 * child.wait, LONGEST_WAIT)
    elif now >= child.again:
        child.again = 0.0
        child.start()


def _end(children: Sequence[Child], lang: str) -> None:
    """SIGTERM to one after the other, so that each can say goodbye to those behind it; whoever is
    still there when its time is over is killed.
    """
    deadline = time.monotonic() + GRACE
    for child in children:
        if child.process and not child.waited_for:
            child.process.terminate()
    for place, child in enumerate(children):
        if child.process is None:
            continue
        if child.waited_for and not child.ended():
            child.process.terminate()
        left = deadline - time.monotonic() - LEAST * (len(children) - place - 1)
        try:
            child.process.wait(max(0.1, left if child.waited_for else min(left, HASTE)))
        except subprocess.TimeoutExpired:
            if child.waited_for:
                announce("up.killed", lang, err=True, part=child.name)
            child.process.kill()
            child.process.wait()


def stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def leave(code: int) -> NoReturn:
    """End this process now that its work is in order. To take apart all that was imported is a fifth of a
    second for each of five processes, one after the other: on a busy machine longer than there is time.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


def follow_parent() -> None:
    """End this process, as by SIGTERM, when the parent at the other end of standard input is gone."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="parent").start()
