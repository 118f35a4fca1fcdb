"""A record says whether its readings are of its own plot; an older one still verifies and is shown."""

from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from devices.pilots.pilot import Pilot
from devices.texts import text
from tests.traceability.conftest import GREW, Grower, harvest, write
from traceability.commands import trace_app
from traceability.digital_link import LotKey
from traceability.pages import web
from traceability.records import record
from traceability.records.shelf import Shelf
from traceability.sealing.seal import Sealer, read
from traceability.tlog.log import Log
from traceability.tlog.note import Signer

OF_ALL = "không riêng một thửa", "là của chung hội quán, không phải của riêng thửa"
OF_PLOT = "2 đặt ngay trên thửa 1 của lô này", "theo sổ đăng ký của người vận hành"


def page(folder: Path, pilot: Pilot, key: LotKey, lang: str = "vi") -> str:
    app = FastAPI()
    app.include_router(web.router(folder, pilot, "https://example.org"))
    with TestClient(app) as client:
        return client.get(key.path, headers={"accept-language": lang}).text


def sealed(sealer: Sealer, pilot: Pilot) -> LotKey:
    done = write(sealer, pilot.fleet["tam-que-diary-01"], harvest())
    assert done is not None
    return done.key


@pytest.mark.parametrize(
    ("on_plot", "scope", "said", "unsaid"),
    [(2, "plot", OF_PLOT, OF_ALL), (0, "community", OF_ALL, OF_PLOT)],
)
def test_the_record_and_its_page_say_whose_readings_they_are(
    sealer: Sealer, grower: Grower, pilot: Pilot, tmp_path: Path, on_plot: int, scope: str,
    said: tuple[str, ...], unsaid: tuple[str, ...],
) -> None:  # fmt: skip
    grower.grew = replace(GREW, on_plot=on_plot)
    key = sealed(sealer, pilot)
    conditions = record.parse(read(tmp_path, key) or b"")["conditions"]
    assert (conditions["scope"], conditions["plot"], conditions["devices_on_plot"]) == (
        scope,
        "plot-1",
        on_plot,
    )
    shown = page(tmp_path, pilot, key)
    for sentence in said:
        assert sentence in shown
    for sentence in unsaid:
        assert sentence not in shown
    data = read(tmp_path, key) or b""
    (tmp_path / "lot.json").write_bytes(data)
    (tmp_path / "lot.tlog-proof").write_bytes(Shelf(tmp_path).proof(data) or b"")
    checked = CliRunner().invoke(trace_app, ["verify", str(tmp_path / "lot.json")])
    assert checked.exit_code == 0 and text(f"verify.scope_{scope}", "vi") in checked.stdout


def test_a_record_of_an_earlier_version_verifies_and_shows(
    sealer: Sealer, pilot: Pilot, tmp_path: Path
) -> None:
    new = sealed(sealer, pilot)
    sealer.close()
    content = record.parse(read(tmp_path, new) or b"")
    del content["conditions"]["plot"], content["conditions"]["devices_on_plot"]
    content["conditions"]["scope"] = "community"
    content["lot"] = "OLD-1"
    old, data = LotKey(new.gtin, "OLD-1"), record.canonical(content)
    (tmp_path / "records" / old.gtin / f"{old.lot}.json").write_bytes(data)
    log = Log.open(
        tmp_path / "log", Signer.from_file(tmp_path / "log.key", "example.org/log"), "example.org/log"
    )
    log.append([record.entry(data)])
    log.close()
    for lang, sentence in (("vi", "Hồ sơ nguyên vẹn"), ("en", "not of one plot alone")):
        assert sentence in page(tmp_path, pilot, old, lang)
    assert "NOT be verified" not in page(tmp_path, pilot, old, "en")
