"""Subscriptions and dead letters through real gRPC, and the same over REST."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from support.gateway_messages import ANNA, BORIS, inbound
from support.gateway_service import Receiving, RunningGateway, ack, next_delivery, running_gateway

from wamesh.api import app
from wamesh.api.calls import Backend
from wamesh.api.main import GATEWAY
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.rpc.client import open_channel
from wamesh.rpc.errors import refusal_of
from wamesh.whatsapp.jid import Jid


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[RunningGateway]:
    async with running_gateway(tmp_path) as running:
        yield running


async def nack(call: Receiving, delivery: pb.Delivery) -> None:
    """Gives a delivery back for no time."""
    refused = pb.Nack(delivery_id=delivery.delivery_id)
    refused.retry_delay.SetInParent()
    await call.write(pb.ReceiveRequest(nack=refused))


async def bury(gateway: RunningGateway, *chats: Jid) -> None:
    """Makes a dead letter in each chat: a client nacks once, and once is enough."""
    call = await gateway.open(max_attempts=1)
    for chat in chats:
        await gateway.inbox.accept(7, 1, inbound("m-1", chat))
        await nack(call, await next_delivery(call))
    await until(gateway, len(chats))
    call.cancel()


async def until(gateway: RunningGateway, count: int) -> None:
    """Waits until there are so many dead letters."""
    async with asyncio.timeout(5):
        while len((await listed(gateway)).dead_letters) != count:  # noqa: ASYNC110 (the server has no event for it)
            await asyncio.sleep(0.01)


async def listed(gateway: RunningGateway, **fields: Any) -> pb.ListDeadLettersResponse:
    """A page of dead letters."""
    request = pb.ListDeadLettersRequest(subscription="worker", **fields)
    return await gateway.stub.ListDeadLetters(request)  # type: ignore[no-any-return]


async def test_a_dead_letter_is_listed_replayed_and_acked(gateway: RunningGateway) -> None:
    """From the list to a waiting client, and off the list."""
    await bury(gateway, ANNA)
    (letter,) = (await listed(gateway)).dead_letters
    assert (letter.company_id, letter.chat, letter.message.message_id, letter.attempts) == (7, str(ANNA), "m-1", 1)
    call = await gateway.open()
    replayed = await gateway.stub.ReplayDeadLetters(pb.ReplayDeadLettersRequest(subscription="worker"))
    again = await next_delivery(call)
    assert (replayed.replayed, again.attempt) == (1, 1)
    assert [each.replaying for each in (await listed(gateway)).dead_letters] == [True]
    await ack(call, again)
    await until(gateway, 0)
    call.cancel()


async def test_dead_letters_come_in_pages(gateway: RunningGateway) -> None:
    """The token leads on, the last page has none, and any other token is refused."""
    await bury(gateway, ANNA, BORIS)
    first = await listed(gateway, page_size=1)
    last = await listed(gateway, page_size=1, page_token=first.next_page_token)
    assert [each.chat for page in (first, last) for each in page.dead_letters] == [str(ANNA), str(BORIS)]
    assert last.next_page_token == ""
    assert not (await listed(gateway, company_id=8)).dead_letters
    for token in ("2", "after-", "after-x", "after-" + "9" * 19, "before-1"):
        refusal = await gateway.refused(partial(listed, gateway, page_token=token))
        assert (refusal.code, [each.field for each in refusal.violations]) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            ["page_token"],
        )


async def test_a_deleted_subscription_ends_its_streams(gateway: RunningGateway) -> None:
    """They hear NOT_FOUND; what comes later waits for nobody, until it is opened again."""
    call = await gateway.open()
    await gateway.stub.DeleteSubscription(pb.DeleteSubscriptionRequest(subscription="worker"))
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call.read()
    assert (failure.value.code(), refusal_of(failure.value).reason) == (
        grpc.StatusCode.NOT_FOUND,
        "SUBSCRIPTION_NOT_FOUND",
    )
    assert not (await gateway.stub.ListSubscriptions(pb.ListSubscriptionsRequest())).subscriptions
    await gateway.inbox.accept(7, 1, inbound("m-1"))
    successor = await gateway.open()
    assert [each.message_id for each in (await next_delivery(successor)).messages] == ["m-1"]
    successor.cancel()


async def test_the_routes_serve_subscriptions(gateway: RunningGateway) -> None:
    """List, letters, replay and delete as JSON over HTTP."""
    await bury(gateway, ANNA)
    await gateway.server.set_ready(True)
    async with open_channel(f"127.0.0.1:{gateway.server.port}", [GATEWAY]) as channel:
        application = app.build([Backend("gateway", GATEWAY, channel)], 5.0, ["edge"])
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://edge") as http:
            (worker,) = (await http.get("/v1/subscriptions")).json()["subscriptions"]
            assert (worker["subscription"], worker["dead_letters"]) == ("worker", 1)
            letters = (await http.get("/v1/subscriptions/worker/deadLetters", params={"company_id": 7})).json()
            assert [each["message"]["message_id"] for each in letters["dead_letters"]] == ["m-1"]
            wrong = await http.post("/v1/subscriptions/worker/deadLetters:replay", json={"chat": str(ANNA)})
            assert wrong.status_code == 400
            wanted = {"company_id": 7, "chat": str(ANNA)}
            replayed = await http.post("/v1/subscriptions/worker/deadLetters:replay", json=wanted)
            assert replayed.json() == {"replayed": 1}
            assert (await http.delete("/v1/subscriptions/worker")).status_code == 200
            assert (await http.delete("/v1/subscriptions/worker")).status_code == 404
