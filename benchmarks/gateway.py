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
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.peers.drain import Drained, Gateway, drain
from benchmarks.peers.limits import BROKER, LIMITS, PAHO, STORE, together
from benchmarks.peers.live import Lived, live
from benchmarks.peers.node_red import NodeRed
from benchmarks.peers.ours import BEFORE, Ours
from benchmarks.peers.processes import Missing
from benchmarks.peers.road import Road, road
from benchmarks.peers.telegraf import Telegraf
from benchmarks.peers.traffic import BAD, FIELDS

ASKED = 2.5  # the hoped-for rate, as a multiple of Telegraf's
EVERY = 1000  # one message in this many is bad
MOST = 500_000  # the most messages that the broker's own limits let wait
GATEWAYS: dict[str, Callable[[], list[Gateway]]] = {
    "ours": lambda: [Ours(), Ours(processes=2)],
    "telegraf": lambda: [Telegraf()],
    "node-red": lambda: [NodeRed()],
}
FAILURES = (Missing, RuntimeError, OSError, AssertionError)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--messages", type=int, default=60_000, help="messages that wait in the broker for each drain (60000)"
    )
    parser.add_argument(
        "--only", default=",".join(GATEWAYS), help="gateways to measure, of ours,telegraf,node-red (all)"
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
    if unknown := set(options.only.split(",")) - GATEWAYS.keys():
        parser.error(f"--only: no gateway {', '.join(sorted(unknown))}; there are {', '.join(GATEWAYS)}")
    if not EVERY <= options.messages <= MOST:
        parser.error(f"--messages: {EVERY} to {MOST}")
    return options


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the started programs, as Ctrl-C does
    figures: dict[str, Any] = {
        "machine": machine(),
        "messages": options.messages,
        "limits": {},
        "gateways": {},
    }
    gateways = list(able(options.only.split(","), figures["gateways"]))
    if options.before is not None:
        gateways.insert(0, Ours(root=options.before.resolve()))
        figures["gateways"][BEFORE] = {}
    try:
        with road() as both:
            figures["machine"]["together"] = together()
            for name, measure in LIMITS.items():
                figures["limits"][name] = attempt(name, lambda m=measure: m(both, options.messages))
            drains(both, gateways, options, figures["gateways"])
            if not options.no_faults:
                for gateway in gateways:
                    faults(both, gateway, options.messages, figures["gateways"][gateway.name])
            if options.rate and "ours" in options.only:
                figures["live"] = lives(both, options)
    except Missing as missing:
        raise SystemExit(f"benchmarks/gateway.py: {missing}") from None
    figures["machine"]["load_after"] = os.getloadavg()[0]
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1), "utf-8")
    console = Console(width=170)
    console.print(drained_table(figures))
    for name, lived in figures.get("live", {}).items():
        console.print(live_table(name, lived))
    if options.before is not None:
        for what, key in (("rate", "rates"), ("CPU a message", "cpus")):
            both = [figures["gateways"][name].get(key, []) for name in (Ours().name, BEFORE)]
            pairs = [now / then for now, then in zip(*both, strict=False)]
            if not pairs:  # one of them was not measured; its row says why
                continue
            shown = ", ".join(f"{pair:.3f}" for pair in pairs)
            console.print(
                f"of the {what} of {options.before}, drain by drain: {shown}; median {median(pairs):.3f}"
            )


def able(only: list[str], rows: dict[str, Any]) -> Iterator[Gateway]:
    """Yield the gateways that can run here, installed. The others leave a sentence in `rows`."""
    for gateway in [gateway for name in only for gateway in GATEWAYS[name]()]:
        try:
            gateway.prepare()
        except Missing as missing:
            print(f"{gateway.name}: {missing}", flush=True)
            rows[gateway.name] = {"missing": str(missing)}
        else:
            rows[gateway.name] = {}
            yield gateway


def attempt(what: str, measure: Callable[[], Any]) -> Any:
    """The result of `measure`, or why there is none, so that one failed row does not stop the others."""
    print(f"{what} …", end=" ", flush=True)
    began = time.monotonic()
    try:
        result = measure()
    except FAILURES as error:
        print(f"not measured: {error}", flush=True)
        return {"missing": " ".join(str(error).split())[:300]}
    print(f"{time.monotonic() - began:.0f} s", flush=True)
    return result


def lives(both: Road, options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """A live run of ours, after one of the `--before` checkout if there is one."""
    figures, seconds = {}, options.minutes * 60
    roots = [options.before.resolve()] if options.before is not None else []
    for gateway in [*(Ours(root=root) for root in roots), Ours()]:
        what = f"{gateway.name}: live, {options.rate} messages/s for {seconds:g} s"
        lived = attempt(what, lambda g=gateway: live(g, both, options.rate, seconds))
        figures[gateway.name] = lived.as_dict() if isinstance(lived, Lived) else lived
    return figures


def drains(both: Road, gateways: list[Gateway], options: argparse.Namespace, rows: dict[str, Any]) -> None:
    """The best of `--repeat` drains of each gateway, in turn, so that other load on the machine hits all."""
    for number in range(1, options.repeat + 1):
        for gateway in gateways:
            what = f"{gateway.name}: drain {number} of {options.repeat}"
            got = attempt(what, lambda g=gateway: drain(g, both, options.messages))
            row = rows[gateway.name]
            if not isinstance(got, Drained):
                row.setdefault("drain", got)
                continue
            row.setdefault("rates", []).append(got.rate)
            row.setdefault("cpus", []).append(got.cpu_us)
            if row.get("drain", {}).get("rate", 0) < got.rate:
                row["drain"] = got.as_dict()


def faults(both: Road, gateway: Gateway, messages: int, row: dict[str, Any]) -> None:
    """Measure the losses when the gateway is killed half way, and when one message in `EVERY` is bad."""
    half = row.get("drain", {}).get("seconds", 7200) / 2
    got = attempt(f"{gateway.name}: killed half way", lambda: drain(gateway, both, messages, kill=half))
    row["killed"] = got.as_dict() if isinstance(got, Drained) else got
    fewer = max(2 * EVERY, messages // 3)
    for bad in BAD:
        what = f"{gateway.name}: a bad one ({bad}) in {EVERY:,}"
        got = attempt(what, lambda bad=bad: drain(gateway, both, fewer, bad, EVERY))
        row[f"bad {bad}"] = got.as_dict() if isinstance(got, Drained) else got


# -- tables -------------------------------------------------------------------------------------
def drained_table(figures: dict[str, Any]) -> Table:
    table = Table(title=f"{figures['messages']:,} queued messages of {len(FIELDS)} signals, QoS 1")
    for name in ("what", "messages/s", "readings/s", "of bare paho", "CPU µs a message", "peak MB"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for name in ("killed half way", *(f"{bad} for a number, 1 in {EVERY:,}" for bad in BAD), "limit"):
        table.add_column(name)
    bare = figures["limits"].get(PAHO, {}).get("rate")
    for name, row in figures["limits"].items():
        if "missing" in row:
            table.add_row(name, row["missing"])
            continue
        ratio = f"{row['rate'] / bare:.2f}" if bare and name.startswith("broker") else ""
        cpu = f"{row['cpu_us']:.1f}" if "cpu_us" in row else ""
        busy = f"broker {row['broker']:.0%} of a core" if "broker" in row else ""
        readings = f"{row['rate'] * len(FIELDS):,.0f}" if name.startswith("store") else ""
        table.add_row(name, f"{row['rate']:,.0f}", readings, ratio, cpu, "", "", "", "", busy)
    table.add_section()
    for name, row in figures["gateways"].items():
        drained = row if "missing" in row else row.get("drain", {})
        if "missing" in drained:
            table.add_row(name, "-", *[""] * 7, drained["missing"])
            continue
        table.add_row(
            name,
            f"{drained['rate']:,.0f}",
            f"{drained['readings']:,.0f}",
            f"{drained['rate'] / bare:.2f}" if bare else "",
            f"{drained['cpu_us']:.1f}",
            f"{drained['peak_mb']:.0f}",
            *(fate(row.get(part)) for part in ("killed", *(f"bad {bad}" for bad in BAD))),
            limit(drained["busy"]) + (f"; {drained['lost']:,} lost" if drained["lost"] else ""),
        )
    about = figures["machine"]
    table.caption = left(figures) + (
        f"From the connection to the broker until the last point can be queried. {about['cores']} cores, "
        f"Python {about['python']}; load of the machine {about['load']:.1f} before, "
        f"{about['load_after']:.1f} after: others' work shows in every figure. "
        "Stuck: neither stored nor lost, the broker still has them."
    )
    return table


def left(figures: dict[str, Any]) -> str:
    """A sentence: the CPU time that broker and store leave to a gateway ASKED times as fast as Telegraf.

    The CPU time of all cores is what they do together, measured by the time that one core alone needs for it.
    """
    peer = figures["gateways"].get(Telegraf().name, {}).get("drain", {})
    sub, store = (figures["limits"].get(name, {}) for name in (BROKER, STORE))
    if not all("rate" in row for row in (peer, sub, store)):
        return ""
    rate = ASKED * peer["rate"]
    cores, broker = figures["machine"]["together"], sub["broker"] / sub["rate"] * 1e6
    return (
        f"{ASKED} x Telegraf is {rate:,.0f} a second: {cores / rate * 1e6:.1f} µs a message of all cores, "
        f"which together do {cores:.2f} times what one does alone. By themselves the broker takes "
        f"{broker:.1f} of them and the store {store['cpu_us']:.1f}; mosquitto_sub, which is C and drops what "
        f"it gets, takes {sub['cpu_us']:.1f}. "
    )


def fate(got: dict[str, Any] | None) -> str:
    """The losses among the good messages, and what happened to the bad ones."""
    if got is None:
        return ""
    if "missing" in got:
        return str(got["missing"])
    parts = [f"{got['lost']:,} lost"]
    if got["stuck"]:
        parts.append(f"{got['stuck']:,} stuck")
    if aside := got["books"].get("quarantined"):
        parts.append(f"{aside} set aside")
    if again := got["books"].get("duplicate"):
        parts.append(f"{again:,} came twice")
    when = f", killed at {got['killed_at']:,}" if got["killed_at"] is not None else ""
    return f"{', '.join(parts)} of {got['messages']:,}{when}"


def limit(busy: dict[str, float]) -> str:
    """The bottleneck: the part that kept a core busy, or else the cores, if other programs took them."""
    part, most = max(((part, busy[part]) for part in ("gateway", "broker", "store")), key=lambda one: one[1])
    rest = ", ".join(f"{other} {share:.0%}" for other, share in busy.items() if other != part)
    if most < 0.75 and busy["others"] + busy["benchmark"] > 0.75:
        return f"the cores, which others took: {part} {most:.0%} of one, {rest}"
    return f"{part}: {most:.0%} of a core, {rest}"


def live_table(name: str, lived: dict[str, Any]) -> Table:
    table = Table(f"live, {name}", "measured", title="Publish to queryable")
    if "missing" in lived:
        table.add_row("not measured", lived["missing"])
        return table
    latency = ", ".join(f"{name} {value:,.0f} ms" for name, value in lived["latency"].items())
    table.add_row(f"{lived['rate']:,} messages/s for {lived['seconds']:.0f} s", latency)
    table.add_row("stored", f"{lived['stored']:,} of {lived['messages']:,}")
    table.add_row("CPU", f"{lived['cpu_us']:.1f} µs a message; {limit(lived['busy'])}")
    table.add_row("memory", f"peak {lived['peak_mb']:.1f} MB, {lived['growth_mb']:+.1f} MB during the run")
    return table


def machine() -> dict[str, Any]:
    return {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}


if __name__ == "__main__":
    main()
