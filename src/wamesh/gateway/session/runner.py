"""The process side of a kept session: at most one process, heard out, and its records on their way.

Owns: the current `SessionChild`, and what its words mean to the machine. Refuses: decisions; it tells its owner.
Invariant: only the current process is heard. What one that was ended still says goes nowhere; the journal keeps what
matters of it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol, TypeAlias

import structlog

from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.process.child import NeverAsked, SessionChild
from wamesh.gateway.process.link import LEASE_PASSED
from wamesh.gateway.process.wire import WireError, decode_event
from wamesh.gateway.session.backlog import Backlog
from wamesh.gateway.session.events import meaning_of
from wamesh.gateway.session.journal import Journal
from wamesh.gateway.session.state import Event
from wamesh.gateway.sessions import PairingEvent, SessionSnapshot
from wamesh.gateway.stores import Device
from wamesh.gateway.task_set import TaskSet
from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp import events
from wamesh.whatsapp.transport import EXIT_STORE_LOST

log = structlog.get_logger()

Condition: TypeAlias = Callable[[], bool]


class Owner(Protocol):
    """Whom a runner tells: the session's keeper."""

    @property
    def expects_device(self) -> bool:
        """True when the session was linked to a device."""
        ...

    async def handle(
        self, event: Event, *, expires_in: timedelta | None = None, if_still: Condition | None = None
    ) -> SessionSnapshot:
        """Lets an event happen, if the condition still holds when its turn comes."""
        ...

    async def lose_lease(self, epoch: int) -> None:
        """Takes note that this epoch is not the current one any more."""
        ...

    def link(self, device: Device) -> None:
        """Takes note of the device that was just linked."""
        ...

    def publish(self, event: PairingEvent) -> None:
        """Tells whoever pairs."""
        ...


class SessionRunner:
    """Runs the processes of one company's session, one at a time."""

    def __init__(self, company_id: int, owner: Owner, journal: Journal, stop_grace: timedelta) -> None:
        self._company_id = company_id
        self._owner = owner
        self._journal = journal
        self._stop_grace = stop_grace
        self._child: SessionChild | None = None
        self._carrying: asyncio.Task[None] | None = None
        self._device_known = asyncio.Event()
        self._tasks = TaskSet(company_id=company_id)

    async def start(self, begin: pb.Begin, inherited: tuple[int, ...], epoch: int) -> None:
        """Starts a process in place of any that runs; its records are stored under `epoch`. Raises OSError."""
        await self.end()
        backlog = Backlog()
        child = await SessionChild.start(begin, inherited, backlog.put)
        self._child = child
        self._device_known.clear()
        self._carrying = self._tasks.start(self._carry(child, backlog, epoch))
        self._tasks.start(self._follow(child, epoch))

    async def end(self) -> None:
        """Ends the process, if there is one; what it could not hand over stays in the journal."""
        child, self._child = self._child, None
        self._device_known.set()
        if child is not None:
            await child.end(self._stop_grace)
        if self._carrying is not None:
            self._carrying.cancel()
            await asyncio.gather(self._carrying, return_exceptions=True)
            self._carrying = None

    async def close(self) -> None:
        """Ends the process and everything that listened to it."""
        await self.end()
        await self._tasks.close()

    @property
    def is_running(self) -> bool:
        """True while there is a process that was not ended."""
        return self._child is not None

    def tell(self, command: pb.Command) -> None:
        """Tells the process, if there is one."""
        if self._child is not None:
            self._child.tell(command)

    async def ask(self, command: pb.Command) -> pb.Answer:
        """Asks the process. Raises NeverAsked when there is none, ChildGone when it ends first."""
        if self._child is None:
            raise NeverAsked
        return await self._child.ask(command)

    async def device_known(self, patience: timedelta) -> None:
        """Waits until the process has said whether a device is stored, or is gone, or `patience` is over."""
        if self._child is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._device_known.wait(), patience.total_seconds())

    async def _follow(self, child: SessionChild, epoch: int) -> None:
        """Hears a process out, and tells of its end when it was not asked for."""

        def is_current() -> bool:
            return self._child is child

        async for message in child.events():
            if is_current():
                await self._hear(child, message, is_current)
        if is_current():
            log.warning("session_process_ended", company_id=self._company_id, exit_code=child.exit_code)
            self._device_known.set()
            if child.exit_code in LEASE_PASSED:
                await self._owner.lose_lease(epoch)
            lost = Event.STORE_LOST if child.exit_code == EXIT_STORE_LOST else Event.PROCESS_EXITED
            await self._owner.handle(lost, if_still=is_current)

    async def _hear(self, child: SessionChild, message: pb.Event, is_current: Condition) -> None:
        if message.WhichOneof("event") == "ready":
            absent = Event.DEVICE_MISSING if self._owner.expects_device else Event.DEVICE_ABSENT
            found = Event.DEVICE_FOUND if message.ready.paired else absent
            await self._owner.handle(found, if_still=is_current)
            self._device_known.set()
            return
        try:
            await self._heed(decode_event(message), is_current)
        except (WireError, ValueError) as error:
            log.error("session_process_incomprehensible", company_id=self._company_id, error=str(error))
            child.kill()

    async def _heed(self, event: events.Event, is_current: Condition) -> None:
        if isinstance(event, events.Paired):
            self._owner.link(Device(str(event.device), str(event.lid or ""), event.phone_number, event.name))
        if isinstance(event, events.QrIssued | events.PairCodeIssued | events.Paired | events.PairingFailed):
            self._owner.publish(event)
        meaning = meaning_of(event)
        if meaning is not None:
            await self._owner.handle(meaning[0], expires_in=meaning[1], if_still=is_current)

    async def _carry(self, child: SessionChild, backlog: Backlog, epoch: int) -> None:
        def stored(sequence: int) -> None:
            child.tell(pb.Command(stored=pb.Stored(sequence=sequence)))

        try:
            await self._journal.carry(backlog, epoch, stored)
        except LeaseLost:
            await self._owner.lose_lease(epoch)
