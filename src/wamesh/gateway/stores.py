"""What the life of a session needs stored: the sessions themselves, their leases, and the gateways that are alive.

Owns: three narrow ports. Refuses: SQL. Invariant: every write about a session carries an epoch, and one that is
older than the newest known is refused.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from wamesh.gateway.fleet.lease import Acquired
from wamesh.gateway.fleet.placement import Member
from wamesh.gateway.session.state import Session


@dataclass(frozen=True, slots=True)
class Device:
    """The linked device; all empty while there is none. `address` is its JID, `phone_number` is E.164."""

    address: str = ""
    lid: str = ""
    phone_number: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session's row. Retries and crashes are not in it: a new gateway starts counting anew."""

    company_id: int
    epoch: int
    session: Session
    device: Device = Device()


@dataclass(frozen=True, slots=True)
class PlacedSession:
    """A session's row with the lease beside it; the epoch of `stored` is the company's current one.

    `holder` and `address` are those of a valid lease, empty while nobody holds it; `unheld_for` tells for how long that
    has been so, zero while it is held.
    """

    stored: StoredSession
    holder: str
    address: str
    unheld_for: timedelta


class SessionStore(Protocol):
    """The sessions of all companies."""

    async def load(self) -> list[StoredSession]:
        """Returns all of them, by company id. Raises DatabaseUnavailable."""
        ...

    async def find(self, company_id: int) -> PlacedSession | None:
        """Returns one; None for a company that was never seen. Raises DatabaseUnavailable."""
        ...

    async def placed(self) -> list[PlacedSession]:
        """Returns all of them, by company id. Raises DatabaseUnavailable."""
        ...

    async def waiting(self) -> list[PlacedSession]:
        """Returns the active sessions that nobody holds, by company id. Raises DatabaseUnavailable."""
        ...

    async def save(self, stored: StoredSession) -> None:
        """Writes one; durable when it returns.

        Raises LeaseLost when a newer epoch has written since, DatabaseUnavailable.
        """
        ...


class LeaseStore(Protocol):
    """The leases of all companies, judged by one clock: the database's. Rules in `fleet/lease.py`."""

    async def acquire(self, company_id: int, holder: str, address: str, ttl: timedelta) -> Acquired:
        """Returns the lease with the next epoch, or who is in the way. Raises DatabaseUnavailable."""
        ...

    async def renew(self, company_id: int, epoch: int, ttl: timedelta) -> bool:
        """Prolongs the lease to `ttl` from now; False when it is lost. Raises DatabaseUnavailable."""
        ...

    async def release(self, company_id: int, epoch: int) -> None:
        """Gives the lease up if `epoch` is the current one; harmless otherwise. Raises DatabaseUnavailable."""
        ...


class MemberStore(Protocol):
    """The gateways that share this database, judged by the database's clock."""

    async def renew(self, node: str, address: str, ttl: timedelta) -> list[Member]:
        """Says that `node` is alive for `ttl` from now, and returns all that are, by name. A node whose time had run
        out joins anew: its age begins at zero. Raises DatabaseUnavailable.
        """
        ...

    async def alive(self) -> list[Member]:
        """Returns the gateways that are alive, by name. Raises DatabaseUnavailable."""
        ...

    async def leave(self, node: str) -> None:
        """Says that `node` ends. Raises DatabaseUnavailable."""
        ...
