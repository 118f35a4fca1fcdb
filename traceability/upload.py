"""A form as a browser posts it: fields, and a file with them (RFC 7578).

The bytes are cut at a limit before they are looked at, so a library that streams parts to disk would bring
nothing here.
"""

from email.parser import BytesHeaderParser
from email.policy import HTTP
from typing import NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request

FIELDS = 50
DRAINED = 30_000_000  # bytes that are read and dropped, so that the browser gets to hear our answer


class Posted(NamedTuple):
    """Fields of a form, those of one name with a space between, and its file, empty where none was chosen.
    `whole`: it was not larger than allowed.
    """

    fields: dict[str, str]
    file: bytes
    whole: bool


async def posted(request: Request, most: int) -> Posted:
    """The form of a request, of at most `most` bytes; no fields where it is none."""
    body, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        body += part[: most - len(body)]
        if size > DRAINED:
            break
    return parse(request.headers.get("content-type", ""), bytes(body), whole=size <= most)


def parse(content_type: str, body: bytes, *, whole: bool = True) -> Posted:
    """The same out of its bytes."""
    header = BytesHeaderParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode())
    boundary = header.get_boundary()
    if header.get_content_type() == "multipart/form-data" and boundary:
        return _parts(boundary.encode(), body, whole=whole)
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=FIELDS) if whole else []
    except ValueError:
        pairs = []
    return Posted(_joined(pairs), b"", whole)


def _parts(boundary: bytes, body: bytes, *, whole: bool) -> Posted:
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary)
    pairs, file = [], b""
    for part in parts[1 : FIELDS + 2]:
        head, _, content = part.partition(b"\r\n\r\n")
        about = BytesHeaderParser(policy=HTTP).parsebytes(head.lstrip(b"\r\n") + b"\r\n\r\n")
        name = about.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            continue
        if about.get_filename() is not None:
            file = file or content
            continue
        try:
            pairs.append((name, content.decode()))
        except UnicodeDecodeError:
            continue
    return Posted(_joined(pairs), file, whole)


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields[name] = f"{fields[name]} {value}" if name in fields else value
    return fields
