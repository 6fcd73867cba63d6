"""Companies in memory: the catalogue and the diary of each, good for as long as their revisions stay.

Owns: when a picture in memory may be used, and which ones are kept. Each question first reads the two revisions of its
company, one row by its key, in a snapshot no older than the question. A picture of those revisions answers it without
another look at the tables; an older diary is brought up to date with what changed since. So nothing stale is ever told,
by any replica, and a writer's next question sees its change.

Refuses to trust a write: what a transaction reads before it commits is used there and not kept.

Invariant: a picture in memory is what some committed revision was, and never older than one that was there before it.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from wamesh.booking.calendar import Calendar
from wamesh.booking.diary import Diary
from wamesh.booking.stores import BookingStore, CalendarStore, Revisions, Steps, Transactions
from wamesh.booking.turns import Turns
from wamesh.slots.zones import instant_floor

MOST_WEIGHT: Final = 300_000
"""How much is kept: a visit counts 1, a staff member 10, a company 20. One is some 600 bytes."""

_PAST_DAYS: Final = 3
"""Earlier visits block nothing that can still be booked; the day's load counts the whole of today."""
_FRESH: Final = timedelta(days=1)
"""So long after it was read a diary is read anew, without what has passed meanwhile."""


@dataclass(frozen=True, slots=True)
class Salon:
    """A company as it was at one revision; `read_time` is when the diary was read whole."""

    calendar: Calendar
    diary: Diary
    read_time: datetime

    @property
    def revision(self) -> int:
        """Grows with each change of the catalogue or the diary."""
        return self.calendar.revision + self.diary.revision

    @property
    def weight(self) -> int:
        """What it costs to keep."""
        return 20 + 10 * len(self.calendar.staff) + len(self.diary.visits)


class Salons:
    """Gives companies as they are now."""

    def __init__(
        self,
        database: Transactions,
        calendars: CalendarStore,
        bookings: BookingStore,
        most_weight: int = MOST_WEIGHT,
    ) -> None:
        self._database = database
        self._calendars = calendars
        self._bookings = bookings
        self._memory = _Memory(most_weight)
        self._loads = Turns()

    async def now(self, company_id: int, time: datetime) -> Salon:
        """Returns a company as it is; `time` is the present. Raises CompanyNotFound, CompanyBusy.

        Of callers who all find it missing, one reads it whole, while the others wait.
        """
        salon = await self._database.read(lambda: self._if_known(company_id, time))
        if salon is None:
            async with self._loads.of(company_id):
                salon = await self._database.read(lambda: self._refreshed(company_id, time))
        self._memory.put(salon)
        return salon

    def locked(self, company_id: int, time: datetime) -> Steps[Salon]:
        """Locks a company within a transaction, and returns it as it is. Raises CompanyNotFound."""
        revisions = yield from self._calendars.lock(company_id)
        return (yield from self._at(company_id, revisions, time))

    def _if_known(self, company_id: int, time: datetime) -> Steps[Salon | None]:
        """Returns a company that is in memory, brought up to date; None when it would have to be read whole."""
        revisions = yield from self._calendars.revisions(company_id)
        known = self._memory.get(company_id)
        if known is None or known.calendar.revision < revisions.catalogue or time - known.read_time > _FRESH:
            return None
        return (yield from self._at(company_id, revisions, time))

    def _refreshed(self, company_id: int, time: datetime) -> Steps[Salon]:
        revisions = yield from self._calendars.revisions(company_id)
        return (yield from self._at(company_id, revisions, time))

    def _at(self, company_id: int, revisions: Revisions, time: datetime) -> Steps[Salon]:
        """Returns the company at these revisions, or at later ones that memory has."""
        known = self._memory.get(company_id)
        if known is not None and time - known.read_time > _FRESH:
            known = None
        calendar = known.calendar if known and known.calendar.revision >= revisions.catalogue else None
        diary, read_time = (known.diary, known.read_time) if known else (Diary(), time)
        if calendar is None:
            calendar = yield from self._calendars.read(company_id)
        if known is None or diary.revision < revisions.diary:
            ends_after = instant_floor(read_time - timedelta(days=_PAST_DAYS))
            changed = yield from self._bookings.visits(company_id, diary.revision, ends_after)
            diary = diary.with_visits(changed, revisions.diary)
        return Salon(calendar, diary, read_time)


class _Memory:
    """The companies last asked for, at most of a total weight; safe from any thread."""

    def __init__(self, most_weight: int) -> None:
        self._salons: OrderedDict[int, Salon] = OrderedDict()
        self._most_weight = most_weight
        self._weight = 0
        self._lock = Lock()

    def get(self, company_id: int) -> Salon | None:
        """Returns the company, if it is kept."""
        with self._lock:
            return self._salons.get(company_id)

    def put(self, salon: Salon) -> None:
        """Keeps a company unless a later one is kept, and forgets those longest unused."""
        company_id = salon.calendar.company.company_id
        with self._lock:
            known = self._salons.get(company_id)
            if known is None or known.revision <= salon.revision:
                self._weight += salon.weight - (known.weight if known else 0)
                self._salons[company_id] = salon
            self._salons.move_to_end(company_id)
            while self._weight > self._most_weight and len(self._salons) > 1:
                _, forgotten = self._salons.popitem(last=False)
                self._weight -= forgotten.weight
