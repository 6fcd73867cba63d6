"""How patient the outbox is, and what it asks of sessions.

Owns: the times, as one value that the composition picks. Refuses: to wait. Invariant: every message that the outbox
accepts has a moment at which it is given up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from wamesh.errors import Unavailable
from wamesh.gateway.errors import LeaseLost, SessionNotConnected, not_connected
from wamesh.gateway.messages import Draft
from wamesh.gateway.outbox.pacing import UNLIMITED, PacePolicy
from wamesh.gateway.session.state import SessionState
from wamesh.gateway.sessions import Sessions, SessionSnapshot


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """Patience. `doubt_time`: how long a receipt may prove a send that is in doubt. `queue_time`: how long a
    message that may queue waits for a session; `recovery_time` the same for one that may not, but was accepted
    before a crash. `tries`: how often a send that surely did not happen is tried while the session is connected,
    with a `pause` in between. `pace`: the limits of each number.
    """

    doubt_time: timedelta = timedelta(minutes=1)
    queue_time: timedelta = timedelta(hours=24)
    recovery_time: timedelta = timedelta(minutes=5)
    tries: int = 3
    pause: timedelta = timedelta(seconds=1)
    pace: PacePolicy = UNLIMITED

    def expiry_of(self, draft: Draft, now: datetime) -> datetime:
        """When a message that is accepted now is given up unless it has begun to be sent."""
        if draft.expire_time is not None:
            return draft.expire_time
        return (draft.schedule_time or now) + (self.queue_time if draft.may_queue else self.recovery_time)


DEFAULT_POLICY: Final = OutboxPolicy()


class PatientSessions(Sessions, Protocol):
    """`Sessions` that can be waited for."""

    async def until(self, company_id: int, wanted: Callable[[SessionSnapshot], bool]) -> SessionSnapshot:
        """Waits until the company's session is as wanted and returns it. Raises SessionNotFound."""
        ...


def is_connected(snapshot: SessionSnapshot) -> bool:
    """True in the one state in which Send works."""
    return snapshot.state is SessionState.CONNECTED


def refusal_of(snapshot: SessionSnapshot) -> SessionNotConnected | Unavailable:
    """What Send answers in this state; of a session that is connected, where this gateway is not its holder."""
    if snapshot.state is SessionState.CONNECTED:
        return LeaseLost(snapshot.company_id, snapshot.holder)
    return not_connected(snapshot)
