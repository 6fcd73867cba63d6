"""From the room to the wire: slots, bookings and the catalogue as messages of wamesh.booking.v1.

Owns the shapes of responses. Refuses decisions: what is free, and for how much, is settled before.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from wamesh.booking.appointments import (
    Appointment,
    BookedSegment,
    BookingState,
    Change,
    ChangeKind,
    Terms,
    TermsPart,
    Wish,
)
from wamesh.booking.calendar import Calendar, Category, Service, StaffMember
from wamesh.booking.explaining import Explanation
from wamesh.booking.offers import OfferSealer
from wamesh.booking.search import terms_of
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.slots.engine import Slot
from wamesh.slots.explaining import Rule
from wamesh.slots.finding import NoSlots
from wamesh.slots.near_misses import NearMiss
from wamesh.slots.zones import day_date

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_MICROS: Final = 1_000_000
_LOCAL_STARTS_IN_MEMORY: Final = 20_000
"""Some 4 MB. All companies of a zone share them, and to write one again takes a fifth of the time of a slot."""

_RULES: Final = {each: pb.SlotRule.Value(f"SLOT_RULE_{each.name}") for each in Rule}
_REASONS: Final = {each: pb.NoSlotsReason.Value(f"NO_SLOTS_REASON_{each.name}") for each in NoSlots}
_STATES: Final = {
    BookingState.CONFIRMED: pb.BOOKING_STATE_CONFIRMED,
    BookingState.CANCELLED: pb.BOOKING_STATE_CANCELLED,
}
_KINDS: Final = {each: pb.BookingChangeKind.Value(f"BOOKING_CHANGE_KIND_{each.name}") for each in ChangeKind}


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


@lru_cache(_LOCAL_STARTS_IN_MEMORY)
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
    """Writes the slots of one answer: of one calendar, for the same wishes and as many seats."""

    def __init__(self, calendar: Calendar, wishes: Sequence[Wish], party_size: int, signer: Signer) -> None:
        company = calendar.company
        self._calendar = calendar
        self._wishes = wishes
        self._party_size = party_size
        self._sealer = OfferSealer(company.company_id, wishes, party_size, company.currency, signer)
        self._outlines: dict[int, pb.Slot] = {}

    def write(self, slots: Iterable[Slot], into: "RepeatedCompositeFieldContainer[pb.Slot]") -> None:
        """Appends the slots to a field, each with the token that books it on these terms.

        Fills each message in its place, from an outline of what most of them share: with 100 slots in an answer,
        messages made apart and copied cost double.
        """
        for slot in slots:
            self._fill(into.add(), slot)

    def _fill(self, message: pb.Slot, slot: Slot) -> None:
        terms = terms_of(self._calendar, self._wishes, slot, self._party_size)
        message.MergeFrom(self._outline(terms.price_micros))
        message.slot_token = self._sealer.seal(terms)
        message.start_time.seconds = slot.start * 60
        message.end_time.seconds = slot.end * 60
        message.local_start = local_start(slot.start, self._calendar.zone)
        for part, segment in zip(slot.parts, message.segments, strict=False):  # one each; strict costs an exception
            segment.staff_id = part.staff_id
            segment.open_seats = part.open_seats
            segment.available_staff_ids.extend(part.available_staff_ids)
            segment.start_time.seconds = part.start * 60
            segment.end_time.seconds = part.end * 60

    def _outline(self, price_micros: int) -> pb.Slot:
        """What all slots of a price have in common."""
        found = self._outlines.get(price_micros)
        if found is None:
            segments = [pb.SlotSegment(service_id=each.service_id) for each in self._wishes]
            price = money(price_micros, self._calendar.company.currency)
            found = self._outlines[price_micros] = pb.Slot(price=price, segments=segments)
        return found

    def hold(self, hold: Appointment) -> pb.HoldSlotResponse:
        """The hold, with the token that books it and the one that would book its slot without it."""
        parts = tuple(TermsPart(each.service_id, each.staff_id, each.start, each.end) for each in hold.segments)
        terms = Terms(parts, hold.price_micros, hold.currency, hold.party_size)
        return pb.HoldSlotResponse(
            hold_token=self._sealer.seal_hold(hold.booking_id, terms),
            expire_time=timestamp_of(hold.expire_time) if hold.expire_time else None,
            slot=pb.Slot(
                slot_token=self._sealer.seal(terms),
                start_time=timestamp(hold.start),
                end_time=timestamp(hold.end),
                local_start=local_start(hold.start, self._calendar.zone),
                segments=[_segment_message(each) for each in hold.segments],
                price=money(hold.price_micros, hold.currency),
            ),
        )


def appointment_message(booking: Appointment, zone: ZoneInfo) -> pb.Appointment:
    """The booking; `zone` is the company's."""
    return pb.Appointment(
        booking_id=booking.booking_id,
        company_id=booking.company_id,
        state=_STATES[booking.state],
        start_time=timestamp(booking.start),
        end_time=timestamp(booking.end),
        local_start=local_start(booking.start, zone),
        segments=[_segment_message(each) for each in booking.segments],
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
        revision=booking.revision,
        party_size=booking.party_size,
        update_time=timestamp_of(booking.update_time),
    )


def _segment_message(segment: BookedSegment) -> pb.SlotSegment:
    return pb.SlotSegment(
        service_id=segment.service_id,
        staff_id=segment.staff_id,
        start_time=timestamp(segment.start),
        end_time=timestamp(segment.end),
    )


def change_message(change: Change) -> pb.BookingChange:
    """One entry of a booking's history."""
    return pb.BookingChange(
        revision=change.revision,
        kind=_KINDS[change.kind],
        change_time=timestamp_of(change.time),
        actor=change.actor,
        reason=change.reason,
        segments=[_segment_message(each) for each in change.segments],
        price=money(change.price_micros, change.currency),
    )


def day_count_message(day: int, starts: int) -> pb.DayCount:
    """How many slots a date has."""
    return pb.DayCount(date=day_date(day).isoformat(), slot_count=starts)


def near_miss_message(miss: NearMiss, zone: ZoneInfo) -> pb.NearMiss:
    """A free time that is too short; `zone` is the company's."""
    message = pb.NearMiss(
        staff_id=miss.staff_id,
        start_time=timestamp(miss.start),
        end_time=timestamp(miss.end),
        local_start=local_start(miss.start, zone),
    )
    message.shortfall_duration.seconds = miss.shortfall * 60
    return message


def explanation_message(explanation: Explanation) -> pb.Explanation:
    """Why the answer is as it is."""
    return pb.Explanation(
        steps=[pb.ExplanationStep(rule=_RULES[rule], start_count=count) for rule, count in explanation.steps],
        obstacles=[
            pb.Obstacle(
                rule=_RULES[each.rule],
                segment_index=each.segment_index,
                staff_id=each.staff_id,
                resource_id=each.resource_id,
                booking_id=each.booking_id,
            )
            for each in explanation.obstacles
        ],
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
        currency_code=company.currency,
    )


def category_message(category: Category) -> pb.Category:
    """A group of services."""
    return pb.Category(category_id=category.category_id, name=category.name, localized_names=category.localized_names)


def service_message(calendar: Calendar, service: Service) -> pb.Service:
    """A service and who does it."""
    message = pb.Service(
        service_id=service.service_id,
        name=service.name,
        localized_names=service.localized_names,
        aliases=service.aliases,
        price=money(service.price_micros, calendar.company.currency),
        staff_ids=calendar.staff_of(service.service_id),
        category_id=service.category_id,
        capacity=service.capacity,
    )
    message.duration.seconds = service.duration_minutes * 60
    if service.duration_range:
        shortest, longest = service.duration_range
        message.shortest_duration.seconds = shortest * 60
        message.longest_duration.seconds = longest * 60
    return message


def staff_message(member: StaffMember) -> pb.StaffMember:
    """A staff member and what they do."""
    return pb.StaffMember(
        staff_id=member.staff_id,
        name=member.name,
        localized_names=member.localized_names,
        service_ids=sorted(each.service_id for each in member.skills),
    )
