"""Sealed lots that would be refused today: impossible days, and inputs written down too late."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from devices.contract.diary import Correction
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from devices.texts import text
from tests import browser
from tests.system.running import done, hoiquan
from tests.traceability.conftest import HARVESTED, Grower, harvest, sprayed, write
from tests.traceability.records.test_verify_story import answer, verify
from traceability.digital_link import LotKey
from traceability.pages import verify_page, web
from traceability.sealing import lot, seal
from traceability.sealing.seal import Sealer

DAY = timedelta(days=1)
FUTURE = datetime(datetime.now(UTC).year + 5, 1, 1, 3, tzinfo=UTC)
GARDEN = Device("dong-thap", "tam-que", "thu-ky", "diary", simulated=False)  # a real one


@pytest.fixture
def farm(tmp_path: Path, pilot: Pilot) -> Iterator[Sealer]:
    made = Sealer(tmp_path / "trace", pilot, Grower(), "https://example.org", "example.org/log")
    yield made
    made.close()


def sealed(farm: Sealer, event: object) -> LotKey:
    done_ = write(farm, GARDEN, event)  # type: ignore[arg-type]
    assert done_ is not None and done_.leaf is not None, done_
    farm.note_published([done_])
    return done_.key


def page(folder: Path, pilot: Pilot, key: LotKey) -> str:
    app = FastAPI()
    app.include_router(web.router(folder / "trace", pilot, "https://example.org"))
    return TestClient(app).get(key.path).text


def exported(folder: Path, key: LotKey) -> Path:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    done(hoiquan(folder, "trace", "export", key.gtin, key.lot, "--out", "out", "--data", "."))
    return out / f"{key.lot}.json"


@pytest.fixture
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sealer of an earlier version, which did not check days."""
    monkeypatch.setattr(lot, "datable", lambda *_: True)


@pytest.mark.usefixtures("as_before")
def test_a_harvest_of_a_day_to_come_is_shown_as_doubtful(farm: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    key = sealed(farm, harvest(1, FUTURE))
    said = text("verify.doubt_future", "vi", day=f"{FUTURE:%d/%m/%Y}")
    shown = page(tmp_path, pilot, key)
    assert said in shown and "answer good" not in shown
    record = exported(tmp_path, key)
    code, out, err = verify(record, lang="vi")
    assert (code, err) == (1, [said]) and not out[0].startswith("đã xác minh")
    good = sealed(farm, harvest(2))
    assert "answer good" in page(tmp_path, pilot, good) and verify(exported(tmp_path, good))[0] == 0


@pytest.mark.usefixtures("as_before")
def test_the_browser_doubts_it_too(farm: Sealer, tmp_path: Path) -> None:
    key = sealed(farm, harvest(1, FUTURE))
    files = sorted(exported(tmp_path, key).parent.iterdir())
    (tmp_path / "verify.html").write_bytes(verify_page.page("en"))
    with browser.page() as tab:
        look, said = answer(tab, tmp_path, files)
    assert look == "bad" and said.startswith("✗ Doubtful: the record says that it was harvested on")


def test_an_input_that_is_written_down_too_late_is_said_of_what_is_sealed(
    farm: Sealer, pilot: Pilot, tmp_path: Path
) -> None:
    """Entries that a phone without a network sends late must not evade an interval."""
    key, other = sealed(farm, harvest(1)), sealed(farm, harvest(2, HARVESTED + 9 * DAY))
    assert "answer good" in page(tmp_path, pilot, key)
    write(farm, GARDEN, sprayed(2, 7))
    write(farm, GARDEN, sprayed(3, 2))  # and an input whose interval was over
    shown = page(tmp_path, pilot, key)
    assert text("page.breaks", "vi", reason=text("lot.pre_harvest_interval", "vi")) in shown
    assert text("page.late", "vi", days=7) in shown and "answer good" not in shown
    assert "answer good" in page(tmp_path, pilot, other), "harvested after it"
    code, out, _ = verify(exported(tmp_path, key))
    assert code == 1 and any("Written down late" in line for line in out)
    assert len(list((tmp_path / "trace" / "records").rglob("input-*.json"))) == 1
    before = (tmp_path / "trace" / "records" / key.gtin / f"{key.lot}.json").read_bytes()
    assert json.loads(before)["intervals"]["rows"] == [], "what is sealed stays as it is"
    write(farm, GARDEN, sprayed(2, 7))
    assert len(list((tmp_path / "trace" / "records").rglob("input-*.json"))) == 1


def test_a_late_input_that_was_corrected_forbids_nothing_any_more(
    farm: Sealer, pilot: Pilot, tmp_path: Path
) -> None:
    key = sealed(farm, harvest(1))
    write(farm, GARDEN, sprayed(2, 7))
    mend = Correction(event="correction", id="mend", ts=HARVESTED + DAY, plot="plot-1", crop="mango",
                      of="input-2", reason="nhầm", changes={"pre_harvest_days": 1.0})  # fmt: skip
    write(farm, GARDEN, mend)
    shown = page(tmp_path, pilot, key)
    assert "answer bad" not in shown
    assert text("page.verified_corrected", "vi", index=0) in shown
    assert verify(exported(tmp_path, key))[0] == 0
    assert seal.read(tmp_path / "trace", key)
