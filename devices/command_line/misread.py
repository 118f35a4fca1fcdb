"""Runs the command line; what cannot be read of it is answered with one sentence of the catalogue.

arguments ─► --lang, wherever it stands ─► the command        error of typer ─► `_misread` ─► Misuse
"""

import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

import typer
from typer.core import TyperArgument, TyperGroup
from typer.exceptions import TyperException

from devices.terminal import complain, remember_language
from devices.texts import Mendable, Misuse, shown

# pydantic's error type → the catalogue's key, and the name of the bound in the error's context
_BOUNDS = {"greater_than_equal": ("least", "ge"), "less_than_equal": ("most", "le")}
_NUMBERS = {"float_parsing": "number", "int_parsing": "whole"}


def run(app: typer.Typer) -> NoReturn:
    """Run the command that the process's arguments name, and exit. Raises Misuse if they cannot be parsed."""
    lang, others = _language(sys.argv[1:])
    remember_language(lang)  # before anything is parsed, so that every answer is in it
    try:
        # not every command takes --lang; its page is in the language that was asked for all the same
        arguments = others if "--help" in others else sys.argv[1:]
        code = app(arguments, prog_name="hoiquan", standalone_mode=False)
    except typer.Abort:  # Ctrl-C at a question
        complain(Misuse("option.stopped"), 1)
    except TyperException as error:
        raise _misread(error) from error
    raise SystemExit(code if isinstance(code, int) else 0)


def _language(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The value of --lang, wherever it stands ("" without one), and the other arguments."""
    lang, others, words = "", [], iter(arguments)
    for word in words:
        if word == "--lang":
            lang = next(words, "")
        elif word.startswith("--lang="):
            lang = word.partition("=")[2]
        else:
            others.append(word)
    return lang, others


def _misread(error: TyperException) -> Misuse:
    """The catalogue's sentence for a command line that typer cannot parse: what is wrong, and what would be
    right. Raises SystemExit for a command group without a command, which has shown its help.
    """
    context = getattr(error, "ctx", None)
    command = "hoiquan" if context is None else context.command_path
    fault: Any = error
    match type(error).__name__:  # typer imports these classes from click, or has its own
        case "NoArgsIsHelpError":
            typer.echo(error.format_message())
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


def _name(param: Any) -> str | Mendable:
    """An option's name as it is typed, an argument's as the help calls it."""
    if isinstance(param, TyperArgument):
        return Mendable(f"help.name_{param.name}")
    name: str = max(param.opts, key=len)
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
