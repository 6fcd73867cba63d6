"""Which gateway a company belongs to, and how companies move there: pure functions over the list of members.

Every company has a *home* among the gateways that are alive, by rendezvous hashing: of all members the one whose hash
with the company's id is the highest (Thaler and Ravishankar, 1998). A gateway that joins becomes the home of its share
of the companies and of no other, one that leaves gives its own away and moves nobody else's.

The home is a wish, the lease is the truth: whoever holds a company keeps it until it ends or hands over. So gateways
need not agree on who is alive, and a wrong guess costs a forwarded call, never a second session.

Owns: home, who takes what nobody holds, and the pace of handing over. Refuses: clocks, I/O. Invariant: the same members
give the same home on every gateway.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class Member:
    """A gateway that is alive: its name for ever, where it is called, and for how long it has been there."""

    node: str
    address: str
    age: timedelta


@dataclass(frozen=True, slots=True)
class PlacementPolicy:
    """The patience of moving companies.

    A member must be there for `settle` before companies are handed over to it, so that one that restarts again and
    again moves nobody. Each step hands over `share` of what is held, one at least. A company that nobody has held for
    longer than `abandoned_after` is taken by whoever sees it: its home cannot.
    """

    settle: timedelta = timedelta(seconds=15)
    share: float = 0.02
    abandoned_after: timedelta = timedelta(seconds=15)


def home_of(company_id: int, nodes: Iterable[str]) -> str:
    """Returns the node that the company belongs to; empty when there is none."""
    return max(nodes, key=lambda node: (_weight(company_id, node), node), default="")


def takes(
    company_id: int, here: str, members: Sequence[Member], unheld_for: timedelta, policy: PlacementPolicy
) -> bool:
    """Whether the gateway `here` takes a company that nobody has held for so long."""
    nodes = {member.node for member in members} | {here}
    return home_of(company_id, nodes) == here or unheld_for >= policy.abandoned_after


def to_hand_over(held: Iterable[int], here: str, members: Sequence[Member], policy: PlacementPolicy) -> list[int]:
    """Returns the companies that the gateway `here` hands over in this step, the lowest ids first."""
    companies = sorted(held)
    nodes = {member.node for member in members if member.age >= policy.settle} | {here}
    elsewhere = [company_id for company_id in companies if home_of(company_id, nodes) != here]
    return elsewhere[: max(1, int(len(companies) * policy.share))]


def _weight(company_id: int, node: str) -> bytes:
    return blake2b(company_id.to_bytes(8, "big") + node.encode(), digest_size=8).digest()
