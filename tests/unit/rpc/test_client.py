"""What a channel may retry, as the contract says it."""

import pytest

from wamesh.booking.v1 import booking_pb2
from wamesh.gateway.v1 import gateway_pb2
from wamesh.rpc.client import retry_safe, service_config

GATEWAY = gateway_pb2.DESCRIPTOR.services_by_name["Gateway"]
BOOKING = booking_pb2.DESCRIPTOR.services_by_name["Booking"]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (GATEWAY.methods_by_name["Send"], True),
        (GATEWAY.methods_by_name["Health"], True),
        (GATEWAY.methods_by_name["StartSession"], True),
        (GATEWAY.methods_by_name["Reconnect"], False),
        (GATEWAY.methods_by_name["Logout"], False),
        (GATEWAY.methods_by_name["Receive"], False),
        (BOOKING.methods_by_name["CreateBooking"], True),
        (BOOKING.methods_by_name["CancelBooking"], True),
    ],
)
def test_only_what_is_safe_twice_is_retried(method: object, expected: bool) -> None:
    """Reads, idempotent methods and requests with a request_id; nothing else, and no stream."""
    assert retry_safe(method) is expected  # type: ignore[arg-type]


def test_unavailable_is_the_only_code_retried() -> None:
    """No other code is ever retried by a channel."""
    [config] = service_config([BOOKING])["methodConfig"]
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
