"""OPTIONS wherever a page can be read (RFC 9110, 9.3.7): what may be asked, of browsers from elsewhere too.

OPTIONS ─► route ─► it does not know it, and is one to be read ─► 204 with Allow
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READ = ("GET", "HEAD", "OPTIONS")


class Options:
    """What a route answers to OPTIONS itself goes on as it is, and so does what takes forms alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "OPTIONS":
            await self._app(scope, receive, send)
            return
        told = False

        async def sent(message: Message) -> None:
            nonlocal told
            if message["type"] == "http.response.start" and message["status"] == 405:
                allowed = {one.strip() for one in Headers(raw=message["headers"]).get("allow", "").split(",")}
                if allowed & {"GET", "HEAD"}:  # a path may have a route of its own for each
                    told = True
                    every = ", ".join([*READ, *sorted(allowed.difference(READ))])
                    headers = {"allow": every, "access-control-allow-origin": "*",
                               "access-control-allow-methods": ", ".join(READ)}  # fmt: skip
                    message = {**message, "status": 204, "headers": Headers(headers).raw}
            elif told and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, receive, sent)
