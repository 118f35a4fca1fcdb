"""HEAD and 304 (not modified), whatever a route does by itself."""

import pytest
from fastapi import FastAPI
from fastapi.responses import Response, StreamingResponse
from fastapi.testclient import TestClient

from devices.web.conditional import Conditional


@pytest.fixture
def client():
    app = FastAPI()
    app.add_middleware(Conditional)
    app.state.asked = 0

    @app.get("/plain")
    def plain():
        app.state.asked += 1
        return Response("ấm", 200, {"Cache-Control": "no-cache", "Vary": "Cookie"}, "text/plain")

    @app.get("/own")
    def own():
        return Response("x", 200, {"ETag": 'W/"mine"', "Content-Disposition": "attachment"})

    @app.get("/secret")
    def secret():
        return Response("x", 200, {"Cache-Control": "no-store"})

    @app.get("/long")
    def long():
        return StreamingResponse(iter([b"a", b"b"]))

    @app.head("/both")
    @app.get("/both")
    def both():
        return Response("both")

    @app.post("/written")
    def written():
        return Response("x")

    with TestClient(app) as made:
        yield made


def test_who_has_it_gets_no_bytes(client):
    first = client.get("/plain")
    tag = first.headers["etag"]
    assert first.text == "ấm" and tag.startswith('"') and len(tag) == 34
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        for ask in (client.get, client.head):
            again = ask("/plain", headers={"If-None-Match": known})
            assert again.status_code == 304 and again.content == b"", known
            assert again.headers["etag"] == tag and again.headers["vary"] == "Cookie"
            assert again.headers["cache-control"] == "no-cache" and "content-type" not in again.headers
    for known in ('"other"', tag.strip('"')[:-1], tag.strip('"'), ""):
        assert client.get("/plain", headers={"If-None-Match": known}).text == "ấm", known


def test_a_route_may_bring_its_own_tag(client):
    assert client.get("/own").headers["etag"] == 'W/"mine"'
    again = client.get("/own", headers={"If-None-Match": '"mine"'})
    assert again.status_code == 304 and "content-disposition" not in again.headers


@pytest.mark.parametrize("path", ["/plain", "/own", "/both"])
def test_head_is_get_without_the_bytes(client, path):
    whole, head = client.get(path), client.head(path)
    assert head.status_code == 200 and head.content == b""
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))
    assert path == "/both" or head.headers["etag"] == whole.headers["etag"]


def test_the_rest_goes_on_as_it_is(client):
    assert "etag" not in client.get("/secret").headers
    assert client.get("/long").content == b"ab" and "etag" not in client.get("/long").headers
    assert client.head("/long").content == b""
    assert client.get("/nowhere").status_code == client.head("/nowhere").status_code == 404
    assert client.get("/written").status_code == client.head("/written").status_code == 405
    assert client.post("/written", headers={"If-None-Match": "*"}).text == "x"
