"""What the dialogue is told and what it asks for: its inputs and its outputs, as data.

Inputs are the customer's messages and the results of actions; outputs are actions, which the runner performs. Owns
these types. Refuses behaviour. Invariant: each action that is not a `Reply` has exactly one kind of good result.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias

from wamesh.worker.conversation import Offer, Visit
from wamesh.worker.understanding.times import Range


class Content(StrEnum):
    """What a message is, as far as the dialogue cares."""

    TEXT = "text"
    REACTION = "reaction"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class CustomerMessage:
    """One message of the customer; `text` is the body or the caption."""

    text: str
    content: Content = Content.TEXT


class NoSlots(StrEnum):
    """Why nothing is free, as booking says it."""

    CLOSED = "closed"
    FULLY_BOOKED = "fully_booked"
    NO_ELIGIBLE_STAFF = "no_eligible_staff"
    NO_MATCHING_TIME = "no_matching_time"
    TOO_SOON = "too_soon"
    BEYOND_HORIZON = "beyond_horizon"
    UNKNOWN = "unknown"


# --- inputs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CustomerSpoke:
    """The customer's turn: one or several messages, in order."""

    messages: tuple[CustomerMessage, ...]


@dataclass(frozen=True, slots=True)
class SlotsFound:
    """Result of SearchSlots: `slots` by start; `suggestions` nearest first; `reason` when `slots` is empty."""

    slots: tuple[Offer, ...] = ()
    suggestions: tuple[Offer, ...] = ()
    reason: NoSlots = NoSlots.UNKNOWN


@dataclass(frozen=True, slots=True)
class Booked:
    """Result of Book."""

    visit: Visit


@dataclass(frozen=True, slots=True)
class SlotTaken:
    """The other result of Book and MoveVisit: somebody was faster. Suggestions nearest first."""

    suggestions: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class VisitMoved:
    """Result of MoveVisit: the booking at its new time."""

    visit: Visit


@dataclass(frozen=True, slots=True)
class VisitGone:
    """The third result of MoveVisit: the booking was cancelled meanwhile, or was never there."""


@dataclass(frozen=True, slots=True)
class VisitsFound:
    """Result of FindVisits: what stands from now on, by start."""

    visits: tuple[Visit, ...] = ()


@dataclass(frozen=True, slots=True)
class VisitCancelled:
    """Result of CancelVisit. `known` is false when booking no longer has it."""

    booking_id: int
    known: bool = True


@dataclass(frozen=True, slots=True)
class Refused:
    """Booking refused an action for good: a service or a staff member is gone, or the request made no sense to it."""

    reason: str


Event: TypeAlias = (
    CustomerSpoke | SlotsFound | Booked | SlotTaken | VisitMoved | VisitGone | VisitsFound | VisitCancelled | Refused
)

# --- actions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SearchSlots:
    """Look for free starts. `days` ascending, within 31 days; `ranges` of local minutes; `preferred` ranks
    suggestions; the time of the visit that is `moving` counts as free.
    """

    service_ids: tuple[int, ...]
    days: tuple[date, ...]
    staff_ids: tuple[int, ...] = ()
    unwanted_staff: frozenset[int] = frozenset()
    ranges: tuple[Range, ...] = ()
    preferred: int | None = None
    moving: Visit | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """Book this offer for the customer."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class MoveVisit:
    """Move this booking to the offer, in one step."""

    booking_id: int
    offer: Offer


@dataclass(frozen=True, slots=True)
class FindVisits:
    """List the customer's standing bookings."""


@dataclass(frozen=True, slots=True)
class CancelVisit:
    """Cancel this booking."""

    booking_id: int


@dataclass(frozen=True, slots=True)
class Reply:
    """Say this. Several replies of one turn are one message, separated by an empty line."""

    text: str


Action: TypeAlias = SearchSlots | Book | MoveVisit | FindVisits | CancelVisit | Reply
MUTATIONS = (Book, MoveVisit, CancelVisit)
"""Actions that change the calendar."""
