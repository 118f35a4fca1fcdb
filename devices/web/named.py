"""The host name under which the pages answer. Every absolute link of ours is made of it, and none of a name
that a request brings: a cache would keep that link for others.

Host of a request ─► is it one of ours? ─► yes: it stays
                                         └─ no: the host of HOIQUAN_BASE_URL replaces it
"""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send


class Named:
    """ASGI middleware. `base_url`: the public address. `trusted`: other hosts (with their port, by commas)
    that keep their name in the links of their answers.

    If only this machine or its network reaches `base_url`, every host of that kind keeps its name: a tunnel,
    a mapped port, a phone on the same Wi-Fi.
    """

    def __init__(self, app: ASGIApp, base_url: str, trusted: str = "") -> None:
        self._app = app
        address = urlsplit(base_url)
        self._scheme, self._host = address.scheme, address.netloc
        self._trusted = {one.strip().lower() for one in trusted.split(",")} - {""}
        self._near = near(self._host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._ours(scope):
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            headers = [(b"host", self._host.encode("latin-1")), *others]
            scope = {**scope, "scheme": self._scheme, "headers": headers}
        await self._app(scope, receive, send)

    def _ours(self, scope: Scope) -> bool:
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        return len(hosts) == 1 and (hosts[0] in self._trusted or (self._near and near(hosts[0])))


def near(host: str) -> bool:
    """Whether a host (with or without port) is this machine, or by its address one of a private network."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_private
    except ValueError:
        return False
