"""Messages as answers."""

from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from support.http_edge import UNARY
from support.messages import messages

from wamesh.api import answers
from wamesh.booking.v1 import booking_pb2 as booking


def test_what_cannot_be_absent_is_always_there() -> None:
    """A reader needs no default of its own; unset messages stay away."""
    assert answers.document(booking.Slot()) == {"slot_token": "", "local_start": "", "segments": []}


def test_integers_are_numbers_and_names_are_the_contracts() -> None:
    """An id goes back as it came: company_id, 64 bits, no quotes."""
    document = answers.document(booking.Company(company_id=2**63 - 1))
    assert document["company_id"] == 2**63 - 1


def test_times_enums_and_maps_are_protojson() -> None:
    """Everything else is as ProtoJSON writes it."""
    service = booking.Service(localized_names={"en": "Haircut"})
    service.duration.FromJsonString("1800s")
    appointment = booking.Appointment(state=booking.BOOKING_STATE_CONFIRMED)
    appointment.start_time.FromJsonString("2026-11-27T18:30:00+01:00")
    document = answers.document(service)
    assert (document["duration"], document["localized_names"]) == ("1800s", {"en": "Haircut"})
    told = answers.document(appointment)
    assert (told["state"], told["start_time"]) == ("BOOKING_STATE_CONFIRMED", "2026-11-27T17:30:00Z")


def test_an_enum_value_of_a_newer_server_is_its_number() -> None:
    """Nothing is lost when the edge is older than a backend."""
    assert answers.document(booking.Appointment(state=99))["state"] == 99  # type: ignore[arg-type]


@pytest.mark.parametrize("method", UNARY, ids=lambda each: each.name)
@settings(max_examples=40)
@given(data=st.data())
def test_an_answer_reads_back_equal(method: Any, data: st.DataObject) -> None:
    """Any reader of ProtoJSON gets the message, unknown enum numbers included."""
    message = data.draw(messages(method.output_type, open_enums=True))
    assert json_format.ParseDict(answers.document(message), type(message)()) == message
