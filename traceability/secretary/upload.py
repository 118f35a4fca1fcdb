"""A form as a browser posts it: fields, and a file with them. The bytes are cut at a limit before they are
looked at, so that nobody fills memory or disk.
"""

from contextlib import suppress
from typing import NamedTuple
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, create_form_parser

FIELDS = 50
DRAINED = 30_000_000  # bytes that are read and dropped, so that the browser gets to hear our answer


class Posted(NamedTuple):
    """Fields of a form, those of one name with a space between, and its file, empty where none was chosen.
    `whole`: it was not larger than allowed; else the fields are those that came before the cut.
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
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        pairs: list[tuple[str, str]] = []
        with suppress(ValueError):  # no text, or too many fields
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

    with suppress(FormParserError, ValueError):  # what came until there counts
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
