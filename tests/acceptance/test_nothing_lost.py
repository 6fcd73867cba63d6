"""Customers write without a pause while the gateway goes and comes: every message reaches the inbox, once."""

import asyncio
import os
import signal
from collections import Counter

import grpc
import pytest
from support.freezing import freeze

from wamesh.console.demo import COMPANY_ID, SALON_NUMBER, Demo
from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.gateway.v1 import gateway_pb2 as pb

CUSTOMERS = ("+447700900110", "+447700900111", "+447700900112")
STRIKES = 2
PAUSE_SECONDS = 0.01
PATIENCE_SECONDS = 60


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
async def test_every_message_comes_once(protocol_mesh: Demo, blow: signal.Signals) -> None:
    """Also those that the library had taken from WhatsApp, and nobody had stored yet: a session process whose gateway
    is gone, or that is stopped, ends in order.
    """
    mesh, said, over = protocol_mesh, Counter[str](), asyncio.Event()
    worker = mesh.mesh.pid_of("worker")
    freeze(worker)  # the inbox alone is looked at

    async def talk(customer: str) -> None:
        while not over.is_set():
            text = f"{customer} {said.total()}"
            await mesh.emulator.SendAsCustomer(
                network.SendAsCustomerRequest(
                    customer_phone_number=customer,
                    account_phone_number=SALON_NUMBER,
                    content=network.Content(text=network.TextContent(body=text)),
                )
            )
            said[text] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    try:
        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as talking:
            for customer in CUSTOMERS:
                talking.create_task(talk(customer))
            for _ in range(STRIKES):
                await asyncio.sleep(1)  # of talk
                gateway = mesh.mesh.pid_of("gateway")
                os.kill(gateway, blow)
                while mesh.mesh.pid_of("gateway") == gateway:  # noqa: ASYNC110 - its keeper tells nobody
                    await asyncio.sleep(0.05)
                await connected(mesh)
            over.set()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await texts_in_the_inbox(mesh) != said:  # noqa: ASYNC110 - the inbox tells only who subscribes
                await asyncio.sleep(0.5)
    finally:
        os.kill(worker, signal.SIGCONT)


async def connected(mesh: Demo) -> None:
    """Waits until the session is."""
    while True:
        try:
            answer = await mesh.gateway.GetSession(pb.GetSessionRequest(company_id=COMPANY_ID), timeout=2)
        except grpc.aio.AioRpcError as error:
            assert error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}
        else:
            if answer.session.state == pb.SESSION_STATE_CONNECTED:
                return
        await asyncio.sleep(0.05)


async def texts_in_the_inbox(mesh: Demo) -> Counter[str]:
    """What the gateway has of customers, and how often."""
    texts: Counter[str] = Counter()
    request = pb.ListMessagesRequest(company_id=COMPANY_ID, direction=pb.MESSAGE_DIRECTION_INBOUND, page_size=1000)
    while True:
        page = await mesh.gateway.ListMessages(request)
        texts.update(message.inbound.text for message in page.messages)
        if not page.next_page_token:
            return texts
        request.page_token = page.next_page_token
