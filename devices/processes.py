"""Several `hoiquan` processes run as one: started together, watched, and ended in reverse order.

Each child is the same command that also runs alone. Its standard input is a pipe whose other end the parent
holds, so a child ends when its parent is gone, for whatever reason.

The parent imports once what several children need. On Linux it forks them, and they share this memory: half
that of five interpreters. A shared page becomes a child's own once the child uses it, because Python counts
references inside the objects. So a module that only one child needs is imported by that child (the web
frameworks, imported here, took 16 MB more). The parent has one thread, and no database or connection open.
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
HASTE = 2.0  # seconds of GRACE for a child that is not `waited_for`
LEAST = 0.3  # seconds of GRACE that are kept for each child still to be ended
STEADY = 60.0  # seconds after which a running child counts as healthy
LONGEST_WAIT = 30.0
_M_ARENA_MAX = -8  # malloc.h
_ENDS = (signal.SIGINT, signal.SIGTERM)


class Failed(Mendable, OSError):
    """A part that the others need ended with an error, which it has reported."""


class Process(Protocol):
    """What `subprocess.Popen` and `_Forked` have in common."""

    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


class _Forked:
    """A fork of this process that runs `command` with `arguments`. It keeps no open file of this process
    except its output.
    """

    def __init__(self, command: Callable[[], object], arguments: Sequence[str]) -> None:
        self.returncode: int | None = None
        reads, self._holds = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # a signal that arrives before the child drops our handlers would be lost on them
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
    """Run `command` as if started anew with these arguments, then exit: this never returns up the stack."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # a Ctrl-C from before this was a session of its own was meant for the parent: SIG_IGN discards it
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.dup2(stdin, 0)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.environ[CHILD] = "1"
        sys.argv[1:] = arguments
        with suppress(OSError):  # for ps and top, which would show its parent's arguments
            Path("/proc/self/comm").write_text(f"hoiquan {arguments[0]}"[:15], "utf-8")
        command()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 -- the child ends as an interpreter does
        sys.excepthook(*sys.exc_info())
    finally:
        leave(code)


@dataclass(slots=True)
class Child:
    """One `hoiquan` subcommand as a process."""

    name: str
    arguments: list[str]
    when: Callable[[], bool] = lambda: True  # may it be started yet?
    waited_for: bool = True  # must it end in order? Else it loses nothing if it is killed
    process: Process | None = None
    started: float = 0.0
    again: float = 0.0  # when to start it again, monotonic; 0: not planned
    wait: float = 1.0  # seconds before it is started again

    def start(self, command: Callable[[], object] | None = None) -> None:
        """Start the child. `command` runs `hoiquan` in a process that has imported it, which is forked."""
        # a session of its own: Ctrl-C in the terminal reaches only the parent, which keeps the order
        if command is not None and sys.platform == "linux" and threading.active_count() == 1:
            self.process = _Forked(command, self.arguments)
        else:  # elsewhere the system's libraries do not survive a fork
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
    """Run `first`, if any, to its end, then all of `children` until `stop`; call `say` once it is `ready`.
    Messages about them are in `lang`. `command` runs `hoiquan` by its arguments, for children that are
    forked; `shared` names the modules that several of them need. Raises Failed if `first` ends with an error.

    A child that ends by itself is started again, after a pause that grows while it keeps ending.
    """
    if stop.is_set():
        return
    # whoever started us may ignore SIGCHLD: then the exit codes of our children, and of theirs, would be lost
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        if first is not None:
            first.start(command)
        for name in shared:
            if not stop.is_set():
                import_module(name)
        gc.collect()
        gc.freeze()  # a collection in a child would write to every page of the shared memory
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
        _say("up.ended", lang, part=child.name, code=child.process.returncode, seconds=child.wait)
        child.again = now + child.wait
        child.wait = min(2 * child.wait, LONGEST_WAIT)
    elif now >= child.again:
        child.again = 0.0
        child.start(command)


def _end(children: Sequence[Child], lang: str) -> None:
    """Send SIGTERM to one child after the other, so that each can say goodbye to those behind it. A child
    that is still there when its time is over is killed.
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
                _say("up.killed", lang, part=child.name)
            child.process.kill()
            child.process.wait()


def _say(key: str, lang: str, **values: object) -> None:
    with suppress(OSError):  # the terminal is closed: that must not end the parts, nor their ending
        announce(key, lang, err=True, **values)


def apart(work: Callable[[], object]) -> None:
    """Do `work` in a fork of this process and wait for it, so that memory needed once goes with the fork and
    does not stay in this long-lived process. An error of `work` is reported in the fork, as if it were raised
    here, and ends both processes with the same exit code. Besides this thread, only one that waits for the
    parent's end may run.
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
    """Keep the garbage collector from work that finds nothing. What is loaded by now stays for good, so a
    collection need not visit it. Messages and the data of pages hold no cycles and are freed without it, so a
    collection after every 700 objects found nothing, yet took a tenth of a second now and then, for which
    everybody waited. With 14,000 devices it was most of the time that pages waited.
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
    """End this process now that its work is complete. Tearing down all imported modules takes a fifth of a
    second in each of five processes, one after the other: on a busy machine, longer than there is time.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


def share_heap() -> None:
    """Make all threads of this process share one heap. glibc would give most of them a heap of their own,
    which keeps the memory that it once needed: 4 MB in a gateway, and as much in the pages.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # another libc
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return freed memory to the system; glibc would keep most of it for later use."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # another libc
            ctypes.CDLL(None).malloc_trim(0)


def end_with_others() -> None:
    """End this process, as by SIGTERM, once its terminal is closed or the connection to it breaks off
    (SIGHUP); and a child once its parent at the other end of standard input is gone. Who started this process
    may ignore SIGHUP, as nohup does: then it goes on.
    """

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    if CHILD in os.environ:
        threading.Thread(target=wait, daemon=True, name="parent").start()
