"""From the room to the wire: slots, bookings and the catalogue as messages of wamesh.booking.v1.

Owns the shapes of responses. Refuses decisions: what is free, and for how much, is settled before.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from wamesh.booking.appointments import Appointment, BookingState, Wish
from wamesh.booking.calendar import Calendar, Service, StaffMember
from wamesh.booking.offers import OfferSealer
from wamesh.booking.search import terms_of
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.slots.engine import Slot
from wamesh.slots.finding import NoSlots

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_MICROS: Final = 1_000_000

_REASONS: Final = {each: pb.NoSlotsReason.Value(f"NO_SLOTS_REASON_{each.name}") for each in NoSlots}
_STATES: Final = {
    BookingState.CONFIRMED: pb.BOOKING_STATE_CONFIRMED,
    BookingState.CANCELLED: pb.BOOKING_STATE_CANCELLED,
}


def timestamp(minute: int) -> Timestamp:
    """The instant as a timestamp."""
    return Timestamp(seconds=minute * 60)


def timestamp_of(time: datetime) -> Timestamp:
    """The aware datetime as a timestamp."""
    stamp = Timestamp()
    stamp.FromDatetime(time.astimezone(UTC))
    return stamp


def interval(start: int, end: int) -> pb.Interval:
    """The half-open span of instants."""
    return pb.Interval(start_time=timestamp(start), end_time=timestamp(end))


def local_start(minute: int, zone: ZoneInfo) -> str:
    """The instant as people there read it, with offset."""
    return datetime.fromtimestamp(minute * 60, zone).isoformat()


def reason(why: NoSlots | None) -> pb.NoSlotsReason.ValueType:
    """Why there is no slot; unspecified when there is one."""
    return pb.NO_SLOTS_REASON_UNSPECIFIED if why is None else _REASONS[why]


def money(micros: int, currency: str) -> Money:
    """The amount as google.type.Money."""
    units, rest = divmod(micros, _MICROS)
    return Money(currency_code=currency, units=units, nanos=rest * 1000)


class SlotWriter:
    """Writes the slots of one answer: of one calendar, for the same wishes."""

    def __init__(self, calendar: Calendar, wishes: Sequence[Wish], signer: Signer) -> None:
        self._calendar = calendar
        self._wishes = wishes
        self._sealer = OfferSealer(calendar.company.company_id, wishes, calendar.company.currency, signer)
        self._price = cache(partial(money, currency=calendar.company.currency))

    def write(self, slots: Iterable[Slot], into: "RepeatedCompositeFieldContainer[pb.Slot]") -> None:
        """Appends the slots to a field, each with the token that books it on these terms.

        Fills each message in its place: with 100 slots in an answer, messages made apart and copied cost double.
        """
        for slot in slots:
            self._fill(into.add(), slot)

    def _fill(self, message: pb.Slot, slot: Slot) -> None:
        terms = terms_of(self._calendar, self._wishes, slot)
        message.slot_token = self._sealer.seal(terms)
        message.start_time.seconds = slot.start * 60
        message.end_time.seconds = slot.end * 60
        message.local_start = local_start(slot.start, self._calendar.zone)
        message.price.CopyFrom(self._price(terms.price_micros))
        for wish, part in zip(self._wishes, slot.parts, strict=True):
            segment = message.segments.add(service_id=wish.service_id, staff_id=part.staff_id)
            segment.available_staff_ids.extend(part.available_staff_ids)
            segment.start_time.seconds = part.start * 60
            segment.end_time.seconds = part.end * 60


def appointment_message(booking: Appointment, zone: ZoneInfo) -> pb.Appointment:
    """The booking; `zone` is the company's."""
    return pb.Appointment(
        booking_id=booking.booking_id,
        company_id=booking.company_id,
        state=_STATES[booking.state],
        start_time=timestamp(booking.start),
        end_time=timestamp(booking.end),
        local_start=local_start(booking.start, zone),
        segments=[
            pb.SlotSegment(
                service_id=each.service_id,
                staff_id=each.staff_id,
                start_time=timestamp(each.start),
                end_time=timestamp(each.end),
            )
            for each in booking.segments
        ],
        price=money(booking.price_micros, booking.currency),
        customer=pb.Customer(
            name=booking.customer.name,
            phone_number=booking.customer.phone_number,
            chat=booking.customer.chat,
        ),
        note=booking.note,
        create_time=timestamp_of(booking.create_time),
        cancel_time=timestamp_of(booking.cancel_time) if booking.cancel_time else None,
        cancel_reason=booking.cancel_reason,
    )


def company_message(calendar: Calendar) -> pb.Company:
    """Who the company is."""
    company = calendar.company
    return pb.Company(
        company_id=company.company_id,
        name=company.name,
        time_zone=company.time_zone,
        language=company.language,
        address=company.address,
    )


def service_message(calendar: Calendar, service: Service) -> pb.Service:
    """A service and who does it."""
    message = pb.Service(
        service_id=service.service_id,
        name=service.name,
        localized_names=service.localized_names,
        aliases=service.aliases,
        price=money(service.price_micros, calendar.company.currency),
        staff_ids=calendar.staff_of(service.service_id),
    )
    message.duration.seconds = service.duration_minutes * 60
    return message


def staff_message(member: StaffMember) -> pb.StaffMember:
    """A staff member and what they do."""
    return pb.StaffMember(
        staff_id=member.staff_id,
        name=member.name,
        localized_names=member.localized_names,
        service_ids=sorted(each.service_id for each in member.skills),
    )
