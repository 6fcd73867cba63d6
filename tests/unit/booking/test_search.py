"""What a search reads: no more days than it needs, and all that it needs."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from support.slot_worlds import PLACES

from wamesh.booking.appointments import Wish
from wamesh.booking.calendar import Calendar, Company, Service, Skill, StaffMember
from wamesh.booking.search import Inquiry, Instants, Outlook, outlook
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY, instant_floor, instant_time

DAY = MINUTES_PER_DAY
AT_WORK = DayPlan(((540, 1080),))


def looking(zone: str, start: int, end: int) -> Outlook:
    """A search for a visit of 45 minutes, with buffers of 30 before and 15 after, that starts in `[start, end)`."""
    company = Company(1, "Salon", zone, "en", "EUR", horizon_minutes=1000 * DAY)
    service = Service(1, "Visit", 45, 0, buffer_before_minutes=30, buffer_after_minutes=15)
    calendar = Calendar(company, (service,), (StaffMember(1, "Anna", (Skill(1),), (AT_WORK,) * 7),))
    now = instant_time(start) - timedelta(days=1)
    return outlook(calendar, Inquiry((Wish(1),), Instants(start, end)), now)


@given(st.sampled_from(PLACES), st.integers(-2 * DAY, DAY), st.integers(1, 2 * DAY), st.data())
def test_a_search_reads_the_local_date_of_each_start(place, begin, length, data) -> None:  # type: ignore[no-untyped-def]
    """Also where the clock goes back over midnight, so that a date comes in two parts."""
    zone, day = ZoneInfo(place[0]), place[1]
    start = instant_floor(datetime(day.year, day.month, day.day, tzinfo=UTC)) + begin
    stretch = looking(place[0], start, start + length).stretch
    visit = data.draw(st.integers(start, start + length - 1))
    date = instant_time(visit).astimezone(zone).date()
    near = range(visit - 2 * DAY, visit + 2 * DAY, 15)
    same_date = [each for each in near if instant_time(each).astimezone(zone).date() == date]
    assert stretch[0] <= min(*same_date, visit - 30)
    assert stretch[1] > max(*same_date, visit + 45 + 15 - 1)


def test_a_search_reads_no_days_around_its_dates() -> None:
    """A week at UTC, whose visits fit into its days with their buffers, takes that week and nothing else."""
    week = looking("UTC", 20_000 * DAY + 30, 20_007 * DAY - 75)
    assert week.stretch == (20_000 * DAY, 20_007 * DAY)


def test_the_beginning_of_a_search_is_a_part_of_its_window() -> None:
    """From the first start that is allowed, or from the minute after the last one of the page before."""
    week = looking("UTC", 20_000 * DAY, 20_007 * DAY)
    assert week.beginning(2, None).question.effective_window == (20_000 * DAY, 20_002 * DAY)
    assert week.beginning(2, 20_006 * DAY).question.effective_window == (20_006 * DAY + 1, 20_007 * DAY)
