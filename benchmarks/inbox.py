"""The inbox from `accept` to the ack, on SQLite and PostgreSQL: an empty table beside one of a million messages.

    PYTHONPATH=tests .venv/bin/python benchmarks/inbox.py [--engines sqlite postgresql] [--rows 1000000] [--rounds 3]
        [--count 2000] [--seconds 3]

This process is the gateway: real stores, the inbox, a gRPC server. One and then four other processes each hold a
`Receive` stream and ack what comes. A block has three parts:

- *accepted*: 64 companies' messages come through `Inbox.accept`, each company's one after the other, while no stream is
  open: durable messages a second
- *drained*: the streams open together and take what waits: acked messages a second
- *flowing*: each of the 64 companies gets its next message when its last one is acked: messages a second through all of
  it, and the time from the moment before `accept` to the client's hands

Both tables are measured in turn, block by block, so that a slow moment of the machine hits both alike; the ratio is the
large table to the empty one, medians over the rounds. Customers, two subscriptions (one that nobody reads) and leases
are the same in both; only the large one has a past: messages of a thousand companies, all acked by `worker`, and some
dead letters. The PostgreSQL server is one with its default durability (fsync, synchronous_commit and full_page_writes
on); SQLite syncs each commit.
"""

import argparse
import asyncio
import itertools
import logging
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from measuring import machine

# grpc after measuring, which sets the environment that it loads in
# isort: split
import grpc
import structlog
import uvloop
from support.fake_sessions import FakeSessions
from support.postgresql import DURABLE, running_postgresql

from wamesh.clock import utc_now
from wamesh.gateway.event_feed import EventFeed
from wamesh.gateway.health import SendLog
from wamesh.gateway.inbox.inbox import Inbox
from wamesh.gateway.messages import Claim, Terms
from wamesh.gateway.outbox.outbox import Outbox
from wamesh.gateway.service import GatewayService
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.gateway.v1 import gateway_pb2_grpc
from wamesh.rpc.server import Server, Service
from wamesh.storage.database import Database, Engine, Steps, execute, migrate, only, open_database, schema_of
from wamesh.storage.gateway.events import SqlEventLog
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.storage.gateway.message_history import SqlMessageHistory
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.storage.sqlite_file import sqlite_url
from wamesh.whatsapp.events import InboundMessage
from wamesh.whatsapp.jid import Jid

COMPANIES: Final = 1000
CUSTOMERS: Final = 99
FEEDERS: Final = 64
WORKERS: Final = (1, 4)
EPOCH: Final = 1
POLL: Final[dict[Engine, timedelta | None]] = {"sqlite": None, "postgresql": timedelta(seconds=1)}
AT_ONCE: Final = timedelta(0)

_NUMBERS = """
WITH RECURSIVE numbers (n) AS (
    SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < CAST($1 AS BIGINT)
)
"""
_COMPANY = f"n % {COMPANIES} + 1"
_CUSTOMER = f"CAST(12025550101 + n / {COMPANIES} % {CUSTOMERS} AS TEXT) || '@s.whatsapp.net'"

_LEASES = f"""
{_NUMBERS} INSERT INTO leases (company_id, epoch, holder, address, expire_time)
SELECT n + 1, {EPOCH}, 'benchmark', '', 0 FROM numbers
"""

_IDENTITIES = f"""
{_NUMBERS} INSERT INTO inbox_identities (company_id, jid, conversation)
SELECT {_COMPANY}, {_CUSTOMER}, {_CUSTOMER} FROM numbers
"""

_MESSAGES = f"""
{_NUMBERS} INSERT INTO inbox_messages (company_id, conversation, message_id, epoch, chat, sender, sender_alternate,
    phone_number, push_name, kind, body, quoted_message_id, send_time, receive_time)
SELECT {_COMPANY}, {_CUSTOMER}, '3EB0' || CAST(7919 * (n + 1) % 1000003 AS TEXT) || 'A' || CAST(n AS TEXT), {EPOCH},
    {_CUSTOMER}, {_CUSTOMER}, '', '', 'Anna', 'TEXT', 'Хочу на стрижку завтра вечером, после шести, если можно', '',
    1767225600000000 + 30000000 * n, 1767225600000000 + 30000000 * n
FROM numbers
"""

_DEAD_LETTERS = """
INSERT INTO inbox_dead_letters (subscription, sequence, company_id, conversation, attempts, bury_time)
SELECT 'worker', sequence, company_id, conversation, 10, receive_time FROM inbox_messages WHERE sequence % 1000 = 0
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One block's figures: messages a second, and milliseconds; the gateway's processor time is that of one message."""

    accepted: float
    drained: float
    flowing: float
    p50_ms: float
    p99_ms: float
    gateway_cpu_ms: float


class WatchedStore(SqlInboxStore):
    """The store, which also tells of each message when its ack is durable."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._waiting: dict[str, asyncio.Future[None]] = {}

    def acked(self, message_id: str) -> "asyncio.Future[None]":
        """Done when the message is acked."""
        return self._waiting.setdefault(message_id, asyncio.get_running_loop().create_future())

    async def ack(self, claim: Claim) -> datetime | None:
        """Marks the claim's messages as done with, and tells."""
        due = await super().ack(claim)
        for stored in claim.messages:
            self._waiting.pop(stored.message.message_id).set_result(None)
        return due


@dataclass(frozen=True, slots=True)
class Subject:
    """A served inbox."""

    store: WatchedStore
    inbox: Inbox
    port: int
    ids: Iterator[int]

    async def accept(self, company_id: int) -> "asyncio.Future[None]":
        """A customer writes; returns what is done when that is acked."""
        number = next(self.ids)
        chat = Jid.of_phone_number(f"+{12025550101 + number // FEEDERS % CUSTOMERS}")
        message_id = f"3EB0{uuid4().hex[:18].upper()}"
        message = InboundMessage(chat=chat, message_id=message_id, sender=chat, time=utc_now(), text="Hi!")
        acked = self.store.acked(message_id)
        await self.inbox.accept(company_id, EPOCH, message)
        return acked


@asynccontextmanager
async def served(url: str, rows: int) -> AsyncIterator[Subject]:
    """A gateway over a new database with so many messages of the past."""
    await migrate(url, "gateway")
    database = await open_database(url, schema_of("gateway"))
    store = WatchedStore(database)
    await prefill(database, store, rows)
    inbox = Inbox(store, utc_now, "benchmark", POLL[database.engine])
    outbox = Outbox(SqlOutboxStore(database), FakeSessions(), utc_now, SendLog())
    history, events = SqlMessageHistory(database), EventFeed(SqlEventLog(database))
    servicer = GatewayService(FakeSessions(), inbox, outbox, history, events, SendLog(), utc_now)
    service = Service("wamesh.gateway.v1.Gateway", servicer, gateway_pb2_grpc.add_GatewayServicer_to_server)
    server = await Server([service], "127.0.0.1:0").start()
    yield Subject(store, inbox, server.port, itertools.count())
    await server.stop(0)
    await outbox.close()
    await inbox.close()
    await database.close()


async def prefill(database: Database, store: SqlInboxStore, rows: int) -> None:
    """Leases, customers and subscriptions, and the past."""
    started = time.perf_counter()
    everybody = COMPANIES * CUSTOMERS
    statements = [execute(_LEASES, COMPANIES), execute(_IDENTITIES, everybody)]
    statements += [execute(_MESSAGES, rows), execute(_DEAD_LETTERS)] if rows else []
    statements += [execute("ANALYZE")] if database.engine == "postgresql" else []  # its autovacuum would, in a minute

    def fill() -> Steps[None]:
        for statement in statements:
            yield from only(statement)

    await database.write(fill)
    await store.open(Terms("archive", quiet_period=AT_ONCE, max_wait=AT_ONCE), utc_now())
    await store.open(Terms("worker", quiet_period=AT_ONCE, max_wait=AT_ONCE), utc_now())
    print(f"{database.engine}: {rows:,} messages in {time.perf_counter() - started:.0f} s", flush=True)


async def measure(subject: Subject, workers: int, count: int, seconds: float) -> Block:
    """One block."""
    with receiving(subject.port, workers) as clients:
        accepting = time.perf_counter()
        acks = await accept_all(subject, count)
        accepted = time.perf_counter() - accepting
        for client in clients:
            client.send("open")
        draining = time.perf_counter()
        await asyncio.gather(*acks)
        drained = time.perf_counter() - draining
        flowing, worked = time.time(), time.process_time()
        done = await flow(subject, seconds)
        elapsed, worked = time.time() - flowing, time.process_time() - worked
        for client in clients:
            client.send("close")
        seen = [each for client in clients for each in await asyncio.to_thread(client.recv)]
    cuts = statistics.quantiles([took for sent, took in seen if sent > flowing], n=100)
    rates = len(acks) / accepted, len(acks) / drained, done / elapsed
    return Block(*rates, cuts[49] * 1000, cuts[98] * 1000, worked / done * 1000)


async def accept_all(subject: Subject, count: int) -> list["asyncio.Future[None]"]:
    """Accepts so many messages, each company's one after the other."""

    async def feed(company_id: int) -> list["asyncio.Future[None]"]:
        return [await subject.accept(company_id) for _ in range(count // FEEDERS)]

    fed = await asyncio.gather(*(feed(1 + number) for number in range(FEEDERS)))
    return [acked for acks in fed for acked in acks]


async def flow(subject: Subject, seconds: float) -> int:
    """Has every company write again when its last message is acked; returns how many were."""
    end = time.perf_counter() + seconds

    async def feed(company_id: int) -> int:
        done = 0
        while time.perf_counter() < end:
            await (await subject.accept(company_id))
            done += 1
        return done

    return sum(await asyncio.gather(*(feed(1 + number) for number in range(FEEDERS))))


@contextmanager
def receiving(port: int, workers: int) -> Iterator[list[Connection]]:
    """Client processes, connected: they open at the word `open`, and answer `close` with what they have seen."""
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        clients = []
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_receive, args=(port, theirs), daemon=True)
            process.start()
            stack.callback(process.kill)
            clients.append(stack.enter_context(ours))
        for client in clients:
            client.recv()
        yield clients


def _receive(port: int, orders: Connection) -> None:
    uvloop.run(_receive_and_ack(port, orders))


async def _receive_and_ack(port: int, orders: Connection) -> None:
    seen: list[tuple[float, float]] = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await channel.channel_ready()
        orders.send("ready")
        await asyncio.to_thread(orders.recv)
        call: Any = gateway_pb2_grpc.GatewayStub(channel).Receive()
        acking = asyncio.create_task(_ack_all(call, seen))
        await asyncio.to_thread(orders.recv)
        acking.cancel()
        call.cancel()
        orders.send(seen)


async def _ack_all(call: Any, seen: list[tuple[float, float]]) -> None:
    opening = pb.OpenSubscription(subscription="worker")
    opening.quiet_period.SetInParent()
    opening.max_wait.SetInParent()
    await call.write(pb.ReceiveRequest(open=opening))
    async for response in call:
        if response.HasField("delivery"):
            now = time.time()
            sent = [message.send_time.ToMicroseconds() / 1e6 for message in response.delivery.messages]
            seen += [(each, now - each) for each in sent]
            await call.write(pb.ReceiveRequest(ack=pb.Ack(delivery_id=response.delivery.delivery_id)))


async def run(urls: Sequence[str], options: argparse.Namespace) -> dict[tuple[int, int], Block]:
    """The blocks of one engine in turn: the medians by workers and rows."""
    found: dict[tuple[int, int], list[Block]] = {}
    async with AsyncExitStack() as stack:
        tables = [
            (rows, await stack.enter_async_context(served(url, rows)))
            for url, rows in zip(urls, (0, options.rows), strict=True)
        ]
        for workers in WORKERS * options.rounds:
            for rows, subject in tables:
                block = await measure(subject, workers, options.count, options.seconds)
                found.setdefault((workers, rows), []).append(block)
    return {key: median(blocks) for key, blocks in found.items()}


def median(blocks: Sequence[Block]) -> Block:
    """The median of each figure."""
    names = Block.__dataclass_fields__
    return Block(*(statistics.median(getattr(block, name) for block in blocks) for name in names))


def print_table(engine: Engine, found: dict[tuple[int, int], Block], rows: int) -> None:
    """Prints a Markdown table with ratios to the empty table."""
    print(f"\n{engine}\n\n| workers | figure | empty | {rows:,} rows | ratio |\n|---:|---|---:|---:|---:|")
    for workers in WORKERS:
        empty, full = found[workers, 0], found[workers, rows]
        for name in Block.__dataclass_fields__:
            before, after = getattr(empty, name), getattr(full, name)
            print(f"| {workers} | {name.replace('_', ' ')} | {before:,.2f} | {after:,.2f} | {after / before:.2f} |")


@contextmanager
def two_databases(engine: Engine) -> Iterator[list[str]]:
    """The URLs of two new databases, on the disk of the working directory."""
    with ExitStack() as stack:
        if engine == "sqlite":
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd())))
            yield [sqlite_url(place / f"{name}.db") for name in ("empty", "full")]
        else:
            server = stack.enter_context(running_postgresql(DURABLE))
            yield [stack.enter_context(server.fresh_database()) for _ in range(2)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--engines", nargs="+", choices=tuple(POLL), default=tuple(POLL))
    parser.add_argument("--rows", type=int, default=1_000_000, help="messages in the large table")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=2000, help="messages that a block accepts and drains")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long a block flows")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(machine())
    for engine in options.engines:
        with two_databases(engine) as urls:
            print_table(engine, uvloop.run(run(urls, options)), options.rows)


if __name__ == "__main__":
    main()
