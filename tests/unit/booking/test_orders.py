"""What a request to change a booking means, and who comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.booking import orders
from wamesh.booking.errors import PhoneNumberImpossible
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.errors import InvalidArgument
from wamesh.rpc import validation

SIGNER = Signer(b"k" * 32)


@pytest.mark.parametrize(
    ("written", "answered"),
    [("+1 202-555-0142", "+12025550142"), ("+44 7700 900123", "+447700900123"), ("", ""), ("  ", "")],
)
def test_a_phone_number_is_answered_in_e164(written: str, answered: str) -> None:
    """Without spaces and hyphens; none is fine."""
    assert orders.customer_of(pb.Customer(phone_number=written)).phone_number == answered


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("+1202", "is too short for a number of country code 1"),
        ("+1202555014299999", "is too long for a number of country code 1"),
        ("2025550142", "is not a telephone number in international form, such as +12025550142"),
        ("+", "is not a telephone number in international form, such as +12025550142"),
        ("call me", "is not a telephone number in international form, such as +12025550142"),
    ],
)
def test_a_phone_number_that_cannot_be_is_refused(written: str, problem: str) -> None:
    """PHONE_NUMBER_IMPOSSIBLE names the field and says why."""
    with pytest.raises(PhoneNumberImpossible) as refused:
        orders.customer_of(pb.Customer(phone_number=written))
    assert [(each.field, each.description) for each in refused.value.violations] == [
        ("customer.phone_number", f"{written} {problem}")
    ]
    assert refused.value.metadata == {"phone_number": written, "problem": problem}


@given(st.text(max_size=32))
def test_no_text_as_a_phone_number_fails_otherwise(written: str) -> None:
    """Accepted or refused, never anything else."""
    try:
        number = orders.customer_of(pb.Customer(phone_number=written)).phone_number
    except PhoneNumberImpossible:
        return
    assert number == "" or number.startswith("+")


@pytest.mark.parametrize(
    ("request_type", "read"),
    [
        (pb.CreateBookingRequest, orders.booking_order_of),
        (pb.RescheduleBookingRequest, orders.move_order_of),
        (pb.HoldSlotRequest, orders.hold_order_of),
    ],
)
@given(raw=st.binary(max_size=200))
def test_no_bytes_as_an_order_fail_otherwise(request_type, read, raw: bytes) -> None:  # type: ignore[no-untyped-def]
    """Whatever parses is understood or refused as INVALID_ARGUMENT."""
    request = request_type(company_id=1, request_id="r")
    try:
        request.MergeFromString(raw)
    except Exception:  # noqa: BLE001 (protobuf's own errors; such bytes never reach a servicer)
        return
    try:
        validation.check(request)
        read(request, SIGNER)
    except InvalidArgument:
        pass


def test_a_start_between_two_minutes_is_none() -> None:
    """Nothing can begin there, which is for the search to say."""
    request = pb.RescheduleBookingRequest(company_id=1, booking_id=1, request_id="r")
    request.start_time.seconds = 60
    assert orders.move_order_of(request, SIGNER).start == 1
    request.start_time.nanos = 1
    assert orders.move_order_of(request, SIGNER).start is None
