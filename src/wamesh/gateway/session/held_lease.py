"""A company's lease as this gateway holds it, with the deadline that its session process lives by, and the term of
whoever works under it.

Owns: whether it is held, its epoch, and the deadline on this machine's own clock, measured from *before* the
store was asked: it always comes before the expiry that others see. Refuses: timers and decisions. Invariants: the
epoch is that of the last lease this gateway had; a term runs exactly while its lease is known to be held.
"""

from dataclasses import dataclass

from wamesh.gateway.fleet.lease import HeldElsewhere, LeaseTimes
from wamesh.gateway.process.wire import machine_time_ns
from wamesh.gateway.sessions import TermSink
from wamesh.gateway.stores import LeaseStore


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who asks for leases: `node` names this gateway for ever and alone, `address` is where it can be called. `terms`
    is told of each lease that begins or ends.
    """

    store: LeaseStore
    terms: TermSink
    node: str
    address: str
    times: LeaseTimes


class SessionLease:
    """One company's lease, held or not. `epoch` is 0 before the first; `holder` is who holds it as far as known."""

    def __init__(self, company_id: int, claimant: Claimant, epoch: int = 0) -> None:
        self._company_id = company_id
        self._claimant = claimant
        self.epoch = epoch
        self.holder = ""
        self.deadline_ns = 0

    @property
    def is_held(self) -> bool:
        """True while this gateway holds the lease, as far as it can know without asking."""
        return self.holder == self._claimant.node and machine_time_ns() < self.deadline_ns

    async def acquire(self) -> bool:
        """Gets the lease unless it is held already; False when another gateway has it. Raises DatabaseUnavailable."""
        if self.is_held:
            return True
        claimant = self._claimant
        if self.holder == claimant.node:  # it ran out, and nobody has noticed yet
            self.forget()
        asked_ns = machine_time_ns()
        answer = await claimant.store.acquire(self._company_id, claimant.node, claimant.address, claimant.times.ttl)
        self.holder = answer.holder
        if isinstance(answer, HeldElsewhere):
            return False
        self.epoch = answer.epoch
        self.deadline_ns = claimant.times.deadline_ns(asked_ns)
        claimant.terms.begin(self._company_id, self.epoch)
        return True

    async def renew(self) -> bool:
        """Prolongs a held lease; False when it is lost. Raises DatabaseUnavailable."""
        asked_ns, epoch = machine_time_ns(), self.epoch
        kept = await self._claimant.store.renew(self._company_id, epoch, self._claimant.times.ttl)
        if kept and epoch == self.epoch:
            self.deadline_ns = max(self.deadline_ns, self._claimant.times.deadline_ns(asked_ns))
        return kept

    async def release(self) -> None:
        """Gives a held lease up. Raises DatabaseUnavailable; the lease is not held any more all the same."""
        if self.holder == self._claimant.node:
            self.forget()
            await self._claimant.store.release(self._company_id, self.epoch)

    def forget(self) -> None:
        """Notes that the lease is lost."""
        self.holder, self.deadline_ns = "", 0
        self._claimant.terms.end(self._company_id)
