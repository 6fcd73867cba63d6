"""What the worker remembers of one customer's chat between two turns.

Owns the state of the dialogue as plain frozen values. Refuses I/O and JSON (codec.py writes it). Invariants:
`offers` is the list that the customer sees, in its order; moments are aware; a state says everything that the next
turn needs.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from wamesh.worker.catalogue import Language, Price
from wamesh.worker.understanding.times import Range


class Stage(StrEnum):
    """What the customer was asked last."""

    IDLE = "idle"
    ASKED_SERVICE = "asked_service"
    OFFERED = "offered"
    CONFIRMING = "confirming"
    ASKED_BOOKING = "asked_booking"
    CONFIRMING_CANCEL = "confirming_cancel"


class Purpose(StrEnum):
    """Why something was looked up; tells how to read its result."""

    OFFER = "offer"
    SHIFT = "shift"
    RECONFIRM = "reconfirm"
    LIST = "list"
    CANCEL = "cancel"
    CANCEL_ALL = "cancel_all"
    MOVE = "move"
    INSTEAD = "instead"


@dataclass(frozen=True, slots=True)
class Change:
    """How a visit shall differ from what it is. `days` and `minutes` are the new start less the old one, 0 for the
    same, None when not said; `way` is -1 for earlier on its day and 1 for later, by whatever is free.
    """

    days: int | None = None
    minutes: int | None = None
    way: int = 0
    other_day: bool = False
    other_staff: bool = False
    any_staff: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What the customer wants, as far as it was said. Empty means not said; ranges are minutes since local midnight."""

    service_ids: tuple[int, ...] = ()
    staff_ids: tuple[int, ...] = ()
    unwanted_staff: frozenset[int] = frozenset()
    days: tuple[date, ...] = ()
    unwanted_days: frozenset[date] = frozenset()
    ranges: tuple[Range, ...] = ()
    exact: int | None = None
    readings: tuple[int, ...] = ()
    about: bool = False
    unwanted_minutes: frozenset[int] = frozenset()
    change: Change = field(default_factory=Change)


@dataclass(frozen=True, slots=True)
class Offer:
    """A free slot as booking gave it. `start` and `end` are instants; staff one a service."""

    slot_token: str
    start: datetime
    end: datetime
    service_ids: tuple[int, ...]
    staff_ids: tuple[int, ...]
    price: Price = field(default_factory=Price)


@dataclass(frozen=True, slots=True)
class Visit:
    """A booking that stands."""

    booking_id: int
    start: datetime
    service_ids: tuple[int, ...]
    staff_ids: tuple[int, ...]
    price: Price = field(default_factory=Price)
    party_size: int = 1

    def is_at(self, offer: Offer) -> bool:
        """Whether moving it to the offer would change nothing."""
        return (self.start, self.service_ids, self.staff_ids) == (offer.start, offer.service_ids, offer.staff_ids)


@dataclass(frozen=True, slots=True)
class Conversation:
    """The state of one chat. `moving` is the visit that is to be moved; `settled` the one just booked or moved, which
    what is said next may correct.
    """

    language: Language | None = None
    stage: Stage = Stage.IDLE
    wish: Wish = field(default_factory=Wish)
    service_options: tuple[int, ...] = ()
    offers: tuple[Offer, ...] = ()
    offered_time: datetime | None = None
    offered_before: tuple[datetime, ...] = ()
    picked: Offer | None = None
    purpose: Purpose | None = None
    sought: Wish = field(default_factory=Wish)
    visits: tuple[Visit, ...] = ()
    moving: Visit | None = None
    settled: Visit | None = None
    last_turn_time: datetime | None = None
    greeted: bool = False
