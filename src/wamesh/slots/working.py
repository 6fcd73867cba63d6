"""When one staff member works: weekly hours, breaks, overrides, days off and absences, as a set of instants.

Owns the precedence of slots.md: closure or holiday > time off > date override (which replaces the weekly
hours) > weekly hours; overlapping ranges are unioned. Owns what a working time is: the set of instants whose
local date and time lies in a working range; hence minutes in a DST gap vanish and a repeated hour counts
twice.

A range is `(open, close)` in minutes since local midnight of its *opening date*: 0 <= open < 1440 and open <
close <= open + 1440. 24:00 is 1440; 22:00-02:00 is (1320, 1560). A shift belongs to its opening date: a day
off removes the whole of it and leaves the tail of the night before.

Refuses to know companies, staff or files: `wamesh.booking.calendar` builds a Schedule, this module only reads
it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wamesh.slots.spans import Span, canonical, shift, subtract, union
from wamesh.slots.zones import MINUTES_PER_DAY, Offsets, instants_of, local_days, weekday_of


@dataclass(frozen=True, slots=True)
class DayPlan:
    """The hours of a shift that opens on some date, and the breaks in it; both as ranges, in any order."""

    hours: tuple[Span, ...] = ()
    breaks: tuple[Span, ...] = ()

    def open_minutes(self) -> list[Span]:
        """Returns the working minutes as a set, counted from local midnight of the opening date (0 to 2880).

        A break holds for the night after midnight too: 00:30-01:00 interrupts a shift of 22:00-02:00.
        """
        pauses = canonical(self.breaks)
        return subtract(canonical(self.hours), union([pauses, shift(pauses, MINUTES_PER_DAY)]))


CLOSED = DayPlan()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that decides when one staff member works.

    `weekly` has seven plans, Monday first. `overrides` and `days_off` are keyed by day number
    (`zones.day_number`). `absences` is a set of local minutes: closures and time off that begin or end within
    a day.
    """

    weekly: tuple[DayPlan, ...]
    overrides: Mapping[int, DayPlan] = field(default_factory=dict)
    days_off: frozenset[int] = frozenset()
    absences: tuple[Span, ...] = ()

    def plan_of(self, day: int) -> DayPlan:
        """Returns the plan of the shift that opens on a day number."""
        if day in self.days_off:
            return CLOSED
        return self.overrides.get(day) or self.weekly[weekday_of(day)]


def working_instants(schedule: Schedule, offsets: Offsets) -> list[Span]:
    """Returns the instants of the window at which the staff member works, as a canonical set."""
    days = local_days(offsets)
    shifts = _shifts(schedule, range(days.start - 1, days.stop))
    return instants_of(subtract(canonical(shifts), canonical(schedule.absences)), offsets)


def _shifts(schedule: Schedule, days: Iterable[int]) -> Iterable[Span]:
    """Yields the working minutes of the shifts that open on the days, as spans of local minutes."""
    minutes = {plan: plan.open_minutes() for plan in {*schedule.weekly, *schedule.overrides.values(), CLOSED}}
    for day in days:
        midnight = day * MINUTES_PER_DAY
        for start, end in minutes[schedule.plan_of(day)]:
            yield midnight + start, midnight + end
