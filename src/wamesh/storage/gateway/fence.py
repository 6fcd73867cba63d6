"""The fence: a step that every inbox and outbox transaction begins with.

Owns the one comparison of an epoch with the lease's. Refuses to look at the lease's expiry: the epoch alone orders
holders, and clocks of two machines differ. Invariant: while a fenced transaction runs nobody else can become the
holder, so that a write of the old holder never lands after the first one of the new.
"""

from typing import Literal

from wamesh.gateway.errors import LeaseLost
from wamesh.storage.database import Engine, Steps, execute

FenceMode = Literal["shared", "exclusive"]

_LOCKS: dict[tuple[Engine, FenceMode], str] = {
    ("sqlite", "shared"): "",
    ("sqlite", "exclusive"): "",
    ("postgresql", "shared"): " FOR SHARE",
    ("postgresql", "exclusive"): " FOR NO KEY UPDATE",
}

_LEASE = "SELECT epoch, holder FROM leases WHERE company_id = $1"


def fence(engine: Engine, company_id: int, epoch: int, mode: FenceMode = "shared") -> Steps[None]:
    """Holds the company's lease as it is until the transaction ends; raises LeaseLost unless `epoch` is current.

    A company that nobody ever held has epoch 0. `exclusive` also makes the company's transactions run one
    after the other.
    """
    rows = yield execute(_LEASE + _LOCKS[engine, mode], company_id)
    current, holder = rows[0] if rows else (0, "")
    if current != epoch:
        raise LeaseLost(company_id, holder)


def hold(engine: Engine, company_id: int) -> Steps[None]:
    """Makes the company's transactions run one after the other, whoever holds it: for a change that every gateway may
    make, as long as the row is as it was.
    """
    yield execute(_LEASE + _LOCKS[engine, "exclusive"], company_id)
