"""Failed calls and refusals of the edge as problem documents."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, DebugInfo, ErrorInfo, Help, RetryInfo
from google.rpc.status_pb2 import Status

from wamesh.api import problems, refusals
from wamesh.api.problems import Problem
from wamesh.errors import Violation
from wamesh.rpc.errors import DETAILS_KEY


def failed(code: str, message: str, *details: Message, raw: bytes | None = None) -> grpc.aio.AioRpcError:
    """A failed call as grpc raises it."""
    status = Status(code=Code.Value(code), message=message)
    for detail in details:
        status.details.add().Pack(detail)
    told = raw if raw is not None else status.SerializeToString()
    trailing = grpc.aio.Metadata((DETAILS_KEY, told)) if details or raw is not None else grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode[code], grpc.aio.Metadata(), trailing, details=message)


def document(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """The problem document of a failed call of the gateway."""
    return refusals.problem_of(error, "gateway").document()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INVALID_ARGUMENT", 400),
        ("UNAUTHENTICATED", 401),
        ("PERMISSION_DENIED", 403),
        ("NOT_FOUND", 404),
        ("ALREADY_EXISTS", 409),
        ("FAILED_PRECONDITION", 409),
        ("ABORTED", 409),
        ("OUT_OF_RANGE", 400),
        ("RESOURCE_EXHAUSTED", 429),
        ("CANCELLED", 499),
        ("UNKNOWN", 500),
        ("INTERNAL", 500),
        ("DATA_LOSS", 500),
        ("UNIMPLEMENTED", 501),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ],
)
def test_a_code_has_its_status(code: str, status: int) -> None:
    """The status is google/rpc/code.proto's, but for FAILED_PRECONDITION, which is a conflict here."""
    told = document(failed(code, "No.", ErrorInfo(reason="WHY")))
    assert (told["status"], told["code"], told["reason"], told["detail"]) == (status, code, "WHY", "No.")


def test_details_are_lifted_to_their_members() -> None:
    """ErrorInfo, BadRequest and RetryInfo have members of their own and are not repeated."""
    retry = RetryInfo()
    retry.retry_delay.FromTimedelta(timedelta(milliseconds=250))
    wrong = BadRequest(field_violations=[BadRequest.FieldViolation(field="a.b", description="must be c")])
    told = document(failed("INVALID_ARGUMENT", "No.", ErrorInfo(reason="WHY", metadata={"a": "1"}), wrong, retry))
    assert told == {
        "type": "urn:wamesh:problem:WHY",
        "title": "Why",
        "status": 400,
        "detail": "No.",
        "code": "INVALID_ARGUMENT",
        "reason": "WHY",
        "violations": [{"field": "a.b", "description": "must be c"}],
        "metadata": {"a": "1"},
        "retry_after_seconds": 0.25,
    }


def test_other_details_are_told_by_type_but_for_internals() -> None:
    """A detail that this process knows is told; stack traces, and types that it does not know, are not."""
    foreign = AnyMessage(type_url="type.googleapis.com/wamesh.unknown.v9.Detail", value=b"\x08\x01")
    status = Status(code=Code.Value("NOT_FOUND"), message="No.")
    for detail in (ErrorInfo(reason="WHY"), DebugInfo(detail="secret"), Help(links=[Help.Link(url="urn:a")])):
        status.details.add().Pack(detail)
    status.details.append(foreign)
    told = document(failed("NOT_FOUND", "No.", raw=status.SerializeToString()))
    assert told["details"] == [{"@type": "google.rpc.Help", "links": [{"description": "", "url": "urn:a"}]}]


@pytest.mark.parametrize(
    "code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNKNOWN", "CANCELLED"]
)
def test_a_status_made_by_grpc_tells_no_internals(code: str) -> None:
    """Without ErrorInfo the text is grpc's, with addresses in it; the caller gets a sentence of the edge."""
    told = document(failed(code, "failed to connect to ipv4:10.0.0.1:50051"))
    assert (told["reason"], "10.0.0.1" in told["detail"], "gateway" in told["detail"]) == (code, False, True)


def test_details_that_are_garbage_are_no_bug() -> None:
    """A status that cannot be read is one without details."""
    assert document(failed("NOT_FOUND", "No.", raw=b"\xff"))["reason"] == "NOT_FOUND"


def test_a_problem_of_the_edge_names_every_field() -> None:
    """The sentence and the list say the same."""
    told = problems.invalid([Violation("a", "is wrong"), Violation("b", "is worse")]).document()
    assert told["detail"] == "a: is wrong; b: is worse"
    assert [each["field"] for each in told["violations"]] == ["a", "b"]


@pytest.mark.parametrize(("seconds", "header"), [(0.1, "1"), (1.0, "1"), (1.5, "2"), (0.0, "0")])
def test_retry_after_is_whole_seconds_and_never_early(seconds: float, header: str) -> None:
    """HTTP knows no fractions; a caller who comes early would be refused again."""
    problem = Problem(503, "UNAVAILABLE", "WHY", "No.", retry_after=timedelta(seconds=seconds))
    assert problem.all_headers() == {"Retry-After": header}


def test_half_of_a_surrogate_pair_is_written_as_its_escape() -> None:
    """Whatever a caller wrote can be quoted back in valid JSON."""
    assert problems.encoded({"field": "\ud800я"}) == '{"field":"\\ud800я"}'.encode()


def test_reasons_of_the_edge_are_documented() -> None:
    """Every constructor uses a reason that the OpenAPI document explains."""
    made = [
        problems.invalid([]),
        problems.unknown_route(),
        problems.wrong_method("GET", ["POST"]),
        problems.wrong_content_type(),
        problems.too_large(1),
        problems.unforeseen(),
    ]
    assert {each.reason for each in made} <= set(problems.REASONS)
