"""Pictures lose their metadata, and stay the right way up."""

import io

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from traceability.records import picture
from traceability.records.picture import SIDE, BadPicture, clean

SECRETS = (b"GPS-10.44-105.59", b"Nguyen Van A", b"http://ns.adobe.com/xap")
XMP = SECRETS[2] + b"/1.0/\0<x:xmpmeta>" + SECRETS[0]
RED, GREEN = (220, 30, 30), (30, 180, 60)


def drawn(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A picture, red above and green below."""
    image = Image.new("RGB", size, RED)
    image.paste(GREEN, (0, size[1] // 2, *size))
    return image


def exif(orientation: int = 1) -> Image.Exif:
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


def shows(image: Image.Image, x: int, y: int) -> tuple[int, int, int] | None:
    """Which of the two colours is there, within what compression may change."""
    there = image.convert("RGB").getpixel((x, y))
    assert isinstance(there, tuple)
    return next(
        (c for c in (RED, GREEN) if all(abs(a - b) < 25 for a, b in zip(c, there, strict=True))), None
    )


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_but_the_picture_is_kept(name: str) -> None:
    assert Image.open(io.BytesIO(PICTURES[name])).getexif().get_ifd(0x8825), "it tells where it was taken"
    cleaned = clean(PICTURES[name])
    after = Image.open(io.BytesIO(cleaned))
    assert (after.format, after.size) == ("JPEG", (64, 48))
    assert (shows(after, 30, 8), shows(after, 30, 40)) == (RED, GREEN)
    assert not after.getexif() and set(after.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for secret in SECRETS:
        assert secret not in cleaned
    assert clean(PICTURES[name]) == cleaned, "the same upload has the same hash"


@pytest.mark.parametrize(("orientation", "size", "red"), [
    (1, (64, 48), (30, 8)), (3, (64, 48), (30, 40)), (6, (48, 64), (40, 30)), (8, (48, 64), (8, 30)),
])  # fmt: skip
def test_a_photograph_stands_the_right_way_up(
    orientation: int, size: tuple[int, int], red: tuple[int, int]
) -> None:
    out = io.BytesIO()
    drawn().save(out, "JPEG", exif=exif(orientation))
    after = Image.open(io.BytesIO(clean(out.getvalue())))
    assert after.size == size and shows(after, *red) == RED


def test_a_large_one_is_shrunk_and_what_is_seen_through_is_white() -> None:
    out = io.BytesIO()
    drawn((4000, 3000)).save(out, "JPEG")
    assert Image.open(io.BytesIO(clean(out.getvalue()))).size == (SIDE, SIDE * 3 // 4)
    out = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(out, "PNG")
    assert Image.open(io.BytesIO(clean(out.getvalue()))).getpixel((5, 5)) == (255, 255, 255)


def test_what_stands_behind_the_end_is_left_out() -> None:
    """Phones put a second picture there, or a video."""
    for name, data in PICTURES.items():
        assert clean(data + b"behind" + data) == clean(data), name


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF89a" + bytes(50), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff",
     b"\xff\xd8\xff\xd9", b"\x89PNG\r\n\x1a\n", b"RIFF\x04\0\0\0WEBP", b"<html>\xff\xd8\xff"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(BadPicture) as refused:
        clean(data)
    assert refused.value.reason == "no_picture"


@pytest.mark.filterwarnings("ignore::UserWarning")  # of damaged EXIF
@pytest.mark.parametrize("name", PICTURES)
def test_a_damaged_one_is_a_picture_or_is_refused(name: str) -> None:
    data = PICTURES[name]
    for cut in range(0, len(data) // 2, 61):
        with pytest.raises(BadPicture):
            clean(data[:cut])
    for at in range(0, len(data), 13):
        try:
            clean(data[:at] + bytes([data[at] ^ 0xA5]) + data[at + 1 :])
        except BadPicture:
            continue


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "PIXELS", 64 * 48 - 1)
    for data in PICTURES.values():
        with pytest.raises(BadPicture, match="too_large"):
            clean(data)
    with pytest.raises(BadPicture, match="too_large"):
        clean(b"\xff\xd8\xff" + bytes(picture.MOST))
