"""A company's messages of both directions, newest first, in pages.

Owns: what may be asked for, the place between two pages, and the port. Refuses: SQL. Invariant: a place names the last
message told of each direction, so that messages that come meanwhile neither shift a page nor repeat in one.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from heapq import merge
from typing import Final, Protocol, Self

from wamesh.errors import InvalidArgument, Violation
from wamesh.gateway.messages import DeliveryState, OutboxMessage, StoredMessage
from wamesh.whatsapp.jid import Jid

_TOKEN: Final = re.compile(r"before-([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
_NEWEST: Final = 10**18 - 1


class Direction(StrEnum):
    """Which way a message goes; the contract's names without the prefix."""

    INBOUND = "INBOUND"
    OUTGOING = "OUTGOING"


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which messages of a company: those with one customer, under any address of the same (None: with all); of one
    direction (None: of both); outgoing ones in some states, which leaves out inbound ones (empty: in all).
    """

    company_id: int
    chat: Jid | None = None
    direction: Direction | None = None
    states: frozenset[DeliveryState] = frozenset()

    def includes(self, direction: Direction) -> bool:
        """Whether any message of this direction can be meant."""
        return self.direction in (None, direction) and not (self.states and direction is Direction.INBOUND)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: with the messages before these two, by sequence in inbox and outbox."""

    inbound: int = _NEWEST
    outgoing: int = _NEWEST

    @classmethod
    def parse(cls, page_token: str) -> Self:
        """The place of a token; the newest for an empty one. Raises InvalidArgument."""
        if not page_token:
            return cls()
        match = _TOKEN.fullmatch(page_token)
        if match is None:
            raise InvalidArgument([Violation("page_token", "must be the next_page_token of an earlier page")])
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"before-{self.inbound}-{self.outgoing}"


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """A message of either direction; `conversation` is its customer's, as Receive delivers it."""

    conversation: str
    message: StoredMessage | OutboxMessage

    @property
    def time(self) -> datetime:
        """When it was stored: received, or accepted by Send."""
        return self.message.receive_time if isinstance(self.message, StoredMessage) else self.message.create_time


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Messages, newest first, and where the next page begins; None after the last."""

    messages: tuple[ListedMessage, ...]
    next: Place | None


class MessageHistory(Protocol):
    """The messages of inbox and outbox, as far as they are kept."""

    async def page(self, wanted: HistoryFilter, before: Place, size: int) -> HistoryPage:
        """At most `size` messages before a place. Raises DatabaseUnavailable."""
        ...


def merged(inbound: list[ListedMessage], outgoing: list[ListedMessage], before: Place, size: int) -> HistoryPage:
    """The page of two directions, each newest first and, if there are so many, longer than `size`.

    Within a direction the order of storing stays as it is, even when a clock went back.
    """
    together = list(merge(inbound, outgoing, key=lambda each: each.time, reverse=True))
    page = together[:size]
    if len(together) == len(page):
        return HistoryPage(tuple(page), None)
    last = {isinstance(each.message, StoredMessage): each.message.sequence for each in page}
    return HistoryPage(tuple(page), Place(last.get(True, before.inbound), last.get(False, before.outgoing)))
