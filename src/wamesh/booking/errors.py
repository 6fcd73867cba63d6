"""The refusals of booking, each named as `ErrorReason` of `wamesh.booking.v1` names it.

    CompanyNotFound, ServiceNotFound, StaffNotFound, BookingNotFound     NOT_FOUND
    SlotUnavailable            the visit does not fit at that start, or not on the offered terms
    RequestIdReused            the request id stands for other content
    SlotTokenInvalid           the slot token was altered, or belongs to another company
    PageTokenInvalid           the page token comes from no earlier page of the same question
    PhoneNumberImpossible      no telephone can have the number

Owns the sentences and their metadata. Invariant: every dynamic word of a sentence is also in the metadata.
"""

from datetime import datetime

from wamesh.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Violation


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
