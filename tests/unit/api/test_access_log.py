"""The line that the log gets for each HTTP request."""

from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from wamesh.api.access_log import AccessLog


async def line(path: str, status: int | None, query: bytes = b"") -> dict[str, Any]:
    """The line for a request that the application answers with a status, or leaves without one."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        scope["wamesh.rpc"] = "a.B.C"
        if status is not None:
            await send({"type": "http.response.start", "status": status, "headers": []})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_: Message) -> None:
        return None

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query}
    with capture_logs() as lines:
        await AccessLog(application)(scope, receive, send)
    return dict(lines[0])


async def test_a_request_is_one_line() -> None:
    """Method, path, rpc and status; the duration beside them."""
    found = await line("/v1/sessions", 200, b"chat=12025550123@lid")
    assert found.pop("ms") >= 0
    assert found == {
        "event": "request",
        "log_level": "info",
        "method": "GET",
        "path": "/v1/sessions",
        "rpc": "a.B.C",
        "status": 200,
    }


async def test_probes_are_quiet() -> None:
    """A probe a second is no news."""
    assert (await line("/readyz", 200))["log_level"] == "debug"


async def test_a_request_without_response_is_499() -> None:
    """The caller left, or the work was cancelled."""
    assert (await line("/v1/sessions", None))["status"] == 499


@pytest.mark.parametrize("path", ["/a\nb", "/a\x1b[31m", "/a\u2028b"])
async def test_no_caller_writes_lines_of_the_log(path: str) -> None:
    """Control characters of a decoded path are replaced."""
    assert (await line(path, 404))["path"].isprintable()
