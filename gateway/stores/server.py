"""One bucket of an InfluxDB server through its own client: a request, and what each refusal means.

A token that is refused is read again from its file before anybody hears of it: `hoiquan tokens` makes a new
one where the store was brought back from a copy, and the services go on.
"""

from collections.abc import Callable
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from urllib3.exceptions import HTTPError

from gateway.stores.store import RetryLater

_TIMEOUT_MS = 20_000
_DENIED = (401, 403)
_REFUSED = (400, 413, 422)
_NOTHING = "SELECT value FROM nothing LIMIT 1"  # costs nothing, and is refused like any other
_UNSAID = "not executed"  # what 2.7.12 says of several statements, whatever kept it from the first
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
        self._client = InfluxDBClient(url=url, token=token, org=org, timeout=_TIMEOUT_MS)
        self._api = self._client.api_client
        self._write = WriteService(self._api)
        self._token, self._org, self._bucket = token, org, bucket
        self._reread = reread or (lambda: token)

    def close(self) -> None:
        self._client.close()

    def write(self, body: bytes) -> None:
        """Gzipped line protocol, times in ms; durable on return. Raises Refused too."""
        try:
            self._asked(
                lambda: self._write.post_write(
                    org=self._org, bucket=self._bucket, body=body, precision="ms",
                    content_encoding="gzip", content_type="text/plain; charset=utf-8",
                )
            )  # fmt: skip
        except ApiException as error:
            if error.status in _REFUSED:
                raise Refused(_sentence(error)) from error
            raise self._later(error) from error

    def query(self, statements: str) -> list[dict[str, Any]]:
        """The results of InfluxQL statements."""
        try:
            answer = self._asked(
                lambda: self._api.call_api(
                    "/query",
                    "GET",
                    query_params=[("db", self._bucket), ("epoch", "ms"), ("q", statements)],
                    header_params={"Accept": "application/json"},
                    response_type="object",
                    _return_http_data_only=True,
                )
            )
        except ApiException as error:
            raise self._later(error) from error
        if not isinstance(answer, dict) or "results" not in answer:  # cut off: the server died over it
            raise RetryLater(f"InfluxDB's answer is cut off: {str(answer)[:80]!r}")
        results: list[dict[str, Any]] = answer["results"]
        for result in results:
            if why := result.get("error"):
                if why == _UNSAID and statements != _NOTHING:
                    self.query(_NOTHING)
                if "database not found" in why:  # 2.x says so of a right that is missing, too
                    why += " (or the token may not read it): check HOIQUAN_INFLUX_BUCKET"
                raise RetryLater(f"InfluxDB refuses a query: {why}", alarm=True)
        return results

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

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """The answer to a request; with the token of now, where that of before is refused."""
        try:
            try:
                return ask()
            except ApiException as error:
                if error.status not in _DENIED or (now := self._reread()) == self._token:
                    raise
            self._token = now
            self._api.set_default_header("Authorization", f"Token {now}")
            return ask()
        except (HTTPError, OSError) as error:
            raise RetryLater(f"InfluxDB does not answer: {error}") from error

    def _later(self, error: ApiException) -> RetryLater:
        why = _sentence(error)
        if error.status in _DENIED:
            return RetryLater(
                f"InfluxDB refuses the token ({error.status}): check HOIQUAN_INFLUX_TOKEN", alarm=True
            )
        if error.status == 404:
            if "organization" in why:
                return RetryLater(
                    f"InfluxDB has no organisation {self._org}: check HOIQUAN_INFLUX_ORG", alarm=True
                )
            return RetryLater(
                f"InfluxDB has no bucket {self._bucket}: check HOIQUAN_INFLUX_BUCKET", alarm=True
            )
        if "no space left on device" in why:  # it will not write again by itself, though there be room
            return RetryLater(
                f"InfluxDB's disk was full: make room, then restart influxdb: {why}", alarm=True
            )
        if "opening shard previously failed" in why:  # nor open what it could not open once
            return RetryLater(f"InfluxDB has given up a shard: restart influxdb: {why}", alarm=True)
        return RetryLater(f"InfluxDB answers {error.status}: {why}")


def _sentence(error: ApiException) -> str:
    text = " ".join(str(error.body or error.reason).split())
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"
