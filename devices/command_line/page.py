"""A command's help page in the reader's language, for a terminal of any width.

path of the command ─► `command.*`: what it does      options, arguments ─► `help.*`: what each is for
what typer knows of them ─► kind of value, range, variable, default, whether required
"""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from devices import terminal
from devices.texts import spelt, text

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

Parameter = TyperArgument | TyperOption
# type of a value → how the page calls it; any other is text
KINDS = {int: "whole", float: "number", Path: "path", datetime: "day"}
WIDEST = 28  # characters of the column of names


class Command(TyperCommand):
    """A command whose help page is in the reader's language."""

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        _write(self, (), ctx, formatter)


class Group(TyperGroup):
    """A group of commands whose help page is in the reader's language."""

    def format_help(self, ctx: "Context", formatter: "HelpFormatter") -> None:
        every = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        names = [name for name, command in every if command is not None and not command.hidden]
        _write(self, names, ctx, formatter)


def _write(
    command: Command | Group, names: Sequence[str], context: "Context", formatter: "HelpFormatter"
) -> None:
    """Write the page of a command, or of a group with the commands `names`."""
    lang, path = terminal.languages()[0], _path(context)
    params = [one for one in command.get_params(context) if isinstance(one, Parameter) and not one.hidden]
    arguments = [one for one in params if isinstance(one, TyperArgument)]
    usage = [text("usage.line", lang), context.command_path, text("usage.some_options", lang)]
    usage += [_in_usage(one, lang) for one in arguments]
    if names:
        usage.append(text("usage.some_command", lang))
    for paragraph in (" ".join(usage), *_does(path, lang)):
        formatter.write(f"{_wrapped(paragraph, formatter.width)}\n\n")
    sections = {
        "arguments": [_row(one, lang) for one in arguments],
        "options": [_row(one, lang) for one in params if one not in arguments],
        "commands": [(name, _does([*path, name], lang)[0]) for name in names],
    }
    parts = ([text(f"usage.{title}", lang), *_table(rows, formatter.width)]
             for title, rows in sections.items() if rows)  # fmt: skip
    formatter.write("\n\n".join("\n".join(part) for part in parts))


def _wrapped(paragraph: str, width: int, indent: str = "") -> str:
    """The paragraph on lines of `width`; what a reader copies (an id, an option) is not broken."""
    return textwrap.fill(paragraph, width, initial_indent=indent, subsequent_indent=indent,
                         break_long_words=False, break_on_hyphens=False)  # fmt: skip


def _table(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Two columns; a name that is too long for the first one has its line alone."""
    column = min(max(len(name) for name, _ in rows), WIDEST) + 4
    for name, sentence in rows:
        lines = _wrapped(sentence, width, " " * column)
        yield f"  {name}\n{lines}" if len(name) > WIDEST else f"  {name}".ljust(column) + lines[column:]


def _path(context: "Context") -> list[str]:
    """The words that name a command after `hoiquan`."""
    path: list[str] = []
    while context.parent is not None:
        path.insert(0, context.info_name or "")
        context = context.parent
    return path


def _does(path: Sequence[str], lang: str) -> list[str]:
    """What a command does, a paragraph each; the first one is its line in the list of its group."""
    return text(f"command.{'_'.join(path) or 'hoiquan'}".replace("-", "_"), lang).split("\n\n")


def _in_usage(argument: TyperArgument, lang: str) -> str:
    name = text(f"help.name_{argument.name}", lang) + ("…" if argument.nargs != 1 else "")
    return name if argument.required else f"[{name}]"


def _row(param: Parameter, lang: str) -> tuple[str, str]:
    """What is typed, and what it is for."""
    own = param.opts if isinstance(param, TyperOption) else [text(f"help.name_{param.name}", lang)]
    key, _, there = (param.help or "").partition(" ")
    sentence = text("help.help" if param.name == "help" else key, lang, there=there)
    notes = "; ".join(_notes(param, lang))
    return f"{', '.join(own)} {_kind(param, lang)}".strip(), f"{sentence} [{notes}]" if notes else sentence


def _kind(param: Parameter, lang: str) -> str:
    """What kind of value is typed; "" for an option without one."""
    known = param.type_descriptor
    if isinstance(param, TyperOption) and param.is_flag:
        return ""
    if known.choices:
        return "|".join(map(str, known.choices))
    one = (*get_args(known.annotation), known.annotation)[0]  # list[Path] → Path
    kind = KINDS.get(one, "text")
    return f"<{text(f'usage.kind_{kind}', lang)}>"


def _notes(param: Parameter, lang: str) -> Iterator[str]:
    if param.min is not None and param.max is not None:
        yield text("usage.range", lang, least=spelt(param.min), most=spelt(param.max))
    elif param.min is not None:
        yield text("usage.least", lang, least=spelt(param.min))
    if param.envvar:
        yield text("usage.variable", lang, name=param.envvar)
    default = param.default
    if default not in (None, "") and not isinstance(default, bool | list | tuple):
        shown = spelt(default) if isinstance(default, float) else str(default)
        yield text("usage.default", lang, value=shown)
    if param.required:
        yield text("usage.required", lang)
