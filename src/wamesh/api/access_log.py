"""One log line for each HTTP request: method, path, rpc, status, milliseconds.

Refuses to log query, headers and bodies, which hold what customers wrote, and the secret in the path of a feed. The
log's own processor masks phone numbers.
"""

import re
import time
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger("api")
_LONGEST_PATH: Final = 200
_PROBES: Final = ("/healthz", "/readyz")
_NO_RESPONSE: Final = 499
_FEED: Final = re.compile(r"(/feeds/+).+", re.IGNORECASE | re.DOTALL)


class AccessLog:
    """Wraps an application."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and logs how it ended. Probes are logged at debug level."""
        started = time.perf_counter()
        status = _NO_RESPONSE

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._application(scope, receive, noting)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 2)
            _write(scope, status, milliseconds)


def _write(scope: Scope, status: int, milliseconds: float) -> None:
    write = _log.debug if scope["path"] in _PROBES else _log.info
    write(
        "request",
        method=scope["method"],
        path=loggable(scope["path"]),
        rpc=scope.get("wamesh.rpc", ""),
        status=status,
        ms=milliseconds,
    )


def loggable(path: str) -> str:
    """The decoded path without secrets, and without control characters, so that no caller writes lines of the log."""
    return "".join(each if each.isprintable() else "?" for each in _FEED.sub(r"\1***", path)[:_LONGEST_PATH])
