"""Ctrl-C at any moment of `hoiquan up`: `python benchmarks/interrupts.py --times 50 --within 20`.

Each run starts `hoiquan up` in a terminal of its own, on ports of its own, and presses Ctrl-C there at a
random moment between 0 and `--within` seconds; the signal reaches the whole foreground group, as in a shell.
Runs come in pairs: one on a fresh folder, one on the folder that the first has just left. After every fifth
pair `hoiquan up` starts on that folder once more, and must open its pages, with books that balance. A run is
bad if `hoiquan up`

    takes longer than 5 s to end         ends with a code other than 0 or, by the signal itself, -2
    shows a traceback, or that a part was killed or ended by itself
    leaves a process (Mosquitto included) or a running.json behind

`--twice` presses Ctrl-C a second time right after the first. `--busy` lets two loops compete for the
processor. The interpreter's own start, some hundredths of a second before it runs a line of ours, may print
tracebacks that nobody can prevent: those runs are counted separately. The exit code is 1 if a run was bad.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.command import parser_of
from gateway.ingest.spool import Spool
from tests.loopback import free_port
from tests.system.terminal import Terminal, interrupted

EARLY = 1.0  # seconds from the start; every tenth moment falls within them, during the imports
EVERY = 10  # every tenth run is early
READY = "hoiquan: open http"
PATIENCE = 90.0  # seconds until the pages must be open, even beside busy loops


class Run(NamedTuple):
    """The outcome of one Ctrl-C."""

    moment: float
    phase: str
    seconds: float
    wrong: list[str]


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--times", type=int, default=50, help="number of runs (50)")
    parser.add_argument(
        "--within", type=float, default=20, help="press Ctrl-C at most this many seconds after the start (20)"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments (1)")
    parser.add_argument(
        "--broker",
        choices=("mosquitto", "amqtt"),
        default="mosquitto",
        help="broker of `hoiquan up` (mosquitto)",
    )
    parser.add_argument("--history", default="30d", help="past that `hoiquan up` makes (30d); a slow "
                        "machine needs less to come to its pages")  # fmt: skip
    parser.add_argument("--busy", action="store_true", help="let two loops compete for the processor")
    parser.add_argument(
        "--twice", action="store_true", help="press Ctrl-C a second time right after the first"
    )
    return parser.parse_args()


def up(folder: Path, options: argparse.Namespace) -> Terminal:
    ports = ("--http-port", str(free_port()), "--mqtt-port", str(free_port()))
    return Terminal(folder, "up", "--broker", options.broker, "--history", options.history, *ports)


def phase(shown: str) -> str:
    """How far `hoiquan up` had come, judged by its terminal."""
    if "KeyboardInterrupt" in shown and "hoiquan.py" not in shown:
        return "python"  # no line of ours is on the stack
    if READY in shown:
        return "pages"
    if "messages of history" in shown:
        return "starting"
    return "history" if "hoiquan: pilot" in shown else "imports"


def run(folder: Path, options: argparse.Namespace, moment: float) -> Run:
    """Start `hoiquan up`, interrupt it at `moment`, and look for faults."""
    terminal = up(folder, options)
    time.sleep(max(0.0, terminal.began + moment - time.monotonic()))
    early = terminal.ended()
    seconds, code, wrong = interrupted(terminal, 2 if options.twice else 1)
    shown = terminal.text()
    if early:
        wrong.insert(0, f"ended by itself: {code}")
    if (folder / "data" / "running.json").exists():
        wrong.append("running.json is left")
    if wrong:
        (folder / f"{moment:.2f}.log").write_text(shown, "utf-8")
    return Run(moment, phase(shown), seconds, wrong)


def goes_on(folder: Path, options: argparse.Namespace) -> tuple[float, list[str]]:
    """Restart on a folder left by an interrupt: seconds until the pages open, and complaints."""
    terminal = up(folder, options)
    wrong = []
    while READY not in terminal.text() and not terminal.ended():
        time.sleep(0.05)
        if time.monotonic() - terminal.began > PATIENCE:
            break
    seconds = time.monotonic() - terminal.began
    address = terminal.text().partition("hoiquan: open ")[2].split(" ")[0]
    try:
        with urlopen(f"{address}api/v1/indicators", timeout=10) as answer:
            answer.read()
    except (OSError, ValueError) as error:
        wrong.append(f"no pages: {error}")
    _, _, more = interrupted(terminal)
    spool = folder / "data" / "gateway" / "spool.sqlite"
    if spool.exists():
        with closing(Spool.to_read(spool)) as books:
            if not books.books().balanced:
                wrong.append(f"the books do not balance: {books.books()}")
    if wrong or more:
        (folder / "next.log").write_text(terminal.text(), "utf-8")
    return seconds, wrong + more


@contextmanager
def busy(number: int) -> Iterator[None]:
    """Run `number` busy loops meanwhile."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def main() -> None:
    options = arguments()
    chance = random.Random(options.seed)
    place = Path(tempfile.mkdtemp(prefix="hoiquan-interrupts-"))
    print(f"logs in {place}", flush=True)
    runs, bad_starts = [], 0
    with busy(2 if options.busy else 0):
        for number in range(options.times):
            moment = chance.uniform(0, EARLY if number % EVERY == EVERY - 1 else options.within)
            folder = place / f"{number // 2:03d}"
            folder.mkdir(exist_ok=True)
            one = run(folder, options, moment)
            runs.append(one)
            used = "used " if number % 2 else "fresh"
            print(f"{number + 1:3d}  {used}  at {one.moment:5.2f} s  {one.phase:8}  ended in "
                  f"{one.seconds:4.2f} s  {'; '.join(one.wrong) or 'well'}", flush=True)  # fmt: skip
            if number % EVERY == EVERY - 1:
                seconds, wrong = goes_on(folder, options)
                bad_starts += bool(wrong)
                print(f"     the next start came to its pages in {seconds:4.1f} s  "
                      f"{'; '.join(wrong) or 'well'}", flush=True)  # fmt: skip
    own = [one for one in runs if one.phase == "python"]
    bad = [one for one in runs if one.wrong and one.phase != "python"]
    times = [one.seconds for one in runs]
    print(f"{options.broker}: {len(runs)} times Ctrl-C, {len(bad)} bad, {len(own)} in the interpreter's own "
          f"start; {bad_starts} next starts bad; seconds to end: median {statistics.median(times):.2f}, "
          f"most {max(times):.2f}")  # fmt: skip
    raise SystemExit(1 if bad or bad_starts else 0)


if __name__ == "__main__":
    main()
