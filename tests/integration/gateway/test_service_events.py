"""WatchEvents and ListMessages through real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import pytest
from support.gateway_messages import ANNA, BORIS, inbound
from support.gateway_service import RunningGateway, running_gateway

from wamesh.errors import Violation
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.rpc.errors import refusal_of

Watching: TypeAlias = "grpc.aio.UnaryStreamCall[pb.WatchEventsRequest, pb.WatchEventsResponse]"
PATIENCE_SECONDS = 20
SENT = ["DELIVERY_STATE_SENDING", "DELIVERY_STATE_SENT"]


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    async with asyncio.timeout(PATIENCE_SECONDS), running_gateway(tmp_path) as running:
        yield running


async def watch(gateway: RunningGateway, **fields: Any) -> tuple[Watching, str]:
    """An open stream, and its opened_cursor."""
    call: Watching = gateway.stub.WatchEvents(pb.WatchEventsRequest(**fields))
    opened = await call.read()
    assert isinstance(opened, pb.WatchEventsResponse) and opened.opened_cursor
    return call, opened.opened_cursor


async def take(call: Watching, number: int) -> list[pb.Event]:
    """The stream's next events."""
    events = []
    for _ in range(number):
        response = await call.read()
        assert isinstance(response, pb.WatchEventsResponse)
        events.append(response.event)
    return events


async def send(
    gateway: RunningGateway, request_id: str, company_id: int = 7, chat: str = str(ANNA)
) -> pb.OutgoingMessage:
    request = pb.SendRequest(company_id=company_id, request_id=request_id, chat=chat, text="See you at ten.")
    response = await gateway.stub.Send(request)
    assert isinstance(response, pb.SendResponse)
    return response.message


def told(events: list[pb.Event]) -> list[tuple[str, str]]:
    return [(event.message.request_id, pb.DeliveryState.Name(event.message.state)) for event in events]


async def test_a_change_reaches_who_watches(gateway: RunningGateway) -> None:
    """Each state of a message as it is reached; the last is what Send returned."""
    call, _ = await watch(gateway)
    sent = await send(gateway, "r-1")
    events = await take(call, 2)
    assert told(events) == [("r-1", state) for state in SENT]
    assert events[1].message == sent
    assert (events[1].company_id, events[1].WhichOneof("change")) == (7, "message")
    call.cancel()


async def test_watching_goes_on_after_a_cursor(gateway: RunningGateway) -> None:
    """A client that was killed comes back with the cursor of the last event that it has dealt with, and misses none."""
    call, _ = await watch(gateway)
    await send(gateway, "r-1")
    first, second = await take(call, 2)
    call.cancel()
    await send(gateway, "r-2")
    again, opened = await watch(gateway, after_cursor=first.cursor)
    assert opened == first.cursor
    assert await take(again, 1) == [second]
    assert told(await take(again, 2)) == [("r-2", state) for state in SENT]
    again.cancel()


async def test_the_opened_cursor_begins_at_the_same_place(gateway: RunningGateway) -> None:
    """What happened before stays out, what comes after is told, however often it is used."""
    await send(gateway, "r-1")
    call, opened = await watch(gateway)
    call.cancel()
    await send(gateway, "r-2")
    again, _ = await watch(gateway, after_cursor=opened)
    assert told(await take(again, 2)) == [("r-2", state) for state in SENT]
    again.cancel()


async def test_everything_that_is_kept_can_be_read(gateway: RunningGateway) -> None:
    """In pages, up to what happens now; the stream goes on where they end."""
    for number in range(200):
        await send(gateway, f"r-{number}")
    call, _ = await watch(gateway, from_earliest=True)
    events = await take(call, 400)
    assert told(events) == [(f"r-{number}", state) for number in range(200) for state in SENT]
    await send(gateway, "r-200")
    assert told(await take(call, 2)) == [("r-200", state) for state in SENT]
    call.cancel()


async def test_only_the_companies_that_were_asked_for(gateway: RunningGateway) -> None:
    """From the log and as it happens."""
    await send(gateway, "r-1", 7)
    await send(gateway, "r-1", 8)
    call, _ = await watch(gateway, from_earliest=True, company_ids=[8])
    await take(call, 2)
    await send(gateway, "r-2", 7)
    await send(gateway, "r-2", 8)
    assert {event.company_id for event in await take(call, 2)} == {8}
    call.cancel()


async def test_many_watchers_each_get_everything(gateway: RunningGateway) -> None:
    """Those that watch from now on, and those that come from far back."""
    await send(gateway, "r-1")
    early = [(await watch(gateway, from_earliest=True))[0] for _ in range(5)]
    late = [(await watch(gateway))[0] for _ in range(5)]
    await asyncio.gather(*(send(gateway, f"r-{number}") for number in range(2, 40)))
    for calls, number in ((early, 78), (late, 76)):
        streams = [told(await take(call, number)) for call in calls]
        assert all(stream == streams[0] for stream in streams)
        assert len(set(streams[0])) == number
    for call in early + late:
        call.cancel()


@pytest.mark.parametrize("cursor", ["next", "0-99", "7-0"])
async def test_a_cursor_that_no_event_had_is_refused(gateway: RunningGateway, cursor: str) -> None:
    """By its field, whether it is no cursor at all or comes from another database."""
    refusal = await gateway.refused(lambda: watch(gateway, after_cursor=cursor))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refusal.violations == (Violation("after_cursor", "must be the cursor of an event, or opened_cursor"),)


async def test_a_stream_ends_when_the_gateway_drains(gateway: RunningGateway) -> None:
    """As every stream does: the client goes on at the next gateway."""
    call, _ = await watch(gateway)
    stopping = asyncio.create_task(gateway.server.stop(1))
    with pytest.raises(grpc.aio.AioRpcError) as ending:
        while await call.read() is not grpc.aio.EOF:
            pass
        raise await _failure(call)
    await stopping
    assert refusal_of(ending.value).reason == "DRAINING"


async def _failure(call: Watching) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(
        await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
    )


async def test_any_gateway_tells_what_all_of_them_do(tmp_path: Path, postgresql_url: str) -> None:
    """Over one PostgreSQL: a cursor of one gateway is good on another, which tells what a third does."""
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        running_gateway(tmp_path, postgresql_url) as one,
        running_gateway(tmp_path, postgresql_url) as other,
    ):
        call, _ = await watch(one)
        await send(one, "r-1", 7)
        await send(other, "r-2", 8)
        first, second, *rest = await take(call, 4)
        assert told([first, second, *rest]) == [(name, state) for name in ("r-1", "r-2") for state in SENT]
        again, _ = await watch(other, after_cursor=second.cursor)
        assert await take(again, 2) == rest
        call.cancel()
        again.cancel()


async def test_messages_are_listed_with_their_conversation(gateway: RunningGateway) -> None:
    """Both directions, newest first; the answer carries what the stores have."""
    await gateway.inbox.accept(7, 1, inbound("m-1"))
    sent = await send(gateway, "r-1")
    await gateway.inbox.accept(7, 1, inbound("m-2", BORIS))
    listed = (await gateway.stub.ListMessages(pb.ListMessagesRequest(company_id=7))).messages
    assert [(each.chat, each.WhichOneof("direction")) for each in listed] == [
        (str(BORIS), "inbound"),
        (str(ANNA), "outgoing"),
        (str(ANNA), "inbound"),
    ]
    assert listed[1].outgoing == sent
    assert (listed[2].inbound.message_id, listed[2].inbound.text) == ("m-1", "text of m-1")


async def test_messages_come_in_pages(gateway: RunningGateway) -> None:
    """The token of one page gives the next, until there is none; filters hold on each."""
    for number in range(5):
        await send(gateway, f"r-{number}", chat=str(ANNA if number % 2 else BORIS))
    request = pb.ListMessagesRequest(company_id=7, page_size=2, states=[pb.DELIVERY_STATE_SENT])
    ids: list[str] = []
    while True:
        page = await gateway.stub.ListMessages(request)
        ids += [each.outgoing.request_id for each in page.messages]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert ids == ["r-4", "r-3", "r-2", "r-1", "r-0"]
    narrow = pb.ListMessagesRequest(company_id=7, chat=str(BORIS), direction=pb.MESSAGE_DIRECTION_OUTGOING)
    listed = (await gateway.stub.ListMessages(narrow)).messages
    assert [each.outgoing.request_id for each in listed] == ["r-4", "r-2", "r-0"]


async def test_a_page_token_that_no_page_gave_is_refused(gateway: RunningGateway) -> None:
    """By its field."""
    request = pb.ListMessagesRequest(company_id=7, page_token="before-x")
    refusal = await gateway.refused(lambda: gateway.stub.ListMessages(request))
    assert refusal.violations == (Violation("page_token", "must be the next_page_token of an earlier page"),)
