"""Links have our own name, whatever host name a request gives."""

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from devices.web.named import Named, near

PUBLIC, HERE, WIFI = "https://village.example", "http://localhost:8080", "http://192.168.1.5:8080"


def asked(base_url, host, trusted=""):
    app = FastAPI()
    app.add_middleware(Named, base_url=base_url, trusted=trusted)

    @app.get("/links")
    def links(request: Request) -> list[str]:
        return [str(request.base_url), str(request.url)]

    @app.get("/folder/")
    def folder() -> None: ...

    with TestClient(app) as client:
        base, url = client.get("/links?a=1", headers={"Host": host}).json()
        assert url == f"{base}links?a=1"
        moved = client.get("/folder", headers={"Host": host}, follow_redirects=False)
        assert moved.headers["location"] == f"{base}folder/"  # the library's own redirects, too
    return base


@pytest.mark.parametrize(
    ("base_url", "host", "named"),
    [
        (PUBLIC, "village.example", PUBLIC),
        (PUBLIC, "evil.example", PUBLIC),
        (PUBLIC, "localhost:8080", PUBLIC),
        (PUBLIC, "127.0.0.1", PUBLIC),
        (PUBLIC, "a b<>", PUBLIC),
        (HERE, "localhost:8080", HERE),
        (HERE, "127.0.0.1:9999", "http://127.0.0.1:9999"),  # a tunnel, a mapped port
        (HERE, "[::1]:8080", "http://[::1]:8080"),
        (HERE, "192.168.1.5:8080", WIFI),  # a phone
        (HERE, "evil.example", HERE),
        (HERE, "127.0.0.1.evil.example", HERE),
        (HERE, "8.8.8.8", HERE),
        (HERE, "localhost@evil.example", HERE),
        (WIFI, "localhost:8080", HERE),
    ],
)
def test_whose_name_stands_in_links(base_url, host, named):
    assert asked(base_url, host) == f"{named}/"


def test_a_second_name_is_trusted_by_setting_and_exactly_so():
    for host, named in (
        ("Old.Example:8443", "http://old.example:8443"),
        ("old.example", PUBLIC),
        ("x.old.example:8443", PUBLIC),
    ):
        assert asked(PUBLIC, host, "old.example:8443, other.example").lower() == f"{named}/"


def test_what_is_near():
    here = ["localhost", "LOCALHOST:1", "10.0.0.1", "[fe80::1]:1"]
    assert [host for host in (*here, "::1", "", "x", "[", "[x]:1") if near(host)] == here
