"""Forms with a file, as browsers post them."""

import os

import httpx2
import pytest

from traceability.secretary.upload import Posted, parse

BLOB = os.urandom(3000) + b"\r\n--x\r\n\r\nContent-Disposition: form-data" + bytes(range(256)) + b"\r\n"


def request(**files: tuple[str, bytes, str]) -> tuple[str, bytes]:
    made = httpx2.Request("POST", "http://x/", data={"id": "a", "by": "Thư ký <i>"}, files=files)
    return made.headers["content-type"], made.read()


def test_fields_and_the_very_bytes_of_the_file_come_out() -> None:
    found = parse(*request(photos=('ả"nh;\r\n.jpg', BLOB, "text/html")))
    assert found == Posted({"id": "a", "by": "Thư ký <i>"}, BLOB, True)


def test_no_file_chosen_is_an_empty_one() -> None:
    """A browser sends the field with an empty file name."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\nx\r\n'
        b'--b\r\nContent-Disposition: form-data; name="photos"; filename=""\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n"
    )
    assert parse("multipart/form-data; boundary=b", body) == Posted({"id": "x"}, b"", True)


def test_fields_before_a_file_that_is_cut_off_are_there() -> None:
    kind, body = request(photos=("a", BLOB, "image/jpeg"))
    found = parse(kind, body[:1000], whole=False)
    assert found.fields == {"id": "a", "by": "Thư ký <i>"} and not found.whole


def test_boxes_of_one_name_come_together() -> None:
    kind = "application/x-www-form-urlencoded"
    assert parse(kind, b"harvests=a&harvests=b-1").fields == {"harvests": "a b-1"}
    assert parse(kind, b"by=Th%C6%B0+k%C3%BD&ts=09%3A30").fields == {"by": "Thư ký", "ts": "09:30"}


@pytest.mark.parametrize("kind", ["", "multipart/form-data", "multipart/form-data; boundary=q", "ả", "\x00"])
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"--q\r\n\r\n", b"--q" * 1000, b"a=1&" * 1000])
def test_what_is_no_form_has_no_fields(kind: str, body: bytes) -> None:
    assert parse(kind, body).fields == {}
