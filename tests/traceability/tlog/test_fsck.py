"""A checker that is not ours, fsck of transparency-dev/tessera, accepts the log as the pages serve it."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import FastAPI

from devices.pilots.pilot import Pilot
from tests.seen import Served
from tests.traceability.tlog.test_keys import DAY
from traceability.pages import web
from traceability.tlog.keys import note_current
from traceability.tlog.log import Log
from traceability.tlog.note import Signer

FSCK = "github.com/transparency-dev/tessera/cmd/fsck@v1.0.2"
CACHE = Path.home() / ".cache" / "hoiquan-tests" / "fsck-v1.0.2"
ORIGIN = "example.org/log"


@pytest.fixture(scope="session")
def fsck() -> Path:
    """The checker, built once from Go's module registry where asked for, since that takes minutes."""
    program = CACHE / "fsck"
    if not program.exists():
        if "HOIQUAN_TEST_FSCK" not in os.environ:
            pytest.skip("HOIQUAN_TEST_FSCK=1 builds tessera's fsck")
        if (go := shutil.which("go")) is None:
            pytest.skip("Go is not here")
        done = subprocess.run(
            [go, "install", FSCK], env=os.environ | {"GOBIN": str(CACHE)}, capture_output=True, text=True,
            check=False, timeout=400,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"go could not install {FSCK}")
    return program


@pytest.mark.parametrize("size", [1, 255, 256, 257, 70_000])
def test_the_served_log_is_whole(fsck: Path, tmp_path: Path, pilot: Pilot, size: int) -> None:
    """It checks every bundle, every tile, the root and the signature, and fails where one is wrong."""
    signer = Signer.from_file(tmp_path / "log.key", ORIGIN)
    with Log.open(tmp_path / "log", signer, ORIGIN) as log:
        for start in range(0, size, 10_000):
            log.append([f"entry {n}".encode() for n in range(start, min(size, start + 10_000))])
    (tmp_path / "log.vkey").write_text(signer.verifier.vkey + "\n")
    note_current(tmp_path / "log.keys", signer.verifier, size, DAY)
    app = FastAPI()
    app.include_router(web.router(tmp_path, pilot, "https://example.org"))

    def said(site: str, patience: float) -> str:
        """fsck's stderr; "" where it does not end, since it may keep requesting a file that is wrong."""
        command = [fsck, f"--storage_url={site}/log/", f"--public_key={tmp_path / 'log.vkey'}", "--ui=false"]
        with suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                command, stderr=subprocess.PIPE, check=False, timeout=patience
            ).stderr.decode()
        return ""

    with Served(app) as site:
        assert f"Successfully fsck'd log with size {size} " in said(site, 300)
        bundle = next(path for path in (tmp_path / "log/tile/entries").rglob("*") if path.is_file())
        data = bundle.read_bytes()
        bundle.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        assert "Successfully" not in said(site, 10)
