"""The one table between the mesh's refusals and gRPC status.

Owns both directions: a server turns a `MeshError` into a status with google.rpc details, a client reads those details
back. Knows no domain word: a reason is an opaque name, and it is stable.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, ResourceInfo, RetryInfo
from google.rpc.status_pb2 import Status

from wamesh import errors

DOMAIN: Final = "wamesh"
DETAILS_KEY: Final = "grpc-status-details-bin"
INTERNAL_MESSAGE: Final = "The server failed unexpectedly; this is a bug in wamesh. Its log tells more."

_CODE_OF_KIND: Final[tuple[tuple[type[errors.MeshError], grpc.StatusCode], ...]] = (
    (errors.InvalidArgument, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.PermissionDenied, grpc.StatusCode.PERMISSION_DENIED),
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (errors.FailedPrecondition, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.Aborted, grpc.StatusCode.ABORTED),
    (errors.ResourceExhausted, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.Unavailable, grpc.StatusCode.UNAVAILABLE),
)
_CODE_OF_NUMBER: Final = {code.value[0]: code for code in grpc.StatusCode}


def status_of(error: errors.MeshError, extra: Sequence[Message] = ()) -> Status:
    """The refusal as google.rpc.Status: ErrorInfo first, then what its kind adds, then `extra`."""
    status = Status(code=code_of(error).value[0], message=error.message)
    info = ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    for detail in (info, *_details_of_kind(error), *extra):
        status.details.add().Pack(detail)
    return status


def code_of(error: errors.MeshError) -> grpc.StatusCode:
    """The status code of the refusal's kind."""
    for kind, code in _CODE_OF_KIND:
        if isinstance(error, kind):
            return code
    return grpc.StatusCode.INTERNAL


def _details_of_kind(error: errors.MeshError) -> list[Message]:
    if isinstance(error, errors.InvalidArgument):
        violations = [
            BadRequest.FieldViolation(field=each.field, description=each.description) for each in error.violations
        ]
        return [BadRequest(field_violations=violations)]
    if isinstance(error, errors.NotFound):
        return [ResourceInfo(resource_type=error.resource_type, resource_name=error.resource_name)]
    if isinstance(error, errors.FailedPrecondition):
        violation = PreconditionFailure.Violation(type=error.reason, description=error.message)
        return [PreconditionFailure(violations=[violation])]
    if isinstance(error, errors.ResourceExhausted | errors.Unavailable):
        retry = RetryInfo()
        retry.retry_delay.FromTimedelta(error.retry_after)
        return [retry]
    return []


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status as a client reads it; empty fields are what the server did not say."""

    code: grpc.StatusCode
    message: str
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    violations: tuple[errors.Violation, ...] = ()
    retry_after: timedelta | None = None
    details: tuple[Any, ...] = ()


def refusal_of(error: grpc.aio.AioRpcError) -> Refusal:
    """What a failed call says: code and message always, the rest where the server sent google.rpc details."""
    refusal = Refusal(error.code(), error.details() or "")
    raw = next((value for key, value in error.trailing_metadata() or () if key == DETAILS_KEY), None)
    if not isinstance(raw, bytes):
        return refusal
    try:
        return refusal_of_status(Status.FromString(raw))
    except DecodeError:
        return refusal


def refusal_of_status(status: Status) -> Refusal:
    """The refusal that a google.rpc.Status says."""
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    retry_after = None
    rest = []
    for detail in status.details:
        if detail.Unpack(info) or detail.Unpack(bad):
            continue
        if detail.Unpack(retry):
            retry_after = retry.retry_delay.ToTimedelta()
        else:
            rest.append(detail)
    return Refusal(
        code=_CODE_OF_NUMBER.get(status.code, grpc.StatusCode.UNKNOWN),
        message=status.message,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations=tuple(errors.Violation(each.field, each.description) for each in bad.field_violations),
        retry_after=retry_after,
        details=tuple(rest),
    )
