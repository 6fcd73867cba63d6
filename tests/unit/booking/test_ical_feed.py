"""What a feed says of a staff member's bookings, read by a reader of the tests' own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from support.booking_service import ANNA, BLOW_DRY, HAIRCUT, MARIA, SALON_FILE
from support.ical_texts import events_of

from wamesh.booking.appointments import Appointment, BookedSegment, BookingState, Customer
from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.booking.ical.feed import MOST_BYTES, feed_text
from wamesh.slots.zones import instant_floor

CALENDAR = parse_catalogue(SALON_FILE.read_text(encoding="utf-8"))
MEMBER = next(each for each in CALENDAR.staff if each.staff_id == ANNA)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
BOOKED = datetime(2026, 11, 23, 8, 30, 15, tzinfo=UTC)
VERA = Customer("Vera", "+12025550142")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=120)


def segment(service_id: int, staff_id: int, after_minutes: int, minutes: int = 30) -> BookedSegment:
    """A segment that begins so long after noon."""
    start = instant_floor(NOON) + after_minutes
    return BookedSegment(service_id, staff_id, start, start + minutes, start - 5, start + minutes + 10, 7)


def booking(*segments: BookedSegment, booking_id: int = 7) -> Appointment:
    """A confirmed visit of Vera's."""
    return Appointment(
        company_id=1,
        booking_id=booking_id,
        state=BookingState.CONFIRMED,
        segments=segments or (segment(HAIRCUT, ANNA, 0),),
        price_micros=35_000_000,
        currency="EUR",
        customer=VERA,
        note="No perfume, please.",
        create_time=BOOKED,
        update_time=BOOKED,
    )


def written(*bookings: Appointment) -> list[dict[str, str]]:
    """The events of Anna's feed."""
    return events_of(feed_text(CALENDAR, MEMBER, bookings, "realm"))


def test_an_event_says_all_that_the_day_needs() -> None:
    """Times without buffers, in UTC; who comes for what, and how to reach them."""
    assert written(booking()) == [
        {
            "UID": "1-7-0@realm",
            "SEQUENCE": "1",
            "DTSTAMP": "20261123T083015Z",
            "CREATED": "20261123T083015Z",
            "LAST-MODIFIED": "20261123T083015Z",
            "DTSTART": "20261127T120000Z",
            "DTEND": "20261127T123000Z",
            "STATUS": "CONFIRMED",
            "SUMMARY": "Стрижка, Vera",
            "DESCRIPTION": "+12025550142\nNo perfume, please.",
            "LOCATION": CALENDAR.company.address,
        }
    ]


def test_a_moved_booking_is_the_same_event_at_a_later_sequence() -> None:
    """So programs move what they have."""
    old = booking()
    moved = replace(old, segments=(segment(HAIRCUT, ANNA, 90),), revision=2, update_time=BOOKED + timedelta(hours=1))
    (before,), (after,) = written(old), written(moved)
    assert before["UID"] == after["UID"]
    assert (after["SEQUENCE"], after["DTSTART"], after["DTSTAMP"]) == ("2", "20261127T133000Z", "20261123T093015Z")


def test_a_cancelled_booking_is_an_event_that_is_cancelled() -> None:
    """So programs remove what they have."""
    (found,) = written(replace(booking(), state=BookingState.CANCELLED, revision=2))
    assert (found["STATUS"], found["SEQUENCE"], found["UID"]) == ("CANCELLED", "2", "1-7-0@realm")


def test_what_one_person_does_without_a_pause_is_one_event() -> None:
    """What others do is not in it; coming again is another event."""
    visit = booking(
        segment(HAIRCUT, ANNA, 0),
        segment(BLOW_DRY, ANNA, 30),
        segment(HAIRCUT, MARIA, 60),
        segment(BLOW_DRY, ANNA, 90),
    )
    found = [(each["UID"], each["DTSTART"][9:13], each["DTEND"][9:13], each["SUMMARY"]) for each in written(visit)]
    assert found == [
        ("1-7-0@realm", "1200", "1300", "Стрижка + Укладка, Vera"),
        ("1-7-3@realm", "1330", "1400", "Укладка, Vera"),
    ]


def test_seats_are_told_where_there_are_several() -> None:
    """A customer without a name leaves the service alone."""
    (found,) = written(replace(booking(), party_size=3, customer=Customer(), note=""))
    assert found["SUMMARY"] == "Стрижка ×3"
    assert "DESCRIPTION" not in found


def test_the_far_end_of_too_long_a_feed_is_left_out() -> None:
    """What is near is there, and the text is whole."""
    many = [replace(booking(booking_id=number), note="x" * 2000) for number in range(1, 1200)]
    text = feed_text(CALENDAR, MEMBER, many, "realm")
    names = [each["UID"] for each in events_of(text)]
    assert MOST_BYTES - 5_000 < len(text.encode()) < MOST_BYTES + 1_000
    assert names == [f"1-{number}-0@realm" for number in range(1, len(names) + 1)]


@settings(max_examples=150, deadline=None)
@given(name=TEXTS, note=TEXTS)
def test_what_customers_write_is_read_back_and_adds_no_line(name: str, note: str) -> None:
    """Whatever they write, but for control characters, of which a line break alone has a meaning."""
    (found,) = written(replace(booking(), customer=Customer(name, "+12025550142"), note=note))
    assert len(found) == 11
    for text, value in ((name, found["SUMMARY"]), (note, found["DESCRIPTION"])):
        assert value.endswith(plain(text))


def plain(text: str) -> str:
    """The text with blanks for control characters."""
    text = text.replace("\r\n", "\n")
    control = {*map(chr, [*range(9), *range(11, 32), *range(127, 160)]), "\u2028", "\u2029"}
    return "".join(" " if each in control else each for each in text)
