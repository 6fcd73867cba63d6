"""A salon in memory for stories of the dialogue: it performs actions the way booking does, without a network.

Everybody works 10:00-20:00 from Monday to Saturday on a grid of 30 minutes; what was booked or blocked is not free.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from wamesh.worker.catalogue import Catalogue, Price, Service, StaffMember
from wamesh.worker.conversation import Conversation, Offer, Visit
from wamesh.worker.dialogue import step
from wamesh.worker.events import (
    Action,
    Book,
    Booked,
    CancelVisit,
    CustomerMessage,
    CustomerSpoke,
    Event,
    FindVisits,
    MoveVisit,
    NoSlots,
    Reply,
    SearchSlots,
    SlotsFound,
    SlotTaken,
    VisitCancelled,
    VisitGone,
    VisitMoved,
    VisitsFound,
)

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 18, 11, 0, tzinfo=ZONE)
"""A Wednesday."""

CATALOGUE = Catalogue(
    company_id=1,
    name="Салон Луна",
    zone=ZONE,
    language="ru",
    address="Lindenstraße 12, Berlin",
    services=(
        Service(1, "Женская стрижка", {"en": "Women's haircut"}, (), timedelta(minutes=60), Price("EUR", 45), (1, 2)),
        Service(2, "Мужская стрижка", {"en": "Men's haircut"}, (), timedelta(minutes=30), Price("EUR", 25), (1, 3)),
        Service(3, "Маникюр", {"en": "Manicure"}, ("ногти",), timedelta(minutes=60), Price("EUR", 30), (2,)),
        Service(4, "Окрашивание", {"en": "Hair colouring"}, (), timedelta(minutes=120), Price("EUR", 90), (1,)),
        Service(5, "Стрижка бороды", {"en": "Beard trim"}, (), timedelta(minutes=30), Price("EUR", 15), (3,)),
    ),
    staff=(
        StaffMember(1, "Анна", {"en": "Anna"}, (1, 2, 4)),
        StaffMember(2, "Мария", {"en": "Maria"}, (1, 3)),
        StaffMember(3, "Олег", {"en": "Oleg"}, (2, 5)),
    ),
)


def demo_catalogue() -> Catalogue:
    """The salon that `wamesh demo` opens, as the worker knows it."""
    file: Mapping[str, Any] = yaml.safe_load((resources.files("wamesh") / "demo" / "salon.yaml").read_text("utf-8"))
    able = {each["id"]: tuple(map(_service_id, each["services"])) for each in file["staff"]}
    return Catalogue(
        company_id=1,
        name=file["company"]["name"],
        zone=ZONE,
        address=file["company"]["address"],
        services=tuple(
            Service(
                each["id"],
                each["name"]["ru"],
                each["name"],
                tuple(each["aliases"]),
                timedelta(minutes=each["duration_minutes"]),
                Price("EUR", int(each["price"])),
                tuple(member for member, services in able.items() if each["id"] in services),
            )
            for each in file["services"]
        ),
        staff=tuple(
            StaffMember(each["id"], each["name"]["ru"], each["name"], able[each["id"]]) for each in file["staff"]
        ),
    )


def _service_id(item: int | Mapping[str, Any]) -> int:
    return item if isinstance(item, int) else int(item["id"])


@dataclass
class Salon:
    """What is booked, and a way to perform actions."""

    catalogue: Catalogue = CATALOGUE
    taken: set[tuple[int, datetime]] = field(default_factory=set)
    visits: list[Visit] = field(default_factory=list)
    made: int = 0
    snatch_next: bool = False
    """The next slot that is booked is taken by somebody else first."""

    def perform(self, action: Action, now: datetime) -> Event:
        """The result that booking would give."""
        match action:
            case SearchSlots():
                slots = tuple(self._free(action, now))
                reason = NoSlots.CLOSED if all(day.weekday() == 6 for day in action.days) else NoSlots.FULLY_BOOKED
                return SlotsFound(slots, () if slots else self._suggestions(action, now), reason)
            case Book():
                return self._book(action.offer)
            case MoveVisit():
                return self._move(action)
            case FindVisits():
                return VisitsFound(tuple(sorted(self.visits, key=lambda each: each.start)))
            case CancelVisit():
                self.visits = [each for each in self.visits if each.booking_id != action.booking_id]
                return VisitCancelled(action.booking_id)
            case Reply():
                raise AssertionError("A reply has no result.")

    def _free(self, wish: SearchSlots, now: datetime) -> Iterator[Offer]:
        service = self.catalogue.service(wish.service_ids[0])
        assert service is not None
        for day in wish.days:
            for half_hours in range(20 if day.weekday() < 6 else 0):
                start = datetime.combine(day, time(10), ZONE) + timedelta(minutes=30 * half_hours)
                minute = start.hour * 60 + start.minute
                fits = not wish.ranges or any(first <= minute < last for first, last in wish.ranges)
                able = [
                    each
                    for each in service.staff_ids
                    if ((each, start) not in self.taken or _is_its_time(wish.moving, each, start))
                    and each not in wish.unwanted_staff
                    and (not wish.staff_ids or each in wish.staff_ids)
                ]
                if fits and able and start > now + timedelta(minutes=30):
                    token = f"{start.isoformat()}/{able[0]}"
                    yield Offer(token, start, start + service.duration, wish.service_ids, (able[0],), service.price)

    def _suggestions(self, wish: SearchSlots, now: datetime) -> tuple[Offer, ...]:
        days = tuple(wish.days[0] + timedelta(days=index) for index in range(7))
        return tuple(self._free(SearchSlots(wish.service_ids, days, wish.staff_ids, wish.unwanted_staff), now))[:3]

    def _book(self, offer: Offer) -> Event:
        key = (offer.staff_ids[0], offer.start)
        if self.snatch_next:
            self.snatch_next = False
            self.taken.add(key)
        if key in self.taken:
            return SlotTaken()
        self.taken.add(key)
        self.made += 1
        visit = Visit(self.made, offer.start, offer.service_ids, offer.staff_ids, offer.price)
        self.visits.append(visit)
        return Booked(visit)

    def _move(self, action: MoveVisit) -> Event:
        old = next((each for each in self.visits if each.booking_id == action.booking_id), None)
        if old is None:
            return VisitGone()
        present = (old.staff_ids[0], old.start)
        self.taken.discard(present)
        booked = self._book(action.offer)
        if not isinstance(booked, Booked):
            self.taken.add(present)
            return booked
        self.visits.remove(old)
        self.visits[-1] = replace(self.visits[-1], booking_id=old.booking_id)
        return VisitMoved(self.visits[-1])


def _is_its_time(moving: Visit | None, staff_id: int, start: datetime) -> bool:
    return moving is not None and (staff_id, start) == (moving.staff_ids[0], moving.start)


@dataclass
class Chat:
    """A customer's chat with the salon, played through the pure dialogue."""

    salon: Salon = field(default_factory=Salon)
    state: Conversation = field(default_factory=Conversation)
    now: datetime = NOW

    def say(self, *lines: str) -> str:
        """One turn: what the customer types, and the answer."""
        return self.hear(CustomerSpoke(tuple(CustomerMessage(line) for line in lines)))

    def hear(self, event: Event) -> str:
        """Feeds an event through to the replies."""
        replies: list[str] = []
        self.state, actions = step(self.state, event, self.now, self.salon.catalogue)
        while actions:
            replies += [each.text for each in actions if isinstance(each, Reply)]
            pending = [each for each in actions if not isinstance(each, Reply)]
            assert len(pending) <= 1
            if not pending:
                break
            result = self.salon.perform(pending[0], self.now)
            self.state, actions = step(self.state, result, self.now, self.salon.catalogue)
        return "\n\n".join(replies)
