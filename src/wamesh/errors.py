"""The refusals of the mesh, as plain exceptions.

Rooms raise a subclass that carries a stable `reason`; `wamesh.rpc` alone turns it into a gRPC status, by kind:

    MeshError
    ├── InvalidArgument      INVALID_ARGUMENT      a field is wrong; every violation at once
    ├── PermissionDenied     PERMISSION_DENIED     the caller holds no grant for this company
    ├── NotFound             NOT_FOUND             the named thing does not exist
    ├── AlreadyExists        ALREADY_EXISTS        the request id was used with other content
    ├── FailedPrecondition   FAILED_PRECONDITION   the state forbids it; someone must act first
    ├── Aborted              ABORTED               it was changed meanwhile; read again, and decide again
    ├── ResourceExhausted    RESOURCE_EXHAUSTED    pacing or quota; try after `retry_after`
    └── Unavailable          UNAVAILABLE           nobody can answer now; try after `retry_after`

A message is one sentence that says what is wrong and what to do. Every dynamic word of it is also in `metadata`, so
that a program never parses the sentence. Anything that is not a MeshError is a bug and reaches the caller as INTERNAL.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True)
class Violation:
    """One wrong field: its path in the request (`segments[1].service_id`) and what would be right."""

    field: str
    description: str


class MeshError(Exception):
    """A refusal that the caller can understand and act on."""

    reason: ClassVar[str] = "UNSPECIFIED"

    def __init__(self, message: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.details: tuple[Any, ...] = ()

    def attach(self, *details: Any) -> Self:
        """Adds protobuf messages of the room's own contract, which the status carries as further details."""
        self.details += details
        return self


class InvalidArgument(MeshError):
    """One or more fields of the request are wrong."""

    reason = "FIELD_RULE_BROKEN"

    def __init__(self, violations: Sequence[Violation], metadata: Mapping[str, str] | None = None) -> None:
        super().__init__("; ".join(f"{each.field}: {each.description}" for each in violations), metadata)
        self.violations = tuple(violations)


class PermissionDenied(MeshError):
    """The caller may not touch this company; said alike whether or not the company exists."""


class NotFound(MeshError):
    """The named resource does not exist."""

    def __init__(self, resource_type: str, resource_name: str, message: str | None = None) -> None:
        super().__init__(
            message or f"{resource_type} {resource_name} does not exist.",
            {"resource_type": resource_type, "resource_name": resource_name},
        )
        self.resource_type = resource_type
        self.resource_name = resource_name


class AlreadyExists(MeshError):
    """The request id was used before with other content."""


class FailedPrecondition(MeshError):
    """The state of the thing forbids the call until somebody acts."""


class Aborted(MeshError):
    """What the call was based on has changed meanwhile; read it again."""


class ResourceExhausted(MeshError):
    """A pace or quota is used up; `retry_after` tells when to come back."""

    def __init__(self, message: str, retry_after: timedelta, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message, metadata)
        self.retry_after = retry_after


class Unavailable(MeshError):
    """Nobody can answer now; `retry_after` tells when to come back."""

    def __init__(self, message: str, retry_after: timedelta, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message, metadata)
        self.retry_after = retry_after
