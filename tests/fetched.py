"""Tools that are not ours and too large for every run: fetched once, if an environment variable asks for
them.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path.home() / ".cache" / "hoiquan-tests"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>x</groupId><artifactId>x</artifactId><version>1</version><dependencies>
{}
</dependencies></project>
"""
DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


def run(*command: str | Path, given: str | None = None, folder: Path | None = None, must: bool = True) -> str:
    """The output of a command that reads `given` as its standard input. Skips the test if the command fails
    although it `must` succeed.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500, encoding="utf-8",
                          cwd=folder, input=given)  # fmt: skip
    if done.returncode and must:
        pytest.skip(f"{command[0]} could not: {done.stderr[-300:]}")
    return done.stdout if must else done.stdout + done.stderr


def asked(variable: str, what: str) -> None:
    """Skip the test unless the environment variable asks for `what`."""
    if variable not in os.environ:
        pytest.skip(f"{variable}=1 fetches {what}")


def java(name: str, main: str, source: str, *artifacts: str) -> list[str | Path]:
    """The command that runs a class of ours with Maven's artifacts (`group:name:version`); `name`: of its
    folder.
    """
    if shutil.which("mvn") is None or shutil.which("javac") is None:
        pytest.skip("Maven or a JDK is not here")
    folder = HOME / name
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / f"{main}.class").exists():
        rows = (DEPENDENCY.format(*one.split(":")) for one in artifacts)
        (folder / "pom.xml").write_text(POM.format("\n".join(rows)))
        (folder / f"{main}.java").write_text(source)
        run("mvn", "-q", "-B", "-f", folder / "pom.xml", "dependency:copy-dependencies",
            f"-DoutputDirectory={folder / 'lib'}")  # fmt: skip
        run("javac", "-cp", f"{folder / 'lib'}/*", "-d", folder, folder / f"{main}.java")
    return ["java", "-Dfile.encoding=UTF-8", "-cp", f"{folder / 'lib'}/*:{folder}", main]


def python(name: str, *packages: str) -> Path:
    """The interpreter of an environment with these PyPI packages, pinned; `name`: of its folder."""
    venv = HOME / name / "venv"
    if not (venv / "ready").exists():  # exists once the environment is complete
        run(sys.executable, "-m", "venv", venv)
        run(venv / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *packages)
        (venv / "ready").touch()
    return venv / "bin" / "python"
