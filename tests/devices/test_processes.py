"""Processes that are started together, where the system or the parent process makes that hard."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(script: str) -> str:
    """The output of `script`, run in a process of its own, which has one thread and may set signals."""
    begin = "import os, resource, signal, sys, threading\nfrom devices.processes import *\n"
    told = [sys.executable, "-c", begin + script]
    return subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("command", ["lambda: sys.exit(3)", "None"])
def test_how_a_child_ended_is_known_where_who_started_us_ignores_ended_children(command: str) -> None:
    said = run(
        f"""
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
try:
    run_together(Child("first", ["no-such"]), [], bool, bool, threading.Event(), "en", {command})
except Failed as error:
    print(error)
"""
    )
    assert said == "first failed: see the line above\n"


def test_where_no_process_can_be_started_signals_and_files_are_as_before() -> None:
    if sys.platform != "linux":
        pytest.skip("no process is forked")
    said = run(
        """
files = os.listdir("/proc/self/fd")
os.fork = lambda: (_ for _ in ()).throw(BlockingIOError(11, "Resource temporarily unavailable"))
try:
    Child("first", ["web"]).start(bool)
except BlockingIOError:
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []), os.listdir("/proc/self/fd") == files)
"""
    )
    assert said == "set() True\n"


def test_what_is_done_apart_leaves_nothing_behind_but_how_it_ended() -> None:
    said = run(
        """
def work():
    import colorsys
    print("done", flush=True)
apart(work)
print("colorsys" in sys.modules, flush=True)
try:
    apart(lambda: open("/no-such"))
except SystemExit as end:
    print(end.code)
"""
    )
    assert said == f"done\n{sys.platform != 'linux'}\n1\n"


@pytest.mark.parametrize(("ignored", "end"), [(False, -signal.SIGTERM), (True, 0)])
def test_a_closed_terminal_ends_as_sigterm_does_except_under_nohup(ignored: bool, end: int) -> None:
    script = "from devices.processes import *; end_with_others(); signal.raise_signal(signal.SIGHUP)"
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, timeout=60, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL),
    )  # fmt: skip
    assert ended.returncode == end
