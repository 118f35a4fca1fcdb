"""What holds for the tree as a whole: the lock is that of pyproject.toml and names no download address."""

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "uv.lock").read_text("utf-8")
PRODUCT = ("devices", "sim", "gateway", "traceability", "dashboards")
EXAMPLES = {path.parent for path in (ROOT / "devices" / "examples").rglob("*.py")}


def _normal(requirement: dict[str, Any]) -> tuple[str, str]:
    extras = f"[{','.join(requirement['extras'])}]" if "extras" in requirement else ""
    where = f"; {requirement['marker']}" if "marker" in requirement else ""
    return requirement["name"], extras + requirement.get("specifier", "") + where


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
    """One module, one noun: over 350 lines is two."""
    modules = [ROOT / "hoiquan.py", *(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))]
    modules += [path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert {path.name: n for path in modules if (n := len(path.read_text("utf-8").splitlines())) > 350} == {}


def test_folders_show_few_doors() -> None:
    """At most 12 modules at the top of a folder, 14 in a wing, and each says what it is."""
    for folder in PRODUCT:
        for place in {path.parent for path in (ROOT / folder).rglob("*.py")} - EXAMPLES:
            modules = [path for path in place.glob("*.py") if path.name != "__init__.py"]
            assert len(modules) <= (12 if place == ROOT / folder else 14), place
            assert (place / "__init__.py").read_text("utf-8").startswith('"""'), place
