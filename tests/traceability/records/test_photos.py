"""Photographs are known by their hash: from the form to the record, and on the page that checks a picture."""

import hashlib
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from typer.testing import CliRunner

from devices.access.registry import Registry
from devices.contract.diary import Harvest, decode_diary
from devices.contract.reading import Device
from devices.pilots.pilot import Pilot
from devices.texts import text
from tests import browser
from tests.seen import AXE, SIZES, Served, axe, judged, too_wide
from tests.traceability.conftest import WHO, harvest, write
from traceability.commands import trace_app
from traceability.digital_link import LotKey
from traceability.pages import web
from traceability.records import photos, picture, record
from traceability.records.photos import Photos
from traceability.records.picture import BadPicture, clean
from traceability.sealing.seal import Sealer, read
from traceability.secretary import form

assert AXE and axe  # a fixture of the pages' tests


def jpeg(shade: int = 80, kind: str = "JPEG", size: tuple[int, int] = (320, 240)) -> bytes:
    out, said = io.BytesIO(), Image.Exif()
    said.get_ifd(0x8825).update({1: "N", 2: (10.0, 26.0, 24.0)})
    Image.new("RGB", size, (shade, 160, 60)).save(out, kind, exif=said)
    return out.getvalue()


PHOTO = jpeg()
NAME = hashlib.sha256(clean(PHOTO)).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sealer's folder within `--data`."""
    return tmp_path / "trace"


@pytest.fixture
def sealer(folder: Path, pilot: Pilot, grower: object) -> Iterator[Sealer]:
    made = Sealer(folder, pilot, grower, "https://example.org", "example.org/log")  # type: ignore[arg-type]
    yield made
    made.close()


@pytest.fixture
def client(
    folder: Path, pilot: Pilot, sealer: Sealer, registry: Registry, password: str
) -> Iterator[TestClient]:
    """The pages with a secretary signed in, whose events are kept and sealed at once."""

    def send(device: Device, _: str, payload: bytes) -> None:
        write(sealer, device, decode_diary(payload))

    app = FastAPI()
    app.include_router(web.router(folder, pilot, "https://example.org"))
    app.include_router(form.router(folder, pilot, registry, send, secure=False))
    with TestClient(app) as made:
        made.post("/diary/sign-in", data={"device": WHO, "password": password})
        yield made


def filled(client: TestClient, kind: str = "harvest", **more: str) -> dict[str, str]:
    page = client.get(f"/diary/{kind}").text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    common = {"ts": "2026-11-22T09:30", "plot": "plot-1", "crop": "mango", "quantity_kg": "850"}
    return hidden | common | more


def uploaded(client: TestClient, data: bytes = PHOTO, **more: str) -> str:
    """The answer to a harvest with a picture, whatever type the picture claims."""
    files = {"photos": ("ảnh của tôi.txt", data, "text/plain")}
    return client.post("/diary/harvest", data=filled(client, **more), files=files).text


def lot(folder: Path) -> LotKey:
    (path,) = (folder / "records").glob("*/*.json")
    return LotKey(path.parent.name, path.stem)


def test_a_photograph_goes_from_the_form_to_the_page(client: TestClient, folder: Path) -> None:
    assert "✓ Đã gửi: Thu hoạch" in uploaded(client)
    key = lot(folder)
    content = record.parse(read(folder, key) or b"")
    assert content["product"]["image"] == {"kind": "photo", "sha256": NAME}
    assert content["events"]["rows"][0]["photos"] == [NAME]
    page = client.get(key.path)
    assert f'<a href="/photos/{NAME}"><img src="/photos/{NAME}/small"' in page.text
    assert "Hình minh họa" not in page.text
    assert "đúng tệp có mã băm ghi trong hồ sơ" in page.text and len(page.content) < 60_000
    assert "img-src 'self'" in page.headers["content-security-policy"]
    shown = client.get(f"/photos/{NAME}")
    assert hashlib.sha256(shown.content).hexdigest() == NAME
    assert not Image.open(io.BytesIO(shown.content)).getexif().get_ifd(0x8825), "no place in it"
    headers = shown.headers
    assert headers["content-type"] == "image/jpeg" and headers["x-content-type-options"] == "nosniff"
    assert (
        "immutable" in headers["cache-control"] and "default-src 'none'" in headers["content-security-policy"]
    )


def test_a_page_has_the_picture_small_for_a_slow_network(client: TestClient, folder: Path) -> None:
    grain = Image.effect_noise((1600, 1200), 60).convert("RGB")
    out = io.BytesIO()
    grain.save(out, "PNG")
    uploaded(client, out.getvalue())
    (name,) = (path.name for path in (folder / "photos").iterdir())
    whole, small = (client.get(f"/photos/{name}{form}") for form in ("", "/small"))
    assert len(small.content) < len(whole.content) / 4
    assert Image.open(io.BytesIO(small.content)).size == (640, 480)
    assert "immutable" in small.headers["cache-control"] and small.headers["content-type"] == "image/jpeg"


def test_a_photograph_of_the_packing_stands_with_what_came_later(client: TestClient, folder: Path) -> None:
    client.post("/diary/harvest", data=filled(client))
    given = filled(client, "packing", packages="80", ts="2026-11-22T10:30")
    client.post("/diary/packing", data=given, files={"photos": ("a", PHOTO)})
    page = client.get(lot(folder).path).text
    assert f'<img src="/photos/{NAME}/small"' in page and "Hình minh họa" in page


def test_a_changed_picture_is_not_served_and_that_is_said(client: TestClient, folder: Path) -> None:
    uploaded(client)
    stored, path = folder / "photos" / NAME, lot(folder).path
    assert "KHÔNG còn đúng" not in client.get(path).text
    stored.write_bytes(clean(jpeg(200)))
    page = client.get(path).text
    assert "Hình minh họa" in page, "a page has a picture of the product"
    assert "KHÔNG còn đúng với mã băm" in page and '<img src="/photos/' not in page
    assert {client.get(f"/photos/{NAME}{form}").status_code for form in ("", "/small")} == {404}
    stored.unlink()
    page = client.get(path).text
    assert "máy chủ này không có" in page and NAME[:16] in page and "Hồ sơ nguyên vẹn" in page
    assert client.get(f"/photos/{NAME}").status_code == 404


@pytest.mark.parametrize("width", SIZES.values())
@pytest.mark.parametrize("state", ["here", "changed"])
def test_the_page_with_a_photograph_fits_and_can_be_read(
    client: TestClient, folder: Path, axe: str, tmp_path: Path, width: int, state: str
) -> None:
    uploaded(client, jpeg(size=(3000, 2000)))
    if state == "changed":
        next((folder / "photos").iterdir()).write_bytes(PHOTO)
    app = client.app
    assert isinstance(app, FastAPI)
    with Served(app) as site, browser.page() as page:
        page.open(f"{site}{lot(folder).path}", width)
        assert judged(page, axe) == []
        assert too_wide(page) == []
        drawn = page.run("document.querySelectorAll('.photo img').length")
        assert drawn == (state == "here")
        page.picture(tmp_path / "photo.png")


@pytest.mark.parametrize("name", ["..%2f..%2fregistry.sqlite", "x" * 64, NAME.upper(), "", "photos.sqlite"])
def test_nothing_else_is_served_as_a_picture(client: TestClient, folder: Path, name: str) -> None:
    uploaded(client)
    (folder / "photos" / ("x" * 64)).write_bytes(b"\xff\xd8\xff")
    assert client.get(f"/photos/{name}").status_code == 404


def test_a_picture_that_is_none_is_refused_and_the_rest_of_the_form_stays(
    client: TestClient, folder: Path
) -> None:
    answer = uploaded(client, b"<script>alert(1)</script>", by="Tổ trưởng")
    assert text("form.photo_no_picture", "vi") in answer and 'value="Tổ trưởng"' in answer
    answer = uploaded(client, b"\xff\xd8\xff" + bytes(picture.MOST + 200_000), by="Tổ trưởng")
    assert text("form.photo_too_large", "vi") in answer and 'value="Tổ trưởng"' in answer
    assert not (folder / "photos").exists() and not (folder / "records").exists()


def test_a_picture_that_came_need_not_be_sent_again(client: TestClient, folder: Path) -> None:
    """A browser does not keep a chosen file, so the form that comes back contains the hash."""
    answer = uploaded(client, quantity_kg="nhiều")
    assert "Hãy xem lại mục “Khối lượng (kg)”" in answer and text("form.photo_kept", "vi") in answer
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer))
    assert hidden["photos"] == NAME
    client.post("/diary/harvest", data=filled(client) | hidden, files={"photos": ("", b"")})
    assert record.parse(read(folder, lot(folder)) or b"")["product"]["image"]["sha256"] == NAME


def test_who_is_not_signed_in_leaves_nothing(client: TestClient, folder: Path) -> None:
    given = filled(client)
    client.cookies.clear()
    client.post("/diary/harvest", data=given, files={"photos": ("a.jpg", PHOTO)})
    assert not (folder / "photos").exists()


def test_a_day_takes_so_many_of_one_account_and_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "A_DAY", 3)
    monkeypatch.setattr(photos, "ALL_A_DAY", 5)
    now = [1000.0]

    def keep(account: str, shade: int) -> str:
        return Photos(tmp_path, lambda: now[0]).keep(account, jpeg(20 * shade, "PNG"))  # restarted each time

    for shade in range(3):
        keep("a", shade)
    assert keep("a", 0), "what is here already costs nothing"
    with pytest.raises(BadPicture, match="too_many"):
        keep("a", 3)
    keep("b", 4), keep("c", 5)
    with pytest.raises(BadPicture, match="too_many"):
        keep("d", 6)
    now[0] += photos.DAY
    assert keep("a", 3)
    assert len(list((tmp_path / "photos").iterdir())) == 6


def test_a_damaged_book_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "photos.sqlite").write_bytes(b"no database" * 100)
    kept = Photos(tmp_path).keep("a", PHOTO)
    assert Photos(tmp_path).state(kept) == "here" and "photos.sqlite" in caplog.text
    (aside,) = tmp_path.glob("photos.sqlite.damaged-*")
    assert aside.read_bytes().startswith(b"no database")


def test_a_full_disk_or_a_book_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos.sqlite").mkdir()
    with pytest.raises(BadPicture, match="not_kept"):
        Photos(tmp_path).keep("a", PHOTO)
    (tmp_path / "photos.sqlite").rmdir()
    monkeypatch.setattr(photos, "FREE", 1 << 60)
    with pytest.raises(BadPicture, match="no_room"):
        Photos(tmp_path).keep("a", PHOTO)
    assert not list((tmp_path / "photos").iterdir())
    with sqlite3.connect(tmp_path / "photos.sqlite") as book:
        assert book.execute("SELECT count(*) FROM photo").fetchone() == (0,)


def test_the_command_tells_the_picture_of_a_record(client: TestClient, folder: Path, tmp_path: Path) -> None:
    uploaded(client)
    key, out, run = lot(folder), tmp_path / "out", CliRunner()
    told = run.invoke(
        trace_app, ["export", key.gtin, key.lot, "--out", str(out), "--data", str(folder.parent)]
    )
    assert told.exit_code == 0, told.output
    file, mine = out / f"{key.lot}.json", out / f"{NAME}.jpg"
    checked = run.invoke(trace_app, ["verify", str(file), "--photo", str(mine)])
    assert checked.exit_code == 0 and NAME in checked.stdout
    mine.write_bytes(mine.read_bytes()[:-3] + b"\0\xff\xd9")
    checked = run.invoke(trace_app, ["verify", str(file), "--photo", str(mine)])
    assert checked.exit_code == 1 and text("verify.photo", "vi") in checked.stderr


@pytest.mark.parametrize("wrong", [["x"], [NAME.upper()], [NAME] * 5, [], ["../" + NAME], NAME])
def test_a_diary_event_names_pictures_by_their_hash_alone(wrong: object) -> None:
    whole = json.loads(harvest().model_dump_json(exclude_none=True))
    assert "photos" not in whole, "an event without one is what it was"
    found = decode_diary(json.dumps(whole | {"photos": [NAME]}).encode())
    assert isinstance(found, Harvest) and found.photos == (NAME,)
    with pytest.raises(ValueError, match=r"harvest\.photos"):
        decode_diary(json.dumps(whole | {"photos": wrong}).encode())
