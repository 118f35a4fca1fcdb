"""Writes boards and alert rules to files (`build`), and lists the files that differ from the code (`stale`).

    boards ─► json/{vi,en}/*.json      rules of the pilot files ─► alerts/{vi,en}/*.yaml
    map.files ─► maps/

Keys are sorted, so that a change of a board is a small diff.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.boards import community, naming, operations, quality, style, targets, trace, water
from dashboards.boards.alarms import rules
from dashboards.map.files import files
from devices.texts import LANGS

FOLDER = Path(__file__).parents[1]

BOARDS: dict[str, Callable[[str], Dashboard]] = {
    "targets": targets.board,
    "community": community.board,
    "water": water.board,
    "trace": trace.board,
    "quality": quality.board,
    "operations": operations.board,
}


def build(folder: Path = FOLDER) -> list[Path]:
    """Write all files in both languages under `folder`, and remove those that the code no longer produces."""
    written = []
    for name, content in _files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        written.append(path)
    for path in set(_present(folder)) - set(written):
        path.unlink()
    return written


def stale(folder: Path = FOLDER) -> list[str]:
    """Files of `folder` that differ from the code: changed, missing, or no longer produced."""
    wanted = {folder / name: content for name, content in _files()}
    present = {path: path.read_text("utf-8") for path in _present(folder)}
    return sorted(
        path.relative_to(folder).as_posix()
        for path in wanted.keys() | present.keys()
        if wanted.get(path) != present.get(path)
    )


def _files() -> Iterator[tuple[str, str]]:
    """Name and content of every file."""
    for lang in LANGS:
        for name, board in BOARDS.items():
            data = style.plain(board(lang).build())
            yield (
                f"json/{lang}/{name}.json",
                json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n",
            )
    yield from ((f"alerts/{name}", content) for name, content in rules.files())
    yield from files(naming.pilots())


def _present(folder: Path) -> list[Path]:
    return [*folder.glob("json/*/*.json"), *folder.glob("alerts/*/*.yaml"), *folder.glob("maps/*")]
