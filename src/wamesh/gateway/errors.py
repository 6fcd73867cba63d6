"""The refusals of the gateway, each named as `ErrorReason` of `wamesh.gateway.v1` names it.

    SessionNotFound              the company has no session; register it with StartSession or Pair
    SessionNotConnected          one subclass a state: SESSION_UNPAIRED, SESSION_REPLACED, ...
    AlreadyPaired                Pair was asked of a company that has a linked device
    PairingInProgress            another Pair of the company is under way
    LeaseLost                    somebody else holds the company's session: NOT_HOLDER
    HolderUnreachable            the gateway that a call was forwarded to does not answer
    SessionProcessUnavailable    the session's process is gone or did not answer
    Draining                     this gateway is stopping

Owns the sentences and their metadata. Invariant: every dynamic word of a sentence is also in the metadata.
"""

from datetime import timedelta
from typing import Final

from wamesh.errors import FailedPrecondition, NotFound, Unavailable
from wamesh.gateway.session.state import SessionState
from wamesh.gateway.sessions import SessionSnapshot


class SessionNotFound(NotFound):
    """The gateway has no session for the company."""

    reason = "SESSION_NOT_FOUND"

    def __init__(self, company_id: int) -> None:
        sentence = f"Company {company_id} has no session; register it with StartSession or Pair."
        super().__init__("session", str(company_id), sentence)


class SessionNotConnected(FailedPrecondition):
    """The session is in a state that forbids the call; the subclass, and so the reason, names the state."""

    def __init__(self, session: SessionSnapshot) -> None:
        since = session.since.isoformat(timespec="seconds")
        facts = {
            "company_id": str(session.company_id),
            "state": session.state.value,
            "session_reason": session.reason.value,
            "since": since,
            "action": session.action,
        }
        if session.retry_time is not None:
            key = "expiry" if session.state is SessionState.BANNED else "retry_time"
            facts[key] = session.retry_time.isoformat(timespec="seconds")
        sentence = f"Company {session.company_id} is {session.state.value} since {since}. {session.action}"
        super().__init__(sentence.rstrip(), facts)
        self.state = session.state


class SessionUnpaired(SessionNotConnected):
    """No device is linked."""

    reason = "SESSION_UNPAIRED"


class SessionPairing(SessionNotConnected):
    """QR codes are on offer."""

    reason = "SESSION_PAIRING"


class SessionConnecting(SessionNotConnected):
    """The session is dialing or logging in."""

    reason = "SESSION_CONNECTING"


class SessionDisconnected(SessionNotConnected):
    """The connection is lost; it comes back by itself."""

    reason = "SESSION_DISCONNECTED"


class SessionReplaced(SessionNotConnected):
    """Another client took the session; it stays down until Reconnect."""

    reason = "SESSION_REPLACED"


class SessionLoggedOut(SessionNotConnected):
    """The device was unlinked, or its login refused."""

    reason = "SESSION_LOGGED_OUT"


class SessionBanned(SessionNotConnected):
    """WhatsApp banned the number for a time; metadata `expiry` is the end, when WhatsApp told it."""

    reason = "SESSION_BANNED"


class SessionOutdated(SessionNotConnected):
    """WhatsApp refuses this client version."""

    reason = "SESSION_OUTDATED"


class SessionStopped(SessionNotConnected):
    """An operator, or a crash loop, stopped the session."""

    reason = "SESSION_STOPPED"


NOT_CONNECTED: Final[dict[SessionState, type[SessionNotConnected]]] = {
    SessionState.UNPAIRED: SessionUnpaired,
    SessionState.PAIRING: SessionPairing,
    SessionState.CONNECTING: SessionConnecting,
    SessionState.DISCONNECTED: SessionDisconnected,
    SessionState.REPLACED: SessionReplaced,
    SessionState.LOGGED_OUT: SessionLoggedOut,
    SessionState.BANNED: SessionBanned,
    SessionState.OUTDATED: SessionOutdated,
    SessionState.STOPPED: SessionStopped,
}
"""The refusal of each state in which Send does not work: all but CONNECTED."""


def not_connected(session: SessionSnapshot) -> SessionNotConnected:
    """The refusal that a session's state is, unless it is CONNECTED."""
    return NOT_CONNECTED[session.state](session)


class AlreadyPaired(FailedPrecondition):
    """The company has a linked device."""

    reason = "ALREADY_PAIRED"

    def __init__(self, company_id: int) -> None:
        sentence = f"Company {company_id} has a linked device; call Logout first to link another one."
        super().__init__(sentence, {"company_id": str(company_id)})


class PairingInProgress(FailedPrecondition):
    """Somebody else is pairing this company right now."""

    reason = "PAIRING_IN_PROGRESS"

    def __init__(self, company_id: int) -> None:
        sentence = f"Another Pair of company {company_id} is under way; wait for it or end it."
        super().__init__(sentence, {"company_id": str(company_id)})


class LeaseLost(Unavailable):
    """The epoch is not the company's current one: somebody else holds, or held, the session since."""

    reason = "NOT_HOLDER"

    def __init__(self, company_id: int, holder: str = "") -> None:
        who = f"{holder} is" if holder else "try again"
        sentence = f"This gateway is not the holder of company {company_id}; {who}."
        super().__init__(sentence, timedelta(seconds=1), {"company_id": str(company_id), "holder": holder})


class HolderUnreachable(Unavailable):
    """The gateway that holds the company's session, or should, does not answer."""

    reason = "HOLDER_UNREACHABLE"

    def __init__(self, company_id: int, holder: str) -> None:
        sentence = f"The gateway at {holder}, which serves company {company_id}, does not answer; try again."
        super().__init__(sentence, timedelta(seconds=1), {"company_id": str(company_id), "holder": holder})


class SessionProcessUnavailable(Unavailable):
    """The session's process is gone, or did not answer in time."""

    reason = "SESSION_PROCESS_UNAVAILABLE"

    def __init__(self, company_id: int) -> None:
        sentence = f"The session process of company {company_id} did not answer; try again."
        super().__init__(sentence, timedelta(seconds=1), {"company_id": str(company_id)})


class Draining(Unavailable):
    """This gateway is stopping; its successor answers in a moment."""

    reason = "DRAINING"

    def __init__(self) -> None:
        super().__init__("This gateway is stopping; try again in a moment.", timedelta(seconds=1))
