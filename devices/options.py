"""Options that commands share: each is spelt, explained and read from its variable in one way."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from devices.texts import Lang

_LANG = typer.Option("--lang", envvar="HOIQUAN_LANG", help="Language of the answer.")

Data = Annotated[Path | None, typer.Option(help="Folder of all local state (HOIQUAN_DATA).")]
PilotName = Annotated[
    str | None, typer.Option("--pilot", help="Pilot file: a name or a path (HOIQUAN_PILOT).")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Language = Annotated[Lang, _LANG]
Languages = Annotated[Literal["vi", "en", "both"], _LANG]
