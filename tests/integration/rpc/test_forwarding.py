"""Calls passed on to the right server, over real sockets: two servers, of which the second one serves everything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
import pytest
from support.booking_fake import AnswerableBooking

from wamesh import errors
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.rpc.errors import refusal_of
from wamesh.rpc.forwarding import MARK, Forwarder
from wamesh.rpc.server import Server

ANYBODY = pb.ListStaffRequest(company_id=1)
NOWHERE = "127.0.0.1:1"
PATIENCE_SECONDS = 2.0


class Moving(errors.Unavailable):
    """The right server is another one in a moment."""

    reason = "MOVING"

    def __init__(self) -> None:
        super().__init__("Not here any more.", timedelta(1))


@dataclass
class Pair:
    """A server that passes everything on to another; `asked` is what the other was told."""

    stub: Any
    front: AnswerableBooking
    back: AnswerableBooking
    asked: list[tuple[dict[str, Any], float | None]] = field(default_factory=list)
    target: str | None = None
    server: Server = field(init=False)

    def answer_there(self, behavior: Any) -> None:
        """The second server answers ListStaff like this, and what it was told is kept."""

        async def answer(request: Any, context: Any) -> Any:
            self.asked.append((dict(context.invocation_metadata()), context.time_remaining()))
            return await behavior(request)

        self.back.answer = answer


async def staff(request: Any) -> Any:
    """An answer."""
    return pb.ListStaffResponse(staff=[pb.StaffMember(staff_id=request.company_id)])


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    front, back = AnswerableBooking.make(), AnswerableBooking.make()
    behind = await Server([back.service()], "127.0.0.1:0").start()
    pair = Pair(None, front, back, target=f"127.0.0.1:{behind.port}")

    async def route(request: Any, forwarded: bool) -> str | None:
        return None if forwarded else pair.target

    def unreachable(request: Any, address: str) -> errors.Unavailable:
        return errors.Unavailable(f"{address} is away", timedelta(1))

    def is_passing(request: Any, reason: str, metadata: Mapping[str, str]) -> bool:
        return reason == Moving.reason or metadata.get("resource_name") == "moving"

    forwarder = Forwarder("front", route, unreachable, is_passing, PATIENCE_SECONDS)
    before = pair.server = await Server([front.service()], "127.0.0.1:0", forwarder).start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{before.port}") as channel:
        pair.stub = booking_pb2_grpc.BookingStub(channel)
        yield pair
    await before.stop(0)
    await forwarder.close()
    await behind.stop(0)


async def test_the_right_server_answers(pair: Pair) -> None:
    """The caller gets the other server's answer, and this one's servicer is not asked."""
    pair.answer_there(staff)
    assert await pair.stub.ListStaff(ANYBODY) == await staff(ANYBODY)


async def test_identity_and_deadline_travel(pair: Pair) -> None:
    """What the caller said about itself arrives, with a mark, and what is left of its deadline."""
    pair.answer_there(staff)
    said = (("authorization", "Bearer abc"), ("tenant", "salon"), ("trace-bin", b"\x00\xff"))
    await pair.stub.ListStaff(ANYBODY, metadata=said, timeout=7)
    metadata, remaining = pair.asked[0]
    assert {key: metadata[key] for key, _ in said} == dict(said)
    assert metadata[MARK] == "front"
    assert remaining is not None
    assert 4 < remaining < 7.2  # gRPC rounds a deadline up when it writes it


async def test_no_deadline_stays_none(pair: Pair) -> None:
    """A caller that waits for ever is not given a deadline on the way."""
    pair.answer_there(staff)
    await pair.stub.ListStaff(ANYBODY)
    assert pair.asked[0][1] is None


async def test_a_refusal_arrives_whole(pair: Pair) -> None:
    """Code, sentence, reason, metadata and details are the other server's."""

    async def refuse(request: Any) -> Any:
        raise errors.NotFound("service", "7")

    pair.answer_there(refuse)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await pair.stub.ListStaff(ANYBODY)
    refusal = refusal_of(caught.value)
    assert (refusal.code, refusal.message) == (grpc.StatusCode.NOT_FOUND, "service 7 does not exist.")
    assert refusal.metadata == {"resource_type": "service", "resource_name": "7"}


async def test_field_rules_are_checked_before(pair: Pair) -> None:
    """A wrong request goes nowhere."""
    pair.answer_there(staff)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await pair.stub.ListStaff(pb.ListStaffRequest(company_id=0))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert pair.asked == []


async def test_a_server_that_is_away_is_named(pair: Pair) -> None:
    """The refusal is ours, to be tried again, and not a broken connection of somebody's."""
    pair.target = NOWHERE
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await pair.stub.ListStaff(ANYBODY)
    refusal = refusal_of(caught.value)
    assert (refusal.code, refusal.message) == (grpc.StatusCode.UNAVAILABLE, f"{NOWHERE} is away")


async def test_an_impatient_caller_ends_the_call_there(pair: Pair) -> None:
    """A deadline, or a caller that hangs up, reaches the other server."""
    ended = asyncio.Event()

    async def hang(request: Any) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    pair.answer_there(hang)
    call = pair.stub.ListStaff(ANYBODY)
    while not pair.asked:  # noqa: ASYNC110 - the other server tells nobody
        await asyncio.sleep(0.01)
    call.cancel()
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_call_is_passed_on_once(pair: Pair) -> None:
    """One that another server passed on is served here, whoever else should serve it."""
    pair.target = NOWHERE
    pair.front.answer = lambda request, context: staff(request)
    assert await pair.stub.ListStaff(ANYBODY, metadata=((MARK, "elsewhere"),)) == await staff(ANYBODY)


def after(times: int, refusal: errors.MeshError) -> Callable[[Any], Awaitable[Any]]:
    """Answers a request that was refused so many times before."""
    left = iter([refusal] * times)

    async def behave(request: Any) -> Any:
        for each in left:
            raise each
        return await staff(request)

    return behave


@pytest.mark.parametrize("refusal", [Moving(), errors.NotFound("server", "moving")], ids=["reason", "metadata"])
async def test_a_call_waits_for_its_server_to_change(pair: Pair, refusal: errors.MeshError) -> None:
    """What is refused there for the change alone is answered after it, and the caller hears nothing of it."""
    pair.answer_there(after(3, refusal))
    assert await pair.stub.ListStaff(ANYBODY, timeout=10) == await staff(ANYBODY)
    assert len(pair.asked) == 4


async def test_it_is_routed_anew_each_time(pair: Pair) -> None:
    """The old server refuses, and the new one answers: here this one itself."""
    there = pair.target

    async def move(request: Any) -> Any:
        pair.target = None
        raise Moving

    refuse_here_once = after(1, Moving())
    pair.answer_there(move)
    pair.front.answer = lambda request, context: refuse_here_once(request)
    assert await pair.stub.ListStaff(ANYBODY) == await staff(ANYBODY)
    assert pair.target != there


async def test_other_refusals_are_told_at_once(pair: Pair) -> None:
    """Waiting is for what passes by itself."""
    pair.answer_there(after(1, errors.NotFound("service", "7")))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await pair.stub.ListStaff(ANYBODY)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert len(pair.asked) == 1


async def test_patience_ends_with_the_refusal(pair: Pair) -> None:
    """A server that never comes is not waited for without end: the caller hears why, whole."""
    pair.answer_there(after(1_000, Moving()))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await pair.stub.ListStaff(ANYBODY)
    refusal = refusal_of(caught.value)
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, Moving.reason)
    assert refusal.retry_after == timedelta(1)
    assert 3 <= len(pair.asked) <= 11  # after 0.05, 0.1, 0.2, 0.25, 0.25 s, ...


async def test_patience_leaves_half_of_the_deadline(pair: Pair) -> None:
    """A refusal with its reason is worth more than a deadline that passes."""
    pair.answer_there(after(1_000, Moving()))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await pair.stub.ListStaff(ANYBODY, timeout=3)
    assert refusal_of(caught.value).reason == Moving.reason


async def test_a_stop_waits_for_no_patience(pair: Pair) -> None:
    """A call that waits is refused when its server stops, and the stop goes on."""
    stopping = []

    async def refuse(request: Any) -> Any:
        stopping.append(asyncio.ensure_future(pair.server.stop(60)))
        raise Moving

    pair.answer_there(refuse)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await pair.stub.ListStaff(ANYBODY)
    assert refusal_of(caught.value).reason == Moving.reason
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*stopping)


async def test_the_second_server_does_not_wait(pair: Pair) -> None:
    """Only the server that the caller called is patient: the other one answers what is."""
    refuse_once = after(1, Moving())
    pair.front.answer = lambda request, context: refuse_once(request)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await pair.stub.ListStaff(ANYBODY, metadata=((MARK, "elsewhere"),))
    assert refusal_of(caught.value).reason == Moving.reason
