"""Which names this edge answers to: the defence against DNS rebinding.

A page on the web may point its own name at a loopback address and then call this edge as its own origin; the browser
lets it, and only the Host header tells. So a name is answered only when it is ours: `localhost`, the host that the edge
listens on, or one that the operator named. An IP address is no name that anybody could rebind, and a request without
Host comes from no browser: both pass.

Invariant: what is refused here reaches no route.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

ANY_HOST: Final = "*"
_OURS: Final = "localhost"


class KnownHosts:
    """Wraps an application; passes a request on when its Host is known, else to `refuse`."""

    def __init__(self, application: ASGIApp, refuse: ASGIApp, names: Iterable[str]) -> None:
        self._application = application
        self._refuse = refuse
        self._names = frozenset({_OURS, *(each.lower().rstrip(".") for each in names)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        known = ANY_HOST in self._names or self._knows(Headers(scope=scope).get("host", ""))
        await (self._application if known else self._refuse)(scope, receive, send)

    def _knows(self, host: str) -> bool:
        name = _without_port(host).lower().rstrip(".")
        return not host or name in self._names or _is_address(name)


def _without_port(host: str) -> str:
    """`[::1]:8080` is `::1`, `localhost:8080` is `localhost`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
