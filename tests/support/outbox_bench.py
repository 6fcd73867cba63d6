"""An outbox over a real store and sessions without processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from support.fake_sessions import FakeSessions, Network
from support.gateway_messages import ANNA, NOON, grant_lease, seconds

from wamesh.gateway.health import SendLog
from wamesh.gateway.messages import DeliveryState
from wamesh.gateway.outbox.outbox import Outbox
from wamesh.gateway.outbox.policy import OutboxPolicy
from wamesh.gateway.session.state import SessionState
from wamesh.storage.database import Database, migrate, open_database
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.storage.sqlite_file import sqlite_url
from wamesh.whatsapp.events import ReceiptKind, ReceiptReceived

IMPATIENT: Final = OutboxPolicy(doubt_time=seconds(0), pause=seconds(0))
PATIENT: Final = OutboxPolicy(doubt_time=seconds(3600), pause=seconds(0))


@asynccontextmanager
async def held_database(directory: Path) -> AsyncIterator[Database]:
    """A gateway's database in which company 7 is held with epoch 1."""
    url = sqlite_url(directory / "gateway.db")
    await migrate(url, "gateway")
    database = await open_database(url)
    await grant_lease(database, 7, 1)
    yield database
    await database.close()


class Bench:
    """An outbox over a store and fake sessions; `restart` leaves the old one as kill -9 would."""

    def __init__(self, database: Database, network: Network | None = None) -> None:
        self.database = database
        self.store = SqlOutboxStore(database)
        self.network = network or Network.empty()
        self.now = NOON
        self.boot()

    def boot(
        self, policy: OutboxPolicy = IMPATIENT, store: Any = None, state: SessionState = SessionState.CONNECTED
    ) -> None:
        """Starts an outbox that holds the company."""
        self.sessions = FakeSessions(7, network=self.network)
        self.sessions.set(7, state)
        self.send_log = SendLog()
        self.outbox = Outbox(store or self.store, self.sessions, lambda: self.now, self.send_log, policy)
        self.outbox.begin(7, 1)

    async def restart(self, policy: OutboxPolicy = IMPATIENT, state: SessionState = SessionState.CONNECTED) -> None:
        await self.outbox.close()
        self.boot(policy, state=state)
        await self.outbox.start()

    async def retake(self, epoch: int, state: SessionState = SessionState.CONNECTED) -> None:
        """The lease is lost, and taken anew with this epoch."""
        self.outbox.end(7)
        await grant_lease(self.database, 7, epoch)
        self.sessions.set(7, state, epoch)
        self.outbox.begin(7, epoch)

    def flights(self) -> int:
        """How many messages of the company are under way in memory."""
        return len(self.outbox._terms[7]._flights)

    def wire(self) -> list[str]:
        return [message.text for message in self.network.wire]

    async def state(self, request_id: str = "r-1") -> DeliveryState:
        return (await self.outbox.get(7, request_id)).state

    async def receipt(self, kind: ReceiptKind, message_id: str, epoch: int = 1) -> None:
        await self.outbox.note_receipts(7, epoch, [ReceiptReceived(ANNA, (message_id,), kind, self.now)])
