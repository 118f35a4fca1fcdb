"""Photographs as a lot's page needs them: small, the right way up, and silent about place, time and camera.

    upload ─► JPEG, PNG or WebP, whatever it is called ─► pixels, turned and shrunk ─► a JPEG of them alone

What else was in the file (EXIF, XMP, comments, a second picture behind the end) is never copied.
"""

import io
import struct
import zlib

from PIL import Image, ImageOps

MOST = 12_000_000  # bytes of an upload; a phone's photograph has 2 to 8 million
PIXELS = 60_000_000  # what unpacks to more would fill memory
SIDE = 1600  # pixels of the longer side that are kept: sharp on a phone, some 300 kB
QUALITY = 85
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)


class BadPicture(ValueError):
    """The bytes cannot be kept as a picture; `reason` is a key of the catalogue `form.photo_*`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def clean(data: bytes) -> bytes:
    """A JPEG of what the upload shows and of nothing else. Raises BadPicture."""
    if len(data) > MOST:
        raise BadPicture("too_large")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP")) as image:
            if image.width * image.height > PIXELS:  # before it is unpacked
                raise BadPicture("too_large")
            image.thumbnail((SIDE, SIDE))
            pixels = ImageOps.exif_transpose(image).convert("RGBA")
    except BadPicture:
        raise
    except _BROKEN:
        raise BadPicture("no_picture") from None
    paper = Image.new("RGBA", pixels.size, "white")  # what is seen through it
    made = io.BytesIO()
    Image.alpha_composite(paper, pixels).convert("RGB").save(made, "JPEG", quality=QUALITY, optimize=True)
    return made.getvalue()
