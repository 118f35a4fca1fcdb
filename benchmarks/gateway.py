"""Our gateway beside others, in one run on this machine: `python benchmarks/gateway.py`.

    limits      mosquitto_sub, a bare paho loop, the disk, the store: what each part can do by itself
    drain       messages wait in the broker (persistent session, QoS 1); a gateway starts and takes them
    killed      the same, with SIGKILL after half of that time (or half of the points), and a new start
    a bad one   the same, with one message in 1,000 that no store can take as it is
    live        time from publish to queryable at a steady pace, and memory use (only ours)

All gateways use the same Mosquitto (with production's deploy/mosquitto/mosquitto.conf) and the same InfluxDB
(1.6 behind nginx, which accepts the write path of 2.x). The benchmark starts both on loopback and ends them.
The first run builds Telegraf from its Go module and installs Node-RED with npm, into ~/.cache/hoiquan-bench
or the folder in HOIQUAN_BENCH_CACHE; if that fails, the row says so. Measurements run one after the other.
With two cores, compare ratios, and only within one run.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of, run, several
from benchmarks.peers.drain import Drained, drain
from benchmarks.peers.figures import Figures, NotMeasured, Row
from benchmarks.peers.launch import Gateway
from benchmarks.peers.limits import LIMITS, together
from benchmarks.peers.live import live
from benchmarks.peers.node_red import NodeRed
from benchmarks.peers.ours import BEFORE, Ours
from benchmarks.peers.processes import Missing
from benchmarks.peers.tables import EVERY, drained_table, live_table
from benchmarks.peers.telegraf import Telegraf
from benchmarks.peers.testbed import Testbed, testbed
from benchmarks.peers.traffic import BAD

MOST = 500_000  # the most messages that the broker's own limits let wait
GATEWAYS: dict[str, Callable[[], list[Gateway]]] = {
    "ours": lambda: [Ours(), Ours(processes=2)],
    "telegraf": lambda: [Telegraf()],
    "node-red": lambda: [NodeRed()],
}
T = TypeVar("T")
FAILURES = (Missing, RuntimeError, OSError, AssertionError)


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument(
        "--messages", type=int, default=60_000, help="messages that wait in the broker for each drain (60000)"
    )
    parser.add_argument(
        "--only",
        type=several(GATEWAYS),
        default=",".join(GATEWAYS),
        help="gateways to measure, of ours,telegraf,node-red (all)",
    )
    parser.add_argument(
        "--repeat", type=int, default=1, help="drains of each gateway, in turn; the best counts (1)"
    )
    parser.add_argument(
        "--rate", type=int, default=1000, help="messages per second of the live run (1000; 0: no live run)"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=0.5,
        help="minutes of the live run (0.5; 10 shows whether memory stays flat)",
    )
    parser.add_argument(
        "--before", type=Path, help="also measure this other checkout, such as one of the previous commit"
    )
    parser.add_argument(
        "--no-faults", action="store_true", help="leave out the runs with a kill and with bad messages"
    )
    parser.add_argument("--json", type=Path, help="also write all figures to this file, as JSON")
    options = parser.parse_args()
    if not EVERY <= options.messages <= MOST:
        parser.error(f"--messages: {EVERY} to {MOST}")
    return options


def main() -> None:
    options = arguments()
    figures = Figures(options.messages)
    gateways = list(installed(options.only, figures))
    if options.before is not None:
        gateways.insert(0, Ours(root=options.before.resolve()))
        figures.gateways[BEFORE] = Row()
    with testbed() as bed:
        figures.machine.together = together()
        for name, measure in LIMITS.items():
            figures.limits[name] = attempt(name, partial(measure, bed, options.messages))
        drains(bed, gateways, options, figures)
        if not options.no_faults:
            for gateway in gateways:
                faults(bed, gateway, options.messages, figures.row(gateway.name))
        if options.rate and "ours" in options.only:
            lives(bed, options, figures)
    figures.machine.load_after = os.getloadavg()[0]
    if options.json:
        options.json.write_text(json.dumps(figures.as_dict(), indent=1), "utf-8")
    console = Console(width=170)
    console.print(drained_table(figures))
    for name, lived in figures.live.items():
        console.print(live_table(name, lived))
    if options.before is not None:
        compare(figures, options.before, console)


def installed(only: list[str], figures: Figures) -> Iterator[Gateway]:
    """Yield the gateways that can run here, installed. Notes why the others cannot."""
    for gateway in [gateway for name in only for gateway in GATEWAYS[name]()]:
        try:
            gateway.prepare()
        except Missing as missing:
            print(f"{gateway.name}: {missing}", flush=True)
            figures.gateways[gateway.name] = NotMeasured(str(missing))
        else:
            figures.gateways[gateway.name] = Row()
            yield gateway


def attempt(what: str, measure: Callable[[], T]) -> T | NotMeasured:
    """The result of `measure`, or why there is none, so that one failed row does not stop the others."""
    print(f"{what} …", end=" ", flush=True)
    began = time.monotonic()
    try:
        result = measure()
    except FAILURES as error:
        print(f"not measured: {error}", flush=True)
        return NotMeasured(" ".join(str(error).split())[:300])
    print(f"{time.monotonic() - began:.0f} s", flush=True)
    return result


def drains(bed: Testbed, gateways: list[Gateway], options: argparse.Namespace, figures: Figures) -> None:
    """`--repeat` drains of each gateway, in turn, so that other load on the machine hits all."""
    for number in range(1, options.repeat + 1):
        for gateway in gateways:
            what = f"{gateway.name}: drain {number} of {options.repeat}"
            figures.row(gateway.name).add(attempt(what, partial(drain, gateway, bed, options.messages)))


def faults(bed: Testbed, gateway: Gateway, messages: int, row: Row) -> None:
    """Measure the losses when the gateway is killed half way, and when one message in `EVERY` is bad."""
    half = row.drain.seconds / 2 if isinstance(row.drain, Drained) else 3600
    killed = partial(drain, gateway, bed, messages, kill=half)
    row.killed = attempt(f"{gateway.name}: killed half way", killed)
    fewer = max(2 * EVERY, messages // 3)
    for bad in BAD:
        what = f"{gateway.name}: a bad one ({bad}) in {EVERY:,}"
        row.bad[bad] = attempt(what, partial(drain, gateway, bed, fewer, bad, EVERY))


def lives(bed: Testbed, options: argparse.Namespace, figures: Figures) -> None:
    """A live run of ours, after one of the `--before` checkout if there is one."""
    seconds = options.minutes * 60
    roots = [options.before.resolve()] if options.before is not None else []
    for gateway in [*(Ours(root=root) for root in roots), Ours()]:
        what = f"{gateway.name}: live, {options.rate} messages/s for {seconds:g} s"
        figures.live[gateway.name] = attempt(what, partial(live, gateway, bed, options.rate, seconds))


def compare(figures: Figures, before: Path, console: Console) -> None:
    """Print ours as a share of the other checkout, drain by drain."""
    ours, theirs = figures.row(Ours().name), figures.row(BEFORE)
    for what, mine, then in (("rate", ours.rates, theirs.rates), ("CPU a message", ours.cpus, theirs.cpus)):
        pairs = [one / other for one, other in zip(mine, then, strict=False)]
        if not pairs:  # one of them was not measured; its row says why
            continue
        shown = ", ".join(f"{pair:.3f}" for pair in pairs)
        console.print(f"of the {what} of {before}, drain by drain: {shown}; median {median(pairs):.3f}")


if __name__ == "__main__":
    run(main)
