"""Several `hoiquan` processes as one: started together, watched, ended in the other order.

Each is the same command that runs alone. A child holds the end of a pipe as its standard input, so it
ends when its parent is gone, however that happened.

What several of them need, the parent imports once; on Linux they are forked from it and have it together:
half the memory of five interpreters. What a child uses of it becomes the child's own all the same, as its
references are counted where it stands: so what one child alone needs, that child imports (the frameworks of
the pages, imported here, took 16 MB more). The parent has one thread, and no database or connection open.
"""

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn, Protocol

from devices.terminal import announce
from devices.texts import Mendable

CHILD = "HOIQUAN_CHILD"  # set in the environment of a child
GRACE = 4.0  # seconds that all children together have to end before they are killed
HASTE = 2.0  # seconds of it for a child that nobody has to wait for
LEAST = 0.3  # seconds of it that are kept for each child that is still to come
STEADY = 60.0  # seconds after which a child that runs counts as well
LONGEST_WAIT = 30.0
_M_ARENA_MAX = -8  # malloc.h
_ENDS = (signal.SIGINT, signal.SIGTERM)


class Failed(Mendable, OSError):
    """A part that the others need ended with an error, of which it has told."""


class Process(Protocol):
    """What a `subprocess.Popen` and a `_Forked` have in common."""

    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class _Forked:
    """A copy of this process that runs `command` with `arguments`, with no open file of this one's but where
    it prints to.
    """

    def __init__(self, command: Callable[[], object], arguments: Sequence[str]) -> None:
        self.returncode: int | None = None
        reads, self._holds = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # one that comes before the copy has let go of our handlers would be lost on them
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        try:
            self._pid = os.fork()
            if not self._pid:
                _be(command, arguments, reads, before)
        except OSError:  # no room for another process
            os.close(self._holds)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(reads)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
                os.close(self._holds)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self._pid), timeout or 0.0)
            time.sleep(0.01)
        return code

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self._pid, number)


def _be(command: Callable[[], object], arguments: Sequence[str], stdin: int, mask: Iterable[int]) -> NoReturn:
    """Be as if started anew with these arguments; nothing above on the stack is ever returned to."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # a Ctrl-C that came before this was a session of its own was our parent's: ignored, it is forgotten
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.dup2(stdin, 0)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.environ[CHILD] = "1"
        sys.argv[1:] = arguments
        with suppress(OSError):  # for ps and top, to whom its arguments are its parent's
            Path("/proc/self/comm").write_text(f"hoiquan {arguments[0]}"[:15], "utf-8")
        command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 -- it ends as an interpreter does
        sys.excepthook(*sys.exc_info())
    finally:
        leave(code)


@dataclass(slots=True)
class Child:
    """One `hoiquan` subcommand as a process."""

    name: str
    arguments: list[str]
    when: Callable[[], bool] = lambda: True  # may it be started yet?
    waited_for: bool = True  # has it a goodbye to say? Else it ends at once, and killed it loses nothing
    process: Process | None = None
    started: float = 0.0
    again: float = 0.0  # when to start it again, monotonic
    wait: float = 1.0  # seconds before it is started again

    def start(self, command: Callable[[], object] | None = None) -> None:
        """Start it; `command` is what runs `hoiquan` in a process that has imported it, to be forked."""
        # a session of its own: Ctrl-C in the terminal reaches the parent alone, which keeps the order
        if command is not None and sys.platform == "linux" and threading.active_count() == 1:
            self.process = _Forked(command, self.arguments)
        else:  # where libraries of the system do not bear a fork
            self.process = subprocess.Popen(  # noqa: S603 -- our own command
                [sys.executable, "-m", "hoiquan", *self.arguments],
                stdin=subprocess.PIPE, start_new_session=True, env=os.environ | {CHILD: "1"},
            )  # fmt: skip
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
    command: Callable[[], object] | None = None,
    shared: Sequence[str] = (),
) -> None:
    """Run `first`, if any, to its end, then all of `children` until `stop`; `say` once it is `ready`. What
    becomes of them is told in `lang`. `command` runs `hoiquan` by its arguments, where they are to be forked;
    `shared` are the modules that several of them need.

    A child that ends by itself is started again, after a pause that grows while it keeps ending.
    """
    if stop.is_set():
        return
    # who started us may ignore it: nobody would then learn how a child of ours, or of a child's, has ended
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        if first is not None:
            first.start(command)
        for name in shared:
            if not stop.is_set():
                import_module(name)
        gc.collect()
        gc.freeze()  # a collection in a child would write into each page of what is shared
        if first is not None:
            while not first.ended():
                if stop.wait(0.05):
                    return
            if first.process and first.process.returncode and not stop.is_set():
                raise Failed("up.failed", part=first.name)
        announced = False
        while not stop.wait(0.1):
            if not announced and ready():
                announced = True
                say()
            for child in children:
                _watch(child, lang, command)
    finally:
        _end([*children[::-1], *([first] if first is not None else [])], lang)


def _watch(child: Child, lang: str, command: Callable[[], object] | None) -> None:
    now = time.monotonic()
    if child.process is None:
        if child.when():
            child.start(command)
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
        child.start(command)


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


def apart(work: Callable[[], object]) -> None:
    """Do `work` in a copy of this process, and wait for it: what it needs once goes with the copy, where this
    process stays for long. What it raises is told there, as if it were raised here, and ends both with the
    same exit code. Besides this thread there may be one at the most that waits for the parent's end.
    """
    if sys.platform != "linux":  # see Child.start
        work()
        return
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    pid = os.fork()
    if not pid:
        work()
        leave(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise SystemExit(code if code > 0 else 1)


def spare_the_collector() -> None:
    """What is loaded by now stays for good: a collection need not go through it. Messages and what pages show
    hold no cycles and leave by themselves, so that looking after each 700 of them finds nothing: that took a
    tenth of a second now and then, and everybody waited. Of 14,000 devices it was most of what pages waited.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def stop_on_signals() -> threading.Event:
    """An event that SIGINT and SIGTERM set."""
    stop = threading.Event()
    for number in _ENDS:
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


def share_heap() -> None:
    """Have all threads of this process share one heap, where glibc would give most of them one of their own,
    which keeps what it once needed: that was 4 MB of a gateway, and as much of the pages.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # another libc
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Give the system what was let go of, most of which glibc would keep for what may come."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # another libc
            ctypes.CDLL(None).malloc_trim(0)


def follow_parent() -> None:
    """End this process, as by SIGTERM, when the parent at the other end of standard input is gone."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="parent").start()
