"""The life of one company's session as one table: every state x event.

Theory. A session is a value. Everything that happens to it arrives as an `Event`: what an operator asks, what
the gateway learns (its start, the lease, the timer), what the session process does, what WhatsApp says.
`session_machine.advance` looks the pair up in `TABLE` and returns the next session and the effects to carry
out, as data and in order. Whoever performs effects (the supervisor) decides nothing.

Five facts carry the rest:

1. PAIRING, CONNECTING, CONNECTED and DISCONNECTED are *active*: the session has a lease, and as a rule a
   process. All others are at *rest*. Coming to rest always kills the process and then releases the lease;
   leaving rest always acquires the lease first. Nothing at rest has a timer that acts, so rest is left by
   operators only (and, for OUTDATED, by a new start of the gateway, since an upgrade needs one).
2. A change is persisted *before* the process is touched. A crash in between finds the truth: a session that
   was replaced is never dialed again because the gateway died while it learned so.
3. There is one timer, `wake_time`, and its meaning is the state's: the end of a pairing, the end of a dial,
   the next try. Setting it anew forgets the old one, so no stale timer can fire into another state.
4. Time lost is a retry with exponential backoff and jitter, counted in `attempt`; only a connection that held
   for `stable_after` resets the count, or a flapping one would dial at the fastest pace for ever. A process
   that ends by itself is a crash besides, and too many crashes in a window stop the session.
5. Events of a process that was killed may still be under way. In every state where an event of the machinery
   cannot matter any more it is `LATE`: ignored. A verb of an operator is never ignored silently: it moves, is
   already so (`STAY`), or is refused.

Owns: the table, as data; `scripts/draw_states` draws docs/session-states.md from it. Refuses: to compute.
Invariant: the table is total, and only RECONNECT leaves REPLACED.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from wamesh.gateway.session.state import Do, Event, Reason, Refusal, Refuse, SessionState


@dataclass(frozen=True, slots=True)
class Go:
    """Move to `state` for `reason`; `does` are the effects besides those that follow from fact 1."""

    state: SessionState
    reason: Reason
    does: tuple[Do, ...] = ()


@dataclass(frozen=True, slots=True)
class Crash:
    """Retry like `Go(DISCONNECTED, reason)`, or STOPPED for CRASH_LOOP when crashes are too many."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class OnceExpired:
    """Refused until `retry_time` has passed; then `go`."""

    go: Go


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing changes; `does` is done all the same. `late`: the event speaks of what is over."""

    does: tuple[Do, ...] = ()
    late: bool = False


Cell: TypeAlias = Go | Crash | OnceExpired | Stay | Refuse

STAY: Final = Stay()
LATE: Final = Stay(late=True)
REFUSE: Final = Refuse()
REFUSE_PAIRED: Final = Refuse(Refusal.ALREADY_PAIRED)

_S, _R, _E = SessionState, Reason, Event
_CONNECT: Final = Go(_S.CONNECTING, _R.OPERATOR, (Do.SPAWN,))
_RESTORE: Final = Go(_S.CONNECTING, _R.RESTORED, (Do.SPAWN,))
_PAIR: Final = Go(_S.PAIRING, _R.CODES_OFFERED, (Do.SPAWN,))
_STOP: Final = Go(_S.STOPPED, _R.OPERATOR)
_CANCEL: Final = Go(_S.UNPAIRED, _R.PAIRING_CANCELLED)


def _retry(reason: Reason, *does: Do) -> Go:
    return Go(_S.DISCONNECTED, reason, does)


_WHATSAPP_ENDS_IT: Final[dict[Event, Cell]] = {
    _E.REPLACED: Go(_S.REPLACED, _R.CONNECTION_REPLACED),
    _E.LOGGED_OUT: Go(_S.LOGGED_OUT, _R.DEVICE_REMOVED),
    _E.LOGIN_REFUSED: Go(_S.LOGGED_OUT, _R.LOGIN_REFUSED),
    _E.BANNED: Go(_S.BANNED, _R.TEMPORARY_BAN),
    _E.OUTDATED: Go(_S.OUTDATED, _R.CLIENT_OUTDATED),
    _E.UNLINKED: Go(_S.LOGGED_OUT, _R.OPERATOR),
}

_LOST_WHILE_LINKED: Final[dict[Event, Cell]] = {
    _E.LEASE_REFUSED: _retry(_R.HELD_ELSEWHERE, Do.KILL),
    _E.LEASE_LOST: _retry(_R.LEASE_LOST, Do.KILL),
    _E.STORE_LOST: _retry(_R.STORE_LOST, Do.KILL),
    _E.PROCESS_EXITED: Crash(_R.PROCESS_CRASHED),
    _E.PROCESS_HUNG: Crash(_R.PROCESS_HUNG),
    _E.DIAL_ENDED: _retry(_R.DIAL_FAILED, Do.KILL),
    **_WHATSAPP_ENDS_IT,
}

_ROWS: Final[dict[SessionState, dict[Event, Cell]]] = {
    # No device linked. START asks a process whether that is still so: the device may be there, its news lost.
    _S.UNPAIRED: {
        _E.START: _CONNECT,
        _E.STOP: STAY,
        _E.RECONNECT: REFUSE,
        _E.LOGOUT: STAY,
        _E.PAIR: _PAIR,
        _E.CANCEL_PAIRING: STAY,
        _E.RESTORE: STAY,
    },
    # Codes on offer. Only a scan leads on; every failure leads back, and nothing is tried again by itself.
    _S.PAIRING: {
        _E.START: REFUSE,
        _E.STOP: _CANCEL,
        _E.RECONNECT: REFUSE,
        _E.LOGOUT: _CANCEL,
        _E.PAIR: Refuse(Refusal.PAIRING_IN_PROGRESS),
        _E.CANCEL_PAIRING: _CANCEL,
        _E.RESTORE: _RESTORE,  # the gateway died meanwhile: perhaps after the scan
        _E.WAKE: Go(_S.UNPAIRED, _R.PAIRING_TIMED_OUT),
        _E.LEASE_REFUSED: Go(_S.UNPAIRED, _R.HELD_ELSEWHERE),
        _E.LEASE_LOST: Go(_S.UNPAIRED, _R.LEASE_LOST),
        _E.STORE_LOST: Go(_S.UNPAIRED, _R.STORE_LOST),
        _E.NETWORK_NOT_FOUND: Go(_S.UNPAIRED, _R.NETWORK_NOT_FOUND),
        _E.DEVICE_ABSENT: Stay((Do.DIAL,)),
        _E.DEVICE_MISSING: Stay((Do.DIAL,)),
        _E.DEVICE_FOUND: Go(_S.STOPPED, _R.ALREADY_PAIRED),  # Pair is no way to connect
        _E.PROCESS_EXITED: Go(_S.UNPAIRED, _R.PROCESS_CRASHED),
        _E.PROCESS_HUNG: Go(_S.UNPAIRED, _R.PROCESS_HUNG),
        _E.PAIRED: Go(_S.CONNECTING, _R.PAIRED),
        _E.PAIRING_FAILED: Go(_S.UNPAIRED, _R.PAIRING_FAILED),
        _E.DIAL_ENDED: Go(_S.UNPAIRED, _R.DIAL_FAILED),
        _E.NETWORK_LOST: Go(_S.UNPAIRED, _R.NETWORK_LOST),
        _E.CONNECTED: Go(_S.CONNECTED, _R.LOGGED_IN),
        **_WHATSAPP_ENDS_IT,
    },
    # A process is being started, dials or logs in. WAKE is the end of its patience.
    _S.CONNECTING: {
        _E.START: STAY,
        _E.STOP: _STOP,
        _E.RECONNECT: STAY,
        _E.LOGOUT: REFUSE,
        _E.PAIR: REFUSE_PAIRED,
        _E.CANCEL_PAIRING: STAY,
        _E.RESTORE: _RESTORE,
        _E.WAKE: _retry(_R.DIAL_TIMED_OUT, Do.KILL),
        _E.NETWORK_NOT_FOUND: _retry(_R.NETWORK_NOT_FOUND, Do.KILL),
        _E.DEVICE_FOUND: Stay((Do.DIAL,)),
        _E.DEVICE_ABSENT: Go(_S.UNPAIRED, _R.NO_DEVICE),
        _E.DEVICE_MISSING: Go(_S.STOPPED, _R.DEVICE_MISSING),  # no reason to forget the number
        _E.CONNECTED: Go(_S.CONNECTED, _R.LOGGED_IN),
        _E.NETWORK_LOST: _retry(_R.NETWORK_LOST),
        **_LOST_WHILE_LINKED,
    },
    # Logged in: the one state in which Send works.
    _S.CONNECTED: {
        _E.START: STAY,
        _E.STOP: _STOP,
        _E.RECONNECT: STAY,
        _E.LOGOUT: Stay((Do.UNLINK,)),
        _E.PAIR: REFUSE_PAIRED,
        _E.CANCEL_PAIRING: STAY,
        _E.RESTORE: _RESTORE,
        _E.CONNECTED: Go(_S.CONNECTED, _R.LOGGED_IN),  # a redial that nobody told of
        _E.NETWORK_LOST: _retry(_R.NETWORK_LOST),
        _E.KEEP_ALIVE_LOST: Go(_S.CONNECTED, _R.KEEP_ALIVE_LOST),  # sends may still work
        _E.KEEP_ALIVE_RESTORED: Go(_S.CONNECTED, _R.LOGGED_IN),
        **_LOST_WHILE_LINKED,
    },
    # Waits for WAKE. After NETWORK_LOST the process lives and redials by itself: first come, first served.
    _S.DISCONNECTED: {
        _E.START: _CONNECT,
        _E.STOP: _STOP,
        _E.RECONNECT: _CONNECT,
        _E.LOGOUT: REFUSE,
        _E.PAIR: REFUSE_PAIRED,
        _E.CANCEL_PAIRING: STAY,
        _E.RESTORE: _RESTORE,
        _E.WAKE: Go(_S.CONNECTING, _R.RETRYING, (Do.SPAWN,)),
        _E.CONNECTED: Go(_S.CONNECTED, _R.LOGGED_IN),
        _E.NETWORK_LOST: STAY,
        **_LOST_WHILE_LINKED,
    },
    # Another client took the session. A restart, a timer or a script that starts sessions must not take it
    # back.
    _S.REPLACED: {
        _E.START: REFUSE,
        _E.STOP: STAY,
        _E.RECONNECT: _CONNECT,
        _E.LOGOUT: REFUSE,
        _E.PAIR: REFUSE_PAIRED,
        _E.CANCEL_PAIRING: STAY,
        _E.RESTORE: STAY,
    },
    _S.LOGGED_OUT: {
        _E.START: REFUSE,
        _E.STOP: STAY,
        _E.RECONNECT: REFUSE,
        _E.LOGOUT: STAY,
        _E.PAIR: _PAIR,
        _E.CANCEL_PAIRING: STAY,
        _E.RESTORE: STAY,
        _E.UNLINKED: Go(_S.LOGGED_OUT, _R.OPERATOR),  # WhatsApp's own news of it came first
    },
    _S.BANNED: {
        _E.START: OnceExpired(_CONNECT),
        _E.STOP: STAY,
        _E.RECONNECT: OnceExpired(_CONNECT),
        _E.LOGOUT: REFUSE,
        _E.PAIR: REFUSE_PAIRED,
        _E.CANCEL_PAIRING: STAY,
        _E.RESTORE: STAY,
    },
    # This client version is refused. An upgrade restarts the gateway: one try for each start.
    _S.OUTDATED: {
        _E.START: _CONNECT,
        _E.STOP: STAY,
        _E.RECONNECT: _CONNECT,
        _E.LOGOUT: REFUSE,
        _E.PAIR: REFUSE_PAIRED,
        _E.CANCEL_PAIRING: STAY,
        _E.RESTORE: _RESTORE,
    },
    _S.STOPPED: {
        _E.START: _CONNECT,
        _E.STOP: STAY,
        _E.RECONNECT: REFUSE,
        _E.LOGOUT: REFUSE,
        _E.PAIR: _PAIR,  # refused as ALREADY_PAIRED as soon as the process finds a device
        _E.CANCEL_PAIRING: STAY,
        _E.RESTORE: STAY,
    },
}

TABLE: Final[dict[SessionState, dict[Event, Cell]]] = {
    state: {event: _ROWS[state].get(event, LATE) for event in Event} for state in SessionState
}
"""The whole table: what `_ROWS` does not name is LATE (fact 5)."""
