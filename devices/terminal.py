"""What commands share on a terminal: options, the answer's language, the command's own lines, tables.

--lang, else HOIQUAN_LANG ─► `remember_language` ─► `complain`, when the command itself is over

`run` reports a command line that cannot be parsed in the same way.

A command is imported when it is called: listing all commands imports none of them.

Each option is spelt in one way and read from one variable. In a table, a value that the next command needs
(an id, a lot, a topic) is never cut or broken:

there is room for a table ─► a table: `whole` columns stay in one piece, the others wrap between words
there is none             ─► for each row the `whole` cells, then the others with their names below
"""

import json
import logging
import os
import re
import sys
import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime, tzinfo
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from devices import texts
from devices.clock import moment_of
from devices.texts import LANGS, Lang, Misuse, shown, text, worded

if TYPE_CHECKING:
    from typer._click import Command, Context

MOST_ROWS = 1_000_000
LONGEST_WAIT = 30 * 86_400  # seconds
Called = typer.Context  # for a command that asks which options it was called with
# pydantic's error type → the catalogue's key, and the name of the bound in the error's context
_BOUNDS = {"greater_than_equal": ("least", "ge"), "less_than_equal": ("most", "le")}
_NUMBERS = {"float_parsing": "number", "int_parsing": "whole"}
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


def print_json(value: object) -> None:
    """Print a value for programs, with Vietnamese letters as they are."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def complain(error: Exception, code: int) -> NoReturn:
    """End the process with exit code `code`, after one line on standard error that says what is wrong."""
    lang = _LANG_OPTION.get() or os.environ.get("HOIQUAN_LANG", "")
    languages = LANGS if lang == "both" else (lang if lang in LANGS else LANGS[0],)
    line = " · ".join(dict.fromkeys(str(worded(error, one)) for one in languages))
    typer.echo(f"hoiquan: {line}", err=True)
    raise SystemExit(code)


def run(app: typer.Typer) -> NoReturn:
    """Run the command that the process's arguments name, and exit. Raises Misuse if they cannot be parsed."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:  # Ctrl-C at a question
        complain(Misuse("option.stopped"), 1)
    except TyperException as error:
        words = [part for word in sys.argv for part in word.split("=", 1)]
        remember_language(next((after for one, after in pairwise(words) if one == "--lang"), ""))
        raise _misread(error) from error
    raise SystemExit(code if isinstance(code, int) else 0)


def _misread(error: TyperException) -> Misuse:
    """The catalogue's sentence for a command line that typer cannot parse: what is wrong, and what would be
    right. Raises SystemExit for a command group without a command, which has shown its help.
    """
    context = getattr(error, "ctx", None)
    command = "hoiquan" if context is None else context.command_path
    fault: Any = error
    match type(error).__name__:  # typer imports these classes from click, or has its own
        case "NoArgsIsHelpError":  # the help is printed
            raise SystemExit(error.exit_code)
        case "NoSuchOption":
            key = "meant" if fault.possibilities else "unknown"
            near = ", ".join(sorted(fault.possibilities or ()))
            return Misuse(f"option.{key}", name=shown(fault.option_name), near=near, command=command)
        case "MissingParameter" if fault.param is not None:
            return Misuse("option.missing", name=_name(fault.param), command=command)
        case "BadParameter" if fault.param is not None:
            return _value(fault, fault.param)
        case "BadOptionUsage":
            key = "no_value_taken" if "does not take" in fault.message else "no_value"
            return Misuse(f"option.{key}", name=fault.option_name)
    if context is None or (named := re.search(r"'(.*)'|\(s\) \((.*)\)$", fault.message)) is None:
        return Misuse("option.other", name=command, message=fault.format_message())
    name = shown(named[1] or named[2])
    if isinstance(context.command, TyperGroup):
        group = context.command
        every = ((one, group.get_command(context, one)) for one in group.list_commands(context))
        names = [one for one, each in every if each is not None and not each.hidden]
        return Misuse("option.no_command", command=command, name=name, there=", ".join(names))
    return Misuse("option.too_many", command=command, name=name)


def _name(param: Any) -> str:
    """An option's name as it is typed, an argument's as the help calls it."""
    first = param.opts[0]
    name: str = max(param.opts, key=len) if first.startswith("-") else param.metavar or first.upper()
    return name


def _value(error: Any, param: Any) -> Misuse:
    name, cause = _name(param), error.__cause__
    source = error.ctx.get_parameter_source(param.name) if error.ctx is not None else None
    if source is not None and source.name == "ENVIRONMENT":  # the command line has no such option
        name = param.envvar
    if type(cause).__name__ == "ValidationError":  # pydantic's; importing it only for this would be slow
        wrong = cause.errors()[0]
        value, kind = shown(str(wrong["input"])), wrong["type"]
        if choices := param.type_descriptor.choices:
            return Misuse("option.one_of", name=name, given=value, there=", ".join(map(str, choices)))
        if kind == "value_error" and param.type_descriptor.annotation is datetime:
            return Misuse("option.date", name=name, given=value)
        if kind in _NUMBERS:
            return Misuse(f"option.{_NUMBERS[kind]}", name=name, given=value)
        if kind in _BOUNDS:
            key, bound = _BOUNDS[kind]
            return Misuse(f"option.{key}", name=name, given=value, bound=wrong["ctx"][bound])
    return Misuse("option.other", name=name, message=shown(error.message))


def options_given(context: Called) -> list[str]:
    """The options that the command line of `context` holds, as the help spells them."""
    sources = {one: context.get_parameter_source(one.name or "") for one in context.command.params}
    return [one.opts[0] for one, source in sources.items() if source and source.name == "COMMANDLINE"]


def log_to_stderr() -> None:
    """Log what our own parts do; of libraries that log every step, log only errors."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
    for noisy in ("amqtt", "transitions", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


_LANG = typer.Option(
    "--lang", envvar="HOIQUAN_LANG", callback=remember_language, help="Language of the output."
)

Data = Annotated[Path | None, typer.Option(help="Data folder, with all local state (HOIQUAN_DATA; ./data).")]
PilotName = Annotated[
    str | None,
    typer.Option(help="Pilot file: a name such as dong-thap, or the path of a YAML file (HOIQUAN_PILOT)."),
]
Port = Annotated[int, typer.Option(help="TCP port of the web pages.")]
MqttPort = Annotated[int, typer.Option(help="TCP port of the MQTT broker.")]
Bind = Annotated[
    str,
    typer.Option(
        help="Address on which the pages listen. 0.0.0.0 opens them to phones on the same network; "
        "the broker stays on 127.0.0.1."
    ),
]
Host = Annotated[
    str | None,
    typer.Option(help="With --bind: name or address of this machine, for use in QR codes and links."),
]
WhichBroker = Annotated[
    Literal["auto", "mosquitto", "amqtt"],
    typer.Option(help="MQTT broker to run. auto: Mosquitto if it is installed, else amqtt."),
]
History = Annotated[
    str, typer.Option(help="Length of the simulated past that is made first: 30d, 12h or 90m. 0d: none.")
]
Speed = Annotated[
    float, typer.Option(help="Speed of simulated time. 1: real time; 60: a minute takes one second.")
]
Seed = Annotated[int, typer.Option(help="Seed of the simulator: the same seed gives the same data.")]
Faults = Annotated[
    Literal["none", "normal", "harsh"],
    typer.Option(help="How often simulated nodes, masts and the grid fail."),
]
Rollout = Annotated[
    Literal["plan", "on-time", "late", "drop-out"],
    typer.Option(help="When simulated places and organisations join and stop."),
]
ScenarioName = Annotated[
    str | None,
    typer.Option(help="Play a scenario instead: a name from `hoiquan simulate scenarios`, or a YAML file."),
]
Limit = Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="Show at most this many, newest first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Language = Annotated[Lang, _LANG]
Languages = Annotated[Literal["vi", "en", "both"], _LANG]

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


Loaded = typer.Typer | Callable[..., object]


class Late(NamedTuple):
    """A command (a function) or a group of commands that is imported when it is called. `where` is
    `module:name`, or a function that returns it; `line` is its help in the list of commands.
    """

    where: str | Callable[[], Loaded]
    line: str = ""
    hidden: bool = False

    def load(self) -> Loaded:
        if not isinstance(self.where, str):
            return self.where()
        module, _, name = self.where.partition(":")
        loaded: Loaded = getattr(import_module(module), name)
        return loaded

    def command(self, name: str) -> "Command":
        """The command itself, under the name `name`."""
        outer = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        outer.callback()(lambda: None)  # without a callback, a single command would take the place of `outer`
        loaded = self.load()
        if isinstance(loaded, typer.Typer):
            outer.add_typer(loaded, name=name)
        else:
            outer.command(name)(loaded)
        command = typer.main.get_group(outer).commands[name]
        for one in (command, *getattr(command, "commands", {}).values()):
            # Typer shows the lines of a second paragraph as the code breaks them, not as the terminal is wide
            one.help = re.sub(r"(?<!\n)\n(?!\n)", " ", one.help or "")
        return command


def commands(line: str, late: Mapping[str, Late]) -> typer.Typer:
    """A command line whose commands are imported when they are called; `line` is its help."""

    class Commands(TyperGroup):
        """Lists the commands by the table, and imports the one that is called."""

        def list_commands(self, ctx: "Context") -> list[str]:
            return list(late)

        def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":
            one = late.get(cmd_name)
            return None if one is None else TyperCommand(cmd_name, help=one.line, hidden=one.hidden)

        def resolve_command(
            self, ctx: "Context", args: list[str]
        ) -> "tuple[str | None, Command | None, list[str]]":
            name, command, rest = super().resolve_command(ctx, args)
            return name, late[name].command(name) if name is not None and name in late else command, rest

    app = typer.Typer(
        cls=Commands, help=line, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )
    app.callback()(lambda: None)  # without a callback, the app would be a single command
    return app
