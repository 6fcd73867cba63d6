"""Sessions without processes: a `Sessions` whose phone network is a list.

Owns: what reached WhatsApp (`wire`), what the device store knows (`written`), and what a test wants to go wrong
(`script`). Both logs can be handed to another instance, as a restart would find them.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace

from support.gateway_messages import NOON

from wamesh.gateway.errors import SessionNotFound, not_connected
from wamesh.gateway.session.state import Reason, SessionState
from wamesh.gateway.sessions import PairingEvent, SessionSnapshot
from wamesh.whatsapp.transport import OutgoingMessage, SendOutcome, Sent, SentRecordLost

Step = Callable[["FakeSessions", OutgoingMessage], Awaitable[SendOutcome | None]]
"""Takes the place of one send: an outcome, or None to go on as usual."""


@dataclass
class Network:
    """What outlives a gateway: WhatsApp, and the device store."""

    wire: list[OutgoingMessage]
    written: dict[bytes, str]
    unlinked: bool = False
    """The device is gone, and with it what it had written down."""

    @classmethod
    def empty(cls) -> "Network":
        """Nothing was sent yet."""
        return cls([], {})

    def write_down(self, message: OutgoingMessage) -> str:
        """Gives the message its id in the device store, before the wire."""
        return self.written.setdefault(message.secret, f"id-{len(self.written) + 1}")


class FakeSessions:
    """`Sessions` for companies that a test names; they are CONNECTED with epoch 1 unless it says else."""

    def __init__(self, *company_ids: int, network: Network | None = None) -> None:
        self.network = network or Network.empty()
        self.script: deque[Step] = deque()
        self.pairing: list[PairingEvent] = []
        self.calls: list[tuple[str, int]] = []
        self._snapshots = {each: _connected(each) for each in company_ids}
        self._changed = asyncio.Event()

    def set(self, company_id: int, state: SessionState, epoch: int = 1) -> None:
        """Puts the session into a state."""
        self.set_snapshot(replace(_connected(company_id), state=state, epoch=epoch, action="Act."))

    def set_snapshot(self, snapshot: SessionSnapshot) -> None:
        """Records a session."""
        self._snapshots[snapshot.company_id] = snapshot
        self._stir()

    async def sent(self, number: int) -> None:
        """Waits until so many messages are on the wire."""
        while len(self.network.wire) < number:
            await self._changed.wait()

    def _stir(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def snapshot(self, company_id: int) -> SessionSnapshot:
        if company_id not in self._snapshots:
            raise SessionNotFound(company_id)
        return self._snapshots[company_id]

    def snapshots(self) -> list[SessionSnapshot]:
        return [self._snapshots[each] for each in sorted(self._snapshots)]

    async def start(self, company_id: int) -> SessionSnapshot:
        self._snapshots.setdefault(company_id, replace(_connected(company_id), state=SessionState.UNPAIRED))
        return self._called("start", company_id)

    async def stop(self, company_id: int) -> SessionSnapshot:
        return self._called("stop", company_id)

    async def reconnect(self, company_id: int) -> SessionSnapshot:
        return self._called("reconnect", company_id)

    async def logout(self, company_id: int) -> SessionSnapshot:
        return self._called("logout", company_id)

    async def pair(self, company_id: int, phone_number: str | None = None) -> AsyncGenerator[PairingEvent, None]:
        self.calls.append((f"pair {phone_number}", company_id))
        for event in self.pairing:
            yield event

    async def send(self, company_id: int, message: OutgoingMessage) -> SendOutcome:
        snapshot = self.snapshot(company_id)
        if snapshot.state is not SessionState.CONNECTED:
            raise not_connected(snapshot)
        if self.script:
            outcome = await self.script.popleft()(self, message)
            if outcome is not None:
                return outcome
        message_id = self.network.write_down(message)
        self.network.wire.append(message)
        self._stir()
        return Sent(message_id, NOON)

    async def find_sent(self, company_id: int, secret: bytes) -> str | None:
        if self.network.unlinked:
            raise SentRecordLost("unlinked")
        return self.network.written.get(secret)

    async def until(self, company_id: int, wanted: Callable[[SessionSnapshot], bool]) -> SessionSnapshot:
        while not wanted(self.snapshot(company_id)):
            await self._changed.wait()
        return self.snapshot(company_id)

    def _called(self, verb: str, company_id: int) -> SessionSnapshot:
        self.calls.append((verb, company_id))
        return self.snapshot(company_id)


def say(outcome: SendOutcome) -> Step:
    """The send ends like this, and nothing reaches the wire."""

    async def step(_: FakeSessions, __: OutgoingMessage) -> SendOutcome:
        return outcome

    return step


def lose(*, sent: bool, outcome: SendOutcome) -> Step:
    """The answer is lost after the id was written; `sent` tells whether the message reached the wire."""

    async def step(sessions: FakeSessions, message: OutgoingMessage) -> SendOutcome:
        sessions.network.write_down(message)
        if sent:
            sessions.network.wire.append(message)
        return outcome

    return step


class Gate:
    """A point at which somebody waits until the test lets them pass."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def pass_through(self) -> None:
        """Waits for `opened`."""
        self.reached.set()
        await self.opened.wait()

    def step(self) -> Step:
        """The send waits at the gate, then goes on as usual."""

        async def step(_: FakeSessions, __: OutgoingMessage) -> None:
            await self.pass_through()

        return step


def _connected(company_id: int) -> SessionSnapshot:
    return SessionSnapshot(company_id, SessionState.CONNECTED, Reason.LOGGED_IN, NOON, holder="gateway-a", epoch=1)
