"""What a backend refused, as a problem.

Owns the reading of a failed gRPC call. ErrorInfo, BadRequest and RetryInfo become `reason`, `metadata`, `violations`
and `retry_after_seconds`; any other detail of google.rpc or of the mesh stands in `details` under its type's name, as
answers are written:

    "details": [{"@type": "wamesh.booking.v1.SlotUnavailable", "suggested_slots": [...]}]

A status without ErrorInfo was made by gRPC and not by a server of the mesh. Its text names addresses and internals;
the caller gets a sentence of this module instead, and the code as the reason.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from wamesh.api import answers
from wamesh.api.problems import STATUS_OF_CODE, Problem
from wamesh.rpc.errors import Refusal, refusal_of

_TOLD_PACKAGES: Final = ("google.rpc.", "wamesh.")
_NEVER_TOLD: Final = "google.rpc.DebugInfo"
_RETRY_UNAVAILABLE_AFTER: Final = timedelta(seconds=1)

_SENTENCES: Final[Mapping[str, str]] = {
    "CANCELLED": "The call of the {backend} service was cancelled.",
    "DEADLINE_EXCEEDED": "The {backend} service did not answer in time; whether it acted is not known.",
    "RESOURCE_EXHAUSTED": "The {backend} service is overloaded, or its answer too large; try later or ask for less.",
    "UNAVAILABLE": "The {backend} service cannot be reached; try again in a moment.",
    "UNIMPLEMENTED": "The {backend} service that runs does not know this call; it may be older than this API.",
}
_OTHERWISE: Final = "The {backend} service failed unexpectedly. Its log tells more."


def problem_of(error: grpc.aio.AioRpcError, backend: str) -> Problem:
    """The problem that a failed call of a backend (`gateway`, `booking`) is."""
    refusal = refusal_of(error)
    return _said_by_server(refusal) if refusal.reason else _made_by_grpc(refusal.code.name, backend)


def _said_by_server(refusal: Refusal) -> Problem:
    code = refusal.code.name
    return Problem(
        status=STATUS_OF_CODE.get(code, 500),
        code=code,
        reason=refusal.reason,
        detail=refusal.message,
        violations=refusal.violations,
        metadata=refusal.metadata,
        details=[told for each in refusal.details if (told := _told(each)) is not None],
        retry_after=refusal.retry_after,
    )


def _made_by_grpc(code: str, backend: str) -> Problem:
    detail = _SENTENCES.get(code, _OTHERWISE).format(backend=backend)
    retry_after = _RETRY_UNAVAILABLE_AFTER if code == "UNAVAILABLE" else None
    return Problem(STATUS_OF_CODE.get(code, 500), code, code, detail, retry_after=retry_after)


def _told(detail: AnyMessage) -> dict[str, Any] | None:
    """The detail as JSON, or None for one that is not told or whose type this process does not know."""
    name = detail.TypeName()
    if not name.startswith(_TOLD_PACKAGES) or name == _NEVER_TOLD:
        return None
    try:
        message = GetMessageClass(Default().FindMessageTypeByName(name)).FromString(detail.value)
    except (KeyError, DecodeError):
        return None
    return {"@type": name, **answers.document(message)}
