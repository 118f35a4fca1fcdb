"""Tokens of one bucket: against InfluxDB 2.7's interfaces as its source has them (no 2.x can be had here),
and against the engine of 1.x, which makes none.
"""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.stores.grants import Grant, provide
from gateway.stores.store import RetryLater
from tests import servers

ADMIN, ORG, BUCKET = "the administrator's", "hoiquan", "village"
LINKS = {"self": "/"}


class InfluxDB2(ThreadingHTTPServer):
    """The tokens of an organisation with one bucket: /api/v2/authorizations, /api/v2/buckets and /query."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.tokens: dict[str, dict[str, Any]] = {}
        self.made = 0

    def rights(self, token: str) -> set[str]:
        """What a token may do with the bucket."""
        given = [one for one in self.tokens.values() if one["token"] == token]
        return {
            permission["action"]
            for one in given
            for permission in one["permissions"]
            if permission["resource"] == {"type": "buckets", "id": "b1", "orgID": "o1"}
        }


class Answers(BaseHTTPRequestHandler):
    server: InfluxDB2

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(path.query).items()}
        token = self.headers["Authorization"].removeprefix("Token ")
        if path.path == "/query":
            if token == ADMIN or "read" in self.server.rights(token):
                self.answer(200, {"results": [{"statement_id": 0}]})
            else:
                self.answer(401, {"code": "unauthorized", "message": "unauthorized access"})
        elif token != ADMIN:
            self.answer(401, {"code": "unauthorized", "message": "unauthorized access"})
        elif path.path == "/api/v2/authorizations":
            self.answer(200, {"links": LINKS, "authorizations": list(self.server.tokens.values())})
        elif (asked["name"], asked["org"]) != (BUCKET, ORG):
            self.answer(404, {"code": "not found", "message": f'bucket "{asked["name"]}" not found'})
        else:
            bucket = {"id": "b1", "orgID": "o1", "name": BUCKET, "retentionRules": []}
            self.answer(200, {"links": LINKS, "buckets": [bucket]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/api/v2/authorizations" and asked["permissions"]
        self.server.made += 1
        one = {
            "id": f"a{self.server.made}",
            "token": f"made-{self.server.made}",
            "status": "active",
            "description": asked["description"],
            "orgID": asked["orgID"],
            "permissions": asked["permissions"],
        }
        self.server.tokens[one["id"]] = one
        self.answer(201, one)

    def do_DELETE(self) -> None:
        del self.server.tokens[self.path.rpartition("/")[2]]
        self.send_response(204)
        self.end_headers()

    def answer(self, status: int, body: Any) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Nothing: pytest's output is not theirs."""


@pytest.fixture
def influx2() -> Iterator[InfluxDB2]:
    with InfluxDB2() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def grants(tmp_path: Path) -> list[Grant]:
    return [
        Grant("hoiquan writer", ("read", "write"), tmp_path / "writer"),
        Grant("hoiquan reader", ("read",), tmp_path / "reader", 0o444),
    ]


def test_each_gets_its_rights_in_a_file_of_its_own(influx2: InfluxDB2, grants: list[Grant]) -> None:
    assert provide(influx2.url, ADMIN, ORG, BUCKET, grants) == ["hoiquan writer", "hoiquan reader"]
    writer, reader = (grant.file.read_text("utf-8").strip() for grant in grants)
    assert influx2.rights(writer) == {"read", "write"}
    assert influx2.rights(reader) == {"read"}
    assert [grant.file.stat().st_mode & 0o777 for grant in grants] == [0o600, 0o444]
    assert provide(influx2.url, ADMIN, ORG, BUCKET, grants) == []
    assert grants[0].file.read_text("utf-8").strip() == writer and len(influx2.tokens) == 2


def test_a_token_that_is_refused_is_made_again_and_its_forerunner_deleted(
    influx2: InfluxDB2, grants: list[Grant]
) -> None:
    provide(influx2.url, ADMIN, ORG, BUCKET, grants)
    grants[0].file.write_text("of another server\n")
    assert provide(influx2.url, ADMIN, ORG, BUCKET, grants) == ["hoiquan writer"]
    assert influx2.rights(grants[0].file.read_text("utf-8").strip()) == {"read", "write"}
    assert sorted(one["description"] for one in influx2.tokens.values()) == [
        "hoiquan reader",
        "hoiquan writer",
    ]


def test_the_services_never_keep_the_administrators_where_there_are_others(
    influx2: InfluxDB2, grants: list[Grant]
) -> None:
    grants[0].file.write_text(ADMIN + "\n")
    provide(influx2.url, ADMIN, ORG, BUCKET, grants)
    assert grants[0].file.read_text("utf-8").strip() != ADMIN


def test_what_is_wrong_is_said(influx2: InfluxDB2, grants: list[Grant]) -> None:
    with pytest.raises(ValueError, match="no bucket elsewhere in hoiquan: check HOIQUAN_INFLUX_BUCKET"):
        provide(influx2.url, ADMIN, ORG, "elsewhere", grants)
    with pytest.raises(RetryLater, match="refuses the administrator's token"):
        provide(influx2.url, "guessed", ORG, BUCKET, grants)
    with pytest.raises(RetryLater, match="does not answer"):
        provide("http://127.0.0.1:9", ADMIN, ORG, BUCKET, grants)
    assert not any(grant.file.exists() for grant in grants)


def test_a_server_without_tokens_has_one_for_all_and_that_is_said(
    influx: servers.Influx, grants: list[Grant], caplog: pytest.LogCaptureFixture
) -> None:
    admin, bucket = influx.token, influx.bucket()
    assert len(provide(influx.url, admin, ORG, bucket, grants)) == 2
    assert [grant.file.read_text("utf-8").strip() for grant in grants] == [admin, admin]
    assert "hoiquan reader gets the one that may do everything" in caplog.text
    caplog.clear()
    assert provide(influx.url, admin, ORG, bucket, grants) == []
