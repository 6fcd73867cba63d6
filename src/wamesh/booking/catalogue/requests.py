"""From messages of catalogue.proto to the values of a calendar.

Owns the rules that the schema cannot say (whole minutes, a time zone that exists, the currency of a price) and the
naming of the field that breaks one; all of a request are reported at once. Texts and times are read by the same readers
as those of a file. What contradicts the rest of the catalogue is for `catalogue.rules`; a `Places` tells which field of
the request a path of the catalogue came from.

Invariant: what comes out of a message is what the same words in a file would give, and no message raises anything but
InvalidArgument.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from google.protobuf.duration_pb2 import Duration
from google.type.money_pb2 import Money

from wamesh.booking.calendar import Absence, Category, Company, Holidays, Need, Resource, Service, Skill, StaffMember
from wamesh.booking.catalogue.nodes import Node
from wamesh.booking.catalogue.values import (
    LARGEST_PRICE,
    MAX_REMARK,
    Broken,
    absence_of,
    day_of,
    moment_of,
    zone_of,
)
from wamesh.booking.v1 import booking_pb2, catalogue_pb2
from wamesh.errors import InvalidArgument, Violation
from wamesh.slots.spans import Span
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY

Places: TypeAlias = Mapping[str, str]
"""Fields of a request by paths of the catalogue."""
T = TypeVar("T")

_MICROS: Final = 1_000_000
_NANOS_PER_MICRO: Final = 1_000
_NANOS: Final = 1_000_000_000
_STANDARD: Final = Company(0, "", "", "", "")
_NO_MOMENT: Final = (0, True)
_NO_PLAN: Final = tuple(DayPlan() for _ in range(7))


class Reading:
    """The reading of one request; collects what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[Violation] = []

    def problem(self, path: str, sentence: str) -> None:
        """Notes a wrong field."""
        self.problems.append(Violation(path, sentence))

    def text(self, text: str, path: str) -> str:
        """Reads a name."""
        return Node(text, path, self.problems).text()

    def remark(self, text: str, path: str) -> str:
        """Reads a line that may be empty."""
        return Node(text or None, path, self.problems).text(default="", most=MAX_REMARK)

    def parsed(self, text: str, path: str, parse: Callable[[str], T], default: T) -> T:
        """Reads a text of one of the small languages of `catalogue.values`."""
        return Node(text, path, self.problems).parsed(parse, default)

    def minutes(self, duration: Duration, path: str) -> int:
        """Reads a duration of whole minutes."""
        seconds: int = duration.seconds
        if seconds % 60 or duration.nanos:
            self.problem(path, "must be whole minutes")
        return seconds // 60

    def price(self, money: Money, currency: str, path: str) -> int:
        """Reads an amount of a currency, in micros."""
        micros: int = money.units * _MICROS + money.nanos // _NANOS_PER_MICRO
        if money.currency_code != currency:
            self.problem(f"{path}.currency_code", f"must be {currency}, the currency of the company")
        whole = 0 <= money.nanos < _NANOS and money.nanos % _NANOS_PER_MICRO == 0
        if not whole or not 0 <= micros <= LARGEST_PRICE * _MICROS:
            self.problem(path, f"must be an amount from 0 to {LARGEST_PRICE} with at most 6 decimals")
        return micros

    def names(self, name: str, localized: Mapping[str, str], language: str, path: str) -> dict[str, str]:
        """Reads the names of a thing, that in the company's language among them."""
        own = self.text(name, f"{path}.name")
        names = {key: self.text(text, f'{path}.localized_names["{key}"]') for key, text in sorted(localized.items())}
        if names.setdefault(language, own) != own:
            self.problem(f'{path}.localized_names["{language}"]', "must be the same as name: it is in that language")
        return names

    def finish(self, value: T) -> T:
        """Returns what was read. Raises InvalidArgument with all that is wrong."""
        if self.problems:
            raise InvalidArgument(self.problems)
        return value


def company_of(company_id: int, message: catalogue_pb2.CompanyEntry) -> tuple[Company, Places]:
    """Reads a company. Raises InvalidArgument."""
    reading, path = Reading(), "company"
    has, standard = message.HasField, _STANDARD
    horizon = reading.minutes(message.horizon_duration, f"{path}.horizon_duration")
    if horizon % MINUTES_PER_DAY:
        reading.problem(f"{path}.horizon_duration", "must be whole days")
    step = reading.minutes(message.step_duration, f"{path}.step_duration")
    company = Company(
        company_id=company_id,
        name=reading.text(message.name, f"{path}.name"),
        time_zone=reading.parsed(message.time_zone, f"{path}.time_zone", zone_of, "UTC"),
        language=message.language,
        currency=message.currency_code,
        address=reading.remark(message.address, f"{path}.address"),
        step_minutes=step if has("step_duration") else standard.step_minutes,
        notice_minutes=reading.minutes(message.notice_duration, f"{path}.notice_duration"),
        horizon_minutes=horizon if has("horizon_duration") else standard.horizon_minutes,
        holidays=_holidays(message.holidays, f"{path}.holidays", reading) if has("holidays") else None,
    )
    places = {
        "holidays.country": f"{path}.holidays.country_code",
        "holidays.subdivision": f"{path}.holidays.subdivision_code",
    }
    return reading.finish((company, places))


def _holidays(message: catalogue_pb2.PublicHolidays, path: str, reading: Reading) -> Holidays:
    dates = enumerate(message.open_dates)
    open_days = frozenset(reading.parsed(each, f"{path}.open_dates[{index}]", day_of, 0) for index, each in dates)
    return Holidays(message.country_code, reading.remark(message.subdivision_code, path), open_days)


def category_of(message: catalogue_pb2.CategoryEntry, language: str) -> Category:
    """Reads a category of a company with this language. Raises InvalidArgument."""
    reading = Reading()
    names = reading.names(message.name, message.localized_names, language, "category")
    return reading.finish(Category(message.category_id, names[language], names))


def resource_of(message: catalogue_pb2.ResourceEntry, language: str) -> Resource:
    """Reads a resource of a company with this language. Raises InvalidArgument."""
    reading = Reading()
    names = reading.names(message.name, message.localized_names, language, "resource")
    return reading.finish(Resource(message.resource_id, names[language], message.quantity or 1, names))


def service_of(message: catalogue_pb2.ServiceEntry, company: Company) -> Service:
    """Reads a service of a company. Raises InvalidArgument."""
    reading, path = Reading(), "service"
    names = reading.names(message.name, message.localized_names, company.language, path)
    service = Service(
        service_id=message.service_id,
        name=names[company.language],
        localized_names=names,
        aliases=tuple(reading.text(each, f"{path}.aliases[{i}]") for i, each in enumerate(message.aliases)),
        duration_minutes=reading.minutes(message.duration, f"{path}.duration"),
        buffer_before_minutes=reading.minutes(message.buffer_before_duration, f"{path}.buffer_before_duration"),
        buffer_after_minutes=reading.minutes(message.buffer_after_duration, f"{path}.buffer_after_duration"),
        price_micros=reading.price(message.price, company.currency, f"{path}.price")
        if message.HasField("price")
        else 0,
        category_id=message.category_id,
        capacity=message.capacity or 1,
        needs=tuple(sorted(Need(each.resource_id, each.quantity or 1) for each in message.needs)),
        duration_range=_duration_range(message, path, reading),
    )
    return reading.finish(service)


def _duration_range(message: catalogue_pb2.ServiceEntry, path: str, reading: Reading) -> tuple[int, int] | None:
    ends = [name for name in ("shortest_duration", "longest_duration") if message.HasField(name)]
    if not ends:
        return None
    if len(ends) == 1:
        reading.problem(f"{path}.{ends[0]}", "must come with both ends of the range, or be absent")
    shortest = reading.minutes(message.shortest_duration, f"{path}.shortest_duration")
    longest = reading.minutes(message.longest_duration, f"{path}.longest_duration")
    return shortest, longest


def places_of_service(message: catalogue_pb2.ServiceEntry) -> Places:
    """Returns where the parts of a service stand in its message."""
    thing, path = f"services[id {message.service_id}]", "service"
    places = {
        thing: path,
        f"{thing}.category": f"{path}.category_id",
        f"{thing}.duration_range": f"{path}.shortest_duration",
    }
    for index, need in enumerate(message.needs):
        here = f"{path}.needs[{index}]"
        places[f"{thing}.needs[resource {need.resource_id}]"] = f"{here}.resource_id"
        places[f"{thing}.needs[resource {need.resource_id}].quantity"] = f"{here}.quantity"
    return places


def member_of(message: catalogue_pb2.StaffEntry, company: Company, present: StaffMember | None) -> StaffMember:
    """Reads a staff member of a company; what the message does not say is as at present. Raises InvalidArgument."""
    reading, path = Reading(), "staff"
    names = reading.names(message.name, message.localized_names, company.language, path)
    skills = (_skill(each, company, f"{path}.skills[{i}]", reading) for i, each in enumerate(message.skills))
    weekly, overrides = (present.weekly, present.overrides) if present else (_NO_PLAN, {})
    if message.HasField("schedule"):
        weekly, overrides = _schedule(message.schedule, f"{path}.schedule", reading)
    member = StaffMember(
        staff_id=message.staff_id,
        name=names[company.language],
        localized_names=names,
        skills=tuple(sorted(skills, key=lambda each: each.service_id)),
        weekly=weekly,
        overrides=overrides,
        time_off=present.time_off if present else (),
        busy=present.busy if present else {},
    )
    return reading.finish(member)


def _skill(message: catalogue_pb2.StaffSkill, company: Company, path: str, reading: Reading) -> Skill:
    duration = reading.minutes(message.duration, f"{path}.duration") if message.HasField("duration") else None
    price = reading.price(message.price, company.currency, f"{path}.price") if message.HasField("price") else None
    return Skill(message.service_id, duration, price)


def places_of_member(message: catalogue_pb2.StaffEntry) -> Places:
    """Returns where the parts of a staff member stand in their message."""
    thing = f"staff[id {message.staff_id}]"
    skills = {
        f"{thing}.services[id {each.service_id}]": f"staff.skills[{index}].service_id"
        for index, each in enumerate(message.skills)
    }
    return {thing: "staff", **skills}


def schedule_of(message: catalogue_pb2.StaffSchedule) -> tuple[tuple[DayPlan, ...], Mapping[int, DayPlan]]:
    """Reads a schedule: seven plans, Monday first, and those of dates by day number. Raises InvalidArgument."""
    reading = Reading()
    return reading.finish(_schedule(message, "schedule", reading))


def _schedule(
    message: catalogue_pb2.StaffSchedule, path: str, reading: Reading
) -> tuple[tuple[DayPlan, ...], Mapping[int, DayPlan]]:
    weekly: dict[int, DayPlan] = {}
    for index, each in enumerate(message.weekly):
        here = f"{path}.weekly[{index}]"
        if each.day_of_week - 1 in weekly:
            reading.problem(f"{here}.day_of_week", "stands here twice")
        weekly[each.day_of_week - 1] = _plan(each, here, reading)
    overrides: dict[int, DayPlan] = {}
    for index, plan in enumerate(message.overrides):
        here = f"{path}.overrides[{index}]"
        day = reading.parsed(plan.date, f"{here}.date", day_of, -index)
        if day in overrides:
            reading.problem(f"{here}.date", "stands here twice")
        overrides[day] = _plan(plan, here, reading)
    return tuple(weekly.get(day, DayPlan()) for day in range(7)), overrides


def _plan(message: catalogue_pb2.WeekdayPlan | catalogue_pb2.DatePlan, path: str, reading: Reading) -> DayPlan:
    hours = _ranges(message.hours, f"{path}.hours", reading)
    return DayPlan(hours, _ranges(message.breaks, f"{path}.breaks", reading))


def _ranges(messages: Iterable[booking_pb2.TimeRange], path: str, reading: Reading) -> tuple[Span, ...]:
    ranges = []
    for index, each in enumerate(messages):
        start, end = _minute_of(each.start), _minute_of(each.end)
        if start == end:
            reading.problem(f"{path}[{index}].end", 'must differ from start; a whole day is "00:00" to "24:00"')
        ranges.append((start, end if end > start else end + MINUTES_PER_DAY))
    return tuple(sorted(ranges))


def _minute_of(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


def absence_from(message: catalogue_pb2.AbsenceEntry) -> Absence:
    """Reads an absence. Raises InvalidArgument."""
    reading, path = Reading(), "absence"
    note = reading.remark(message.note, f"{path}.note")
    if message.HasField("dates"):
        start = reading.parsed(message.dates.first_date, f"{path}.dates.first_date", moment_of, _NO_MOMENT)
        last = f"{path}.dates.last_date"
        end = reading.parsed(message.dates.last_date, last, moment_of, start) if message.dates.last_date else start
    else:
        start = _moment(message.moments.local_start, f"{path}.moments.local_start", reading)
        last = f"{path}.moments.local_end"
        end = _moment(message.moments.local_end, last, reading)
    reading.finish(None)
    try:
        return absence_of(start, end, note)
    except Broken as error:
        raise InvalidArgument([Violation(last, str(error))]) from error


def _moment(text: str, path: str, reading: Reading) -> tuple[int, bool]:
    return reading.parsed(text.replace("T", " "), path, moment_of, _NO_MOMENT)


def located(violations: Sequence[Violation], places: Places) -> list[Violation]:
    """Returns violations of a catalogue with the paths of the request's fields, where they lie in the request."""
    return [Violation(_field_of(each.field, places), each.description) for each in violations]


def _field_of(path: str, places: Places) -> str:
    for place in sorted(places, key=len, reverse=True):
        if path == place or path.startswith((f"{place}.", f"{place}[")):
            return places[place] + path.removeprefix(place)
    return path
