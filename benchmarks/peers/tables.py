"""The tables that `benchmarks/gateway.py` prints."""

from rich.table import Table

from benchmarks.peers.drain import Drained
from benchmarks.peers.figures import Figures, NotMeasured, Row
from benchmarks.peers.limits import BROKER, PAHO, STORE, Limit
from benchmarks.peers.live import LiveRun
from benchmarks.peers.telegraf import Telegraf
from benchmarks.peers.traffic import BAD, FIELDS

ASKED = 2.5  # the hoped-for rate, as a multiple of Telegraf's
EVERY = 1000  # one message in this many is bad


def drained_table(figures: Figures) -> Table:
    """A row per limit and per gateway: what it drains, what it costs, and what limits it."""
    table = Table(title=f"{figures.messages:,} queued messages of {len(FIELDS)} signals, QoS 1")
    for name in ("what", "messages/s", "readings/s", "of bare paho", "CPU µs a message", "peak MB"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for name in ("killed half way", *(f"{bad} for a number, 1 in {EVERY:,}" for bad in BAD), "limit"):
        table.add_column(name)
    paho = figures.limits.get(PAHO)
    bare = paho.rate if isinstance(paho, Limit) else None
    for name, one in figures.limits.items():
        table.add_row(name, *limit_cells(name, one, bare))
    table.add_section()
    for name, row in figures.gateways.items():
        cells = not_measured(row) if isinstance(row, NotMeasured) else gateway_cells(row, bare)
        table.add_row(name, *cells)
    about = figures.machine
    table.caption = headroom(figures) + (
        f"From the connection to the broker until the last point can be queried. {about.cores} cores, "
        f"Python {about.python}; load of the machine {about.load:.1f} before, "
        f"{about.load_after:.1f} after: others' work shows in every figure. "
        "Stuck: neither stored nor lost, the broker still has them."
    )
    return table


def limit_cells(name: str, got: Limit | NotMeasured, bare: float | None) -> list[str]:
    """The cells of a limit; `bare` is the rate of bare paho in messages per second."""
    if isinstance(got, NotMeasured):
        return [got.missing]
    return [
        f"{got.rate:,.0f}",
        f"{got.rate * len(FIELDS):,.0f}" if name.startswith("store") else "",
        f"{got.rate / bare:.2f}" if bare and name.startswith("broker") else "",
        "" if got.cpu_us is None else f"{got.cpu_us:.1f}",
        *[""] * 4,
        "" if got.broker is None else f"broker {got.broker:.0%} of a core",
    ]


def gateway_cells(row: Row, bare: float | None) -> list[str]:
    """The cells of a gateway; `bare` is the rate of bare paho in messages per second."""
    drained = row.drain
    if not isinstance(drained, Drained):
        return not_measured(drained)
    return [
        f"{drained.rate:,.0f}",
        f"{drained.rate * len(FIELDS):,.0f}",
        f"{drained.rate / bare:.2f}" if bare else "",
        f"{drained.cpu_us:.1f}",
        f"{drained.peak_mb:.0f}",
        *(losses(got) for got in (row.killed, *(row.bad.get(bad) for bad in BAD))),
        bottleneck(drained.busy) + (f"; {drained.lost:,} lost" if drained.lost else ""),
    ]


def not_measured(why: NotMeasured | None) -> list[str]:
    """The cells of a gateway without a figure; None if nothing was asked of it."""
    return ["-", *[""] * 7, "" if why is None else why.missing]


def headroom(figures: Figures) -> str:
    """A sentence: the CPU time that broker and store leave to a gateway ASKED times as fast as Telegraf.

    The CPU time of all cores is what they do together, measured by the time that one core alone needs for it.
    """
    telegraf = figures.gateways.get(Telegraf().name)
    peer = telegraf.drain if isinstance(telegraf, Row) else None
    sub, store = figures.limits.get(BROKER), figures.limits.get(STORE)
    if not isinstance(peer, Drained) or not isinstance(sub, Limit) or not isinstance(store, Limit):
        return ""
    rate, cores = ASKED * peer.rate, figures.machine.together
    broker = (sub.broker or 0.0) / sub.rate * 1e6
    return (
        f"{ASKED} x Telegraf is {rate:,.0f} a second: {cores / rate * 1e6:.1f} µs a message of all cores, "
        f"which together do {cores:.2f} times what one does alone. By themselves the broker takes "
        f"{broker:.1f} of them and the store {store.cpu_us or 0.0:.1f}; mosquitto_sub, which is C and drops "
        f"what it gets, takes {sub.cpu_us or 0.0:.1f}. "
    )


def losses(got: Drained | NotMeasured | None) -> str:
    """The losses among the good messages, and what happened to the bad ones."""
    if got is None:
        return ""
    if isinstance(got, NotMeasured):
        return got.missing
    parts = [f"{got.lost:,} lost"]
    if got.stuck:
        parts.append(f"{got.stuck:,} stuck")
    if aside := got.books.get("quarantined"):
        parts.append(f"{aside} set aside")
    if again := got.books.get("duplicate"):
        parts.append(f"{again:,} came twice")
    when = f", killed at {got.killed_at:,}" if got.killed_at is not None else ""
    return f"{', '.join(parts)} of {got.messages:,}{when}"


def bottleneck(busy: dict[str, float]) -> str:
    """The bottleneck: the part that kept a core busy, or else the cores, if other programs took them."""
    part, most = max(((part, busy[part]) for part in ("gateway", "broker", "store")), key=lambda one: one[1])
    rest = ", ".join(f"{other} {share:.0%}" for other, share in busy.items() if other != part)
    if most < 0.75 and busy["others"] + busy["benchmark"] > 0.75:
        return f"the cores, which others took: {part} {most:.0%} of one, {rest}"
    return f"{part}: {most:.0%} of a core, {rest}"


def live_table(name: str, run: LiveRun | NotMeasured) -> Table:
    """The figures of a live run of the gateway called `name`."""
    table = Table(f"live, {name}", "measured", title="Publish to queryable")
    if isinstance(run, NotMeasured):
        table.add_row("not measured", run.missing)
        return table
    latency = ", ".join(f"{name} {value:,.0f} ms" for name, value in run.latency.items())
    table.add_row(f"{run.rate:,} messages/s for {run.seconds:.0f} s", latency)
    table.add_row("stored", f"{run.stored:,} of {run.messages:,}")
    table.add_row("CPU", f"{run.cpu_us:.1f} µs a message; {bottleneck(run.busy)}")
    table.add_row("memory", f"peak {run.peak_mb:.1f} MB, {run.growth_mb:+.1f} MB during the run")
    return table
