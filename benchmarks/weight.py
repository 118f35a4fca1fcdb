"""Memory use of a gateway and of a whole `hoiquan up`: `python benchmarks/weight.py [--before CHECKOUT]`.

    gateway, idle    some time (--idle) after it has subscribed; nothing is sent
    gateway, full    peak resident memory while queued messages are drained (see gateway.py)
    up, idle         each process of `hoiquan up` after it has opened its pages; the simulator plays

PSS is a process's own memory plus its share of memory that several processes have in common: the sum over
processes is what they take from the machine. The checkouts are measured in turn, in one run. Memory, unlike
time, hardly depends on what else the machine does; times are not measured here.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of, run, several
from benchmarks.peers.drain import drain
from benchmarks.peers.launch import subscribed
from benchmarks.peers.ours import Ours
from benchmarks.peers.processes import ROOT, Running, children
from benchmarks.peers.testbed import Testbed, testbed
from benchmarks.peers.traffic import Traffic, recent
from tests.loopback import free_port

PATIENCE = 180.0  # seconds until `hoiquan up` opens its pages: it generates a month of history first
READY = "hoiquan: open http"
MEASURED = ("idle", "full", "up")
PARTS = ("broker", "gateway", "web", "simulate")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument(
        "--before", type=Path, help="also measure this other checkout, such as one of an earlier commit"
    )
    parser.add_argument(
        "--messages",
        type=int,
        default=240_000,
        help="messages that wait in the broker for the drain (240000)",
    )
    parser.add_argument(
        "--idle", type=float, default=30, help="seconds that a gateway idles before it is measured (30)"
    )
    parser.add_argument("--history", default="30d", help="simulated past of `hoiquan up` (30d)")
    parser.add_argument(
        "--only",
        type=several(MEASURED),
        default=",".join(MEASURED),
        help="what to measure, of idle,full,up (all)",
    )
    options = parser.parse_args()
    roots = {"this commit": ROOT}
    if options.before is not None:
        roots = {"before": options.before.resolve(), **roots}
    if {"idle", "full"}.intersection(options.only):
        with testbed() as bed:
            if "idle" in options.only:
                weights = {name: idle(bed, root, options.idle) for name, root in roots.items()}
                show("gateway, idle, PSS", weights)
            if "full" in options.only:
                weights = {name: full(bed, root, options.messages) for name, root in roots.items()}
                show("gateway, full rate, peak RSS", weights)
    if "up" in options.only:
        show("up, idle, PSS", {name: up(root, options) for name, root in roots.items()})


def show(what: str, weights: dict[str, dict[str, float]]) -> None:
    """Print a table: a row per process, a column per checkout, and the ratio of the sums."""
    names = list(dict.fromkeys(name for weight in weights.values() for name in weight))
    print(f"\n{what:34}" + "".join(f"{column:>14}" for column in weights))
    for name in names:
        print(f"  {name:32}" + "".join(f"{weight.get(name, 0.0):11.1f} MB" for weight in weights.values()))
    sums = [sum(weight.values()) for weight in weights.values()]
    if len(names) > 1:
        print(f"  {'together':32}" + "".join(f"{total:11.1f} MB" for total in sums))
    if len(sums) > 1:
        print(f"  {'ratio':32}{'':>14}{sums[-1] / sums[0]:14.2f}")
    sys.stdout.flush()


def idle(bed: Testbed, root: Path, seconds: float) -> dict[str, float]:
    """PSS of a gateway that receives nothing."""
    with subscribed(Ours(root=root), bed, Traffic(1000, recent(1000))) as ((gateway,), _):
        time.sleep(seconds)
        return {"gateway": pss(gateway.pid)}


def full(bed: Testbed, root: Path, messages: int) -> dict[str, float]:
    """Peak resident memory of a gateway that drains queued messages."""
    drained = drain(Ours(root=root), bed, messages)
    print(f"  {root.name}: {drained.stored:,} of {messages:,} stored in {drained.seconds:.1f} s", flush=True)
    return {"gateway": drained.peak_mb}


def up(root: Path, options: argparse.Namespace) -> dict[str, float]:
    """PSS of each process of an idle `hoiquan up`, the median of three looks."""
    folder = Path(tempfile.mkdtemp(prefix="hoiquan-weight-"))
    command = [sys.executable, str(root / "hoiquan.py"), "up", "--data", str(folder / "data"),
               "--history", options.history, "--lang", "en", "--http-port", str(free_port()),
               "--mqtt-port", str(free_port())]  # fmt: skip
    # its children import hoiquan by name: without this they would use the installed checkout
    running = Running(command, folder, "up", PYTHONPATH=str(root))
    try:
        deadline = time.monotonic() + PATIENCE
        while READY not in running.log.read_text("utf-8", "replace"):
            if running.ended() or time.monotonic() > deadline:
                raise SystemExit(
                    f"benchmarks/weight.py: hoiquan up does not open its pages: {running.tail()}"
                )
            time.sleep(0.2)
        looks = []
        for _ in range(3):
            time.sleep(options.idle / 3)
            looks.append({_name(pid): pss(pid) for pid in [running.pid, *children(running.pid)]})
        threads = sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in children(running.pid))
        print(f"  {root.name}: {threads} threads", flush=True)
        return {name: median(look.get(name, 0.0) for look in looks) for name in looks[-1]}
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


def pss(pid: int) -> float:
    """PSS in MB, from /proc/PID/smaps_rollup (Linux 4.14); 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def _name(pid: int) -> str:
    """The name of a process of `hoiquan up`: its subcommand, or its program."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        comm = Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    except OSError:
        return "?"
    if comm.startswith("hoiquan "):  # forked: its command line is its parent's
        short = comm.removeprefix("hoiquan ")  # the kernel keeps 15 letters of the name
        return next((part for part in PARTS if part.startswith(short)), short)
    for at, word in enumerate(words):
        if word == "hoiquan" or word.endswith("hoiquan.py"):
            return words[at + 1]
    return Path(words[0]).name or "?"


if __name__ == "__main__":
    run(main)
