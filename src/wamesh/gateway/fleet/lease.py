"""Who may hold a company's session: the rules of a lease, as pure functions over its row.

Every company has at most one row. Whoever acquires it gets the next *epoch*, the fencing token that every
write about the session must carry: a holder that slept through its lease wakes up with an old epoch, and none
of its writes can land. The row survives its release, so an epoch is never given twice.

The stores do the same in one conditional statement each; a contract test runs these rules beside them.

Owns: acquire, renew, release, and when a holder must act. Refuses: SQL, clocks (the judge of expiry is the
database's clock, so that machines need not agree on time; a holder measures its own deadline from before it
asked). Invariant: the epoch only grows, and two different holders never both have an unexpired lease.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Lease:
    """A company's row. `holder` names the gateway (empty: nobody), `address` is where calls for it are
    forwarded.

    Valid in `[acquire or renew, expire_time)`.
    """

    company_id: int
    epoch: int
    holder: str
    address: str
    expire_time: datetime

    def is_valid(self, now: datetime) -> bool:
        """True while somebody holds it."""
        return bool(self.holder) and now < self.expire_time


@dataclass(frozen=True, slots=True)
class HeldElsewhere:
    """The answer to an acquire that came second: who holds it, and until when."""

    holder: str
    address: str
    expire_time: datetime


Acquired: TypeAlias = Lease | HeldElsewhere


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long a lease lives and how often it is renewed: at least twice, so that one miss is survived."""

    ttl: timedelta = timedelta(seconds=15)
    renew_every: timedelta = timedelta(seconds=5)

    def __post_init__(self) -> None:
        if not timedelta() < self.renew_every <= self.ttl / 2:
            raise ValueError(f"a lease of {self.ttl} is renewed too seldom every {self.renew_every}")

    @property
    def margin(self) -> timedelta:
        """How long before the lease's end its holder must be gone."""
        return self.ttl / 15

    @property
    def presence(self) -> timedelta:
        """How long a gateway counts as alive after it said so, at each renewal: less than its leases, so that their
        companies have another home when they end; one miss is survived here, too.
        """
        return max(self.ttl - self.renew_every, self.renew_every * 1.5)

    def deadline_ns(self, asked_ns: int) -> int:
        """When the holder must be gone, on the clock that told `asked_ns` just before it asked for the lease."""
        return asked_ns + (self.ttl - self.margin) // timedelta(microseconds=1) * 1000


DEFAULT_TIMES: Final = LeaseTimes()


def acquire(row: Lease | None, company_id: int, holder: str, address: str, now: datetime, ttl: timedelta) -> Acquired:
    """Returns the lease with the next epoch, or who is in the way.

    A holder gets its own unexpired lease anew: the caller owns its name (the data directory's lock admits one
    gateway of a name), so the former owner of that name is dead.
    """
    if row is not None and row.is_valid(now) and row.holder != holder:
        return HeldElsewhere(row.holder, row.address, row.expire_time)
    epoch = 1 if row is None else row.epoch + 1
    return Lease(company_id, epoch, holder, address, now + ttl)


def renew(row: Lease | None, epoch: int, now: datetime, ttl: timedelta) -> Lease | None:
    """Returns the prolonged lease; None when it is lost: expired, released, or acquired since with a higher epoch."""
    if row is None or row.epoch != epoch or not row.is_valid(now):
        return None
    return replace(row, expire_time=now + ttl)


def release(row: Lease | None, epoch: int, now: datetime) -> Lease | None:
    """Returns the row without a holder; an epoch that is not the current one changes nothing."""
    if row is None or row.epoch != epoch:
        return row
    return replace(row, holder="", address="", expire_time=now)
