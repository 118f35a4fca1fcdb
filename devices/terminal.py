"""What commands share on a terminal: options, the answer's language, the command's own lines, tables.

--lang, else HOIQUAN_LANG ─► `languages`: of help pages, and of errors (`complain`) when the command is over

Each option is spelt in one way and read from one variable. In a table, a value that the next command needs
(an id, a lot, a topic) is never cut or broken:

there is room for a table ─► a table: `whole` columns stay in one piece, the others wrap between words
there is none             ─► for each row the `whole` cells, then the others with their names below
"""

import json
import logging
import os
import sys
import textwrap
from collections.abc import Collection, Sequence
from contextvars import ContextVar
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from devices import texts
from devices.clock import moment_of
from devices.texts import LANGS, Lang, Misuse, text, worded

MOST_ROWS = 1_000_000
LONGEST_WAIT = 30 * 86_400  # seconds
# what a person may answer, in either language
YES = frozenset({"y", "yes", "c", "co", "có"})
NO = frozenset({"n", "no", "k", "ko", "khong", "không"})
Called = typer.Context  # for a command that asks which options it was called with
_LANG_OPTION: ContextVar[str] = ContextVar("the language that --lang asked for", default="")


def remember_language(lang: str) -> str:
    """Remember the value of --lang: an error that leaves the command does not carry its arguments."""
    _LANG_OPTION.set(lang)
    return lang


def seconds(wait: float) -> float:
    """Return a waiting time of 0 to LONGEST_WAIT seconds. Raises Misuse for any other, `nan` included, which
    would end a wait at once or make it fail.
    """
    if not 0 <= wait <= LONGEST_WAIT:
        raise Misuse("option.seconds", most=LONGEST_WAIT)
    return wait


def announce(key: str, lang: str, *, err: bool = False, **values: object) -> None:
    """Print one of the command's own sentences, with `hoiquan: ` before each line."""
    for line in text(key, lang, **values).splitlines():
        typer.echo(f"hoiquan: {line}", err=err)


def agreed(question: str, lang: str, *, default: bool) -> bool:
    """Ask a person at the terminal a question of yes or no until it is answered; Enter is the default."""
    choice = text("option.yes_or_no" if default else "option.no_or_yes", lang)
    while True:
        answer = typer.prompt(f"{question} [{choice}]", default="", show_default=False).strip().lower()
        if not answer:
            return default
        if answer in YES or answer in NO:
            return answer in YES
        typer.echo(text("option.answer", lang), err=True)


def print_json(value: object) -> None:
    """Print a value for programs, with Vietnamese letters as they are."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def languages() -> tuple[str, ...]:
    """The languages of the answer: one, or both where --lang asks for them."""
    lang = _LANG_OPTION.get() or os.environ.get("HOIQUAN_LANG", "")
    return LANGS if lang == "both" else (lang if lang in LANGS else LANGS[0],)


def complain(error: Exception, code: int) -> NoReturn:
    """End the process with exit code `code`, after one line on standard error that says what is wrong."""
    line = " · ".join(dict.fromkeys(str(worded(error, one)) for one in languages()))
    typer.echo(f"hoiquan: {line}", err=True)
    raise SystemExit(code)


def options_given(context: Called) -> list[str]:
    """The options that the command line of `context` holds, as the help spells them."""
    sources = {one: context.get_parameter_source(one.name or "") for one in context.command.params}
    return [one.opts[0] for one, source in sources.items() if source and source.name == "COMMANDLINE"]


def log_to_stderr() -> None:
    """Log what our own parts do; of libraries that log every step, log only errors."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
    for noisy in ("amqtt", "transitions", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


_LANG, _LANGS = (
    typer.Option("--lang", envvar="HOIQUAN_LANG", callback=remember_language, help=f"help.{key}")
    for key in ("lang", "languages")
)

Data = Annotated[Path | None, typer.Option(help="help.data")]
PilotName = Annotated[
    str | None,
    typer.Option(help="help.pilot"),
]
Port = Annotated[int, typer.Option(help="help.http_port")]
MqttPort = Annotated[int, typer.Option(help="help.mqtt_port")]
Bind = Annotated[
    str,
    typer.Option(help="help.bind"),
]
Host = Annotated[
    str | None,
    typer.Option(help="help.host"),
]
WhichBroker = Annotated[
    Literal["auto", "mosquitto", "amqtt"],
    typer.Option(help="help.broker"),
]
History = Annotated[str, typer.Option(help="help.past")]
Speed = Annotated[float, typer.Option(help="help.speed")]
Seed = Annotated[int, typer.Option(help="help.seed")]
Faults = Annotated[
    Literal["none", "normal", "harsh"],
    typer.Option(help="help.faults"),
]
Rollout = Annotated[
    Literal["plan", "on-time", "late", "drop-out"],
    typer.Option(help="help.rollout"),
]
ScenarioName = Annotated[
    str | None,
    typer.Option(help="help.scenario"),
]
Limit = Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="help.limit")]
AsJson = Annotated[bool, typer.Option("--json", help="help.json")]
Language = Annotated[Lang, _LANG]
Languages = Annotated[Literal["vi", "en", "both"], _LANGS]

LINES = 4  # about as many lines as a cell may be high
WORD = 20  # characters: in a column that wraps, a longer word may be broken
FRAME = 3  # columns of the terminal that a table's column costs: two blanks and a line


def moment(ms: int, zone: tzinfo, lang: str, *, seconds: bool = False) -> str:
    """Epoch ms as a table shows it, with its zone: 28/11/2026 13:05 +07."""
    at = moment_of(ms, zone)
    return f"{texts.moment(at, lang, seconds=seconds)} {at.tzname()}"


def show(names: Sequence[str], rows: Sequence[Sequence[str]], whole: Collection[int]) -> None:
    """Print rows under `names`; `whole`: numbers of the columns that stay in one piece."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Column, Table

    console = Console(markup=False, emoji=False, highlight=False)  # strangers' text is not markup
    columns = list(zip(names, *rows, strict=True))
    full = [max(map(cell_len, column)) for column in columns]
    least = [
        full[number] if number in whole else _least(column, full[number])
        for number, column in enumerate(columns)
    ]
    room = console.width - FRAME * len(columns) - 1 - sum(least)
    if room < 0:
        _rows(names, rows, whole, console.width)
        return
    widths = dict(enumerate(least))
    for number in sorted(widths, key=lambda one: full[one]):  # short columns first: they need little
        more = min(room, full[number] - widths[number])
        widths[number] += more
        room -= more
    table = Table(*(
        Column(name, width=widths[number], no_wrap=number in whole, overflow="fold")
        for number, name in enumerate(names)
    ))  # fmt: skip
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _least(column: Sequence[str], full: int) -> int:
    from rich.cells import cell_len

    longest = max((cell_len(word) for cell in column for word in cell.split()), default=0)
    return max(min(longest, WORD), -(-full // LINES))


def _rows(names: Sequence[str], rows: Sequence[Sequence[str]], whole: Collection[int], width: int) -> None:
    from rich.cells import cell_len

    for row in (names, *rows):
        pieces = [row[number] for number in sorted(whole)]
        line = "  ".join(pieces)
        typer.echo(line if cell_len(line) <= width else "\n".join(pieces))
        if row is names:
            continue
        rest = [f"{name}: {cell}" for number, (name, cell) in enumerate(zip(names, row, strict=True))
                if cell and number not in whole]  # fmt: skip
        indent = "    "
        typer.echo(textwrap.fill(" · ".join(rest), width, initial_indent=indent, subsequent_indent=indent,
                                 break_long_words=False, break_on_hyphens=False))  # fmt: skip
