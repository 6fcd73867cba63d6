"""The rules of the engine, one plain case each: minutes of one day, staff 1 and 2."""

from dataclasses import replace

from wamesh.slots.engine import Agenda, Duty, Ranks, Search, Segment, Session, Slot
from wamesh.slots.load import DayRanks, minutes_on
from wamesh.slots.spans import Span, Spans
from wamesh.slots.zones import Offset, instants_of_day

UTC = (Offset(-10_000, 10_000, 0),)


def agendas(*busy: Spans, working: Span = (600, 720)) -> dict[int, Agenda]:
    """Staff 1, 2, ... who work alike and are busy as told."""
    return {who: Agenda([working], spans) for who, spans in enumerate(busy, start=1)}


def by(*staff: int, duration: int = 30, before: int = 0, after: int = 0, same: bool = False) -> Segment:
    return Segment({who: Duty(duration, before, after) for who in staff}, same)


def by_id(_instant: int) -> dict[int, int]:
    """Nobody is loaded."""
    return {1: 0, 2: 1, 3: 2}


def slot_at(search: Search, minute: int, ranks: Ranks = by_id, staff_id: int | None = None) -> Slot | None:
    """The slot there, if there is one."""
    slots = search.slots_at([(minute, staff_id)], ranks)
    return slots[0] if slots else None


def test_the_service_lies_in_working_time() -> None:
    """The last start is the end of work minus the duration, inclusive."""
    assert Search([by(1)], agendas([])).starts == [(600, 691)]


def test_buffers_may_leave_working_time() -> None:
    """Preparation before opening and cleaning after closing cost no start."""
    assert Search([by(1, before=60, after=60)], agendas([])).starts == [(600, 691)]


def test_the_buffer_before_keeps_away_from_the_visit_before() -> None:
    """A visit that occupies until 630 lets the next start at 640, not at 639."""
    assert Search([by(1, before=10)], agendas([(600, 630)])).starts == [(640, 691)]


def test_the_buffer_after_keeps_away_from_the_visit_after() -> None:
    """A visit that occupies from 690 lets one of 30 + 10 minutes start at 650, not at 651."""
    assert Search([by(1, after=10)], agendas([(690, 720)])).starts == [(600, 651)]


def test_buffers_within_one_visit_do_not_meet() -> None:
    """Two segments of one person follow each other at once, whatever their buffers."""
    search = Search([by(1, after=20), by(1, before=20, same=True)], agendas([]))
    slot = slot_at(search, 600, by_id)
    assert slot is not None
    assert [(part.start, part.end) for part in slot.parts] == [(600, 630), (630, 660)]
    assert [(part.occupied_from, part.occupied_until) for part in slot.parts] == [(600, 650), (610, 660)]


def test_same_staff_needs_one_person_for_both_segments() -> None:
    """Each is free for one half only: together without the rule, nobody with it."""
    halves = agendas([(630, 720)], [(600, 630), (660, 720)])
    assert Search([by(1, 2), by(1, 2)], halves).starts == [(600, 601)]
    assert Search([by(1, 2), by(1, 2, same=True)], halves).starts == []


def test_a_choice_that_leads_nowhere_is_not_made() -> None:
    """Staff 1 would be chosen for the first segment, but takes so long that nobody can do the second."""
    first = Segment({1: Duty(60), 2: Duty(30)})
    staff = {1: Agenda([(600, 720)], []), 2: Agenda([(600, 720)], []), 3: Agenda([(630, 660)], [])}
    slot = slot_at(Search([first, by(3)], staff), 600, by_id)
    assert slot is not None
    assert [part.staff_id for part in slot.parts] == [2, 3]
    assert slot.parts[0].available_staff_ids == (2,)


def test_a_segment_nobody_may_do_is_infeasible() -> None:
    """An empty choice is never "no constraint"."""
    search = Search([by(1), by()], agendas([]))
    assert search.starts == []
    assert not search.somebody_eligible


def test_assignment_takes_the_least_loaded_then_the_lowest_id() -> None:
    """Loads count the occupied minutes of the local date alone."""
    busy = agendas([(700, 720)], [(690, 700)], [(690, 700), (1440, 1500)])
    ranks = DayRanks({who: each.busy for who, each in busy.items()}, UTC)
    slot = slot_at(Search([by(1, 2, 3)], busy), 600, ranks)
    assert slot is not None
    assert slot.parts[0].staff_id == 2
    assert slot.parts[0].available_staff_ids == (1, 2, 3)


def test_a_load_counts_each_local_date_for_itself() -> None:
    """A night visit is split at midnight, and an offset decides where midnight is."""
    night = [(1380, 1500)]
    assert [minutes_on(instants_of_day(day, UTC), night) for day in (0, 1)] == [60, 60]
    east = (Offset(-10_000, 10_000, 60),)
    assert [minutes_on(instants_of_day(day, east), night) for day in (0, 1)] == [0, 120]


def test_resources_are_needed_over_the_whole_occupancy() -> None:
    """A room that is taken until 630 lets a visit with 10 minutes of preparation start at 640."""
    room = replace(by(1, before=10), closed=[(600, 630)])
    assert Search([room], agendas([])).starts == [(640, 691)]


def test_each_segment_needs_its_own_resources() -> None:
    """The room of the second segment may be taken while the first one lasts."""
    second = replace(by(1, same=True), closed=[(600, 630)])
    assert Search([by(1), second], agendas([])).starts == [(600, 661)]


def test_a_session_is_joined_at_its_own_start_alone() -> None:
    """Its own occupancy and its own room stand in nobody's way; a new one begins where a visit could."""
    yoga = replace(by(1), capacity=3, closed=[(600, 660)], sessions={1: [Session(7, 610, 640, 2, (610, 640))]})
    search = Search([yoga], agendas([(610, 640)]))
    assert search.starts == [(610, 611), (660, 691)]
    joined, opened = slot_at(search, 610, by_id), slot_at(search, 660, by_id)
    assert joined is not None
    assert opened is not None
    assert (joined.parts[0].session_id, joined.parts[0].open_seats) == (7, 2)
    assert (opened.parts[0].session_id, opened.parts[0].open_seats) == (None, 3)


def test_who_joins_a_session_occupies_what_it_occupies() -> None:
    """Also when buffers of the class have changed since it was first booked."""
    yoga = replace(by(1, before=5, after=5), capacity=3, sessions={1: [Session(7, 610, 640, 2, (600, 655))]})
    joined = slot_at(Search([yoga], agendas([(600, 655)])), 610, by_id)
    assert joined is not None
    assert (joined.parts[0].occupied_from, joined.parts[0].occupied_until) == (600, 655)


def test_a_session_is_not_joined_with_too_few_seats_another_length_or_outside_working_time() -> None:
    """Any of them alone is enough."""
    for session, seats in (
        (Session(7, 610, 640, 1, (610, 640)), 2),
        (Session(7, 610, 655, 3, (610, 655)), 1),
        (Session(7, 595, 625, 3, (595, 625)), 1),
    ):
        yoga = replace(by(1), capacity=3, seats=seats, sessions={1: [session]})
        assert session.start not in [start for start, _ in Search([yoga], agendas([(590, 660)])).starts]


def test_a_party_larger_than_the_class_finds_nothing() -> None:
    """Nor does a party of two where one person is served."""
    assert Search([replace(by(1), capacity=3, seats=4)], agendas([])).starts == []
    assert Search([replace(by(1), seats=2)], agendas([])).starts == []


def test_a_session_to_join_comes_before_the_least_loaded() -> None:
    """Classes fill up before new ones begin."""
    yoga = replace(by(1, 2), capacity=3, sessions={2: [Session(7, 600, 630, 1, (600, 630))]})
    slot = slot_at(Search([yoga], agendas([], [(600, 630)])), 600, by_id)
    assert slot is not None
    assert (slot.parts[0].staff_id, slot.parts[0].available_staff_ids) == (2, (1, 2))


def test_a_wanted_person_does_the_first_run_or_nobody() -> None:
    """Later runs are assigned as ever."""
    search = Search([by(1, 2), by(1, 2)], agendas([], [(660, 720)]))
    slot = slot_at(search, 600, by_id, 2)
    assert slot is not None
    assert [part.staff_id for part in slot.parts] == [2, 1]
    assert slot_at(search, 650, by_id, 2) is None
    assert slot_at(search, 600, by_id, 3) is None


def test_of_two_sessions_at_one_time_one_with_seats_is_joined() -> None:
    """Then the one with the lower id; a session that is just large enough has seats."""

    def joined(*open_seats: int, seats: int = 2) -> int | None:
        sessions = [Session(9 - index, 610, 640, each, (610, 640)) for index, each in enumerate(open_seats)]
        yoga = replace(by(1), capacity=8, seats=seats, sessions={1: sessions})
        slot = slot_at(Search([yoga], agendas([(610, 640)])), 610)
        return slot.parts[0].session_id if slot else None

    assert joined(2, 1) == 9
    assert joined(2, 2) == 8
    assert joined(2, 3) == 8
    assert joined(1, 1) is None


def test_who_is_named_takes_the_slot_and_the_others_are_told() -> None:
    """Whoever could do it instead stands beside them."""
    slot = slot_at(Search([by(1, 2)], agendas([], [])), 600, by_id, 2)
    assert slot is not None
    assert (slot.parts[0].staff_id, slot.parts[0].available_staff_ids) == (2, (1, 2))
