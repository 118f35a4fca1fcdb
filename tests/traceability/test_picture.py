"""Pictures lose what they tell besides, and keep every pixel and the side that is up."""

import io

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from traceability import picture
from traceability.picture import BadPicture, clean, kind

SECRETS = (b"GPS-10.44-105.59", b"Nguyen Van A", b"http://ns.adobe.com/xap")
XMP = SECRETS[2] + b"/1.0/\0<x:xmpmeta>" + SECRETS[0]


def drawn() -> Image.Image:
    image = Image.new("RGB", (64, 48))
    image.putdata([(x * 4, y * 5, (x * y) % 256) for y in range(48) for x in range(64)])
    return image


def exif(orientation: int = 6) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x013B] = SECRETS[1].decode()  # artist
    made.get_ifd(0x8825).update({1: "N", 2: (10.0, 26.0, 24.0), 3: "E", 4: (105.0, 35.0, 24.0)})
    return made


def saved(format_: str, **more: object) -> bytes:
    out = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    drawn().save(out, format_, icc_profile=profile, exif=exif(), **more)
    return out.getvalue()


def text_chunk() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", SECRETS[1].decode())
    info.add_itxt("XML:com.adobe.xmp", SECRETS[0].decode(), zip=False)
    return info


PICTURES = {
    "jpeg": saved("JPEG", quality=90, comment=SECRETS[1], xmp=XMP),
    "progressive": saved("JPEG", progressive=True, restart_marker_rows=1),
    "png": saved("PNG", pnginfo=text_chunk()),
    "webp": saved("WEBP", quality=80, xmp=XMP),
    "lossless": saved("WEBP", lossless=True, xmp=XMP),
}


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_but_the_picture_is_kept(name: str) -> None:
    data = PICTURES[name]
    before = Image.open(io.BytesIO(data))
    assert before.getexif().get_ifd(0x8825), "the picture tells where it was taken"
    cleaned = clean(data)
    assert cleaned.kind == kind(data)
    after = Image.open(io.BytesIO(cleaned.data))
    assert after.tobytes() == before.tobytes()
    assert after.info.get("icc_profile") == before.info["icc_profile"]
    assert set(after.getexif()) <= {0x0112} and not after.getexif().get_ifd(0x8825)
    for secret in SECRETS:
        assert secret not in cleaned.data
    assert clean(cleaned.data) == cleaned, "the same again changes nothing"


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photograph_stays_the_right_way_up(orientation: int, order: str) -> None:
    out = io.BytesIO()
    said = exif(orientation)
    said.endian = "<" if order == "little" else ">"
    drawn().save(out, "JPEG", exif=said.tobytes())
    assert Image.open(io.BytesIO(clean(out.getvalue()).data)).getexif()[0x0112] == orientation


def test_what_stands_behind_the_end_is_left_out() -> None:
    """Phones put a second picture there, or a video."""
    for name, data in PICTURES.items():
        assert clean(data + b"behind" + data) == clean(data), name


def test_a_comment_like_a_marker_is_a_comment() -> None:
    data = PICTURES["jpeg"]
    hidden = b"\xff\xfe\x00\x15\xff\xff\xff" + SECRETS[0]
    assert clean(data[:2] + hidden + data[2:]) == clean(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a" + bytes(50), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff",
     b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n", b"RIFF\x04\0\0\0WEBP", b"<html>\xff\xd8\xff"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadPicture) as refused:
        clean(data)
    assert refused.value.reason == "no_picture"


@pytest.mark.parametrize("name", PICTURES)
def test_a_part_of_a_picture_is_refused(name: str) -> None:
    data = clean(PICTURES[name]).data
    for cut in (*range(0, len(data) - 1, 97), len(data) - 1):
        with pytest.raises(BadPicture):
            clean(data[:cut])


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "PIXELS", 64 * 48 - 1)
    for data in PICTURES.values():
        with pytest.raises(BadPicture, match="too_large"):
            clean(data)
    with pytest.raises(BadPicture, match="too_large"):
        clean(b"\xff\xd8\xff" + bytes(picture.MOST))
