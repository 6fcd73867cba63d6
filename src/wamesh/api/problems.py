"""Everything that is not an answer, as `application/problem+json` (RFC 9457).

Owns the document's form and the HTTP status of each gRPC code. Knows no transport: `refusals` reads what a backend
said, the constructors here are what the edge itself says.

    {"type": "urn:wamesh:problem:SESSION_REPLACED", "title": "Session replaced", "status": 409,
     "detail": "Company 7 is REPLACED since ...", "code": "FAILED_PRECONDITION", "reason": "SESSION_REPLACED",
     "metadata": {"state": "REPLACED", ...}}

`violations`, `metadata`, `details` and `retry_after_seconds` are there when there is something in them. A program
decides by `reason`, which is stable, or by `code`; never by the sentences.

The status of a code is the one that google/rpc/code.proto documents, with one exception: FAILED_PRECONDITION is 409
and not 400, because the request is well-formed and the state of the session or of the calendar is what forbids it.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from wamesh.errors import Violation

MEDIA_TYPE: Final = "application/problem+json"

STATUS_OF_CODE: Final[Mapping[str, int]] = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 409,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}
"""The HTTP status of each gRPC code but OK."""

REASONS: Final[Mapping[str, str]] = {
    "FIELD_RULE_BROKEN": "A field is of the wrong type or breaks a rule; violations lists every one.",
    "ROUTE_NOT_FOUND": "No route has this path.",
    "METHOD_NOT_ALLOWED": "The path exists for other HTTP methods; the Allow header lists them.",
    "HOST_UNKNOWN": "The Host header names a host that this API does not answer to; see WAMESH_API_ALLOWED_HOSTS.",
    "CONTENT_TYPE_UNSUPPORTED": "The request does not say Content-Type: application/json.",
    "BODY_TOO_LARGE": "The body is larger than any request may be.",
    "BODY_UNEXPECTED": "The route takes no body.",
    "JSON_MALFORMED": "The body is not JSON, or has a key twice.",
    "QUERY_MALFORMED": "The query string is not percent-encoded UTF-8.",
    "PATH_MALFORMED": "The path is not UTF-8.",
    "NOT_READY": "A backend of the API is not ready; metadata names it.",
    "DEADLINE_EXCEEDED": "The backend did not answer in time.",
    "UNAVAILABLE": "The backend cannot be reached.",
    "UNIMPLEMENTED": "The backend that runs does not know this call.",
    "INTERNAL": "A bug; the log tells more.",
}
"""The reasons that the edge itself gives, beside those of the services. A gRPC code is one where no server spoke."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem document."""

    status: int
    code: str
    reason: str
    detail: str
    violations: Sequence[Violation] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    details: Sequence[Mapping[str, Any]] = ()
    retry_after: timedelta | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The problem as a JSON document."""
        document: dict[str, Any] = {
            "type": f"urn:wamesh:problem:{self.reason}",
            "title": self.reason.replace("_", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "reason": self.reason,
        }
        optional = {
            "violations": [{"field": each.field, "description": each.description} for each in self.violations],
            "metadata": dict(self.metadata),
            "details": [dict(each) for each in self.details],
        }
        document |= {name: value for name, value in optional.items() if value}
        if self.retry_after is not None:
            document["retry_after_seconds"] = self.retry_after.total_seconds()
        return document

    def all_headers(self) -> dict[str, str]:
        """The headers that belong to it; Retry-After is in whole seconds, rounded up."""
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = str(math.ceil(self.retry_after.total_seconds()))
        return headers


class Refused(Exception):
    """Ends the handling of an HTTP request with a problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def encoded(document: Any) -> bytes:
    """A JSON document as bytes. Half of a surrogate pair, echoed from a caller, is written as its escape."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def of_code(code: str, reason: str, detail: str) -> Problem:
    """A problem with the status of its gRPC code."""
    return Problem(STATUS_OF_CODE[code], code, reason, detail)


def invalid(violations: Sequence[Violation], reason: str = "FIELD_RULE_BROKEN") -> Problem:
    """The request has wrong fields; all of them at once."""
    detail = "; ".join(f"{each.field}: {each.description}" for each in violations)
    return Problem(400, "INVALID_ARGUMENT", reason, detail, violations)


def malformed(reason: str, detail: str) -> Problem:
    """The request cannot be read: JSON_MALFORMED, QUERY_MALFORMED."""
    return of_code("INVALID_ARGUMENT", reason, detail)


def unknown_route() -> Problem:
    """No route has this path."""
    return of_code("NOT_FOUND", "ROUTE_NOT_FOUND", "There is nothing at this path; /docs lists what there is.")


def wrong_method(http_method: str, allowed: Sequence[str]) -> Problem:
    """The path exists for other HTTP methods."""
    listed = ", ".join(allowed)
    detail = f"{http_method[:16]} does not work here; {listed} does."
    return Problem(405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED", detail, headers={"Allow": listed})


def unknown_host() -> Problem:
    """The request was meant for another host, or for a name that somebody pointed at this one."""
    detail = "This API does not answer to the host that the request names; WAMESH_API_ALLOWED_HOSTS adds one."
    return Problem(421, "PERMISSION_DENIED", "HOST_UNKNOWN", detail)


def wrong_content_type() -> Problem:
    """The body is not declared as JSON."""
    detail = "Send the header Content-Type: application/json, also with an empty body."
    return Problem(415, "INVALID_ARGUMENT", "CONTENT_TYPE_UNSUPPORTED", detail, headers={"Accept": "application/json"})


def too_large(limit_bytes: int) -> Problem:
    """The body is larger than any request of the contract."""
    return Problem(413, "INVALID_ARGUMENT", "BODY_TOO_LARGE", f"The body has more than {limit_bytes} bytes.")


def unforeseen() -> Problem:
    """A bug; its text is in the log and not in the answer."""
    detail = "The API failed unexpectedly; this is a bug in wamesh. Its log tells more."
    return of_code("INTERNAL", "INTERNAL", detail)
