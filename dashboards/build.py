"""Boards to files: `build` writes json/{vi,en}/*.json, `stale` says which differ from the code.

Keys are sorted, so that a change of a board is a small diff.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import community, operations, quality, style, targets, trace, water
from devices.texts import LANGS

FOLDER = Path(__file__).with_name("json")

BOARDS: dict[str, Callable[[str], Dashboard]] = {
    "targets": targets.board,
    "community": community.board,
    "water": water.board,
    "trace": trace.board,
    "quality": quality.board,
    "operations": operations.board,
}


def build(folder: Path = FOLDER) -> list[Path]:
    """Write every board in both languages to `folder`/{vi,en}; what no board writes is removed."""
    written = []
    for name, content in _files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
        written.append(path)
    for path in set(_there(folder)) - set(written):
        path.unlink()
    return written


def stale(folder: Path = FOLDER) -> list[str]:
    """Files of `folder` that differ from the code: changed, missing, or of no board."""
    wanted = {folder / name: content for name, content in _files()}
    there = {path: path.read_text("utf-8") for path in _there(folder)}
    return sorted(
        path.relative_to(folder).as_posix()
        for path in wanted.keys() | there.keys()
        if wanted.get(path) != there.get(path)
    )


def _files() -> Iterator[tuple[str, str]]:
    """Name and content of every file."""
    for lang in LANGS:
        for name, board in BOARDS.items():
            data = style.plain(board(lang).build())
            yield f"{lang}/{name}.json", json.dumps(data, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _there(folder: Path) -> list[Path]:
    return [path for lang in LANGS for path in (folder / lang).glob("*.json")]
