"""Answers OPTIONS wherever a page can be read (RFC 9110, 9.3.7), also for browsers on other sites' pages.

OPTIONS ─► route ─► answers 405, but its page can be read ─► 204 with Allow
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READ = ("GET", "HEAD", "OPTIONS")


class Options:
    """ASGI middleware. A route's own answer to OPTIONS goes on as it is, and so does a form's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "OPTIONS":
            await self._app(scope, receive, send)
            return
        readable = False

        async def answer(message: Message) -> None:
            nonlocal readable
            if message["type"] == "http.response.start" and message["status"] == 405:
                allowed = {one.strip() for one in Headers(raw=message["headers"]).get("allow", "").split(",")}
                if allowed & {"GET", "HEAD"}:  # a path may have one route for GET and another for HEAD
                    readable = True
                    every = ", ".join([*READ, *sorted(allowed.difference(READ))])
                    headers = {"allow": every, "access-control-allow-origin": "*",
                               "access-control-allow-methods": ", ".join(READ)}  # fmt: skip
                    message = {**message, "status": 204, "headers": Headers(headers).raw}
            elif readable and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, receive, answer)
