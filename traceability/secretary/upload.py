"""Parses a form as a browser posts it: fields, and files.

The body is cut at a limit before it is parsed, so that nobody can fill memory or disk.
"""

from contextlib import suppress
from typing import NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser

FIELDS = 50
DRAINED = 30_000_000  # bytes read at most, the surplus dropped, so that the browser waits for our answer


class Posted(NamedTuple):
    """Fields of a form, values with the same name joined by a space, and its file (empty if none was chosen).

    `whole`: the body was within the limit; otherwise the fields are those before the cut.
    """

    fields: dict[str, str]
    file: bytes
    whole: bool


async def posted(request: Request, most: int) -> Posted:
    """Read a request's form, at most `most` bytes of it; no fields if it is no form."""
    body, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        body += part[: most - len(body)]
        if size > DRAINED:
            break
    return parse(request.headers.get("content-type", ""), bytes(body), whole=size <= most)


def parse(content_type: str, body: bytes, *, whole: bool = True) -> Posted:
    """Parse a form from its bytes."""
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        pairs: list[tuple[str, str]] = []
        with suppress(ValueError):  # not text, or too many fields
            pairs = parse_qsl(body.decode(), max_num_fields=FIELDS) if whole else []
        return Posted(_joined(pairs), b"", whole)
    fields: list[tuple[str, str]] = []
    files: list[bytes] = []

    def field(one: Field) -> None:
        name, value = (part or b"" for part in (one.field_name, one.value))
        fields.append((name.decode("utf-8", "replace"), value.decode("utf-8", "replace")))

    def file(one: File) -> None:
        one.file_object.seek(0)
        files.append(one.file_object.read())

    with suppress(FormParserError, ValueError):  # fields before a fault count
        about = {"Content-Type": content_type.encode()}
        parser = create_form_parser(about, field, file, {"MAX_MEMORY_FILE_SIZE": len(body)})
        parser.write(body)
        if whole:
            parser.finalize()
    return Posted(_joined(fields[:FIELDS]), files[0] if files else b"", whole)


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields[name] = f"{fields[name]} {value}" if name in fields else value
    return fields
