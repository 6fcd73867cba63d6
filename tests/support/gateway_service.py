"""The gateway's servicer behind a real gRPC server, with fake sessions and an SQLite database: `gateway`."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
import pytest
from support.fake_sessions import FakeSessions
from support.gateway_messages import grant_lease

from wamesh.clock import utc_now
from wamesh.gateway.event_feed import EventFeed
from wamesh.gateway.health import SendLog
from wamesh.gateway.inbox.inbox import Inbox
from wamesh.gateway.outbox.outbox import Outbox
from wamesh.gateway.outbox.policy import OutboxPolicy
from wamesh.gateway.service import GatewayService
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.gateway.v1 import gateway_pb2_grpc
from wamesh.rpc.errors import Refusal, refusal_of
from wamesh.rpc.server import Server, Service
from wamesh.storage.database import migrate, open_database, schema_of
from wamesh.storage.gateway.events import SqlEventLog
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.storage.gateway.message_history import SqlMessageHistory
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.storage.sqlite_file import sqlite_url
from wamesh.storage.telling import TellingDatabase

IMPATIENT: Final = OutboxPolicy(doubt_time=timedelta(0))
Receiving: TypeAlias = "grpc.aio.StreamStreamCall[pb.ReceiveRequest, pb.ReceiveResponse]"


@dataclass
class RunningGateway:
    """A served gateway that holds companies 7 and 8 with epoch 1, and a client of it."""

    sessions: FakeSessions
    inbox: Inbox
    outbox: Outbox
    server: Server
    stub: Any

    async def refused(self, call: Callable[[], Any]) -> Refusal:
        """What the server says to a call that must fail."""
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await call()
        return refusal_of(failure.value)

    async def open(self, subscription: str = "worker", **fields: Any) -> Receiving:
        """A Receive stream that wants every message at once; its `opened` is read already."""
        call: Receiving = self.stub.Receive()
        opening = pb.OpenSubscription(subscription=subscription, **fields)
        opening.quiet_period.SetInParent()
        opening.max_wait.SetInParent()
        await call.write(pb.ReceiveRequest(open=opening))
        assert (await read(call)).WhichOneof("response") == "opened"
        return call


async def read(call: Receiving) -> pb.ReceiveResponse:
    """The stream's next message; AssertionError when it ended."""
    response = await call.read()
    assert isinstance(response, pb.ReceiveResponse), "the stream ended"
    return response


async def next_delivery(call: Receiving) -> pb.Delivery:
    """The stream's next delivery."""
    return (await read(call)).delivery


async def ack(call: Receiving, delivery: pb.Delivery) -> None:
    """Acks a delivery."""
    await call.write(pb.ReceiveRequest(ack=pb.Ack(delivery_id=delivery.delivery_id)))


@asynccontextmanager
async def running_gateway(
    directory: Path, url: str | None = None, policy: OutboxPolicy = IMPATIENT
) -> AsyncIterator[RunningGateway]:
    """Serves on a free port for as long as the context lasts; over a database of its own, unless `url` names one."""
    url = url or sqlite_url(directory / "gateway.db")
    await migrate(url, "gateway")
    database = await open_database(url, schema_of("gateway"))
    for company_id in (7, 8):
        await grant_lease(database, company_id, 1)
    sessions, send_log = FakeSessions(7, 8), SendLog()
    inbox = Inbox(SqlInboxStore(database), utc_now, "gateway-a")
    events = EventFeed(SqlEventLog(database))
    telling = TellingDatabase(database, events.note)
    outbox = Outbox(SqlOutboxStore(telling), sessions, utc_now, send_log, policy)
    for company_id in (7, 8):
        outbox.begin(company_id, 1)
    history = SqlMessageHistory(database)
    servicer = GatewayService(sessions, inbox, outbox, history, events, send_log, utc_now)
    service = Service("wamesh.gateway.v1.Gateway", servicer, gateway_pb2_grpc.add_GatewayServicer_to_server)
    server = await Server([service], "127.0.0.1:0").start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield RunningGateway(sessions, inbox, outbox, server, gateway_pb2_grpc.GatewayStub(channel))
    await server.stop(0)
    await events.close()
    await outbox.close()
    await inbox.close()
    await database.close()
