"""OPTIONS is answered for routes that declare GET alone."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from fastapi.testclient import TestClient

from devices.web.options import Options


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = FastAPI()
    app.add_middleware(Options)

    @app.get("/page")
    def page() -> Response:
        return PlainTextResponse("word")

    @app.post("/form")
    def form() -> Response:
        return PlainTextResponse("taken")

    @app.api_route("/own", methods=["GET", "HEAD", "OPTIONS"])
    def own(request: Request) -> Response:
        return PlainTextResponse(request.method, headers={"Allow": "GET"})

    with TestClient(app) as made:
        yield made


def test_what_may_be_asked_is_said(client: TestClient) -> None:
    asked = client.options("/page", headers={"Origin": "https://example.org"})
    assert asked.status_code == 204 and not asked.content
    assert asked.headers["allow"] == "GET, HEAD, OPTIONS"
    assert asked.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"


def test_what_a_route_answers_itself_stays(client: TestClient) -> None:
    assert client.options("/own").text == "OPTIONS" and client.get("/own").text == "GET"


def test_what_takes_forms_alone_takes_nothing_else(client: TestClient) -> None:
    assert client.options("/form").status_code == 405
    assert client.options("/none").status_code == 404
