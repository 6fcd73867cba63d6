"""What is read from an HTTP request before it means anything: path, headers, body.

Owns the limits. Raises problems.Refused for a body that is too large, is not declared as JSON or is not JSON, and for
a header with a wrong value.

A POST without a body still has to say `Content-Type: application/json`. A page of another origin cannot send that
header without asking first, and this edge grants no origin: so no page on the web can log out a session by a form.
"""

import re
from typing import Any, Final

from starlette.requests import Request

from wamesh.api import jsontext, problems
from wamesh.api.problems import Refused
from wamesh.errors import Violation

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_TIMEOUT_SECONDS: Final = 60.0
TIMEOUT_HEADER: Final = "X-Request-Timeout"
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"

_SECONDS: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?")


def path(request: Request) -> str:
    """The path as sent, with its percent-escapes."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(problems.malformed("PATH_MALFORMED", "The path is not UTF-8.")) from None


async def document(request: Request) -> Any:
    """The JSON document of the body; an empty body is an empty object."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(problems.wrong_content_type())
    body = await _body(request)
    try:
        return jsontext.read(body) if body else {}
    except jsontext.MalformedJson as error:
        raise Refused(problems.malformed("JSON_MALFORMED", str(error))) from None


async def no_body(request: Request) -> None:
    """Refuses a body where the route takes none."""
    if await _body(request):
        raise Refused(problems.malformed("BODY_UNEXPECTED", "This route takes no body; use query parameters."))


def timeout_seconds(request: Request, default: float) -> float:
    """The deadline that the caller asks for in X-Request-Timeout, in seconds, or the default."""
    text = request.headers.get(TIMEOUT_HEADER)
    if text is None:
        return default
    if _SECONDS.fullmatch(text) and 0 < float(text) <= MAX_TIMEOUT_SECONDS:
        return float(text)
    description = f"must be seconds, more than 0 and at most {MAX_TIMEOUT_SECONDS:.0f}, such as 2.5"
    raise Refused(problems.invalid([Violation(TIMEOUT_HEADER, description)]))


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key header, with or without the quotes of a structured field."""
    key = request.headers.get(IDEMPOTENCY_HEADER)
    if key is not None and len(key) > 1 and key[0] == key[-1] == '"':
        return key[1:-1]
    return key


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > MAX_BODY_BYTES:
        raise Refused(problems.too_large(MAX_BODY_BYTES))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise Refused(problems.too_large(MAX_BODY_BYTES))
    return bytes(body)
