"""The health of sessions, from recorded facts alone.

Owns: how many sends of a company came to an outcome lately, and which of them succeeded. Refuses: asking
anybody anything; a probe that cannot touch a socket cannot cause what it reports. Invariant: what it
remembers is bounded by the window, not by the traffic.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from wamesh.gateway.sessions import SessionSnapshot

WINDOW: Final = timedelta(minutes=5)
_BUCKET: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Sends:
    """How many sends finished within the window, and how many of them WhatsApp's server acked."""

    finished: int = 0
    succeeded: int = 0


@dataclass(slots=True)
class _Bucket:
    begin: datetime
    finished: int = 0
    succeeded: int = 0


class SendLog:
    """Counts of finished sends, one bucket a second and company, since this gateway started."""

    def __init__(self, window: timedelta = WINDOW) -> None:
        self._window = window
        self._buckets: dict[int, deque[_Bucket]] = {}

    def record(self, company_id: int, succeeded: bool, now: datetime) -> None:
        """A send came to its outcome."""
        buckets = self._buckets.setdefault(company_id, deque())
        self._forget(buckets, now)
        if not buckets or now - buckets[-1].begin >= _BUCKET:
            buckets.append(_Bucket(now))
        buckets[-1].finished += 1
        buckets[-1].succeeded += succeeded

    def lately(self, company_id: int, now: datetime) -> Sends:
        """The counts of the window that ends now."""
        buckets = self._buckets.get(company_id, deque())
        self._forget(buckets, now)
        return Sends(sum(each.finished for each in buckets), sum(each.succeeded for each in buckets))

    def _forget(self, buckets: deque[_Bucket], now: datetime) -> None:
        while buckets and now - buckets[0].begin >= self._window:
            buckets.popleft()


@dataclass(frozen=True, slots=True)
class SessionHealth:
    """What is known about one session; ages are None when the thing never happened since this gateway
    started.
    """

    session: SessionSnapshot
    last_inbound_age: timedelta | None
    last_ack_age: timedelta | None
    sends: Sends


def health_of(session: SessionSnapshot, sends: Sends, now: datetime) -> SessionHealth:
    """Puts the recorded facts together."""
    return SessionHealth(session, _age(session.last_inbound_time, now), _age(session.last_ack_time, now), sends)


def _age(moment: datetime | None, now: datetime) -> timedelta | None:
    return None if moment is None else max(now - moment, timedelta(0))
