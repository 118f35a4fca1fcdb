"""Pictures as phones make them, without what they tell besides: no place, no time, no owner, no camera.

    bytes ─► which kind? ─► the parts that draw the picture ─► the same picture, nothing else

Parts are kept by a list of those that are needed, so that nothing unknown gets through; pixels are not
touched. Of EXIF the orientation stays. Formats: ITU-T T.81 annex B and Exif 2.32; PNG (W3C, third edition);
WebP (RFC 9649).
"""

import re
import struct
import zlib
from dataclasses import dataclass

MOST = 5_000_000  # bytes; a phone's photograph of 12 megapixels has 2 to 5 million
PIXELS = 60_000_000  # what unpacks to more would stop a buyer's phone
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (
    b"IHDR",
    b"PLTE",
    b"IDAT",
    b"tRNS",
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"iCCP",
    b"sBIT",
    b"bKGD",
    b"pHYs",
)
_WEBP_KEPT = (b"VP8X", b"ICCP", b"ALPH", b"VP8 ", b"VP8L")
_WEBP_TOLD = 0x0C  # flags of VP8X: there is EXIF, there is XMP
# frames, Huffman and arithmetic tables, quantisation, restart interval, number of lines; 0xC8 is reserved
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_KEPT = _JPEG_FRAMES | {0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD}
_JPEG_APPS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}  # what colours depend on
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # not a stuffed byte, not a restart


class BadPicture(ValueError):
    """The bytes cannot be kept as a picture; `reason` is a key of the catalogue `form.photo_*`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that tells nothing but itself; `kind` is its media type."""

    kind: str
    data: bytes


def kind(data: bytes) -> str | None:
    """The media type by what the bytes say, whatever they are called; None for what is no such picture."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(_PNG):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def clean(data: bytes) -> Picture:
    """The picture without all else that is in it. Raises BadPicture."""
    if len(data) > MOST:
        raise BadPicture("too_large")
    found = kind(data)
    if found is None:
        raise BadPicture("no_picture")
    try:
        drawn, width, height = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp}[found](data)
    except (struct.error, IndexError):
        raise BadPicture("no_picture") from None
    if not 0 < width * height <= PIXELS:
        raise BadPicture("too_large" if width and height else "no_picture")
    return Picture(found, drawn)


def _jpeg(data: bytes) -> tuple[bytes, int, int]:
    kept, at, size, turned = [b"\xff\xd8"], 2, (0, 0), False
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = data[at + 1]
        if data[at] != 0xFF:
            raise BadPicture("no_picture")
        if marker == 0xD9:  # what stands behind the end, such as a phone's second picture, is left out
            return b"".join([*kept, b"\xff\xd9"]), *size
        (length,) = struct.unpack_from(">H", data, at + 2)
        segment = data[at : at + 2 + length]
        if length < 2 or len(segment) != 2 + length:
            raise BadPicture("no_picture")
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", segment, 5)
            size = width, height
        if marker == 0xE1 and segment[4:10] == b"Exif\0\0" and not turned:
            kept += _orientation(segment[10:])
            turned = True
        elif marker in _JPEG_KEPT or (marker in _JPEG_APPS and segment[4:].startswith(_JPEG_APPS[marker])):
            kept.append(segment)
        at += 2 + length
        if marker == 0xDA:  # the picture itself follows, up to the next marker
            end = _NEXT_MARKER.search(data, at)
            if end is None:
                raise BadPicture("no_picture")
            kept.append(data[at : end.start()])
            at = end.start()


def _orientation(tiff: bytes) -> list[bytes]:
    """An EXIF segment that says which side is up and nothing else; none where none was said."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return []
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    if first + 2 > len(tiff):
        return []
    (count,) = struct.unpack_from(f"{order}H", tiff, first)
    for number in range(count):
        at = first + 2 + 12 * number
        if at + 12 > len(tiff):
            return []
        tag, type_, many, value = struct.unpack_from(f"{order}HHIH", tiff, at)
        if (tag, type_, many) == (0x0112, 3, 1) and 1 <= value <= 8:
            said = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, value, 0, 0)
            return [b"\xff\xe1" + struct.pack(">H", 2 + len(said)) + said]
    return []


def _png(data: bytes) -> tuple[bytes, int, int]:
    kept, at = [_PNG], len(_PNG)
    (width, height) = struct.unpack_from(">II", data, at + 8)
    while True:
        (length,) = struct.unpack_from(">I", data, at)
        chunk = data[at : at + 12 + length]
        name = chunk[4:8]
        if len(chunk) != 12 + length or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
            raise BadPicture("no_picture")
        if at == len(_PNG) and name != b"IHDR":
            raise BadPicture("no_picture")
        if name in _PNG_KEPT:
            kept.append(chunk)
        if name == b"IEND":
            return b"".join([*kept, chunk]), width, height
        at += 12 + length


def _webp(data: bytes) -> tuple[bytes, int, int]:
    (whole,) = struct.unpack_from("<I", data, 4)
    if whole + 8 > len(data):
        raise BadPicture("no_picture")
    kept, at, size = [], 12, (0, 0)
    while at < whole + 8:
        name, length = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        chunk = data[at : at + 8 + length + length % 2]
        if len(chunk) < 8 + length:
            raise BadPicture("no_picture")
        if name == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_TOLD]) + chunk[9:]
        elif name == b"VP8 ":
            wide, high = struct.unpack_from("<HH", chunk, 14)
            size = wide & 0x3FFF, high & 0x3FFF
        elif name == b"VP8L":
            (bits,) = struct.unpack_from("<I", chunk, 9)
            size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        if name in _WEBP_KEPT:
            kept.append(chunk)
        at += len(chunk)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body, *size
