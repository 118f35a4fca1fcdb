"""How well the checks find what the simulator breaks: `python benchmarks/checks.py [seed …]`.

The benchmark checks 30 days of the whole fleet, in the order in which its messages arrive, and compares the
flags with the simulator's own record of its faults (sim/nodes/truth.py). A value is wrong if an episode of
its signal or of its device's clock covers it, even if the episode changes it by less than its resolution;
otherwise it is healthy.

    found at once   flagged on arrival: for a fault of the clock by its time, else by its value
    found           still flagged at the end: the checks withdraw their flags from a jump that lasts
    precision       share of a test's flags standing at the end that are on wrong values
    run             flags of one test and signal, each within an hour of the one before
"""

import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of
from benchmarks.simulator import MONTH, NOW, all_joined
from devices.clock import DAY_MS, HOUR_MS, YEAR_2020_MS
from devices.contract.quality import CLOCK, FLAT_LINE, GROSS_RANGE, NEIGHBOURS, RATE, SPIKE, Flag
from devices.pilots.pilot import Pilot, load
from gateway.ingest.checks import Checker
from sim.nodes.faults import SKEW, VALUE
from sim.nodes.node import Node
from sim.nodes.telemetry import Delivery
from sim.nodes.truth import Record, records
from sim.run import fleet

STEP = 5 * DAY_MS  # span of the fleet's messages held in memory at once
LEVELS = ("normal", "harsh")
REASONS = (GROSS_RANGE, RATE, SPIKE, FLAT_LINE, NEIGHBOURS, CLOCK)
AHEAD, BEHIND, YEAR_1970, NO_CLOCK = (f"{SKEW}, {how}" for how in ("ahead", "behind", "1970", "no time"))
# Faults that no test looks for, and why.
BLIND = {
    BEHIND: "a buffer that is emptied looks the same",
    NO_CLOCK: "the time of arrival is right but for the way",
}


@dataclass(slots=True)
class Label:
    """An episode, how many of its values arrived and were found, and the epoch ms of its first flag."""

    kind: str
    record: Record
    values: int = 0
    at_once: int = 0
    found: int = 0
    first: int | None = None

    def covers(self, at: int) -> bool:
        """Whether the episode changes what is measured at epoch ms `at`."""
        return self.record.start <= at and (self.record.stop is None or at < self.record.stop)


@dataclass(slots=True)
class Alarm:
    """A flagged value. `wrong` are the episodes that cover it; `misdated`: flagged for its time."""

    reason: str
    misdated: bool
    device: str
    signal: str
    measured: int
    wrong: list[Label]
    stands: bool = True

    def speaks_of(self, label: Label) -> bool:
        """Whether the flag is about what is wrong in this episode."""
        return self.misdated if label.record.kind == SKEW else self.reason != CLOCK


@dataclass(slots=True)
class Result:
    """The outcome of some runs. `healthy` counts values."""

    labels: list[Label] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    healthy: int = 0

    def add(self, other: "Result") -> None:
        self.labels += other.labels
        self.alarms += other.alarms
        self.healthy += other.healthy


def kind_of(record: Record) -> str:
    """The kind of fault. A clock fails in four ways, of which the checks can see some."""
    if record.kind != SKEW:
        return record.kind
    offset = record.parameters["offset_ms"]
    if offset is None:
        return NO_CLOCK
    if record.start + offset < YEAR_2020_MS:
        return YEAR_1970
    return AHEAD if offset > 0 else BEHIND


def in_order(nodes: Sequence[Node], start: int, stop: int) -> Iterator[Delivery]:
    """All messages in order of arrival. None arrives before it was measured, so STEP at a time is enough."""
    waiting: list[Delivery] = []
    for first in range(start, stop, STEP):
        last = min(first + STEP, stop)
        for node in nodes:
            waiting += node.deliveries(first, last)
        waiting.sort(key=lambda delivery: delivery.arrives)
        known = bisect_left(waiting, last, key=lambda delivery: delivery.arrives)
        yield from waiting[:known]
        del waiting[:known]
    yield from waiting


def labels(nodes: Iterable[Node], start: int, stop: int) -> dict[str, list[Label]]:
    """The episodes of values and clocks, by device."""
    kinds = {*VALUE, SKEW}
    return {
        node.device.device: [Label(kind_of(r), r) for r in records(node, start, stop) if r.kind in kinds]
        for node in nodes
    }


def measure(seed: int, pilot: Pilot, level: str, start: int, stop: int) -> Result:
    """Run the fleet through a checker once."""
    nodes = fleet(seed, pilot, level=level)
    truth, by_name = labels(nodes, start, stop), {node.device.device: node for node in nodes}
    result = Result([label for some in truth.values() for label in some])
    judge, open_alarms = Checker(pilot), dict[tuple[str, str, int], Alarm]()
    for message in in_order(nodes, start, stop):
        reading = message.reading
        device, node = reading.device.device, by_name[reading.device.device]
        assert reading.seq is not None  # a simulated node numbers its readings
        measured = node.ticks.time(reading.seq)
        wrong = defaultdict[str, list[Label]](list)
        for label in truth[device]:
            if label.covers(measured):
                for signal in [label.record.signal] if label.record.signal else reading.values:
                    wrong[signal].append(label)
                    label.values += 1
        result.healthy += len(reading.values) - len(wrong)
        for point in judge.check(reading):
            if point.measurement != "telemetry_flagged":
                continue
            tags = dict(point.tags)
            place = (device, tags["signal"], point.time)
            if point.fields["flag"] == Flag.GOOD:  # a jump that lasted is believed now
                open_alarms[place].stands = False
                continue
            misdated = "device_time" in point.fields
            alarm = Alarm(tags["reason"], misdated, device, tags["signal"], measured, wrong[tags["signal"]])
            open_alarms[place] = alarm
            result.alarms.append(alarm)
            for label in filter(alarm.speaks_of, alarm.wrong):
                label.at_once += 1
                label.first = min(message.arrives, label.first or message.arrives)
    for alarm in result.alarms:
        for label in filter(alarm.speaks_of, alarm.wrong):
            label.found += alarm.stands
    return result


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def delay(some: list[Label]) -> str:
    """Median hours from the beginning of an episode to its first flag, over the episodes that were found."""
    waits = [label.first - label.record.start for label in some if label.first is not None]
    return f"{median(waits) / HOUR_MS:.1f} h" if waits else "–"


def runs(alarms: Iterable[Alarm]) -> list[list[Alarm]]:
    """Group the flags into runs: the same test, device and signal, at most an hour apart."""
    grouped: list[list[Alarm]] = []
    for alarm in sorted(alarms, key=lambda a: (a.reason, a.device, a.signal, a.measured)):
        last = grouped[-1][-1] if grouped else None
        same = last and (last.reason, last.device, last.signal) == (alarm.reason, alarm.device, alarm.signal)
        if last and same and alarm.measured - last.measured <= HOUR_MS:
            grouped[-1].append(alarm)
        else:
            grouped.append([alarm])
    return grouped


def kind_rows(table: Table, result: Result) -> None:
    """Add a row per kind of fault: how much of it was found."""
    for kind in (*VALUE, AHEAD, YEAR_1970, BEHIND, NO_CLOCK):
        some = [label for label in result.labels if label.kind == kind]
        values = sum(label.values for label in some)
        by = Counter(
            alarm.reason
            for alarm in result.alarms
            if alarm.stands and any(one.kind == kind for one in alarm.wrong if alarm.speaks_of(one))
        )
        table.add_row(
            kind,
            f"{values:,}",
            share(sum(label.at_once for label in some), values),
            share(sum(label.found for label in some), values),
            f"{len(some):,}",
            share(sum(label.at_once > 0 for label in some), len(some)),
            share(sum(label.found > 0 for label in some), len(some)),
            delay(some),
            BLIND.get(kind) or ", ".join(f"{reason} {count:,}" for reason, count in by.most_common()),
        )


def reason_rows(table: Table, result: Result) -> None:
    """Add a row per test: how reliable its flags are."""
    for reason in (*REASONS, "all tests"):
        mine = [alarm for alarm in result.alarms if reason in (alarm.reason, "all tests")]
        stand = [alarm for alarm in mine if alarm.stands]
        together = runs(stand)
        false = [alarm for alarm in stand if not alarm.wrong]
        signals = Counter(alarm.signal for alarm in false).most_common(3)
        table.add_row(
            f"test {reason}" if reason in REASONS else reason,
            f"{len(stand):,}",
            f"{len(mine) - len(stand):,} withdrawn",
            share(len(stand) - len(false), len(stand)),
            f"{len(together):,}",
            "",
            share(sum(any(alarm.wrong for alarm in run) for run in together), len(together)),
            f"{1e5 * len(false) / result.healthy:.1f}",
            ", ".join(f"{signal} {count:,}" for signal, count in signals),
        )


def show(level: str, result: Result, console: Console) -> None:
    """One table: kinds of fault above, tests below."""
    table = Table(
        "fault\ntest", "values wrong\nflags", "found at once", "found: recall\nof wrong: precision",
        "episodes\nruns", "found at once", "found: recall\nof wrong: precision",
        "median delay\nfalse per 100,000", "by\nfalse alarms", title=f"--faults {level}",
    )  # fmt: skip
    kind_rows(table, result)
    table.add_section()
    reason_rows(table, result)
    table.caption = f"{result.healthy:,} healthy values"
    console.print(table)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("seed", nargs="*", type=int, default=[1], help="seeds of the simulator (1)")
    seeds = parser.parse_args().seed
    pilot, console = all_joined(load("dong-thap")), Console(width=170)
    for level in LEVELS:
        whole = Result()
        for seed in seeds:
            whole.add(measure(seed, pilot, level, NOW - MONTH, NOW))
        show(level, whole, console)


if __name__ == "__main__":
    main()
