"""The frame around every servicer, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from support.booking_fake import BOOKING, AnswerableBooking

from wamesh import errors
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.rpc import deadline
from wamesh.rpc.client import open_channel
from wamesh.rpc.errors import INTERNAL_MESSAGE, refusal_of
from wamesh.rpc.server import PortTaken, Server, Service

ANYBODY = pb.ListStaffRequest(company_id=1)


@pytest.fixture
def servicer() -> AnswerableBooking:
    return AnswerableBooking.make()


@pytest.fixture
async def server(servicer: AnswerableBooking) -> AsyncIterator[Server]:
    server = await Server([servicer.service()], "127.0.0.1:0").start()
    await server.set_ready(True)
    yield server
    await server.stop(0)


@pytest.fixture
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel


def stub(channel: grpc.aio.Channel) -> Any:
    return booking_pb2_grpc.BookingStub(channel)


def raising(error: Exception) -> Any:
    async def answer(request: Any, context: Any) -> Any:
        raise error

    return answer


async def test_every_broken_rule_is_named_at_once(channel: grpc.aio.Channel) -> None:
    """INVALID_ARGUMENT lists all violations, with the path of each field."""
    request = pb.FindSlotsRequest(company_id=-1, segments=[pb.Segment(service_id=1), pb.Segment()])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub(channel).FindSlots(request)
    refusal = refusal_of(caught.value)
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.reason == "FIELD_RULE_BROKEN"
    assert {each.field for each in refusal.violations} == {"company_id", "segments[1].service_id", "window"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NotFound("service", "7"), grpc.StatusCode.NOT_FOUND),
        (errors.PermissionDenied("No."), grpc.StatusCode.PERMISSION_DENIED),
        (errors.AlreadyExists("Used.", {"request_id": "a"}), grpc.StatusCode.ALREADY_EXISTS),
        (errors.FailedPrecondition("Down.", {"state": "X"}), grpc.StatusCode.FAILED_PRECONDITION),
        (errors.ResourceExhausted("Slow.", timedelta(seconds=3)), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.Unavailable("Away.", timedelta(seconds=2)), grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_a_refusal_keeps_its_words_over_the_wire(
    servicer: AnswerableBooking, channel: grpc.aio.Channel, error: errors.MeshError, code: grpc.StatusCode
) -> None:
    """Code, message, reason, metadata and retry delay of a MeshError reach the client."""
    servicer.answer = raising(error)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub(channel).ListStaff(ANYBODY)
    refusal = refusal_of(caught.value)
    assert refusal.code == code
    assert refusal.message == error.message
    assert refusal.reason == error.reason
    assert refusal.metadata == error.metadata
    assert refusal.retry_after == getattr(error, "retry_after", None)


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\x02\xff\xfe", b"not a message"])
async def test_bytes_that_are_no_message_are_refused(channel: grpc.aio.Channel, raw: bytes) -> None:
    """Undecodable bytes are the caller's mistake: INVALID_ARGUMENT, like any other wrong request."""
    call: Any = channel.unary_unary("/wamesh.booking.v1.Booking/ListBookings")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(raw)
    assert refusal_of(caught.value).reason == "FIELD_RULE_BROKEN"


async def test_an_unforeseen_error_tells_nothing_of_itself(
    servicer: AnswerableBooking, channel: grpc.aio.Channel
) -> None:
    """INTERNAL never carries the text of an exception."""
    servicer.answer = raising(RuntimeError("password=hunter2"))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub(channel).ListStaff(ANYBODY)
    assert caught.value.code() == grpc.StatusCode.INTERNAL
    assert caught.value.details() == INTERNAL_MESSAGE


async def test_liveness_and_readiness_differ(server: Server, channel: grpc.aio.Channel) -> None:
    """An unready server is alive; its service is NOT_SERVING."""
    health = health_pb2_grpc.HealthStub(channel)
    await server.set_ready(False)
    alive = await health.Check(health_pb2.HealthCheckRequest())
    ready = await health.Check(health_pb2.HealthCheckRequest(service=BOOKING.full_name))
    assert alive.status == health_pb2.HealthCheckResponse.SERVING
    assert ready.status == health_pb2.HealthCheckResponse.NOT_SERVING


async def test_a_stop_waits_for_no_watcher(server: Server, channel: grpc.aio.Channel) -> None:
    """An open Health.Watch hears NOT_SERVING and ends; it does not hold the stop for its grace."""
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=BOOKING.full_name))
    first = await watch.read()
    async with asyncio.timeout(5):
        await server.stop(grace_seconds=60)
    second = await watch.read()
    assert [first.status, second.status] == [
        health_pb2.HealthCheckResponse.SERVING,
        health_pb2.HealthCheckResponse.NOT_SERVING,
    ]


async def test_a_stop_ends_a_stream_that_is_being_written() -> None:
    """A stream that gRPC still writes, to a reader that is slow, ends with DRAINING all the same."""
    large = pb.ListStaffResponse(staff=[pb.StaffMember(name="x" * 1_000_000)])

    async def flood(request: Any, context: Any) -> AsyncIterator[pb.ListStaffResponse]:
        while True:
            yield large

    handler = grpc.unary_stream_rpc_method_handler(
        flood, pb.ListStaffRequest.FromString, pb.ListStaffResponse.SerializeToString
    )

    def register(servicer: Any, server: Any) -> None:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Flood", {"Flood": handler}),))

    server = await Server([Service("test.Flood", None, register)], "127.0.0.1:0").start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel, asyncio.timeout(30):
        call: Any = channel.unary_stream(
            "/test.Flood/Flood", pb.ListStaffRequest.SerializeToString, pb.ListStaffResponse.FromString
        )(ANYBODY)
        assert await call.read() == large
        stopping = asyncio.ensure_future(server.stop(grace_seconds=60))
        await asyncio.sleep(0)  # it has begun
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            while await call.read() is not grpc.aio.EOF:
                pass
        assert refusal_of(caught.value).reason == "DRAINING"
        await stopping


async def test_a_stop_lets_running_calls_finish(
    server: Server, servicer: AnswerableBooking, channel: grpc.aio.Channel
) -> None:
    """A unary call that runs when the stop begins is answered."""
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(request: Any, context: Any) -> pb.ListStaffResponse:
        entered.set()
        await release.wait()
        return pb.ListStaffResponse(staff=[pb.StaffMember(staff_id=7)])

    servicer.answer = slow
    call = asyncio.ensure_future(_call(channel))
    await entered.wait()
    stopping = asyncio.ensure_future(server.stop(grace_seconds=30))
    release.set()
    response = await call
    await stopping
    assert response.staff[0].staff_id == 7


async def _call(channel: grpc.aio.Channel) -> Any:
    return await stub(channel).ListStaff(ANYBODY)


async def test_a_taken_port_is_refused_in_one_sentence(server: Server) -> None:
    """A second server on the port never shares it silently."""
    second = Server([AnswerableBooking.make().service()], f"127.0.0.1:{server.port}")
    with pytest.raises(PortTaken, match=f"127.0.0.1:{server.port}"):
        await second.start()


@pytest.mark.parametrize("name", ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"])
async def test_reflection_answers_under_both_names(channel: grpc.aio.Channel, name: str) -> None:
    """v1 and v1alpha list the services."""
    call = channel.stream_stream(
        f"/{name}/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    answer: Any = await call.read()
    assert BOOKING.full_name in [each.name for each in answer.list_services_response.service]


async def test_a_deadline_travels_to_the_next_hop(server: Server, servicer: AnswerableBooking) -> None:
    """A call made while serving a call has no more time than that call has left."""
    seen: list[float] = []

    async def answer(request: Any, context: Any) -> pb.ListStaffResponse:
        seen.append(context.time_remaining())
        return pb.ListStaffResponse()

    servicer.answer = answer
    async with open_channel(f"127.0.0.1:{server.port}", [BOOKING], default_timeout_seconds=60) as channel:
        deadline.note(5.0)
        await stub(channel).ListStaff(ANYBODY)
        deadline.note(None)
        await stub(channel).ListStaff(ANYBODY)
    assert 0 < seen[0] < 6
    assert 50 < seen[1] < 61


async def test_unavailable_is_retried_where_that_is_safe(server: Server, servicer: AnswerableBooking) -> None:
    """A read that meets UNAVAILABLE is called again by the channel itself."""

    async def answer(request: Any, context: Any) -> pb.ListStaffResponse:
        if servicer.calls < 3:
            raise errors.Unavailable("Away.", timedelta(seconds=0))
        return pb.ListStaffResponse()

    servicer.answer = answer
    async with open_channel(f"127.0.0.1:{server.port}", [BOOKING]) as channel:
        await stub(channel).ListStaff(ANYBODY)
    assert servicer.calls == 3
