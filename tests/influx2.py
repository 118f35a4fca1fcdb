"""An InfluxDB 2 that somebody runs: HOIQUAN_TEST_INFLUX=url,org,token, with the administrator's token.

Tests that only query a store query this server as well as the tests' own engine; tests that break a store
break only their own. Every bucket that is made here is deleted here.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

ADDRESS = os.environ.get("HOIQUAN_TEST_INFLUX", "")
# a test's name for each engine → the engine's fixture (`conftest.py`)
ENGINES = {"influx": "influx"} | ({"influx2": "given_influx"} if ADDRESS else {})


class Given:
    """The server: `url`, `token` and `org` as its client wants them. Every bucket is a database."""

    def __init__(self, url: str, org: str, token: str) -> None:
        self.url, self.org, self.token = url.rstrip("/"), org, token
        self.ids: dict[str, str] = {}  # of the buckets made here, by name
        (one,) = self._call("GET", f"/api/v2/orgs?{urlencode({'org': org})}")["orgs"]
        self._org_id = one["id"]

    def bucket(self) -> str:
        """A new, empty bucket."""
        name = f"hoiquan-test-{secrets.token_hex(6)}"
        made = self._call("POST", "/api/v2/buckets", {"orgID": self._org_id, "name": name})
        self.ids[name] = made["id"]
        return name

    def ask(self, query: str, bucket: str = "") -> list[dict[str, object]]:
        """The result of an InfluxQL statement, sent without the client under test."""
        asked = urlencode({"db": bucket, "q": query, "epoch": "ms"})
        (result,) = self._call("GET", f"/query?{asked}")["results"]
        assert "error" not in result, (query, result)
        series: list[dict[str, object]] = result.get("series", [])
        return series

    def tokens(self) -> list[dict[str, Any]]:
        """Every token, with its description and rights."""
        found: list[dict[str, Any]] = self._call("GET", "/api/v2/authorizations")["authorizations"]
        return found

    def describe(self, number: str, description: str) -> None:
        """Change the description of a token."""
        self._call("PATCH", f"/api/v2/authorizations/{number}", {"description": description})

    def clear(self) -> None:
        """Delete the buckets that were made, and the tokens for them."""
        for one in self.tokens():
            if any(right["resource"].get("id") in self.ids.values() for right in one["permissions"]):
                self._call("DELETE", f"/api/v2/authorizations/{one['id']}")
        for number in self.ids.values():
            self._call("DELETE", f"/api/v2/buckets/{number}")

    def _call(self, method: str, path: str, body: object = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        with urlopen(Request(self.url + path, sent, headers, method=method), timeout=30) as answer:
            return json.loads(answer.read() or "null")


@contextmanager
def given() -> Iterator[Given]:
    """The server of HOIQUAN_TEST_INFLUX."""
    server = Given(*ADDRESS.split(",", 2))
    try:
        yield server
    finally:
        server.clear()
