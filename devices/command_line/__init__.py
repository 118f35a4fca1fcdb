"""The command line itself: its tree of commands, their help pages, and what cannot be read of it.

the process's arguments ─► run ─► tree: the command that they name, imported only now ─► the command
                                   │
                                   ├─► page: --help, in the reader's language
                                   └─► misread: one sentence on what is wrong

Every word that a reader sees is the catalogue's: `command.*` says what a command does, under its path
(`command.device_enroll`), `help.*` what an option or argument is for, under the key that is its `help=`.
"""

from devices.command_line.misread import run
from devices.command_line.tree import Late, commands

__all__ = ["Late", "commands", "run"]
