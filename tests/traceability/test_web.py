"""The public page: says what is true, escapes what is hostile, betrays nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import zxingcpp
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from devices.pilot import Pilot
from traceability import web
from traceability.digital_link import LotKey
from traceability.note import Verifier
from traceability.proof import verify
from traceability.record import entry
from traceability.seal import Sealer

from .conftest import harvest, sprayed, write


@pytest.fixture
def key(sealer: Sealer, pilot: Pilot) -> LotKey:
    device = pilot.fleet["tam-que-diary-01"]
    write(sealer, device, sprayed(6, 3))
    done = write(sealer, device, harvest(by="RTL \u202e <b>&", area_code="GD-DT-0001"))
    assert done is not None
    return done.key


@pytest.fixture
def client(tmp_path: Path, pilot: Pilot, key: LotKey) -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(web.router(tmp_path, pilot, "https://example.org"))
    with TestClient(app) as made:
        yield made


def test_page_answers_in_both_languages(client: TestClient, key: LotKey) -> None:
    vi = client.get(key.path)
    en = client.get(key.path, headers={"accept-language": "en-GB"})
    assert vi.status_code == en.status_code == 200
    assert "Hồ sơ nguyên vẹn" in vi.text and "Xoài cát Hòa Lộc" in vi.text
    assert "The record is intact" in en.text and '<html lang="en">' in en.text
    assert "Dữ liệu diễn tập" in vi.text  # what is simulated says so
    assert len(vi.content) < 60_000
    assert "default-src 'none'" in vi.headers["content-security-policy"]
    assert "<script" not in vi.text


def test_hostile_text_is_escaped(client: TestClient, key: LotKey) -> None:
    page = client.get(key.path).text
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page and "&lt;b&gt;&amp;" in page


def test_certificates_and_codes_are_shown_as_certified_and_as_invented(
    client: TestClient, key: LotKey
) -> None:
    page = client.get(key.path, headers={"accept-language": "en"}).text
    for part in ("VietGAP-GD-0001", "4★", "valid 01/06/2025 – 31/05/2028", "GD-DT-0001", "150,000 kg a year"):
        assert part in page
    assert page.count('class="known certified"') == page.count('class="known fictional"') == 3
    assert "not sensed" not in page


def test_gaps_are_drawn(client: TestClient, key: LotKey) -> None:
    page = client.get(key.path).text
    assert page.count('class="gap"') >= 3


def test_machine_forms(client: TestClient, key: LotKey) -> None:
    epcis = client.get(key.path, headers={"accept": "application/ld+json"})
    assert epcis.json()["type"] == "EPCISDocument"
    linkset = client.get(key.path, headers={"accept": "application/linkset+json"})
    assert linkset.headers["content-type"].startswith("application/linkset+json")
    assert linkset.json()["linkset"][0]["anchor"] == "https://example.org" + key.path
    assert client.get("/.well-known/gs1resolver").json()["resolverRoot"] == "https://example.org"


def test_proof_verifies_elsewhere(client: TestClient, key: LotKey) -> None:
    data = client.get(key.path + "/record.json").content
    proof = client.get(key.path + "/proof").content
    verifier = Verifier.parse(client.get("/log/vkey").text.strip())
    assert verify(entry(data), proof, verifier, "example.org/log").index == 0


def test_qr_reads_back(client: TestClient, key: LotKey, tmp_path: Path) -> None:
    picture = tmp_path / "qr.png"
    picture.write_bytes(client.get(key.path + "/qr.png").content)
    (code,) = zxingcpp.read_barcodes(Image.open(picture))
    assert code.text == "https://example.org" + key.path
    assert client.get(key.path + "/qr.svg").text.startswith("<svg")


def test_tampered_record_is_not_called_verified(client: TestClient, key: LotKey, tmp_path: Path) -> None:
    path = tmp_path / "records" / key.gtin / f"{key.lot}.json"
    path.write_bytes(path.read_bytes().replace(b'"value":850', b'"value":950'))
    page = client.get(key.path).text
    assert "KHÔNG xác minh" in page and "Hồ sơ nguyên vẹn" not in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/01/02000000000030/10/A", 400),
        ("/01/2000000000039/10/A", 400),
        ("/01/02000000000039/10/TQ261112-AAAAAAAA", 404),
        ("/01/02000000000039/10/TQ261112-AAAAAAAA/proof", 404),
        ("/log/checkpoint", 200),
        ("/log/vkey", 200),
        ("/log/log.key", 404),
        ("/log/..%2flog.key", 404),
        ("/log/tile/..%2f..%2flog.key", 404),
        ("/log/tile/entries/000.p/1", 200),
        ("/log/.lock", 404),
    ],
)
def test_statuses(client: TestClient, path: str, status: int) -> None:
    assert client.get(path).status_code == status


def test_guessing_learns_nothing(client: TestClient) -> None:
    """Every unknown lot looks the same, whether its GTIN is in use or not."""
    used = client.get("/01/02000000000039/10/TQ261112-AAAAAAAA")
    unused = client.get("/01/02000000009995/10/ZZ000000-AAAAAAAA")
    assert used.status_code == unused.status_code == 404 and used.text == unused.text
