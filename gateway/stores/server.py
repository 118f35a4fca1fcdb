"""Requests to one bucket of an InfluxDB server, and what each refusal means.

Line protocol and InfluxQL have an address each, which this module asks with urllib3. InfluxDB's own client
stands on urllib3, too, but brings 600 modules, a quarter of a gateway's memory: only `grants` uses it, for
tokens.

If the server refuses the token, this module first reads the token's file again, and only then reports: where
the store was restored from a copy, `hoiquan tokens` makes a new token, and the services go on.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote_plus, urlencode

from pydantic_core import from_json
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError

from gateway.stores.store import RetryLater, TookTooLong

_TIMEOUT_MS = 20_000
_LINES = 8  # connections that are kept open, for as many threads at a time
_DENIED = (401, 403)
_REFUSED = (400, 413, 422)
_NOTHING = "SELECT value FROM nothing LIMIT 1"  # costs nothing, and is refused like any other statement
_UNSAID = "not executed"  # all that 2.7.12 says of several statements, whatever the cause
# Characters of one request's statements. Common proxies refuse an address of 8 KB, and a server that is asked
# for less at a time sends the first piece of its answer sooner.
_ADDRESS = 3000
_LONGEST = 300  # characters shown of a server's reason: its beginning, and its end, which has the cause


class Refused(Exception):
    """The server will never take this body; the text is the server's reason."""


class Server:
    """One bucket; it is also the name of the InfluxQL database. Safe to use from several threads.

    `reread` reads the current token anew. Every request raises RetryLater where the server does not answer,
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
        """Write gzipped line protocol, times in ms; durable on return. Raises Refused, too."""
        where = urlencode({"org": self._org, "bucket": self._bucket, "precision": "ms"})
        answer = self._answer(
            "POST", f"/api/v2/write?{where}", body,
            {"Content-Encoding": "gzip", "Content-Type": "text/plain; charset=utf-8"},
        )  # fmt: skip
        if answer.status in _REFUSED:
            raise Refused(_sentence(answer))
        if not _well(answer):
            raise self._later(answer)

    def query(self, *statements: str) -> list[dict[str, Any]]:
        """The results of InfluxQL statements, in as few requests as their addresses can hold."""
        return [result for some in _fitting(statements) for result in self._query(some)]

    def _query(self, statements: list[str]) -> list[dict[str, Any]]:
        """The results of one request."""
        # Chunked: the server sends each piece when it has it. Otherwise it sends nothing until it has read
        # the last value, which for ten thousand devices takes longer than the timeout for a server that
        # hangs.
        parameters = {"db": self._bucket, "epoch": "ms", "q": ";".join(statements), "chunked": "true"}
        answer = self._answer("GET", f"/query?{urlencode(parameters)}", None, {"Accept": "application/json"})
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
                # 2.x also says "database not found" when the token lacks the right
                key = "no_database" if "database not found" in why else "query"
                raise RetryLater(f"store.{key}", why=why, alarm=True)
        # The server died while it answered. Only the content shows that: for a proxy, an answer that ends is
        # complete.
        if not whole or len(results) < len(statements):
            raise RetryLater("store.cut_off", end=answer.data[-80:])
        return results

    def ask_something_small(self) -> None:
        """Raises RetryLater if the server does not even answer a query that costs nothing."""
        self.query(_NOTHING)

    def admits(self, action: str, empty: bytes) -> bool:
        """Whether the token may `action` ("read" or "write") here. This tries it; a write has the body
        `empty`. A statement that only lists names would not do: the server answers it to everybody, with an
        empty list.
        """
        try:
            if action == "read":
                self.query(_NOTHING)
            else:
                self.write(empty)
        except Refused:  # the server refused the body, so the token may write
            return True
        except RetryLater as error:
            if error.alarm:
                return False
            raise
        return True

    def _answer(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> BaseHTTPResponse:
        """The answer to a request. If the token is refused and `reread` gives a new one, asks once more."""
        url, token = self._url + path, self._token
        try:
            for _ in range(2):
                authorized = headers | {"Authorization": f"Token {token}"}
                answer = self._pool.request(method, url, body=body, headers=authorized)
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
        if "no space left on device" in why:  # the server does not write again by itself, even with room
            return RetryLater("store.disk_full", why=why, alarm=True)
        if "opening shard previously failed" in why:  # nor does it try to open the shard again
            return RetryLater("store.shard", why=why, alarm=True)
        return RetryLater("store.answers", status=answer.status, why=why)


def _fitting(statements: Sequence[str]) -> Iterator[list[str]]:
    """Split statements, in order, into lists that fit one address; a longer statement stands alone."""
    some: list[str] = []
    for statement in statements:
        if some and len(quote_plus(";".join((*some, statement)))) > _ADDRESS:
            yield some
            some = []
        some.append(statement)
    if some:
        yield some


def _put_together(data: bytes) -> tuple[list[dict[str, Any]], bool]:
    """Join the pieces of a chunked answer, one a line, into results, and tell whether the answer is complete.
    A part marked `partial` goes on in the next piece: a statement with another series, a series with more
    rows.
    """
    results: dict[int, dict[str, Any]] = {}  # by statement
    more = rows = False
    for piece in data.splitlines():  # not all at once: that would keep Python from other threads for too long
        for part in from_json(piece)["results"]:
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
