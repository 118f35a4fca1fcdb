"""Photographs as a lot's page needs them: small, upright, and free of place, time and camera data.

    upload ─► JPEG, PNG or WebP, whatever its name ─► pixels, turned and shrunk ─► a JPEG of only these pixels

Nothing else in the file (EXIF, XMP, comments, a second picture behind the end) is copied.
"""

import io
import struct
import zlib

from PIL import Image, ImageOps

MOST = 12_000_000  # bytes of an upload; a phone's photograph has 2 to 8 million
PIXELS = 60_000_000  # a picture with more pixels would fill the memory
SIDE = 1600  # pixels of the longer side of the kept picture: sharp on a phone, some 300 kB
QUALITY = 85
SMALL, SMALL_QUALITY = 640, 70  # the same for the picture in a page: some 40 kB, for slow networks
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


class BadPicture(ValueError):
    """The bytes cannot be kept as a picture; `reason` is a key of the catalogue `form.photo_*`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def clean(data: bytes) -> bytes:
    """A JPEG of the upload's pixels and nothing else. Raises BadPicture."""
    if len(data) > MOST:
        raise BadPicture("too_large")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > PIXELS:  # checked before unpacking
                raise BadPicture("too_large")
            image.thumbnail((SIDE, SIDE))
            pixels = ImageOps.exif_transpose(image).convert("RGBA")
    except BadPicture:
        raise
    except _BROKEN:
        raise BadPicture("no_picture") from None
    paper = Image.new("RGBA", pixels.size, "white")  # the background behind transparent pixels
    out = io.BytesIO()
    Image.alpha_composite(paper, pixels).convert("RGB").save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def small(kept: bytes) -> bytes:
    """A kept picture as a page shows it: a JPEG of at most SMALL pixels a side."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(kept), formats=("JPEG",)) as image:
        image.thumbnail((SMALL, SMALL))
        image.save(out, "JPEG", quality=SMALL_QUALITY, optimize=True, progressive=True)
    return out.getvalue()
