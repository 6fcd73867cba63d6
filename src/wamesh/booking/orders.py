"""From the wire to the room: what a request to book, hold, move or cancel means, once protovalidate has accepted its
fields.

Owns the ways to say what is wanted (a slot's token, a hold's token, a visit, a start alone) and who comes. Refuses to
look into a calendar.

Invariant: what comes out is in the room's units, and no input raises anything but InvalidArgument.
"""

from dataclasses import replace
from datetime import UTC, timedelta
from typing import Final, TypeAlias

import phonenumbers

from wamesh.booking.appointments import Cancellation, Customer, Order, Release, Terms, Wish
from wamesh.booking.errors import PhoneNumberImpossible
from wamesh.booking.offers import open_hold, open_offer
from wamesh.booking.requests import Violations, exact_minute, fingerprint_of, wishes_of
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.slots.zones import instant_time

DEFAULT_HOLD: Final = timedelta(minutes=5)

_Bookable: TypeAlias = pb.CreateBookingRequest | pb.RescheduleBookingRequest
_Holdable: TypeAlias = _Bookable | pb.HoldSlotRequest


def booking_order_of(request: pb.CreateBookingRequest, signer: Signer) -> Order:
    """Returns what CreateBooking asks.

    Raises InvalidArgument, SlotTokenInvalid, HoldTokenInvalid, PhoneNumberImpossible.
    """
    order = _for_hold(request, signer) if request.HasField("hold_token") else _for_slot(request, signer)
    return replace(order, customer=customer_of(request.customer), note=request.note, actor=request.actor)


def hold_order_of(request: pb.HoldSlotRequest, signer: Signer) -> tuple[Order, timedelta]:
    """Returns what HoldSlot asks, and for how long. Raises InvalidArgument, SlotTokenInvalid."""
    duration = request.hold_duration.ToTimedelta() if request.HasField("hold_duration") else DEFAULT_HOLD
    return _for_slot(request, signer), duration


def move_order_of(request: pb.RescheduleBookingRequest, signer: Signer) -> Order:
    """Returns what RescheduleBooking asks; without wishes when it names a start alone.

    Raises InvalidArgument, SlotTokenInvalid, HoldTokenInvalid.
    """
    if request.HasField("start_time"):
        order = _to_start(request)
    elif request.HasField("hold_token"):
        order = _for_hold(request, signer)
    else:
        order = _for_slot(request, signer)
    return replace(order, actor=request.actor, reason=request.reason)


def cancellation_of(request: pb.CancelBookingRequest) -> Cancellation:
    """Returns what CancelBooking asks."""
    return Cancellation(
        company_id=request.company_id,
        booking_id=request.booking_id,
        request_id=request.request_id,
        fingerprint=_fingerprint_of(request),
        expected_revision=request.expected_revision,
        actor=request.actor,
        reason=request.cancel_reason,
    )


def release_of(request: pb.ReleaseHoldRequest, signer: Signer) -> Release:
    """Returns what ReleaseHold asks. Raises HoldTokenInvalid."""
    hold_id, _, _ = open_hold(request.company_id, request.hold_token, signer)
    return Release(request.company_id, hold_id, request.request_id, fingerprint_of(request))


def _fingerprint_of(request: _Holdable | pb.CancelBookingRequest) -> str:
    """Returns the digest of what is asked; who asks may differ when the same is asked again."""
    return fingerprint_of(request) if isinstance(request, pb.HoldSlotRequest) else fingerprint_of(request, "actor")


def _for_slot(request: _Holdable, signer: Signer) -> Order:
    """Returns the order for an offered slot, or for a visit of the caller's own choice."""
    if request.HasField("slot_token"):
        return _for_offer(request, *open_offer(request.company_id, request.slot_token, signer))
    wrong = Violations()
    wishes = wishes_of(request.visit.segments, "visit.segments", wrong)
    start = exact_minute(request.visit.start_time, "visit.start_time", wrong)
    wrong.refuse()
    return Order(
        company_id=request.company_id,
        request_id=request.request_id,
        fingerprint=_fingerprint_of(request),
        wishes=wishes,
        start_time=request.visit.start_time.ToDatetime(UTC),
        start=start,
        party_size=request.visit.party_size or 1,
    )


def _for_hold(request: _Bookable, signer: Signer) -> Order:
    hold_id, wishes, terms = open_hold(request.company_id, request.hold_token, signer)
    return replace(_for_offer(request, wishes, terms), hold_id=hold_id)


def _for_offer(request: _Holdable, wishes: tuple[Wish, ...], terms: Terms) -> Order:
    return Order(
        company_id=request.company_id,
        request_id=request.request_id,
        fingerprint=_fingerprint_of(request),
        wishes=wishes,
        start_time=instant_time(terms.start),
        start=terms.start,
        terms=terms,
        party_size=terms.party_size,
    )


def _to_start(request: pb.RescheduleBookingRequest) -> Order:
    wrong = Violations()
    start = exact_minute(request.start_time, "start_time", wrong)
    wrong.refuse()
    return Order(
        company_id=request.company_id,
        request_id=request.request_id,
        fingerprint=_fingerprint_of(request),
        wishes=(),
        start_time=request.start_time.ToDatetime(UTC),
        start=start,
    )


def customer_of(customer: pb.Customer) -> Customer:
    """Returns who comes, with the telephone number in E.164. Raises PhoneNumberImpossible."""
    return Customer(customer.name.strip(), _phone_number(customer.phone_number), customer.chat)


def _phone_number(text: str) -> str:
    if not text.strip():
        return ""
    problem = "is not a telephone number in international form, such as +12025550142"
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        raise PhoneNumberImpossible("customer.phone_number", text, problem) from None
    verdict = phonenumbers.is_possible_number_with_reason(number)
    if verdict not in _POSSIBLE:
        problem = f"{_PROBLEMS.get(verdict, 'cannot be')} for a number of country code {number.country_code}"
        raise PhoneNumberImpossible("customer.phone_number", text, problem)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_POSSIBLE = (
    phonenumbers.ValidationResult.IS_POSSIBLE,
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
)
_PROBLEMS = {
    phonenumbers.ValidationResult.TOO_SHORT: "is too short",
    phonenumbers.ValidationResult.TOO_LONG: "is too long",
    phonenumbers.ValidationResult.INVALID_LENGTH: "has a wrong length",
}
