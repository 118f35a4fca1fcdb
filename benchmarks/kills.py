"""kill -9 anywhere on the way of a reading: `python benchmarks/kills.py --times 100`.

Readings flow, a hundred a second or more, through installations of real processes (`installations/`).
Each round kills one part at a random moment and starts it again after a random pause; the next round may
begin while that part still catches up. After ten rounds the nodes stop, all messages on their way arrive, and
the benchmark looks up every value.

    sent      by nodes. What the broker had not acknowledged when the simulator was killed was only in its
              memory, and is gone, as when a node loses power: nothing is promised of it
    acked     by the broker to its node           taken     by the gateway to the broker, once in its spool
    stored    every value of the reading is in the store
    broker    acknowledged, and lost with Mosquitto, which was killed before the gateway had the message: it
              writes its queues once a second; amqtt only acknowledges what the gateway has
    lost      acknowledged, neither stored nor lost with the broker               must be 0
    doubled   stored at another time too, or both as flagged and as not flagged   must be 0
    altered   stored with another value                                           must be 0

A row counts the rounds in which that part was killed, and the readings sent in these rounds (`broker`: the
readings lost with it). Each run begins with new folders. Ctrl-C ends all parts and prints the results so far.
The exit code is 1 if anything is lost, doubled, altered or refused, or if books do not balance.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of, run
from benchmarks.installations.apart import Apart
from benchmarks.installations.installation import Installation, reading_time
from benchmarks.installations.together import Together
from gateway.stores.store import Store
from tests.servers import until

# in turn; the one of production has two turns of six
INSTALLATIONS: tuple[Callable[[Path, float], Installation], ...] = (
    lambda folder, speed: Apart("mosquitto", "influx", folder, speed),
    lambda folder, speed: Apart("amqtt", "influx", folder, speed),
    lambda folder, speed: Apart("mosquitto", "influx", folder, speed),
    lambda folder, speed: Apart("mosquitto", "sqlite", folder, speed),
    lambda folder, _: Together("mosquitto", folder),
    lambda folder, _: Together("amqtt", folder),
)
EACH = 10  # rounds per installation
BEFORE, AWAY = 3.0, 1.5  # most seconds until a part is killed, and until it is started again
ALL, EVER = 10_000_000, 2**42  # limit of rows, and of time in epoch ms: everything
SHOWN = 5  # complaints that are printed

Key = tuple[str, int]  # device, epoch ms
Values = dict[str, list[float]]  # signal → its values in the store, more than one if stored more than once


class Round(NamedTuple):
    """When the round began, which part was killed, and when; monotonic s."""

    begun: float
    part: str
    killed: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of readings, of the kinds that the head of this module explains; `rounds` are kills."""

    rounds: int = 0
    sent: int = 0
    acked: int = 0
    taken: int = 0
    stored: int = 0
    broker: int = 0
    lost: int = 0
    doubled: int = 0
    altered: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*map(sum, zip(astuple(self), astuple(other), strict=True)))


Outcome = tuple[dict[str, Counts], bool]  # counts by the part that was killed; whether all is well


def rounds(one: Installation, chance: random.Random, number: int, say: "Progress") -> list[Round]:
    """Kill a part at random and start it again, `number` times."""
    done = []
    for _ in range(number):
        name = chance.choice(list(one.parts))
        before, away, waits = chance.uniform(0, BEFORE), chance.uniform(0, AWAY), chance.random() < 0.5
        begun = time.monotonic()
        if waits:  # in other rounds the kill may hit a part that starts, or works through its backlog
            until(one.connected, "the gateway's subscription")
            another_ack(one)
        time.sleep(before)  # the random moment of the kill
        one.parts[name].kill()
        done.append(Round(begun, name, time.monotonic()))
        time.sleep(away)
        one.parts[name].start()
        say.killed += 1
        say(f"{name} after {before:.1f} s, away for {away:.1f} s; "
            f"{len(one.nodes.up.acked):,} messages acknowledged, {len(one.taken):,} taken")  # fmt: skip
    return done


def another_ack(one: Installation) -> None:
    """Wait until the broker acknowledges one more message of the nodes."""
    before = len(one.nodes.up.acked)
    until(lambda: len(one.nodes.up.acked) > before, "the nodes are heard")


def compared(one: Installation, done: list[Round]) -> tuple[dict[str, Counts], list[str]]:
    """Counts of readings by the part that was killed, and complaints."""
    store = one.store()
    kept, sent = stored_values(store), set[Key]()
    store.close()
    found, complaints = dict[str, Counts](), list[str]()

    def add(name: str, **counts: int) -> None:
        found[name] = found.get(name, Counts()) + Counts(**counts)

    for each in done:
        add(each.part, rounds=1)
    begun = [each.begun for each in done]
    for message, moment in one.nodes.up.sent.items():
        ts = reading_time(message)
        if ts is None:
            continue
        device = message.topic.split("/")[4]
        sent.add((device, ts))
        values: dict[str, float] = json.loads(message.payload)["values"]
        there = kept.get((device, ts), {})
        acked, taken = one.nodes.up.acked.get(message), message in one.taken
        stored = values.keys() <= there.keys()
        gone = (
            not taken
            and acked is not None
            and not stored
            and any(each.part == one.broker and one.gone(message, each.killed) for each in done)
        )
        lost = not stored and not gone and (taken or acked is not None)
        doubled = any(len(several) > 1 for several in there.values())
        altered = any(value != values.get(signal) for signal, (value, *_) in there.items())
        add(
            done[max(0, bisect(begun, moment) - 1)].part, sent=1, acked=acked is not None, taken=taken,
            stored=stored, lost=lost, doubled=doubled, altered=altered,
        )  # fmt: skip
        if gone:
            add(one.broker, broker=1)
        if lost or doubled or altered:
            complaints.append(f"{device} at {ts}: sent {values}, in the store {dict(there)}")
    ours = {device for device, _ in sent}
    for device, ts in [key for key in kept.keys() - sent if key[0] in ours]:
        add(done[-1].part, doubled=1)
        complaints.append(f"{device} at {ts}: nobody sent that: {dict(kept[device, ts])}")
    return found, complaints


def stored_values(store: Store) -> dict[Key, Values]:
    """Every value in the store, by device and time."""
    kept: dict[Key, Values] = defaultdict(lambda: defaultdict(list))
    for point in store.series("telemetry", {}, 0, EVER, ALL):
        for signal, value in point.fields.items():
            kept[dict(point.tags)["device"], point.time][signal].append(float(value))
    for point in store.series("telemetry_flagged", {}, 0, EVER, ALL):
        tags = dict(point.tags)
        kept[tags["device"], point.time][tags["signal"]].append(float(point.fields["value"]))
    return kept


def checked(one: Installation, done: list[Round], say: "Progress") -> Outcome:
    """Wait until everything has arrived, and compare with what was sent."""
    books = one.drained()
    found, complaints = compared(one, done)
    entries = {json.loads(m.payload)["id"] for m in one.taken if m.topic.endswith("/diary")}
    missing = entries - one.entries()
    if missing:
        complaints.append(f"diary entries that were taken and are not kept: {sorted(missing)[:SHOWN]}")
    if not books.balanced:
        complaints.append("the books do not balance")
    if books.quarantined:
        complaints.append(f"refused: {dict(one.refused())}")
    if "Traceback" in one.log.read_text("utf-8", "replace"):
        complaints.append(f"the gateway stumbled: {one.log}")
    say(f"all arrived: {books}; {len(entries):,} diary entries")
    for text in complaints[:SHOWN]:
        say(f"WRONG: {text}")
    if len(complaints) > SHOWN:
        say(f"WRONG: and {len(complaints) - SHOWN} more")
    return found, not complaints


def table_of(totals: dict[str, Counts]) -> Table:
    """A row per part that was killed."""
    names = [field.name for field in fields(Counts)]
    table = Table("killed", *names)
    for name in sorted(totals):
        table.add_row(name, *(f"{number:,}" for number in astuple(totals[name])))
    table.add_section()
    table.add_row("all", *(f"{sum(getattr(one, name) for one in totals.values()):,}" for name in names))
    return table


class Progress:
    """Prints progress: how many kills of how many."""

    def __init__(self, times: int) -> None:
        self.times, self.killed, self.installation = times, 0, ""

    def __call__(self, text: str) -> None:
        print(f"{self.killed:3d}/{self.times}  {self.installation:18}  {text}", flush=True)


def trial(
    number: int, folder: Path, options: argparse.Namespace, chance: random.Random, say: "Progress"
) -> Outcome:
    """Run one installation, from its start to the comparison."""
    one = INSTALLATIONS[number % len(INSTALLATIONS)](folder, options.speed)
    say.installation = one.name
    try:
        one.start()
        done = rounds(one, chance, min(EACH, options.times - number * EACH), say)
        return checked(one, done, say)
    finally:
        one.stop()


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--times", type=int, default=100, help="number of kills (100)")
    parser.add_argument(
        "--seed",
        type=int,
        help="seed of the random moments and parts (without it: another each time, and printed)",
    )
    parser.add_argument(
        "--speed", type=float, default=1200, help="speed of simulated time; 1 is real time (1200)"
    )
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    chance, say, well = random.Random(seed), Progress(options.times), True
    totals = dict[str, Counts]()
    try:
        for number in range(-(-options.times // EACH)):
            folder = Path(tempfile.mkdtemp(prefix="hoiquan-kills-"))
            good = False
            try:
                found, good = trial(number, folder, options, chance, say)
                for name, one in found.items():
                    totals[name] = totals.get(name, Counts()) + one
            except AssertionError as error:  # something expected did not happen
                say(f"WRONG: {error}")
            finally:
                well = well and good
                if good:
                    shutil.rmtree(folder)
                else:
                    say(f"its files stay in {folder}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        well = False
    Console(width=150).print(table_of(totals))
    raise SystemExit(0 if well else 1)


if __name__ == "__main__":
    run(main)
