"""Receive through real gRPC: deliveries, answers, and what a broken stream leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from support.gateway_messages import ANNA, BORIS, inbound
from support.gateway_service import Receiving, RunningGateway, ack, next_delivery, read, running_gateway

from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.rpc.errors import refusal_of
from wamesh.whatsapp.events import ContentKind
from wamesh.whatsapp.jid import Jid


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    async with running_gateway(tmp_path) as running:
        yield running


def ids(delivery: pb.Delivery) -> list[str]:
    return [message.message_id for message in delivery.messages]


async def silent(call: Receiving) -> bool:
    """True when a look at the store brings nothing to this stream."""
    reading = asyncio.ensure_future(call.read())
    done, _ = await asyncio.wait({reading}, timeout=0.1)
    return not done


async def test_the_opened_subscription_tells_its_defaults(gateway: RunningGateway) -> None:
    """The first answer repeats the terms, absent fields filled in; zero waits stay zero."""
    call: Receiving = gateway.stub.Receive()
    opening = pb.OpenSubscription(subscription="worker", company_ids=[8, 7])
    opening.quiet_period.SetInParent()
    await call.write(pb.ReceiveRequest(open=opening))
    opened = (await read(call)).opened.subscription
    assert (opened.max_conversations, opened.max_messages, opened.max_attempts) == (16, 50, 10)
    assert (opened.quiet_period.seconds, opened.max_wait.seconds, opened.ack_deadline.seconds) == (0, 15, 60)
    assert list(opened.company_ids) == [7, 8]
    call.cancel()


async def test_a_message_reaches_a_waiting_client(gateway: RunningGateway) -> None:
    """Arrival wakes the stream; the delivery says everything that is known."""
    call = await gateway.open()
    message = inbound("m-1", kind=ContentKind.STICKER, push_name="Anna", phone_number="+12025550101")
    await gateway.inbox.accept(7, 1, message)
    delivery = await next_delivery(call)
    (received,) = delivery.messages
    assert (delivery.company_id, delivery.chat, delivery.attempt) == (7, str(ANNA), 1)
    assert (received.message_id, received.sender, received.push_name) == ("m-1", str(ANNA), "Anna")
    assert (received.kind, received.phone_number) == (pb.CONTENT_KIND_STICKER, "+12025550101")
    assert received.sequence > 0
    call.cancel()


async def test_messages_wait_for_the_first_client(gateway: RunningGateway) -> None:
    """What arrives before anybody listens is delivered, as one batch in order."""
    for number in range(3):
        await gateway.inbox.accept(7, 1, inbound(f"m-{number}"))
    call = await gateway.open()
    assert ids(await next_delivery(call)) == ["m-0", "m-1", "m-2"]
    call.cancel()


async def test_groups_and_the_owners_own_messages_are_not_delivered(gateway: RunningGateway) -> None:
    """Nobody is to answer them."""
    group = Jid("120363001234567890", "g.us")
    await gateway.inbox.accept(7, 1, inbound("m-1", group, sender=ANNA, group=True))
    await gateway.inbox.accept(7, 1, inbound("m-2", from_me=True))
    await gateway.inbox.accept(7, 1, inbound("m-3", BORIS))
    call = await gateway.open()
    assert ids(await next_delivery(call)) == ["m-3"]
    assert await silent(call)
    call.cancel()


async def test_the_next_batch_follows_the_ack(gateway: RunningGateway) -> None:
    """A conversation is never delivered twice at a time; another one does not wait for it."""
    call = await gateway.open()
    await gateway.inbox.accept(7, 1, inbound("m-1"))
    first = await next_delivery(call)
    await gateway.inbox.accept(7, 1, inbound("m-2"))
    await gateway.inbox.accept(7, 1, inbound("m-1", BORIS))
    assert (await next_delivery(call)).chat == str(BORIS)
    await ack(call, first)
    assert ids(await next_delivery(call)) == ["m-2"]
    call.cancel()


async def test_a_stream_takes_as_many_conversations_as_it_said(gateway: RunningGateway) -> None:
    """The rest waits until an ack makes room."""
    for chat in (ANNA, BORIS):
        await gateway.inbox.accept(7, 1, inbound("m-1", chat))
    call = await gateway.open(max_conversations=1)
    first = await next_delivery(call)
    await ack(call, first)
    second = await next_delivery(call)
    assert {first.chat, second.chat} == {str(ANNA), str(BORIS)}
    call.cancel()


async def test_two_clients_share_the_work(gateway: RunningGateway) -> None:
    """What one holds the other does not get."""
    for chat in (ANNA, BORIS):
        await gateway.inbox.accept(7, 1, inbound("m-1", chat))
    one, other = await gateway.open(max_conversations=1), await gateway.open(max_conversations=1)
    chats = {(await next_delivery(one)).chat, (await next_delivery(other)).chat}
    assert chats == {str(ANNA), str(BORIS)}
    one.cancel()
    other.cancel()


@pytest.mark.parametrize("politely", [True, False])
async def test_a_stream_that_ends_gives_its_work_back_at_once(gateway: RunningGateway, politely: bool) -> None:
    """Half-closed or broken: the next client gets the batch without waiting for the deadline."""
    await gateway.inbox.accept(7, 1, inbound("m-1"))
    call = await gateway.open()
    assert (await next_delivery(call)).attempt == 1
    if politely:
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
    else:
        call.cancel()
    successor = await gateway.open()
    again = await next_delivery(successor)
    assert (ids(again), again.attempt) == (["m-1"], 2)
    successor.cancel()


@pytest.mark.parametrize(("uncounted", "attempt"), [(False, 2), (True, 1)])
async def test_a_nacked_delivery_comes_again(gateway: RunningGateway, uncounted: bool, attempt: int) -> None:
    """After the delay that the client gives; here, none. An attempt that the client does not blame is not counted."""
    await gateway.inbox.accept(7, 1, inbound("m-1"))
    call = await gateway.open()
    first = await next_delivery(call)
    nack = pb.Nack(delivery_id=first.delivery_id, uncounted=uncounted)
    nack.retry_delay.SetInParent()
    await call.write(pb.ReceiveRequest(nack=nack))
    again = await next_delivery(call)
    assert (ids(again), again.attempt) == (["m-1"], attempt)
    assert again.delivery_id != first.delivery_id
    call.cancel()


async def test_an_answer_to_a_closed_delivery_is_ignored(gateway: RunningGateway) -> None:
    """Acking twice, or a delivery of another stream, changes nothing and breaks nothing."""
    await gateway.inbox.accept(7, 1, inbound("m-1"))
    call = await gateway.open()
    first = await next_delivery(call)
    await ack(call, first)
    await ack(call, first)
    await ack(call, pb.Delivery(delivery_id="of-another-stream"))
    extend = pb.ExtendAck(delivery_id=first.delivery_id)
    extend.ack_deadline.FromSeconds(60)
    await call.write(pb.ReceiveRequest(extend=extend))
    await gateway.inbox.accept(7, 1, inbound("m-2"))
    assert ids(await next_delivery(call)) == ["m-2"]
    call.cancel()


async def test_subscriptions_are_independent(gateway: RunningGateway) -> None:
    """Each gets every message."""
    one, other = await gateway.open("worker"), await gateway.open("webhooks")
    await gateway.inbox.accept(7, 1, inbound("m-1"))
    assert ids(await next_delivery(one)) == ids(await next_delivery(other)) == ["m-1"]
    one.cancel()
    other.cancel()


async def test_a_stream_must_open_first_and_once(gateway: RunningGateway) -> None:
    """Anything else is INVALID_ARGUMENT STREAM_NOT_OPENED, with the field named."""
    early: Receiving = gateway.stub.Receive()
    await early.write(pb.ReceiveRequest(ack=pb.Ack(delivery_id="d-1")))
    twice = await gateway.open()
    await twice.write(pb.ReceiveRequest(open=pb.OpenSubscription(subscription="worker")))
    for call in (early, twice):
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call.read()
        refusal = refusal_of(failure.value)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "STREAM_NOT_OPENED")
        assert [violation.field for violation in refusal.violations] == ["open"]


async def test_a_wrong_field_of_a_later_message_is_refused(gateway: RunningGateway) -> None:
    """The field rules hold for every message of the stream."""
    call = await gateway.open()
    await call.write(pb.ReceiveRequest(ack=pb.Ack()))
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call.read()
    assert [violation.field for violation in refusal_of(failure.value).violations] == ["ack.delivery_id"]


async def test_a_draining_gateway_ends_its_streams_and_counts_no_attempt(
    gateway: RunningGateway, tmp_path: Path
) -> None:
    """The client hears UNAVAILABLE; the next gateway delivers as if for the first time."""
    await gateway.inbox.accept(7, 1, inbound("m-1"))
    call = await gateway.open()
    await next_delivery(call)
    gateway.inbox.drain()
    await gateway.server.stop(10)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call.read()
    assert (failure.value.code(), refusal_of(failure.value).reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
    await gateway.inbox.close()
    async with running_gateway(tmp_path) as successor:
        again = await next_delivery(await successor.open())
        assert (ids(again), again.attempt) == (["m-1"], 1)
