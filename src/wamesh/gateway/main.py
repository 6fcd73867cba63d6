"""The gateway process: picks the adapters, restores the sessions, serves `wamesh.gateway.v1.Gateway`, and drains.

Owns the composition, and the order of start and stop:

    start   lock the data directory; tables; the port, so that a taken one ends the start before anything connects;
            sessions, whose messages flow into the inbox from here on; what the outbox left open; only then calls
    stop    readiness and streams; membership among other gateways, to whom the companies go within half of the drain;
            running calls, within the other half; sends whose callers are gone; session processes and their leases that
            are left; tables
"""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from wamesh.clock import utc_now
from wamesh.gateway.event_feed import EventFeed
from wamesh.gateway.fleet.fleet import Fleet
from wamesh.gateway.fleet.lease import LeaseTimes
from wamesh.gateway.fleet.lock import DataDirectory, open_directory
from wamesh.gateway.fleet.placement import PlacementPolicy
from wamesh.gateway.health import SendLog
from wamesh.gateway.inbox.inbox import Inbox
from wamesh.gateway.outbox.outbox import Outbox
from wamesh.gateway.outbox.pacing import PacePolicy
from wamesh.gateway.outbox.policy import OutboxPolicy
from wamesh.gateway.retention import Keep, Retention
from wamesh.gateway.routing import forwarder
from wamesh.gateway.service import GatewayService
from wamesh.gateway.session.supervisor import Supervisor
from wamesh.gateway.session.transport_options import TransportOptions, always, joined
from wamesh.gateway.v1 import gateway_pb2_grpc
from wamesh.rpc.server import Server, Service, stop_signal
from wamesh.settings import GatewaySettings
from wamesh.storage.database import Database, answers, room_database
from wamesh.storage.gateway.devices import device_options
from wamesh.storage.gateway.events import SqlEventLog
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.storage.gateway.members import SqlMemberStore
from wamesh.storage.gateway.message_history import SqlMessageHistory
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.storage.gateway.retention import SqlRetentionStore
from wamesh.storage.gateway.sessions import SqlLeaseStore, SqlSessionStore
from wamesh.storage.telling import TellingDatabase

SERVICE_NAME: Final = "wamesh.gateway.v1.Gateway"
_GAP_SECONDS: Final = 1.0
_FIRST_CONTACTS: Final = 50
_LAST_SENDS_SECONDS: Final = 2.0
_SHARED_POLL: Final = timedelta(seconds=1)
_ALL_INTERFACES: Final = ("0.0.0.0", "[::]", "::", "*")

_log = structlog.get_logger("gateway")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, and where it listens."""

    server: Server
    database: Database

    @property
    def port(self) -> int:
        """The port that was bound."""
        return self.server.port


async def run(settings: GatewaySettings) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises DirectoryInUse, DatabaseUnavailable, DatabaseTooNew, PortTaken, WrongSetting.
    """
    stop = stop_signal()
    async with serving(settings) as gateway:
        _spare_what_stays()
        await gateway.server.serve_until(stop, partial(answers, gateway.database))


@asynccontextmanager
async def serving(settings: GatewaySettings) -> AsyncIterator[Gateway]:
    """Runs a gateway for as long as the context lasts, and drains it at the end. Raises what `run` raises."""
    url = settings.room_database_url("gateway")
    async with _directory(settings) as directory, room_database(url, "gateway") as database:
        send_log = SendLog()
        poll = _SHARED_POLL if _is_shared(database) else None
        inbox = Inbox(SqlInboxStore(database), utc_now, directory.node, poll)
        events = EventFeed(SqlEventLog(database))
        telling = TellingDatabase(database, events.note)
        supervisor = _supervisor(settings, directory, telling)
        policy = OutboxPolicy(doubt_time=timedelta(seconds=settings.doubt_seconds), pace=_pace(settings))
        outbox = Outbox(SqlOutboxStore(telling), supervisor, utc_now, send_log, policy)
        retention = Retention(SqlRetentionStore(database), SqlEventLog(database), _keep(settings), utc_now)
        fleet = _fleet(settings, database, supervisor, outbox)
        everywhere = None if fleet is None else fleet.everywhere
        history = SqlMessageHistory(database)
        servicer = GatewayService(supervisor, inbox, outbox, history, events, send_log, utc_now, everywhere)
        service = Service(SERVICE_NAME, servicer, gateway_pb2_grpc.add_GatewayServicer_to_server)
        passing_on = forwarder(directory.node, fleet)
        server = Server([service], settings.gateway_address, passing_on)
        server.bind()
        address = settings.gateway_advertised_address or _reachable(settings.gateway_address, server.port)
        async with _sessions(supervisor, inbox, outbox, address):
            if fleet is not None:
                await fleet.join(address)
            await server.start()
            retention.start()
            _log.info("serving", address=settings.gateway_address, port=server.port, node=directory.node)
            try:
                yield Gateway(server, database)
            finally:
                await retention.close()
                inbox.drain()
                await server.drain()
                grace = settings.drain_seconds
                if fleet is not None:
                    grace /= 2
                    await fleet.leave(grace)
                await server.stop(grace)
                await passing_on.close()
                await events.close()


def _spare_what_stays() -> None:
    """Takes what was imported and made until now out of the collector's sight: with it a full collection stops every
    call for 30 ms and more (68,000 objects, measured), without it for well under one.
    """
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _directory(settings: GatewaySettings) -> AsyncIterator[DataDirectory]:
    patience = timedelta(seconds=settings.lock_wait_seconds)
    directory = await asyncio.to_thread(open_directory, settings.data_directory, patience)
    with directory:
        yield directory


@asynccontextmanager
async def _sessions(supervisor: Supervisor, inbox: Inbox, outbox: Outbox, address: str) -> AsyncIterator[None]:
    """Starts inbox, sessions and outbox in the order in which they need each other, and ends them."""
    await inbox.start()
    try:
        await supervisor.open(inbox, outbox, outbox, address)
        await outbox.start()
        yield
    finally:
        await outbox.close(_LAST_SENDS_SECONDS)
        await inbox.close()
        await supervisor.close()


def _supervisor(settings: GatewaySettings, directory: DataDirectory, database: Database) -> Supervisor:
    return Supervisor(
        directory=directory,
        store=SqlSessionStore(database),
        leases=SqlLeaseStore(database),
        transport=settings.transport,
        transport_options=_transport_options(settings, database),
        alone=not _is_shared(database),
        lease_times=_lease_times(settings),
    )


def _fleet(settings: GatewaySettings, database: Database, supervisor: Supervisor, outbox: Outbox) -> Fleet | None:
    """This gateway among others; None on a database that nobody else can use."""
    if not _is_shared(database):
        return None
    times = _lease_times(settings)
    patience = PlacementPolicy(settle=times.ttl, abandoned_after=times.ttl)
    return Fleet(supervisor, SqlSessionStore(database), SqlMemberStore(database), outbox, times, patience)


def _pace(settings: GatewaySettings) -> PacePolicy:
    """What is set; else what protects a real number, and no limit where there is none to protect."""
    real = settings.transport == "neonize"
    gap, contacts = settings.pacing_gap_seconds, settings.first_contacts_a_day
    return PacePolicy(
        gap=timedelta(seconds=_GAP_SECONDS * real if gap is None else gap),
        burst=settings.pacing_burst,
        first_contacts=_FIRST_CONTACTS * real if contacts is None else contacts,
    )


def _keep(settings: GatewaySettings) -> Keep:
    """What the retention settings say; no days mean for ever."""
    days = (settings.retention_days, settings.event_retention_days)
    messages, events = (timedelta(days=each) if each else None for each in days)
    return Keep(messages, events)


def _is_shared(database: Database) -> bool:
    return database.engine == "postgresql"


def _lease_times(settings: GatewaySettings) -> LeaseTimes:
    return LeaseTimes(timedelta(seconds=settings.lease_seconds), timedelta(seconds=settings.lease_renew_seconds))


def _reachable(address: str, port: int) -> str:
    """Where others call a server that listens at `address`: by the machine's name, when that is all interfaces."""
    host = address.rpartition(":")[0]
    return f"{socket.gethostname() if host in _ALL_INTERFACES else host}:{port}"


def _transport_options(settings: GatewaySettings, database: Database) -> TransportOptions:
    """How a company's process reaches WhatsApp, and where its device is: with those who share the database."""
    network = _network_options(settings)
    if settings.transport == "memory" or not _is_shared(database):
        return network
    return joined(network, device_options(database, settings.database_url))


def _network_options(settings: GatewaySettings) -> TransportOptions:
    match settings.transport:
        case "neonize":
            return always({})
        case "memory":
            return always({"target": settings.emulator_target})
        case "emulator":  # the one place where a gateway knows of it
            from wamesh.emulator.client.discovery import transport_options

            return transport_options(settings.emulator_target, settings.data_directory)
