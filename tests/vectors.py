"""Others' conformance suites, which lie beside the tree in shared/vectors. If one is missing, the test is
skipped, and the end of the test run names the test (`conftest.py`).
"""

import json
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[2] / "shared" / "vectors"


def published(name: str) -> Path:
    """The path of a file of the suites; skips the test if it is missing."""
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"needs shared/vectors/{name} beside the repository")
    return path


def cases(name: str) -> list[Any]:
    """The cases of a file, for `parametrize`; a missing file has one case, which `published` skips."""
    path = VECTORS / name
    found = json.loads(path.read_text("utf-8")) if path.exists() else [{"name": "missing"}]
    return [pytest.param(case, id=case["name"]) for case in found]


def files(pattern: str) -> list[Any]:
    """The files that match a pattern, for `parametrize`; if none does, one entry, which `published` skips."""
    found = sorted(VECTORS.glob(pattern)) or [VECTORS / pattern]
    return [pytest.param(str(path.relative_to(VECTORS)), id=path.stem) for path in found]
