"""What the life of a session needs stored: the sessions themselves and their leases.

Owns: two narrow ports. Refuses: SQL. Invariant: every write about a session carries an epoch, and one that is
older than the newest known is refused.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from wamesh.gateway.lease import Acquired
from wamesh.gateway.session import Session


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


class SessionStore(Protocol):
    """The sessions of all companies."""

    async def load(self) -> list[StoredSession]:
        """Returns all of them, by company id. Raises DatabaseUnavailable."""
        ...

    async def save(self, stored: StoredSession) -> None:
        """Writes one; durable when it returns.

        Raises LeaseLost when a newer epoch has written since, DatabaseUnavailable.
        """
        ...


class LeaseStore(Protocol):
    """The leases of all companies, judged by one clock: the database's. Rules in `lease`."""

    async def acquire(self, company_id: int, holder: str, address: str, ttl: timedelta) -> Acquired:
        """Returns the lease with the next epoch, or who is in the way. Raises DatabaseUnavailable."""
        ...

    async def renew(self, company_id: int, epoch: int, ttl: timedelta) -> bool:
        """Prolongs the lease to `ttl` from now; False when it is lost. Raises DatabaseUnavailable."""
        ...

    async def release(self, company_id: int, epoch: int) -> None:
        """Gives the lease up if `epoch` is the current one; harmless otherwise. Raises DatabaseUnavailable."""
        ...
