"""One bucket of an InfluxDB server: a request, and what each refusal means.

Line protocol and InfluxQL are two addresses, asked with urllib3, on which InfluxDB's own client stands: that
client brings 600 modules, a quarter of a gateway's memory. It does what needs it, the tokens (`grants`).

A token that is refused is read again from its file before anybody hears of it: `hoiquan tokens` makes a new
one where the store was brought back from a copy, and the services go on.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote_plus, urlencode

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError

from gateway.stores.store import RetryLater, TookTooLong

_TIMEOUT_MS = 20_000
_LINES = 8  # connections that are kept: as many threads may ask at a time
_DENIED = (401, 403)
_REFUSED = (400, 413, 422)
_NOTHING = "SELECT value FROM nothing LIMIT 1"  # costs nothing, and is refused like any other
_UNSAID = "not executed"  # what 2.7.12 says of several statements, whatever kept it from the first
# Characters of one request's statements. Common proxies refuse an address of 8 KB; and a server that is asked
# for less at a time sends the first piece of its answer sooner.
_ADDRESS = 3000
_LONGEST = 300  # characters of a server's sentence that are told: its begin, and its end, which has the cause


class Refused(Exception):
    """The server will never take this body; the text is its sentence."""


class Server:
    """One bucket; it is also the name of the InfluxQL database. Safe to use from several threads.

    `reread` gives the token as it is now. Every request raises RetryLater where the server does not answer,
    or not as it should.
    """

    def __init__(
        self, url: str, token: str, org: str, bucket: str, reread: Callable[[], str] | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._pool = PoolManager(retries=False, maxsize=_LINES, timeout=Timeout(total=_TIMEOUT_MS / 1000))
        self._token, self._org, self._bucket = token, org, bucket
        self._reread = reread or (lambda: token)

    def close(self) -> None:
        self._pool.clear()

    def write(self, body: bytes) -> None:
        """Gzipped line protocol, times in ms; durable on return. Raises Refused too."""
        where = urlencode({"org": self._org, "bucket": self._bucket, "precision": "ms"})
        answer = self._asked(
            "POST", f"/api/v2/write?{where}", body,
            {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"},
        )  # fmt: skip
        if answer.status in _REFUSED:
            raise Refused(_sentence(answer))
        if not _well(answer):
            raise self._later(answer)

    def query(self, *statements: str) -> list[dict[str, Any]]:
        """The results of InfluxQL statements, sent as many a request as its address can hold."""
        return [result for some in _fitting(statements) for result in self._query(some)]

    def _query(self, statements: list[str]) -> list[dict[str, Any]]:
        """The results of one request."""
        # In pieces, as they are found: else nothing is heard of a server before it has read the last value,
        # and of ten thousand devices that takes longer than one that hangs is waited for.
        asked = {"db": self._bucket, "epoch": "ms", "q": ";".join(statements), "chunked": "true"}
        answer = self._asked("GET", f"/query?{urlencode(asked)}", None, {"Accept": "application/json"})
        if not _well(answer):
            raise self._later(answer)
        try:
            results, whole = _put_together(answer.data)
        except (ValueError, LookupError, TypeError):
            results, whole = [], False
        for result in results:
            if why := result.get("error"):
                if why == _UNSAID and statements != [_NOTHING]:
                    self.query(_NOTHING)
                # 2.x says so of a right that is missing, too
                key = "no_database" if "database not found" in why else "query"
                raise RetryLater(f"store.{key}", why=why, alarm=True)
        # The server died over it. No length says so: a proxy takes what ends for what is complete.
        if not whole or len(results) < len(statements):
            raise RetryLater("store.cut_off", end=answer.data[-80:])
        return results

    def ask_something_small(self) -> None:
        """Raises RetryLater where it does not even answer what costs nothing."""
        self.query(_NOTHING)

    def admits(self, action: str, empty: bytes) -> bool:
        """Whether the token may "read" or "write" here, found by doing so: `empty` is written. What merely
        lists names is answered to everybody, with nothing in it.
        """
        try:
            if action == "read":
                self.query(_NOTHING)
            else:
                self.write(empty)
        except Refused:  # the body, by who may write
            return True
        except RetryLater as error:
            if error.alarm:
                return False
            raise
        return True

    def _asked(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> BaseHTTPResponse:
        """The answer to a request; with the token of now, where that of before is refused."""
        url, token = self._url + path, self._token
        try:
            for _ in range(2):
                said = headers | {"Authorization": f"Token {token}"}
                answer = self._pool.request(method, url, body=body, headers=said)
                if answer.status not in _DENIED or (now := self._reread()) == token:
                    break
                self._token = token = now
        except ReadTimeoutError as error:
            raise TookTooLong("store.silent", error=error) from error
        except (HTTPError, OSError) as error:
            raise RetryLater("store.silent", error=error) from error
        return answer

    def _later(self, answer: BaseHTTPResponse) -> RetryLater:
        why = _sentence(answer)
        if answer.status in _DENIED:
            return RetryLater("store.token", status=answer.status, alarm=True)
        if answer.status == 404:
            if "organization" in why:
                return RetryLater("store.no_org", org=self._org, alarm=True)
            return RetryLater("store.no_bucket", bucket=self._bucket, alarm=True)
        if "no space left on device" in why:  # it will not write again by itself, though there be room
            return RetryLater("store.disk_full", why=why, alarm=True)
        if "opening shard previously failed" in why:  # nor open what it could not open once
            return RetryLater("store.shard", why=why, alarm=True)
        return RetryLater("store.answers", status=answer.status, why=why)


def _fitting(statements: Sequence[str]) -> Iterator[list[str]]:
    """The statements in order, in runs that fit an address; a longer one stands alone."""
    some: list[str] = []
    for statement in statements:
        if some and len(quote_plus(";".join((*some, statement)))) > _ADDRESS:
            yield some
            some = []
        some.append(statement)
    if some:
        yield some


def _put_together(data: bytes) -> tuple[list[dict[str, Any]], bool]:
    """The results out of an answer in pieces, each a line, and whether none goes on. What is `partial` does
    in the next: a statement with another series, a series with more rows.
    """
    results: dict[int, dict[str, Any]] = {}  # by statement
    more = rows = False
    for piece in json.loads(b"[%b]" % data.strip().replace(b"\n", b",")):
        for part in piece["results"]:
            whole = results.setdefault(part.get("statement_id", 0), {"series": []})
            whole |= {"error": part["error"]} if "error" in part else {}
            for series in part.get("series", ()):
                if rows:
                    whole["series"][-1]["values"] += series["values"]
                else:
                    whole["series"].append(series)
                rows = series.get("partial", False)
            more = part.get("partial", False)
    return list(results.values()), not more


def _well(answer: BaseHTTPResponse) -> bool:
    return 200 <= answer.status <= 299


def _sentence(answer: BaseHTTPResponse) -> str:
    text = " ".join((answer.data.decode("utf-8", "replace") or answer.reason or "").split())
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"
