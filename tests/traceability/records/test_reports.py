"""A sealed report is in the log and on its page, and can be checked without a server."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from devices.pilots.pilot import Pilot
from tests.traceability.conftest import harvest, write
from traceability.commands import trace_app
from traceability.pages import report_page, web
from traceability.records.reports import Reports, entry
from traceability.sealing.seal import Sealer

ID, OTHER = "0123456789abcdef", "fedcba9876543210"
PDF = b"%PDF-1.7 a report"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    app = FastAPI()
    app.include_router(report_page.router(tmp_path))
    return TestClient(app)


def test_it_is_a_leaf_once_and_beside_lots(sealer: Sealer, pilot: Pilot, tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    reports.keep(ID, PDF)
    assert reports.check(PDF) == (None, "")
    sealer.seal_pending()
    assert reports.check(PDF) == (0, "")
    assert write(sealer, pilot.fleet["tam-que-diary-01"], harvest()) is not None
    reports.keep(ID, b"another")
    reports.keep(OTHER, PDF + b"!")
    for _ in range(2):
        sealer.seal_pending()
    assert reports.read(ID) == PDF and reports.check(PDF) == (0, "") and reports.check(PDF + b"!") == (2, "")
    again = Reports(tmp_path)
    assert again.check(PDF) == (0, "") and again.check(b"another")[0] is None
    assert entry(PDF) != entry(PDF + b"!")


def sealed(sealer: Sealer, folder: Path) -> tuple[Reports, Path]:
    """The reports of a folder with a sealed one, and its file."""
    reports = Reports(folder)
    reports.keep(ID, PDF)
    sealer.seal_pending()
    (file,) = (folder / "reports").glob("*.pdf")
    return reports, file


def test_the_code_of_a_report_that_an_earlier_version_kept_leads_to_it(
    sealer: Sealer, client: TestClient, tmp_path: Path
) -> None:
    reports, kept = sealed(sealer, tmp_path)
    kept.rename(tmp_path / "reports" / f"{ID}.pdf")
    waiting = tmp_path / "reports" / f"{OTHER}.pdf"  # this one was not sealed yet
    waiting.write_bytes(PDF + b"!")
    assert client.get(f"/report/{ID}").status_code == 404
    sealer.seal_pending()
    assert {path.name for path in kept.parent.iterdir() if path.name.startswith(ID)} == {kept.name}
    for id, number in ((ID, 0), (OTHER, 1)):
        page = client.get(f"/report/{id}", headers={"Accept-Language": "en"})
        assert f"is in the transparency log (number {number})" in page.text
    kept.write_bytes(b"changed")
    (tmp_path / "reports" / f"{ID}.pdf").write_bytes(b"put beside it")
    sealer.seal_pending()
    assert reports.read(ID) == b"changed" and reports.changed(ID, b"changed")
    assert reports.check(b"put beside it") == (None, "")


def test_what_else_lies_in_their_folder_is_left_alone(sealer: Sealer, tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    reports.keep(ID, PDF)
    (tmp_path / "reports" / "draft.pdf").write_bytes(b"draft")
    (tmp_path / "reports" / f"{OTHER}.{'0' * 64}.pdf").mkdir()
    sealer.seal_pending()
    assert reports.check(PDF) == (0, "") and reports.check(b"draft") == (None, "")
    assert reports.read(OTHER) is None


@pytest.mark.parametrize(("lang", "before", "after"), [
    ("vi", "chưa vào nhật ký minh bạch", "có trong nhật ký minh bạch (số 0)"),
    ("en", "is not in the transparency log yet", "is in the transparency log (number 0)"),
])  # fmt: skip
def test_its_page_says_what_is_known(
    sealer: Sealer, client: TestClient, tmp_path: Path, lang: str, before: str, after: str
) -> None:
    Reports(tmp_path).keep(ID, PDF)
    client.headers["Accept-Language"] = lang
    assert before in client.get(f"/report/{ID}").text
    assert client.get(f"/report/{ID}.tlog-proof").status_code == 404
    sealer.seal_pending()
    page = client.get(f"/report/{ID}")
    assert after in page.text and f'<html lang="{lang}">' in page.text
    assert client.get(f"/report/{ID}.pdf").content == PDF
    assert client.get(f"/report/{ID}.tlog-proof").text.startswith("c2sp.org/tlog-proof@v1")


def test_a_file_that_was_changed_is_not_sealed_anew_and_its_page_says_so(
    sealer: Sealer, client: TestClient, tmp_path: Path
) -> None:
    _, file = sealed(sealer, tmp_path)
    file.write_bytes(PDF.replace(b"a", b"A"))
    assert dict(Reports(tmp_path).entries(set())) == {}, "nor after a new start"
    sealer.seal_pending()
    page = client.get(f"/report/{ID}", headers={"Accept-Language": "vi"})
    assert "KHÔNG xác minh được tệp PDF này (tệp đã bị sửa sau khi niêm phong)" in page.text
    assert client.get(f"/report/{ID}.tlog-proof").status_code == 404


@pytest.mark.parametrize(
    "id", [OTHER, "..", "..%2Freports", "0123456789ABCDEF", "x" * 99, "0123456789abcdef%00"]
)
def test_what_is_none_is_not_there(client: TestClient, tmp_path: Path, id: str) -> None:
    Reports(tmp_path).keep(ID, PDF)
    for end in ("", ".pdf", ".tlog-proof"):
        assert client.get(f"/report/{id}{end}").status_code == 404


def test_the_command_checks_it_without_a_server(sealer: Sealer, client: TestClient, tmp_path: Path) -> None:
    Reports(tmp_path).keep(ID, PDF)
    sealer.seal_pending()
    away = tmp_path / "away"
    away.mkdir()
    file = away / f"{ID}.pdf"
    file.write_bytes(client.get(f"/report/{ID}.pdf").content)
    (away / f"{ID}.tlog-proof").write_bytes(client.get(f"/report/{ID}.tlog-proof").content)
    (away / "log.keys").write_bytes((tmp_path / "log.keys").read_bytes())
    good = CliRunner().invoke(trace_app, ["verify", str(file), "--lang", "en"])
    assert good.exit_code == 0 and "verified: this report is leaf 0 of 1" in good.output
    file.write_bytes(PDF.replace(b"a", b"A"))
    bad = CliRunner().invoke(trace_app, ["verify", str(file), "--lang", "en"])
    assert bad.exit_code == 1 and "NOT verified" in bad.output


@pytest.mark.parametrize("damaged", ["checkpoint", "tiles"])
def test_a_damaged_log_is_said_on_public_pages_without_its_path(
    sealer: Sealer, pilot: Pilot, client: TestClient, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    damaged: str,
) -> None:  # fmt: skip
    sealed(sealer, tmp_path)
    done = write(sealer, pilot.fleet["tam-que-diary-01"], harvest())
    assert done is not None
    for path in (tmp_path / "log").rglob("*"):
        if path.is_file() and (
            path.name == "checkpoint" if damaged == "checkpoint" else "tile" in path.parts
        ):
            path.write_bytes(path.read_bytes()[:5])
    records = FastAPI()
    records.include_router(web.router(tmp_path, pilot, "https://example.org"))
    for answer in (client.get(f"/report/{ID}"), TestClient(records).get(done.key.path)):
        assert "nhật ký minh bạch ở máy chủ này không đọc được hoặc đã bị hỏng" in answer.text
        assert "KHÔNG xác minh được" in answer.text and str(tmp_path) not in answer.text
    assert str(tmp_path) in caplog.text
