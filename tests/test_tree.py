"""What holds for the tree as a whole: the lock is that of pyproject.toml and names no download address."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "uv.lock").read_text("utf-8")


def _normal(requirement: dict[str, Any]) -> tuple[str, str]:
    extras = f"[{','.join(requirement['extras'])}]" if "extras" in requirement else ""
    return requirement["name"], extras + requirement.get("specifier", "")


def _split(text: str) -> tuple[str, str]:
    name = re.match(r"[A-Za-z0-9._-]+", text)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name.group()).lower(), text[name.end() :]


def test_lock_is_of_this_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    locked = next(p for p in tomllib.loads(LOCK)["package"] if p["name"] == "hoiquan")
    metadata = locked["metadata"]
    wanted = sorted(map(_split, project["project"]["dependencies"]))
    assert sorted(map(_normal, metadata["requires-dist"])) == wanted, "run: make lock"
    dev = sorted(map(_split, project["dependency-groups"]["dev"]))
    assert sorted(map(_normal, metadata["requires-dev"]["dev"])) == dev, "run: make lock"


def test_lock_serves_any_index() -> None:
    assert "://" not in LOCK
    hashes = LOCK.count('hash = "sha256:')
    assert hashes > 100 and hashes == LOCK.count("{ path = ")


def test_modules_stay_readable() -> None:
    """One module, one noun: over 400 lines is two."""
    folders = ("devices", "sim", "gateway", "traceability", "dashboards")
    modules = [ROOT / "hoiquan.py", *(path for folder in folders for path in (ROOT / folder).glob("*.py"))]
    modules += [path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert {path.name: n for path in modules if (n := len(path.read_text("utf-8").splitlines())) > 400} == {}
