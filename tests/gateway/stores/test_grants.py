"""Tokens limited to one bucket: against the answers that InfluxDB 2.7.12 gave, against an InfluxDB 2 where
one is given (`tests/influx2.py`), and against the engine of 1.x, which makes no tokens.
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
from gateway.stores.influx import InfluxStore
from gateway.stores.store import RetryLater
from tests import influx2, servers
from tests.gateway.readings import T, reading

LINKS = {"self": "/"}
UNAUTHORIZED = {"code": "unauthorized", "message": "unauthorized access"}


class InfluxDB2(ThreadingHTTPServer):
    """A fake with tokens and buckets: /api/v2/authorizations, /api/v2/buckets, /api/v2/write and /query."""

    token, org = "the administrator's", "hoiquan"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.kept: dict[str, dict[str, Any]] = {}
        self.made = 0
        self.ids: dict[str, str] = {}

    def bucket(self) -> str:
        """Make a new bucket; return its name."""
        name = f"bucket{len(self.ids)}"
        self.ids[name] = f"b{len(self.ids)}"
        return name

    def tokens(self) -> list[dict[str, Any]]:
        """Every token, with its description and rights."""
        return list(self.kept.values())


Server = InfluxDB2 | influx2.Given


def rights(server: Server, token: str, bucket: str) -> set[str]:
    """The rights of a token to a bucket."""
    return {
        right["action"]
        for one in server.tokens()
        if one["token"] == token
        for right in one["permissions"]
        if right["resource"]["id"] == server.ids.get(bucket)
    }


class Answers(BaseHTTPRequestHandler):
    server: InfluxDB2

    def do_GET(self) -> None:
        path = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(path.query).items()}
        token = self.headers["Authorization"].removeprefix("Token ")
        admin = token == self.server.token
        if path.path == "/query":
            # everybody gets the names alone; without the right a database looks missing
            one: dict[str, Any] = {"statement_id": 0}
            may = admin or "read" in rights(self.server, token, asked["db"])
            if "SHOW" not in asked["q"] and not (may and asked["db"] in self.server.ids):
                one["error"] = f"database not found: {asked['db']}"
            self.answer(200, {"results": [one]})
        elif not admin:
            self.answer(401, UNAUTHORIZED)
        elif path.path == "/api/v2/authorizations":
            self.answer(200, {"links": LINKS, "authorizations": self.server.tokens()})
        elif asked["org"] != self.server.org:
            message = f'organization name "{asked["org"]}" not found'
            self.answer(404, {"code": "not found", "message": message})
        elif asked["name"] not in self.server.ids:
            self.answer(404, {"code": "not found", "message": f'bucket "{asked["name"]}" not found'})
        else:
            number = self.server.ids[asked["name"]]
            bucket = {"id": number, "orgID": "o1", "name": asked["name"], "retentionRules": []}
            self.answer(200, {"links": LINKS, "buckets": [bucket]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers["Authorization"].removeprefix("Token ")
        path = urlsplit(self.path)
        if path.path == "/api/v2/write":
            (bucket,) = parse_qs(path.query)["bucket"]
            if token == self.server.token or "write" in rights(self.server, token, bucket):
                self.answer(204, None)
            elif any(one["token"] == token for one in self.server.tokens()):
                self.answer(403, {"code": "forbidden", "message": "insufficient permissions for write"})
            else:
                self.answer(401, UNAUTHORIZED)
            return
        asked = json.loads(body)
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
        self.server.kept[one["id"]] = one
        self.answer(201, one)

    def do_DELETE(self) -> None:
        del self.server.kept[self.path.rpartition("/")[2]]
        self.send_response(204)
        self.end_headers()

    def answer(self, status: int, body: Any) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if body is not None:
            self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        """Log nothing: pytest's output has no place for requests."""


@pytest.fixture(params=["as it answers", *([] if not influx2.ADDRESS else ["given_influx"])])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "given_influx":
        yield request.getfixturevalue("given_influx")
        return
    with InfluxDB2() as made:
        thread = Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def granted(folder: Path) -> list[Grant]:
    folder.mkdir(exist_ok=True)
    return [
        Grant("hoiquan writer", ("read", "write"), folder / "writer"),
        Grant("hoiquan reader", ("read",), folder / "reader", 0o444),
    ]


@pytest.fixture
def grants(tmp_path: Path) -> list[Grant]:
    return granted(tmp_path)


def made(server: Server, bucket: str, grants: list[Grant]) -> list[str]:
    return provide(server.url, server.token, server.org, bucket, grants)


def kept(grant: Grant) -> str:
    return grant.file.read_text("utf-8").strip()


def described(server: Server, bucket: str) -> list[str]:
    """The descriptions of the tokens of a bucket."""
    return sorted(
        one["description"]
        for one in server.tokens()
        if any(right["resource"].get("id") == server.ids[bucket] for right in one["permissions"])
    )


def test_each_gets_its_rights_in_a_file_of_its_own(server: Server, grants: list[Grant]) -> None:
    bucket = server.bucket()
    assert made(server, bucket, grants) == ["hoiquan writer", "hoiquan reader"]
    writer, reader = map(kept, grants)
    assert rights(server, writer, bucket) == {"read", "write"}
    assert rights(server, reader, bucket) == {"read"}
    assert [grant.file.stat().st_mode & 0o777 for grant in grants] == [0o600, 0o444]
    assert made(server, bucket, grants) == []
    assert kept(grants[0]) == writer and len(described(server, bucket)) == 2


def test_a_token_that_is_refused_is_made_again_and_its_forerunner_deleted(
    server: Server, grants: list[Grant]
) -> None:
    bucket = server.bucket()
    made(server, bucket, grants)
    grants[0].file.write_text("of another server\n")
    assert made(server, bucket, grants) == ["hoiquan writer"]
    assert rights(server, kept(grants[0]), bucket) == {"read", "write"}
    number = server.ids[bucket]
    assert described(server, bucket) == [
        f"hoiquan reader, bucket {number}",
        f"hoiquan writer, bucket {number}",
    ]


def test_a_token_that_may_not_do_what_it_is_for_is_made_again(server: Server, grants: list[Grant]) -> None:
    """The server knows the token, but it is another bucket's, or may only read."""
    mine, theirs = server.bucket(), server.bucket()
    made(server, mine, grants)
    made(server, theirs, others := granted(grants[0].file.parent / "theirs"))
    reader = kept(grants[1])
    for wrong in (kept(others[0]), reader):
        grants[0].file.write_text(wrong)
        assert made(server, mine, grants) == ["hoiquan writer"]
        assert rights(server, kept(grants[0]), mine) == {"read", "write"}
    assert kept(grants[1]) == reader


@pytest.mark.parametrize("again", [(0, 1), (1, 0)])
def test_installations_that_share_a_server_leave_each_others_tokens_alone(
    server: Server, tmp_path: Path, again: tuple[int, int]
) -> None:
    buckets = [server.bucket(), server.bucket()]
    both = [granted(tmp_path / bucket) for bucket in buckets]
    for turn in (0, 1, *again):
        for grant in both[turn]:
            grant.file.unlink(missing_ok=True)
        made(server, buckets[turn], both[turn])
    for bucket, grants in zip(buckets, both, strict=True):
        assert rights(server, kept(grants[0]), bucket) == {"read", "write"}
        assert rights(server, kept(grants[1]), bucket) == {"read"}
        assert len(described(server, bucket)) == 2


def test_a_token_of_an_earlier_version_goes_and_that_of_another_bucket_stays(
    server: Server, tmp_path: Path
) -> None:
    """An earlier version described its tokens without the bucket."""
    buckets = [server.bucket(), server.bucket()]
    for bucket in buckets:
        made(server, bucket, granted(tmp_path / bucket))
    for one in server.tokens():
        if isinstance(server, InfluxDB2):
            one["description"] = one["description"].partition(",")[0]
        elif one["description"].endswith(tuple(server.ids[bucket] for bucket in buckets)):
            server.describe(one["id"], one["description"].partition(",")[0])
    grants = granted(tmp_path / "new")
    made(server, buckets[0], grants)
    assert len(described(server, buckets[0])) == 2
    assert described(server, buckets[1]) == ["hoiquan reader", "hoiquan writer"]


def test_the_services_never_keep_the_administrators_where_there_are_others(
    server: Server, grants: list[Grant]
) -> None:
    grants[0].file.write_text(server.token + "\n")
    made(server, server.bucket(), grants)
    assert kept(grants[0]) != server.token


def test_what_is_wrong_is_said(server: Server, grants: list[Grant]) -> None:
    url, admin, org = server.url, server.token, server.org
    with pytest.raises(ValueError, match=f"no bucket elsewhere in {org}: check HOIQUAN_INFLUX_BUCKET"):
        provide(url, admin, org, "elsewhere", grants)
    with pytest.raises(ValueError, match="no organisation strangers: check HOIQUAN_INFLUX_ORG"):
        provide(url, admin, "strangers", server.bucket(), grants)
    with pytest.raises(RetryLater, match="refuses the administrator's token"):
        provide(url, "guessed", org, server.bucket(), grants)
    with pytest.raises(RetryLater, match="does not answer"):
        provide("http://127.0.0.1:9", admin, org, "any", grants)
    assert not any(grant.file.exists() for grant in grants)


def test_a_store_goes_on_with_the_token_that_replaced_its_own(server: Server, grants: list[Grant]) -> None:
    bucket = server.bucket()
    made(server, bucket, grants)
    store = InfluxStore(server.url, kept(grants[0]), server.org, bucket, lambda: kept(grants[0]))
    store.write([reading(T, soil_ec=1.0)])
    grants[0].file.unlink()
    made(server, bucket, grants)  # and the token that the store had is deleted
    store.write([reading(T + 1, soil_ec=1.0)])
    store.close()


def test_a_server_without_tokens_has_one_for_all_and_that_is_said(
    influx: servers.Influx, grants: list[Grant], caplog: pytest.LogCaptureFixture
) -> None:
    admin, bucket = influx.token, influx.bucket()
    assert len(provide(influx.url, admin, influx.org, bucket, grants)) == 2
    assert [grant.file.read_text("utf-8").strip() for grant in grants] == [admin, admin]
    assert "hoiquan reader gets the one that may do everything" in caplog.text
    caplog.clear()
    assert provide(influx.url, admin, influx.org, bucket, grants) == []
