"""HEAD and "304 Not Modified" for every page that can be read: a route answers GET, this does the rest.

GET ─► route ─► a whole answer ─► ETag of its bytes, unless the route gave one ─► does the reader have it? 304
HEAD ─► the same without the bytes
"""

import hashlib
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OF_A_BODY = ("content-length", "content-type", "content-disposition")  # headers that describe the bytes
TAG = re.compile(r'(?:W/)?("[^"]*")')


class Conditional:
    """ASGI middleware. Answers in several parts, marked `no-store`, or other than 200 get no ETag from it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        await self._app(scope, receive, answer.send)
        if answer.no_head:  # the route only knows GET
            again = _Answer(scope, send, head_too=False)
            await self._app({**scope, "method": "GET"}, receive, again.send)


class _Answer:
    """One answer on its way. `head_too`: if the route answers 405 to HEAD, nothing is sent."""

    def __init__(self, scope: Scope, send: Send, *, head_too: bool = True) -> None:
        self._known = Headers(scope=scope).get("if-none-match", "")
        self._head = scope["method"] == "HEAD"
        self._may_lack_head = self._head and head_too
        self._send = send
        self._start: Message | None = None
        self._dropped = False
        self.no_head = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.no_head = self._may_lack_head and message["status"] == 405
            self._start = message
        elif not self.no_head:
            await self._body(message)

    async def _body(self, message: Message) -> None:
        start, self._start = self._start, None
        body, more = message.get("body", b""), message.get("more_body", False)
        if start is not None:
            headers = MutableHeaders(raw=start.setdefault("headers", []))
            if start["status"] == 200 and "no-store" not in headers.get("cache-control", ""):
                if "etag" not in headers and not more and (body or not self._head):
                    headers["etag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
                if self._has(headers.get("etag", "")):
                    start["status"], body = 304, b""
                    for name in OF_A_BODY:
                        del headers[name]
            self._dropped = start["status"] == 304 or self._head
            await self._send(start)
        await self._send({**message, "body": b"" if self._dropped else body})

    def _has(self, tag: str) -> bool:
        """Whether the reader has the version with this tag (RFC 9110, 13.1.2: weak comparison)."""
        if not tag or not self._known:
            return False
        return self._known.strip() == "*" or tag.removeprefix("W/") in TAG.findall(self._known)
