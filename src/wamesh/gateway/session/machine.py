"""How a session moves: the table's cell for state and event, turned into the next session and its effects.

Pure. `advance` is the only way a session ever changes; `advice` says in words what an operator should do
about one.

Owns: counting of retries and crashes, the one timer, the order of effects. Refuses: clocks and randomness
(both are handed in). Invariant: `advance` is total and never raises; a refused verb changes nothing.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from wamesh.gateway.session.state import (
    DEFAULT_POLICY,
    Do,
    Effect,
    Event,
    Policy,
    Reason,
    Refuse,
    Session,
    SessionState,
    WakeAt,
)
from wamesh.gateway.session.table import REFUSE, TABLE, Crash, Go, OnceExpired, Stay

_ADVICE_BY_REASON: Final[dict[Reason, str]] = {
    Reason.CRASH_LOOP: "Its process crashed again and again: read the gateway's log, then StartSession.",
    Reason.ALREADY_PAIRED: "A device is linked: StartSession connects it.",
    Reason.DEVICE_MISSING: "Its device is not in this gateway's device store: give the gateway the data directory or "
    "database that it was linked with, then StartSession; or link anew with Pair.",
    Reason.HELD_ELSEWHERE: "Another gateway holds this company; this one takes over when that one ends.",
    Reason.NO_HOLDER: "No gateway holds it since its last one ended; one takes it over within seconds.",
    Reason.STORE_LOST: "The gateway's database does not answer: see to it.",
    Reason.NETWORK_NOT_FOUND: "What tells where the network is does not answer: the gateway's log names it.",
    Reason.KEEP_ALIVE_LOST: "WhatsApp does not answer keep-alives: watch the network.",
}

_WAITS_FOR_LEASE: Final = frozenset({Reason.HELD_ELSEWHERE, Reason.STORE_LOST})

ADVICE: Final[dict[SessionState, str]] = {
    SessionState.UNPAIRED: "Link a device with Pair.",
    SessionState.PAIRING: "Scan the code with the WhatsApp app of the company's phone.",
    SessionState.CONNECTING: "",
    SessionState.CONNECTED: "",
    SessionState.DISCONNECTED: "",
    SessionState.REPLACED: "Another client took this number: find and stop it, then Reconnect.",
    SessionState.LOGGED_OUT: "The device is unlinked: link one with Pair.",
    SessionState.BANNED: "WhatsApp banned the number for a time: wait for its end, then Reconnect.",
    SessionState.OUTDATED: "WhatsApp refuses this client version: upgrade wamesh, then StartSession.",
    SessionState.STOPPED: "StartSession starts it again.",
}
"""What an operator should do about a session in this state, unless its reason says something more exact."""


def advice(session: Session) -> str:
    """What an operator should do, in words; empty when nothing is needed."""
    return _ADVICE_BY_REASON.get(session.reason) or ADVICE[session.state]


def advance(
    session: Session,
    event: Event,
    now: datetime,
    *,
    jitter: float = 0.5,
    expires_in: timedelta | None = None,
    policy: Policy = DEFAULT_POLICY,
) -> tuple[Session, tuple[Effect, ...]]:
    """Returns the session after `event` and the effects to carry out, in order. Never raises.

    `now` is aware UTC. `jitter` in [0, 1) spreads retries. `expires_in` comes with BANNED: how long, None
    when WhatsApp did not tell.
    """
    cell = TABLE[session.state][event]
    if isinstance(cell, OnceExpired):
        cell = cell.go if session.wake_time is None or session.wake_time <= now else REFUSE
    if isinstance(cell, Refuse):
        return session, (cell,)
    if isinstance(cell, Stay):
        return session, cell.does
    if isinstance(cell, Crash):
        session = _with_crash(session, now, policy)
        cell = _after_crash(session, cell, policy)
    moved = _counted(session, _timed(_moved(session, cell, now, policy), now, jitter, expires_in, policy))
    return moved, _effects(session, moved, cell)


def _with_crash(session: Session, now: datetime, policy: Policy) -> Session:
    recent = tuple(time for time in session.crashes if now - time < policy.crash_window)
    return replace(session, crashes=(*recent, now))


def _after_crash(session: Session, cell: Crash, policy: Policy) -> Go:
    if len(session.crashes) > policy.crash_limit:
        return Go(SessionState.STOPPED, Reason.CRASH_LOOP)
    return Go(SessionState.DISCONNECTED, cell.reason, (Do.KILL,))


def _moved(session: Session, go: Go, now: datetime, policy: Policy) -> Session:
    """The session in its new place, its timer not set yet; retries are counted, stability forgives them."""
    changed = session.state is not go.state or go.reason is Reason.RESTORED
    since = now if changed else session.since
    attempt = session.attempt
    if session.state is SessionState.CONNECTED and now - session.since >= policy.stable_after:
        attempt = 0
    crashes = () if go.reason is Reason.OPERATOR else session.crashes
    if go.reason is Reason.OPERATOR or not go.state.is_active:
        attempt = 0
    return Session(go.state, go.reason, since, None, attempt, crashes)


def _timed(moved: Session, now: datetime, jitter: float, expires_in: timedelta | None, policy: Policy) -> Session:
    """The moved session with its timer, as its state means it."""
    match moved.state:
        case SessionState.PAIRING:
            return replace(moved, wake_time=now + policy.pairing_timeout)
        case SessionState.CONNECTING:
            return replace(moved, wake_time=now + policy.dial_timeout)
        case SessionState.DISCONNECTED:
            delay = _retry_delay(moved, jitter, policy)
            return replace(moved, wake_time=now + delay)
        case SessionState.BANNED:
            return replace(moved, wake_time=None if expires_in is None else now + expires_in)
        case _:
            return moved


def _counted(before: Session, after: Session) -> Session:
    """Counts the try that DISCONNECTED waits for. A connection that is lost is none: the library redials by itself,
    and a flapping network must not make a later crash wait for minutes.
    """
    redials = before.state is SessionState.CONNECTED and after.reason is Reason.NETWORK_LOST
    if after.state is not SessionState.DISCONNECTED or redials:
        return after
    return replace(after, attempt=after.attempt + 1)


def _retry_delay(session: Session, jitter: float, policy: Policy) -> timedelta:
    delay = policy.retry_delay(session.attempt, jitter)
    if session.reason is Reason.NETWORK_LOST:
        return max(delay, policy.redial_grace)
    if session.reason in _WAITS_FOR_LEASE:
        return min(delay, policy.standby_retry)
    return delay


def _effects(before: Session, after: Session, go: Go) -> tuple[Effect, ...]:
    """Lease first, then the record, then the process, then the timer (facts 1 and 2)."""
    effects: list[Effect] = []
    if Do.SPAWN in go.does:
        effects.append(Do.ACQUIRE)
    if (before.state, before.reason, before.retry_time) != (after.state, after.reason, after.retry_time):
        effects.append(Do.PERSIST)
    effects.extend(go.does)
    if not after.state.is_active:
        effects.extend((Do.KILL, Do.RELEASE))
    if after.wake_time != before.wake_time:
        effects.append(WakeAt(after.wake_time))
    return tuple(effects)
