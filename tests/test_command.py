"""The command's own list is quick; numbers out of bounds are refused in words."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hoiquan
from tests import forked

ROOT = Path(__file__).parents[1]
HEAVY = {"sqlalchemy", "pydantic", "fastapi", "typst", "PIL", "paho", "numpy", "cryptography"}
ONE_PART_S = {"fastapi", "uvicorn", "jinja2", "typst", "PIL", "numpy", "simpy", "rich"}


def imported(*modules: str) -> set[str]:
    """The top-level packages that a fresh interpreter has after importing these modules."""
    script = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_list_imports_no_library_that_a_single_command_needs() -> None:
    assert HEAVY & imported("hoiquan") == set()


def test_what_the_parts_of_up_share_has_no_library_that_one_of_them_alone_needs() -> None:
    names = re.findall(r"^    from ([\w.]+) import", inspect.getsource(hoiquan.up), re.MULTILINE)
    assert ONE_PART_S & imported(*names, *hoiquan.SHARED) == set()


def test_the_pages_import_nothing_that_only_prints() -> None:
    assert "typst" not in imported("dashboards.site", "traceability.pages.web", "traceability.secretary.form")


@pytest.mark.parametrize(
    "line",
    [
        "quarantine show 99999999999999999999",
        "quarantine replay 99999999999999999999",
        "quarantine list --limit 99999999999999999999",
        "quarantine list --limit 0",
        "device commands --limit -3",
        "trace list --limit -1",
        "audit list --limit 99999999999999999999",
        "device check --live --id mine --seconds nan",
        "device learn --id mine --live --seconds -1",
        "device command mine pump on --wait nan",
        "web --http-port 99999",
        "web --bind 192.0.2.1",
        "broker --port 99999",
    ],
)
def test_a_number_out_of_bounds_is_refused_in_words(line: str, tmp_path: Path) -> None:
    done = forked.run(tmp_path, [*line.split(), "--data", str(tmp_path)], dict(os.environ), 120)
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr, done.stderr
    assert done.stderr.startswith("hoiquan: ") and done.stderr.count("\n") == 1, done.stderr
