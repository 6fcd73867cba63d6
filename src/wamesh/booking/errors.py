"""The refusals of booking, each named as `ErrorReason` of `wamesh.booking.v1` names it.

    CompanyNotFound, ServiceNotFound, StaffNotFound, BookingNotFound     NOT_FOUND
    SlotUnavailable            the visit does not fit at that start, or not on the offered terms
    BookingCancelled           the booking cannot be moved any more
    BookingChanged             the booking is not at the revision that the caller knows
    RequestIdReused            the request id stands for other content
    SlotTokenInvalid           the slot token was altered, or belongs to another company
    HoldTokenInvalid           the hold token was altered, or belongs to another company
    PageTokenInvalid           the page token comes from no earlier page of the same question
    PageOutdated               the calendar changed since the first page
    DurationNotAllowed         the service does not take this duration
    ClassNotAlone              a class is one part of several
    HolidaysUnknown            the company closes on public holidays that this release does not know
    CompanyBusy                too many calls of the company are waiting
    PhoneNumberImpossible      no telephone can have the number

Owns the sentences and their metadata. Invariant: every dynamic word of a sentence is also in the metadata.
"""

from datetime import datetime, timedelta

from wamesh.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Violation,
)


class CompanyNotFound(NotFound):
    """There is no such company."""

    reason = "COMPANY_NOT_FOUND"

    def __init__(self, company_id: int) -> None:
        super().__init__("company", str(company_id))


class ServiceNotFound(NotFound):
    """The company has no such service."""

    reason = "SERVICE_NOT_FOUND"

    def __init__(self, service_id: int) -> None:
        super().__init__("service", str(service_id))


class StaffNotFound(NotFound):
    """The company has no such staff member."""

    reason = "STAFF_NOT_FOUND"

    def __init__(self, staff_id: int) -> None:
        super().__init__("staff member", str(staff_id))


class BookingNotFound(NotFound):
    """The company has no such booking."""

    reason = "BOOKING_NOT_FOUND"

    def __init__(self, booking_id: int) -> None:
        super().__init__("booking", str(booking_id))


class SlotUnavailable(FailedPrecondition):
    """The visit does not fit at the start, or not on the terms of its token."""

    reason = "SLOT_UNAVAILABLE"

    def __init__(self, start_time: datetime) -> None:
        start = start_time.isoformat(timespec="seconds")
        super().__init__(f"The slot at {start} is not available; choose another one.", {"start_time": start})


class BookingCancelled(FailedPrecondition):
    """The booking is cancelled, and cannot be moved."""

    reason = "BOOKING_CANCELLED"

    def __init__(self, booking_id: int) -> None:
        sentence = f"Booking {booking_id} is cancelled and cannot be moved; make a new one."
        super().__init__(sentence, {"booking_id": str(booking_id)})


class BookingChanged(Aborted):
    """The booking is not at the revision that the caller expects."""

    reason = "BOOKING_CHANGED"

    def __init__(self, booking_id: int, expected: int, revision: int) -> None:
        super().__init__(
            f"Booking {booking_id} is at revision {revision}, not {expected}; read it again.",
            {"booking_id": str(booking_id), "expected_revision": str(expected), "revision": str(revision)},
        )


class RequestIdReused(AlreadyExists):
    """The request id was used before with other content."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        sentence = f"The request_id {request_id} was used before with other content; choose a new one."
        super().__init__(sentence, {"request_id": request_id})


class SlotTokenInvalid(InvalidArgument):
    """The slot token was altered, or belongs to another company."""

    reason = "SLOT_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__([Violation("slot_token", "is not a token that FindSlots gave for this company")])


class HoldTokenInvalid(InvalidArgument):
    """The hold token was altered, or belongs to another company."""

    reason = "HOLD_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__([Violation("hold_token", "is not a token that HoldSlot gave for this company")])


class PageOutdated(Aborted):
    """The calendar changed since the first page, so that the pages would not fit together."""

    reason = "PAGE_OUTDATED"

    def __init__(self, page_revision: int, revision: int) -> None:
        super().__init__(
            f"The calendar changed from revision {page_revision} to {revision}; ask for the first page again.",
            {"page_revision": str(page_revision), "revision": str(revision)},
        )


class DurationNotAllowed(InvalidArgument):
    """The service does not take this duration."""

    reason = "DURATION_NOT_ALLOWED"

    def __init__(self, field: str, service_id: int, shortest: int, longest: int) -> None:
        rule = f"must be {shortest} minutes" if shortest == longest else f"must be {shortest} to {longest} minutes"
        super().__init__(
            [Violation(field, f"{rule} for service {service_id}")],
            {"service_id": str(service_id), "shortest": str(shortest), "longest": str(longest)},
        )


class ClassNotAlone(InvalidArgument):
    """A class is one part of several of a visit."""

    reason = "CLASS_NOT_ALONE"

    def __init__(self, field: str, service_id: int) -> None:
        description = f"service {service_id} is a class, which must be the only part of its visit"
        super().__init__([Violation(field, description)], {"service_id": str(service_id)})


class HolidaysUnknown(FailedPrecondition):
    """A company closes on public holidays that are not known here; an earlier release knew them."""

    reason = "HOLIDAYS_UNKNOWN"

    def __init__(self, country: str, subdivision: str) -> None:
        name = f"{country} {subdivision}".rstrip()
        super().__init__(
            f"The public holidays of {name} are not known any more; set others in the company's catalogue.",
            {"country": country, "subdivision": subdivision},
        )


class CompanyBusy(ResourceExhausted):
    """Too many calls of the company are waiting for their turn."""

    reason = "COMPANY_BUSY"

    def __init__(self, company_id: int) -> None:
        super().__init__(
            f"Too many calls of company {company_id} are waiting; try again in a second.",
            timedelta(seconds=1),
            {"company_id": str(company_id)},
        )


class PageTokenInvalid(InvalidArgument):
    """The page token comes from no earlier page of the same question."""

    reason = "PAGE_TOKEN_INVALID"

    def __init__(self) -> None:
        description = "is not the next_page_token of an earlier page of the same request"
        super().__init__([Violation("page_token", description)])


class PhoneNumberImpossible(InvalidArgument):
    """No telephone can have the number."""

    reason = "PHONE_NUMBER_IMPOSSIBLE"

    def __init__(self, field: str, phone_number: str, problem: str) -> None:
        violation = Violation(field, f"{phone_number} {problem}")
        super().__init__([violation], {"phone_number": phone_number, "problem": problem})
