"""A line of a command that cannot be read: what typer says of it, as a sentence of the catalogue."""

import re
from typing import Any

from pydantic import ValidationError
from typer import _click
from typer.core import TyperGroup
from typer.exceptions import TyperException

from devices.texts import Misuse, shown

_refused = _click.exceptions
_BOUNDS = {"greater_than_equal": ("least", "ge"), "less_than_equal": ("most", "le")}
_NUMBERS = {"float_parsing": "number", "int_parsing": "whole"}


def sentence(error: TyperException) -> Misuse:
    """What is wrong with the line, and what would be right. A group alone has shown its help: SystemExit."""
    context = getattr(error, "ctx", None)
    command = "hoiquan" if context is None else context.command_path
    match error:
        case _refused.NoArgsIsHelpError():  # it is printed
            raise SystemExit(error.exit_code)
        case _refused.NoSuchOption():
            key = "meant" if error.possibilities else "unknown"
            near = ", ".join(sorted(error.possibilities or ()))
            return Misuse(f"option.{key}", name=shown(error.option_name), near=near, command=command)
        case _refused.MissingParameter(param=param) if param is not None:
            return Misuse("option.missing", name=_name(param), command=command)
        case _refused.BadParameter(param=param) if param is not None:
            return _value(error, param)
        case _refused.BadOptionUsage():
            key = "no_value_taken" if "does not take" in error.message else "no_value"
            return Misuse(f"option.{key}", name=error.option_name)
    if context is None or (named := re.search(r"'(.*)'|\(s\) \((.*)\)$", error.message)) is None:
        return Misuse("option.other", name=command, message=error.format_message())
    name = shown(named[1] or named[2])
    if isinstance(context.command, TyperGroup):
        group = context.command
        every = ((one, group.get_command(context, one)) for one in group.list_commands(context))
        there = [one for one, each in every if each is not None and not each.hidden]
        return Misuse("option.no_command", command=command, name=name, there=", ".join(there))
    return Misuse("option.too_many", command=command, name=name)


def _name(param: Any) -> str:
    """An option as it is written, an argument as the help calls it."""
    name: str = max(param.opts, key=len) if param.opts[0].startswith("-") else param.opts[0].upper()
    return name


def _value(error: TyperException, param: Any) -> Misuse:
    name, cause = _name(param), error.__cause__
    if isinstance(cause, ValidationError):
        wrong = cause.errors()[0]
        given, kind = shown(str(wrong["input"])), wrong["type"]
        if choices := param.type_descriptor.choices:
            return Misuse("option.one_of", name=name, given=given, there=", ".join(map(str, choices)))
        if kind in _NUMBERS:
            return Misuse(f"option.{_NUMBERS[kind]}", name=name, given=given)
        if kind in _BOUNDS:
            key, bound = _BOUNDS[kind]
            return Misuse(f"option.{key}", name=name, given=given, bound=wrong["ctx"][bound])
    return Misuse("option.other", name=name, message=shown(error.message))
