"""Programs that tests use, and where each comes from."""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PACKAGES = {
    "mosquitto": "mosquitto",
    "mosquitto_passwd": "mosquitto",
    "influxd": "influxdb",
    "nginx": "nginx-light",
    "pdftotext": "poppler-utils",
    "pdffonts": "poppler-utils",
    "pdftoppm": "poppler-utils",
    "g++": "g++",
    "go": "golang-go",
    "node": "nodejs",
    "mosquitto_pub": "mosquitto-clients",
    "paho_cs_pub": "paho.mqtt.c-examples",
    "mqtt": "node-mqtt",
    "promtool": "prometheus",
}
WHEELS = {"micropython": "it comes with the dev group of pyproject.toml, on Linux x86_64 alone"}


def program(name: str) -> str:
    """The path of a program, on the machine or beside this Python; skips the test if it is missing."""
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:{beside}")
    if found is None:
        where = f"on Debian: apt-get install {PACKAGES[name]}" if name in PACKAGES else WHEELS[name]
        pytest.skip(f"needs {name} ({where})")
    return found


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Make every other process that wants to make something in this folder wait until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
