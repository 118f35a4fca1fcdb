"""How long the command takes before it does anything, compared with the libraries it cannot do without.

    python benchmarks/startup.py [--repeat 5]

Measures whole processes, taking turns, the best of each: a bare interpreter, the import of Typer and
pydantic, `import hoiquan`, `hoiquan --help`, and the imports of two groups of commands. The ratio is to Typer
and pydantic; the project's limit for `import hoiquan` is 1.5.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = {
    "python alone": ["-c", "pass"],
    "import typer, pydantic": ["-c", "import typer, pydantic"],
    "import hoiquan": ["-c", "import hoiquan"],
    "hoiquan --help": ["-m", "hoiquan", "--help"],
    "hoiquan device --help": ["-m", "hoiquan", "device", "--help"],
    "hoiquan trace --help": ["-m", "hoiquan", "trace", "--help"],
}


def seconds(arguments: list[str]) -> float:
    """The duration of one process."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--repeat", type=int, default=5, help="runs of each; the best counts (5)")
    repeat = options.parse_args().repeat
    for arguments in KINDS.values():  # creates the byte code
        seconds(arguments)
    best = dict.fromkeys(KINDS, float("inf"))
    for _ in range(repeat):
        for name, arguments in KINDS.items():
            best[name] = min(best[name], seconds(arguments))
    base = best["import typer, pydantic"]
    for name, took in best.items():
        print(f"{name:24} {took * 1000:7.0f} ms  {took / base:5.2f}")


if __name__ == "__main__":
    main()
