"""What a diary says of who is busy, which seats and which resources are taken, against a reading minute by minute."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from wamesh.booking.appointments import BookedSegment
from wamesh.booking.calendar import Need
from wamesh.booking.diary import Diary, Visit
from wamesh.slots.spans import Span

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
STRETCH = (0, 600)
STAFF = (1, 2)
RESOURCES = (1, 2)
SERVICES = (1, 2)

brief = settings(max_examples=150, deadline=None)


@st.composite
def segments(draw: st.DrawFn) -> BookedSegment:
    """A segment near the stretch, with buffers, perhaps in a session of others and with needs."""
    start = draw(st.integers(-100, 650))
    end = start + draw(st.integers(1, 120))
    needed = draw(st.sets(st.sampled_from(RESOURCES)))
    return BookedSegment(
        service_id=draw(st.sampled_from(SERVICES)),
        staff_id=draw(st.sampled_from(STAFF)),
        start=start,
        end=end,
        occupied_from=start - draw(st.integers(0, 30)),
        occupied_until=end + draw(st.integers(0, 30)),
        session_id=draw(st.integers(1, 4)),
        needs=tuple(Need(each, draw(st.integers(1, 3))) for each in sorted(needed)),
    )


@st.composite
def visits(draw: st.DrawFn) -> Visit:
    """A booking, a hold that lasts or has expired, or one that takes nothing any more."""
    return Visit(
        visit_id=draw(st.integers(1, 12)),
        segments=tuple(draw(st.lists(segments(), max_size=2))),
        party_size=draw(st.integers(1, 3)),
        expire_time=draw(st.sampled_from([None, None, NOW, NOW + timedelta(seconds=1)])),
    )


def diary_of(changes: list[list[Visit]]) -> Diary:
    """The diary after the changes, one revision each."""
    diary = Diary()
    for revision, changed in enumerate(changes, start=1):
        diary = diary.with_visits(changed, revision)
    return diary


def lasting(changes: list[list[Visit]], absent: frozenset[int]) -> list[Visit]:
    """The visits that count now: the last of each id, without expired holds and the absent."""
    last = {each.visit_id: each for changed in changes for each in changed}
    return [
        each
        for each in last.values()
        if each.visit_id not in absent and (each.expire_time is None or each.expire_time > NOW)
    ]


def minutes_of(spans: list[Span]) -> set[int]:
    """The minutes of the stretch that the spans hold."""
    return {minute for start, end in spans for minute in range(max(start, STRETCH[0]), min(end, STRETCH[1]))}


histories = st.lists(st.lists(visits(), max_size=4, unique_by=lambda each: each.visit_id), max_size=4)
some_ids = st.frozensets(st.integers(1, 12), max_size=3)


@brief
@given(histories, some_ids)
def test_somebody_is_busy_in_the_minutes_that_visits_occupy(changes: list[list[Visit]], absent: frozenset[int]) -> None:
    """Buffers included; expired holds and absent visits occupy nothing."""
    view = diary_of(changes).at(NOW, absent)
    for staff_id in STAFF:
        expected = {
            minute
            for visit in lasting(changes, absent)
            for each in visit.segments
            if each.staff_id == staff_id
            for minute in range(max(each.occupied_from, STRETCH[0]), min(each.occupied_until, STRETCH[1]))
        }
        assert minutes_of(view.busy(staff_id, STRETCH)) == expected


@brief
@given(histories, some_ids, st.integers(0, 4))
def test_a_session_takes_its_largest_need_once(changes: list[list[Visit]], absent: frozenset[int], spare: int) -> None:
    """However many visits share it; a resource is exhausted where all sessions together take more than is spare."""
    view = diary_of(changes).at(NOW, absent)
    for resource_id in RESOURCES:
        expected = set()
        for minute in range(*STRETCH):
            in_use: dict[int, int] = {}
            for visit in lasting(changes, absent):
                for each in visit.segments:
                    if each.occupied_from <= minute < each.occupied_until:
                        for need in each.needs:
                            if need.resource_id == resource_id:
                                in_use[each.session_id] = max(in_use.get(each.session_id, 0), need.quantity)
            if sum(in_use.values()) > spare:
                expected.add(minute)
        assert minutes_of(view.exhausted(resource_id, spare, STRETCH)) == expected


@brief
@given(histories, some_ids)
def test_the_seats_of_a_session_add_up(changes: list[list[Visit]], absent: frozenset[int]) -> None:
    """Over all visits that share the session, its time and what it occupies."""
    view = diary_of(changes).at(NOW, absent)
    for staff_id in STAFF:
        for service_id in SERVICES:
            expected: dict[tuple[int, int, int, Span], int] = {}
            for visit in lasting(changes, absent):
                for each in visit.segments:
                    meets = each.occupied_from < STRETCH[1] and each.occupied_until > STRETCH[0]
                    if meets and (each.staff_id, each.service_id) == (staff_id, service_id):
                        key = (each.session_id, each.start, each.end, (each.occupied_from, each.occupied_until))
                        expected[key] = expected.get(key, 0) + visit.party_size
            found = {
                (each.session_id, each.start, each.end, each.occupancy): each.seats_taken
                for each in view.sessions(service_id, staff_id, STRETCH)
            }
            assert found == expected


@brief
@given(histories)
def test_the_way_to_a_diary_does_not_matter(changes: list[list[Visit]]) -> None:
    """Change by change or at once: the same visits, and the same answers."""
    by_steps = diary_of(changes)
    last = {each.visit_id: each for changed in changes for each in changed}
    at_once = Diary().with_visits(last.values(), by_steps.revision)
    assert (by_steps.visits, by_steps.holds) == (at_once.visits, at_once.holds)
    for staff_id in STAFF:
        assert by_steps.at(NOW).visits_of(staff_id, STRETCH) == at_once.at(NOW).visits_of(staff_id, STRETCH)


def test_a_diary_is_not_changed_by_what_follows() -> None:
    """Whoever has the earlier picture keeps it."""
    segment = BookedSegment(1, 1, 10, 20, 10, 20, 1)
    first = Diary().with_visits([Visit(1, (segment,))], 1)
    second = first.with_visits([Visit(1, ())], 2)
    assert first.at(NOW).busy(1, STRETCH) == [(10, 20)]
    assert second.at(NOW).busy(1, STRETCH) == []
