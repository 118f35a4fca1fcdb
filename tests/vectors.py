"""Others' conformance suites, which lie beside the tree in shared/vectors. Where one is missing the test is
skipped, and the end of the test run names it (`conftest.py`).
"""

import json
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parents[2] / "shared" / "vectors"


def published(name: str) -> Path:
    """Where a file of the suites is; skips the test where it is missing."""
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"needs shared/vectors/{name} beside the repository")
    return path


def cases(name: str) -> list[Any]:
    """The cases of a file for `parametrize`; a missing file has one, for `published` to skip."""
    path = VECTORS / name
    found = json.loads(path.read_text("utf-8")) if path.exists() else [{"name": "missing"}]
    return [pytest.param(case, id=case["name"]) for case in found]


def files(pattern: str) -> list[Any]:
    """The files of a pattern for `parametrize`; where there is none, one for whose test `published` skips."""
    found = sorted(VECTORS.glob(pattern)) or [VECTORS / pattern]
    return [pytest.param(str(path.relative_to(VECTORS)), id=path.stem) for path in found]
