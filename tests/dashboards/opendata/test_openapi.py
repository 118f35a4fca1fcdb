"""The OpenAPI document is true: schemathesis sends requests that it allows, requests that it does not, and
requests that follow from answers, with all of its checks. It is not in the lock, since it brings 30 packages.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dashboards.site import site
from devices.settings import Settings
from tests.dashboards import soil
from tests.programs import one_at_a_time
from tests.seen import Served

VERSION = "4.32.5"
FOLDER = Path.home() / ".cache" / "hoiquan-tests" / f"schemathesis@{VERSION}"


@pytest.fixture(scope="module")
def schemathesis():
    """The command, in an environment of its own."""
    uv = str(Path(sys.executable).with_name("uv"))
    with one_at_a_time(FOLDER):  # every worker wants to install it
        command = FOLDER / "bin" / "schemathesis"
        if not command.exists():
            install = [uv, "pip", "install", "-q", "--python", str(FOLDER), f"schemathesis=={VERSION}"]
            for step in (
                [uv, "venv", "-q", "--allow-existing", "--python", sys.executable, str(FOLDER)],
                install,
            ):
                done = subprocess.run(step, capture_output=True, text=True, check=False, timeout=300)
                if done.returncode:
                    pytest.skip(f"schemathesis {VERSION} cannot be installed: {done.stderr[-300:]}")
    return command


def test_every_operation_and_parameter_says_what_it_is_in_words_of_its_own(tmp_path):
    """Without a summary FastAPI shows the function's name with capitals: "Series Of"."""
    with soil.figures(tmp_path) as figures:
        paths = site(Settings(data=tmp_path), figures, lambda *_: None, ()).openapi()["paths"]
    summaries = []
    for path, operations in paths.items():
        for method, one in operations.items():
            name = one["operationId"].removesuffix(re.sub(r"\W", "_", f"{path}_{method}"))
            made = name.replace("_", " ").casefold()
            assert name != one["operationId"] and one["description"] and one["tags"], path
            assert made not in {one["summary"].casefold(), *map(str.casefold, one["tags"])}, path
            assert all(parameter.get("description") for parameter in one.get("parameters", ())), path
            summaries.append(one["summary"])
    assert len(summaries) > 10 and all(summaries) and len(set(summaries)) == len(summaries), summaries


def test_schemathesis_finds_nothing(schemathesis, tmp_path):
    settings = Settings(data=tmp_path)
    with soil.figures(tmp_path) as figures, Served(site(settings, figures, lambda *_: None, ())) as address:
        command = [
            str(schemathesis), "run", f"{address}/api/v1/openapi.json", "--checks", "all", "--seed", "1",
            "--max-examples", "10", "--continue-on-failure", "--no-color", "--generation-database", "none",
        ]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for phase in ("Coverage", "Fuzzing", "Stateful"):
        assert f"✅ {phase}" in said, said
