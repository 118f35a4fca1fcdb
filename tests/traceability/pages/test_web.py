"""The public page shows what is true, escapes hostile input and reveals nothing else."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image

from devices.contract.diary import decode_diary
from devices.pilots.pilot import Pilot
from devices.texts import text
from devices.web.frame import HIDDEN
from tests.scanner import codes
from tests.traceability.conftest import HARVESTED, Grower, buyer, harvest, sprayed, write
from traceability.digital_link import LotKey
from traceability.pages import web
from traceability.records.conditions import SENSED
from traceability.records.record import entry
from traceability.sealing import seal
from traceability.sealing.seal import Sealer
from traceability.tlog.note import Verifier
from traceability.tlog.proof import verify


@pytest.fixture
def key(sealer: Sealer, pilot: Pilot) -> LotKey:
    device = pilot.fleet["tam-que-diary-01"]
    write(sealer, device, sprayed(6, 3))
    done = write(sealer, device, harvest(by="RTL \u202e <b>&", area_code="GD-DT-0001"))
    assert done is not None
    return done.key


def handle(sealer: Sealer, pilot: Pilot, kind: str, id: str, hours: int, **fields: object) -> None:
    """Write and seal an entry about the lot, `hours` after its harvest."""
    at = (HARVESTED + timedelta(hours=hours)).isoformat()
    event: dict[str, object] = {"event": kind, "id": id, "ts": at, "plot": "plot-1", "crop": "mango"}
    event |= fields
    sealer.keep([(pilot.fleet["tam-que-diary-01"], decode_diary(json.dumps(event).encode()))])
    sealer.seal_pending()


@pytest.fixture
def client(tmp_path: Path, pilot: Pilot, key: LotKey) -> Iterator[TestClient]:
    with buyer(tmp_path, pilot) as made:
        yield made


def test_page_answers_in_both_languages(client: TestClient, key: LotKey) -> None:
    vi = client.get(key.path)
    en = client.get(key.path, headers={"accept-language": "en-GB"})
    assert vi.status_code == en.status_code == 200
    assert "Hồ sơ nguyên vẹn" in vi.text and "Xoài cát Hòa Lộc" in vi.text
    assert "The record is intact" in en.text and '<html lang="en">' in en.text
    assert "Dữ liệu diễn tập" in vi.text  # a simulated lot says that it is one
    assert len(vi.content) < 60_000
    assert "default-src 'none'" in vi.headers["content-security-policy"]
    assert "<script" not in vi.text


def test_each_form_names_what_it_depends_on(client: TestClient, key: LotKey) -> None:
    """A cache that ignores cookies would show one reader's language to another."""

    def varies(path: str, **headers: str) -> str | None:
        return client.get(path, headers=headers, follow_redirects=False).headers.get("vary")

    for accept in ("text/html", "*/*", "application/ld+json", "application/linkset+json"):
        assert varies(key.path, accept=accept) == "Accept, Accept-Language, Cookie"
    assert varies(f"{key.path}/record.html") == "Accept, Accept-Language, Cookie"
    assert varies(f"{key.path}/record.json") is None
    assert varies(f"{key.path}/qr.svg") is None
    assert varies("/01/1/10/x") == "Accept, Accept-Language, Cookie"
    for path in ("/verify.html", "/s/UNKNOWN"):
        assert varies(path) == "Accept-Language, Cookie"
    assert client.get("/scan/xx/01/1/10/x").status_code == 400  # an unknown language


def test_hostile_text_is_escaped(client: TestClient, key: LotKey) -> None:
    page = client.get(key.path).text
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page and "&lt;b&gt;&amp;" in page


def test_certificates_and_codes_are_shown_as_certified_and_as_invented(
    client: TestClient, key: LotKey
) -> None:
    page = client.get(key.path, headers={"accept-language": "en"}).text
    for part in (
        "VietGAP-GD-0001",
        "4★",
        "valid 1 Jun 2025 – 31 May 2028",
        "GD-DT-0001",
        "150,000 kg a year",
    ):
        assert part in page
    assert page.count('class="known certified"') == page.count('class="known fictional"') == 3
    assert "not sensed" not in page


def test_what_came_later_is_shown_with_its_proof(
    client: TestClient, key: LotKey, sealer: Sealer, pilot: Pilot
) -> None:
    handle(sealer, pilot, "packing", "pack-1", 1, quantity_kg=800, packages=160)
    handle(sealer, pilot, "shipping", "ship-1", 2, quantity_kg=800, buyer="<img src=x>")
    handle(sealer, pilot, "correction", "mend-1", 3, of="mango-1", reason="<i>", changes={"quantity_kg": 820})
    page = client.get(key.path, headers={"accept-language": "en"}).text
    assert "160 packages" in page and "&lt;img src=x&gt;" in page and "<img src=x>" not in page
    assert "<del>850</del> → <ins>820</ins>" in page and "corrected, see below" in page
    verifier = Verifier.parse(client.get("/log/vkey").text.strip())
    for leaf, name in enumerate(("pack-1", "ship-1", "mend-1"), 1):
        data = client.get(f"{key.path}/later/{name}/record.json").content
        proof = client.get(f"{key.path}/later/{name}/proof").content
        assert verify(entry(data), proof, verifier, "example.org/log").index == leaf
    assert client.get(f"{key.path}/later/never/proof").status_code == 404
    events = client.get(f"{key.path}/epcis.json").json()["epcisBody"]["eventList"]
    assert [event["bizStep"] for event in events][-4:] == ["packing", "loading", "shipping", "commissioning"]


def test_a_recalled_lot_says_so_first(client: TestClient, key: LotKey, sealer: Sealer, pilot: Pilot) -> None:
    handle(sealer, pilot, "revocation", "recall-1", 30, harvest="mango-1", reason="dư lượng thuốc")
    page = client.get(key.path)
    assert page.status_code == 410
    assert "LÔ NÀY ĐÃ BỊ THU HỒI ngày 13/11/2026: dư lượng thuốc" in page.text
    assert 'class="answer good"' not in page.text, "nothing green over a recalled lot"
    assert page.text.index("ĐÃ BỊ THU HỒI") < page.text.index(text("page.sealed", "vi", index=0))
    assert client.get(f"{key.path}/record.json").status_code == 200
    last = client.get(f"{key.path}/epcis.json").json()["epcisBody"]["eventList"][-1]
    assert last["disposition"] == "recalled"


def test_an_addendum_that_was_changed_is_not_called_sealed(
    client: TestClient, key: LotKey, sealer: Sealer, pilot: Pilot, tmp_path: Path
) -> None:
    handle(sealer, pilot, "shipping", "ship-1", 2, quantity_kg=800, buyer="Chợ")
    path = tmp_path / "records" / key.gtin / key.lot / "ship-1.json"
    path.write_bytes(path.read_bytes().replace("Chợ".encode(), b"Kho"))
    assert "chưa có trong nhật ký minh bạch" in client.get(key.path).text


def test_gaps_are_drawn(client: TestClient, key: LotKey) -> None:
    page = client.get(key.path).text
    air, soil = re.findall(r"<svg viewBox.*?</svg>", page)[1:]
    # the first of ten days, the 6th to the 8th, and the day of harvest
    assert air.count('class="gap"') == 3
    assert soil.count('class="gap"') == 2  # all days but the one before the harvest
    edges = re.findall(r"<text[^>]*>(.*?)</text>", air + soil)
    assert len(edges) == 4 and all(re.fullmatch(r"\d+,\d", edge) for edge in edges), "as in the words above"


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
    (code,) = codes(Image.open(picture))
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


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'onmouseover='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "../../../log.key",
    "\u202egnp.exe\u2066\u200b\u0000",
    "]]><!--",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_every_field_that_people_write_comes_out_as_text(
    client: TestClient, sealer: Sealer, pilot: Pilot, tmp_path: Path, text: str
) -> None:
    fields: list[tuple[str, str, int, dict[str, object]]] = [
        ("planting", "p", -200, {"seed": text, "area_ha": 1}),
        ("input", "i", -199, {"product": text, "purpose": "other", "dose": text}),
        ("pest_observation", "o", -198, {"pest": text, "level": "low"}),
        ("harvest", "h", 24, {"quantity_kg": 1}),
        ("shipping", "s", 25, {"quantity_kg": 1, "buyer": text}),
        ("correction", "c", 26, {"of": "s", "reason": text, "changes": {"buyer": text + "!"}}),
        ("revocation", "r", 27, {"harvest": "h", "reason": text}),
    ]
    for kind, id, hours, more in fields:
        handle(sealer, pilot, kind, id, hours, by=text, plot="plot-8", **more)
    (path,) = [f"/01/{r['gtin']}/10/{r['lot']}" for r in seal.lots(tmp_path) if r["quantity_kg"] == 1]
    page = client.get(path)
    assert page.status_code == 410
    parser = Parts()
    parser.feed(page.text)
    shown = text.translate(HIDDEN)
    assert parser.text.count(shown) >= 14, "every field is there to be read"
    assert not parser.tags & {"script", "iframe", "object", "base", "meta-refresh"}
    assert not any(name.startswith("on") for name in parser.attributes)
    assert set(parser.images) == {f"{path}/qr.svg"}
    assert not set(map(chr, HIDDEN)) & set(page.text)


class Parts(HTMLParser):
    """The elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.tags, self.attributes, self.images = "", set[str](), set[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.images += [value or "" for name, value in attrs if tag == "img" and name == "src"]

    def handle_data(self, data: str) -> None:
        self.text += data


# Circular 02/2024/TT-BKHCN: item → its text on the page of the fixture's lot
SEVEN = {
    "product name": "Xoài cát Hòa Lộc",
    "product image": "Hình minh họa, không phải ảnh chụp lô hàng",
    "producer's name": "Hội quán Tâm Quê",
    "producer's address": "phường Cao Lãnh, Đồng Tháp (trước đây: xã Tân Thuận Tây, TP. Cao Lãnh)",
    "time of the events": "12/11/2026 10:00",
    "code, mark or serial": "02000000000039",
    "expiry": "Nông sản tươi, không ghi hạn",
}


@pytest.mark.parametrize("item", SEVEN)
def test_the_seven_items_of_the_circular_are_on_the_page(client: TestClient, key: LotKey, item: str) -> None:
    parser = Parts()
    parser.feed(client.get(key.path).text)
    assert SEVEN[item] in parser.text, item


def test_a_lot_opened_far_too_often_is_marked(
    client: TestClient, key: LotKey, sealer: Sealer, pilot: Pilot
) -> None:
    handle(sealer, pilot, "packing", "pack-1", 1, quantity_kg=800, packages=4)
    pages = [client.get(key.path) for _ in range(50)]
    assert "đã được mở 49 lần" in pages[48].text and "Cần để ý" not in pages[48].text
    assert "Cần để ý: trang này đã được mở 50 lần, mà lô chỉ có 4 gói" in pages[49].text
    assert "không phải bằng chứng" in pages[49].text
    assert all("set-cookie" not in page.headers for page in pages)


def test_the_longest_season_with_the_worst_gaps_stays_small(
    sealer: Sealer, grower: Grower, pilot: Pilot, tmp_path: Path
) -> None:
    days = [date(2026, 5, 16) + timedelta(days=2 * n) for n in range(90)]
    rows = [[day.isoformat(), 20.123 + n % 7, 25.456, 31.789 + n % 5, 144] for n, day in enumerate(days)]
    grower.grew = replace(grower.grew, daily=dict.fromkeys(SENSED, rows))
    device = pilot.fleet["tam-que-diary-01"]
    for number in range(180):
        sealer.keep([(device, sprayed(180 - number, 0))])
    done = write(sealer, device, harvest(1, by="x" * 200))
    assert done is not None
    app = FastAPI()
    app.include_router(web.router(tmp_path, pilot, "https://example.org"))
    with TestClient(app) as client:
        page = client.get(done.key.path)
    assert len(page.content) < 60_000
    assert page.text.count("<polyline") == len(SENSED) and "mục trước đó chỉ có trong tệp hồ sơ" in page.text


def test_guessing_learns_nothing(client: TestClient) -> None:
    """Every unknown lot of a product gets the same answer, and so does every product that is not ours."""
    one, other = (client.get(f"/01/02000000000039/10/TQ261112-{code}") for code in ("AAAAAAAA", "BBBBBBBB"))
    assert one.status_code == 404 and one.text.replace("AAAAAAAA", "BBBBBBBB") == other.text
    gtins = ("02000000009995", "09506000134352")
    one, other = (client.get(f"/01/{gtin}/10/ZZ000000-AAAAAAAA") for gtin in gtins)
    assert one.status_code == other.status_code == 404 and one.text.replace(*gtins) == other.text
