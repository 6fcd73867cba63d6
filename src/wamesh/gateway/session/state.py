"""The words of a session's life: states, reasons, events, effects, and the session itself as a value.

How they hang together is in `table.py` (every state x event) and `machine.py` (what moves).

Owns: the vocabulary, and the policy of times. Refuses: clocks, randomness, processes, SQL. Invariant: values
only; states are few and closed, reasons are many and the set stays open.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias


class SessionState(StrEnum):
    """Where a session is in its life; the names of `wamesh.gateway.v1.SessionState` without the prefix."""

    UNPAIRED = "UNPAIRED"
    PAIRING = "PAIRING"
    CONNECTING = "CONNECTING"
    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    REPLACED = "REPLACED"
    LOGGED_OUT = "LOGGED_OUT"
    BANNED = "BANNED"
    OUTDATED = "OUTDATED"
    STOPPED = "STOPPED"

    @property
    def is_active(self) -> bool:
        """True when the session holds a lease and, as a rule, a process."""
        return self in _ACTIVE


_ACTIVE: Final = frozenset(
    {SessionState.PAIRING, SessionState.CONNECTING, SessionState.CONNECTED, SessionState.DISCONNECTED}
)


class Reason(StrEnum):
    """Why a session is in its state. Stable words; new ones may come, none is ever renamed."""

    REGISTERED = "REGISTERED"
    NO_DEVICE = "NO_DEVICE"
    OPERATOR = "OPERATOR"
    RESTORED = "RESTORED"
    RETRYING = "RETRYING"
    LOGGED_IN = "LOGGED_IN"
    KEEP_ALIVE_LOST = "KEEP_ALIVE_LOST"
    NETWORK_LOST = "NETWORK_LOST"
    NETWORK_NOT_FOUND = "NETWORK_NOT_FOUND"
    DIAL_FAILED = "DIAL_FAILED"
    DIAL_TIMED_OUT = "DIAL_TIMED_OUT"
    PROCESS_CRASHED = "PROCESS_CRASHED"
    PROCESS_HUNG = "PROCESS_HUNG"
    CRASH_LOOP = "CRASH_LOOP"
    DEVICE_MISSING = "DEVICE_MISSING"
    HELD_ELSEWHERE = "HELD_ELSEWHERE"
    NO_HOLDER = "NO_HOLDER"
    LEASE_LOST = "LEASE_LOST"
    STORE_LOST = "STORE_LOST"
    CONNECTION_REPLACED = "CONNECTION_REPLACED"
    DEVICE_REMOVED = "DEVICE_REMOVED"
    LOGIN_REFUSED = "LOGIN_REFUSED"
    TEMPORARY_BAN = "TEMPORARY_BAN"
    CLIENT_OUTDATED = "CLIENT_OUTDATED"
    CODES_OFFERED = "CODES_OFFERED"
    PAIRED = "PAIRED"
    ALREADY_PAIRED = "ALREADY_PAIRED"
    PAIRING_TIMED_OUT = "PAIRING_TIMED_OUT"
    PAIRING_FAILED = "PAIRING_FAILED"
    PAIRING_CANCELLED = "PAIRING_CANCELLED"


class Event(StrEnum):
    """Everything that can happen to a session."""

    # An operator's verbs.
    START = "START"
    STOP = "STOP"
    RECONNECT = "RECONNECT"
    LOGOUT = "LOGOUT"
    PAIR = "PAIR"
    CANCEL_PAIRING = "CANCEL_PAIRING"
    # The gateway's own.
    RESTORE = "RESTORE"  # the gateway started and found this session in the store
    WAKE = "WAKE"  # `wake_time` has come
    LEASE_REFUSED = "LEASE_REFUSED"  # another gateway holds the company
    LEASE_LOST = "LEASE_LOST"  # it was ours, and is not any more
    STORE_LOST = "STORE_LOST"  # the database cannot tell who holds the company
    NETWORK_NOT_FOUND = "NETWORK_NOT_FOUND"  # what tells where the network is does not answer; no process was started
    # The session process's.
    DEVICE_FOUND = "DEVICE_FOUND"  # it is up, and its store holds a linked device
    DEVICE_ABSENT = "DEVICE_ABSENT"  # it is up, and no device is linked
    DEVICE_MISSING = "DEVICE_MISSING"  # the same, though the session was linked to one: the store is not the right one
    UNLINKED = "UNLINKED"  # the logout an operator asked for is done
    PROCESS_EXITED = "PROCESS_EXITED"  # it ended unasked; a killed one does not count
    PROCESS_HUNG = "PROCESS_HUNG"  # it lives and does not answer
    # WhatsApp's.
    PAIRED = "PAIRED"
    PAIRING_FAILED = "PAIRING_FAILED"
    CONNECTED = "CONNECTED"
    NETWORK_LOST = "NETWORK_LOST"  # the library redials by itself
    DIAL_ENDED = "DIAL_ENDED"  # the library has given up
    KEEP_ALIVE_LOST = "KEEP_ALIVE_LOST"
    KEEP_ALIVE_RESTORED = "KEEP_ALIVE_RESTORED"
    REPLACED = "REPLACED"
    LOGGED_OUT = "LOGGED_OUT"
    LOGIN_REFUSED = "LOGIN_REFUSED"
    BANNED = "BANNED"
    OUTDATED = "OUTDATED"


OPERATOR_EVENTS: Final = frozenset(
    {Event.START, Event.STOP, Event.RECONNECT, Event.LOGOUT, Event.PAIR, Event.CANCEL_PAIRING}
)


class Do(StrEnum):
    """An effect without arguments. The supervisor carries effects out in the order given."""

    ACQUIRE = "ACQUIRE"
    """Get the lease if it is not held; when another gateway holds it, skip the rest and tell LEASE_REFUSED."""
    PERSIST = "PERSIST"
    """Write the session to the store."""
    SPAWN = "SPAWN"
    """Start a process in place of any that runs."""
    DIAL = "DIAL"
    """Tell the process to connect, which pairs when it has no device."""
    UNLINK = "UNLINK"
    """Tell the process to log the device out, then tell UNLINKED."""
    KILL = "KILL"
    """End the process, if there is one."""
    RELEASE = "RELEASE"
    """Give the lease up."""


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Tell WAKE at `time`, and forget any time set before; None: only forget."""

    time: datetime | None


class Refusal(StrEnum):
    """Why a verb is refused: the state itself, or something more exact."""

    STATE = "STATE"
    ALREADY_PAIRED = "ALREADY_PAIRED"
    PAIRING_IN_PROGRESS = "PAIRING_IN_PROGRESS"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Tell the operator no; nothing changed."""

    why: Refusal = Refusal.STATE


Effect: TypeAlias = Do | WakeAt | Refuse


@dataclass(frozen=True, slots=True)
class Session:
    """One company's session: what persists, and what its timing needs.

    `since` is when it came to `state` (a new reason keeps it). `wake_time` is the one timer. `attempt` counts
    the tries since the last stable connection, `crashes` are the times of crashes inside the window, oldest
    first.
    """

    state: SessionState
    reason: Reason
    since: datetime
    wake_time: datetime | None = None
    attempt: int = 0
    crashes: tuple[datetime, ...] = ()

    @property
    def retry_time(self) -> datetime | None:
        """When it tries again by itself (DISCONNECTED), or when its ban ends (BANNED); else None."""
        return self.wake_time if self.state in (SessionState.DISCONNECTED, SessionState.BANNED) else None

    @property
    def may_send(self) -> bool:
        """True when Send works."""
        return self.state is SessionState.CONNECTED


@dataclass(frozen=True, slots=True)
class Policy:
    """The times of a session's life. Delays grow from `first_retry` by doubling up to `longest_retry`.

    `redial_grace`: how long the library may redial by itself before the process is replaced. `standby_retry`:
    how often, at least, the lease is asked for while it cannot be had. `stable_after`: how long a connection
    must have held for the next loss to start again at the first delay. More than `crash_limit` crashes within
    `crash_window` stop the session.
    """

    first_retry: timedelta = timedelta(seconds=1)
    longest_retry: timedelta = timedelta(minutes=5)
    redial_grace: timedelta = timedelta(minutes=1)
    dial_timeout: timedelta = timedelta(seconds=90)
    pairing_timeout: timedelta = timedelta(minutes=3)
    standby_retry: timedelta = timedelta(seconds=5)
    stable_after: timedelta = timedelta(minutes=1)
    crash_limit: int = 5
    crash_window: timedelta = timedelta(minutes=10)

    def retry_delay(self, attempt: int, jitter: float) -> timedelta:
        """The delay before try number `attempt` (from 0): between half and all of the doubled delay."""
        doubled = self.first_retry * float(2 ** min(attempt, 24))
        return min(doubled, self.longest_retry) * (0.5 + 0.5 * jitter)


DEFAULT_POLICY: Final = Policy()


def unheld(stored: Session) -> Session:
    """The session as it is while no gateway holds it, whatever its last holder wrote."""
    if not stored.state.is_active:
        return stored
    return Session(SessionState.DISCONNECTED, Reason.NO_HOLDER, stored.since)


def registered(now: datetime) -> Session:
    """The session of a company that was never seen before."""
    return Session(SessionState.UNPAIRED, Reason.REGISTERED, now)
