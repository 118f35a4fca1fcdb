"""The tree of commands: listing them imports none of them, a command is imported when it is called."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import typer
from typer.core import TyperCommand

from devices.command_line.page import Command, Group

if TYPE_CHECKING:
    from typer._click import Command as AnyCommand
    from typer._click import Context

Loaded = typer.Typer | Callable[..., object]


class Late(NamedTuple):
    """A command (a function) or a group of commands that is imported when it is called. `where` is
    `module:name`, or a function that returns it. A hidden one is in no list.
    """

    where: str | Callable[[], Loaded]
    hidden: bool = False

    def load(self) -> Loaded:
        if not isinstance(self.where, str):
            return self.where()
        module, _, name = self.where.partition(":")
        loaded: Loaded = getattr(import_module(module), name)
        return loaded

    def command(self, name: str) -> "AnyCommand":
        """The command itself, under the name `name`."""
        outer = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        outer.callback()(lambda: None)  # without a callback, a single command would take the place of `outer`
        loaded = self.load()
        if isinstance(loaded, typer.Typer):
            for one in loaded.registered_commands:
                one.cls = Command
            outer.add_typer(loaded, name=name, cls=Group)
        else:
            outer.command(name, cls=Command)(loaded)
        return typer.main.get_group(outer).commands[name]


def commands(late: Mapping[str, Late]) -> typer.Typer:
    """A command line whose commands are imported when they are called."""

    class Commands(Group):
        """Lists the commands by the table, and imports the one that is called."""

        def list_commands(self, ctx: "Context") -> list[str]:
            return list(late)

        def get_command(self, ctx: "Context", cmd_name: str) -> "AnyCommand | None":
            one = late.get(cmd_name)
            return None if one is None else TyperCommand(cmd_name, hidden=one.hidden)

        def resolve_command(
            self, ctx: "Context", args: list[str]
        ) -> "tuple[str | None, AnyCommand | None, list[str]]":
            name, command, rest = super().resolve_command(ctx, args)
            return name, late[name].command(name) if name is not None and name in late else command, rest

    app = typer.Typer(
        cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )
    app.callback()(lambda: None)  # without a callback, the app would be a single command
    return app
