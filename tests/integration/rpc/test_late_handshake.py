"""A server on a busy machine, which takes a connection at once and answers on it late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.booking_fake import BOOKING, AnswerableBooking

from wamesh.rpc.client import open_channel
from wamesh.rpc.server import Server

LATE_SECONDS = 0.4


@asynccontextmanager
async def late(port: int) -> AsyncIterator[int]:
    """A port that leads to another one, and passes nothing on for a while."""

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
        writer.close()

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(LATE_SECONDS)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer), return_exceptions=True)

    listener = await asyncio.start_server(lead, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


async def test_a_late_handshake_is_waited_for() -> None:
    """One attempt to connect may take seconds; only a refused one fails a call at once."""
    server = await Server([AnswerableBooking.make().service()], "127.0.0.1:0").start()
    await server.set_ready(True)
    try:
        async with late(server.port) as port, open_channel(f"127.0.0.1:{port}", [BOOKING]) as channel:
            check = health_pb2.HealthCheckRequest(service=BOOKING.full_name)
            answer = await health_pb2_grpc.HealthStub(channel).Check(check)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        await server.stop(0)
