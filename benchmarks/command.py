"""What a benchmark's command line has in common with the others."""

import signal
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.peers.processes import Missing
from devices.processes import end_with_others


def parser_of(about: str | None) -> ArgumentParser:
    """A parser whose help begins with the docstring of a program."""
    return ArgumentParser(description=about, formatter_class=RawDescriptionHelpFormatter)


def several(choices: Iterable[str]) -> Callable[[str], list[str]]:
    """The type of an option that takes some of the choices, with commas between them."""
    known = list(choices)

    def chosen(text: str) -> list[str]:
        names = text.split(",")
        if unknown := [name for name in names if name not in known]:
            raise ArgumentTypeError(f"no {', '.join(unknown)}; there are {', '.join(known)}")
        return names

    return chosen


def run(main: Callable[[], None]) -> None:
    """Run a benchmark. If this machine lacks a program that it needs, end with a sentence that names it.
    SIGTERM and a closed terminal end it as Ctrl-C does, with the programs that it has started.
    """
    from pytest import skip  # late, because programs that weigh themselves should not weigh pytest

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    end_with_others()
    try:
        main()
    except (Missing, skip.Exception) as missing:
        raise SystemExit(f"benchmarks/{Path(sys.argv[0]).name}: {missing}") from None
