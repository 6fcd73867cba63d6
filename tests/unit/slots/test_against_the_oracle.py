"""The engine and a literal minute-by-minute reading of the rules agree."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st
from support import slot_oracle
from support.slot_oracle import Range, World
from support.slot_worlds import class_worlds, examples, finding_in, worlds

from wamesh.slots.explaining import Rule
from wamesh.slots.finding import NoSlots
from wamesh.slots.zones import day_date

Case = tuple[World, Range]
cases = st.one_of(worlds(), worlds(), class_worlds())


@examples(200)
@given(cases)
def test_every_start_of_the_oracle_is_found_and_no_other(case: Case) -> None:
    """Invariants 1 and 2: starts are exactly the instants at which, minute by minute, all that is needed is there."""
    world, window = case
    assert finding_in(world, window).starts == slot_oracle.starts(world, window)


@examples(40)
@given(worlds())
def test_a_slot_names_people_who_can_do_it(case: Case) -> None:
    """Invariant 1: each part is possible for its person, follows the part before, and lists the person as able."""
    world, window = case
    finding = finding_in(world, window)
    for slot in finding.slots_at(finding.starts):
        assert [part.start for part in slot.parts[1:]] == [part.end for part in slot.parts[:-1]]
        for part, step in zip(slot.parts, world.visit, strict=True):
            need = dict(step.needs)[part.staff_id]
            assert slot_oracle.can_do(world, part.staff_id, step, part.start)
            assert part.staff_id in part.available_staff_ids
            assert part.end - part.start == need.duration
            assert (part.occupied_from, part.occupied_until) == (part.start - need.before, part.end + need.after)
        for step, part, before in zip(world.visit[1:], slot.parts[1:], slot.parts[:-1], strict=True):
            assert not step.same or part.staff_id == before.staff_id


@examples(40)
@given(st.one_of(worlds(most_segments=1), class_worlds()))
def test_available_staff_are_those_the_oracle_would_take_alone(case: Case) -> None:
    """Everybody who could do the service at this start is listed, ascending, and nobody else; also by person."""
    world, window = case
    finding = finding_in(world, window)
    (step,) = world.visit
    for slot in finding.slots_at(finding.starts):
        able = tuple(who for who, _ in step.needs if slot_oracle.can_do(world, who, step, slot.start))
        assert slot.parts[0].available_staff_ids == able
    pairs = sorted(
        (who, start) for start in finding.starts for who, _ in step.needs if slot_oracle.can_do(world, who, step, start)
    )
    assert finding.staff_starts == pairs
    assert [(slot.parts[0].staff_id, slot.start) for slot in finding.slots_of(pairs)] == pairs


@examples(60)
@given(class_worlds())
def test_a_class_is_joined_where_it_has_seats(case: Case) -> None:
    """A part names the session that it joins and the seats open before; whoever gives one comes first."""
    world, window = case
    finding = finding_in(world, window)
    (step,) = world.visit
    for slot in finding.slots_at(finding.starts):
        (part,) = slot.parts
        joinable = {who: slot_oracle.joined(world, who, step, slot.start) for who in part.available_staff_ids}
        session = joinable[part.staff_id]
        if session is None:
            assert not any(joinable.values())
            assert (part.session_id, part.open_seats) == (None, step.capacity)
        else:
            assert (part.session_id, part.open_seats) == (session.session, step.capacity - session.taken)


@examples(60)
@given(cases)
def test_day_counts_are_those_of_the_oracle(case: Case) -> None:
    """Each local date of the effective window, in order, zeros included."""
    world, window = case
    counts = [(day_date(day), count) for day, count in finding_in(world, window).day_counts]
    assert counts == slot_oracle.day_counts(world, window)


@examples(100)
@given(st.one_of(worlds(most_segments=1), worlds(), class_worlds()), st.integers(-300, 1400), st.integers(0, 4))
def test_near_misses_are_those_of_the_oracle(case: Case, after: int, limit: int) -> None:
    """Each free time that is too short, by how much, nearest first."""
    world, window = case
    finding, preferred = finding_in(world, window), window[0] + after
    expected = slot_oracle.near_misses(world, window)
    assert sorted(finding.near_misses(preferred, len(expected) + 1)) == expected

    def rank(miss: tuple[int, int, int, int]) -> tuple[int, tuple[int, int, int, int]]:
        return min(abs(minute - preferred) for minute in range(miss[1], miss[2])), miss

    assert finding.near_misses(preferred, limit) == sorted(expected, key=rank)[:limit]


@examples(100)
@given(cases, st.floats(0, 1), st.integers(1, 200))
def test_the_nearest_starts_are_those_of_the_preferred_date_first(case: Case, where: float, limit: int) -> None:
    """Wherever in the window the preference lies; of two as near the earlier one."""
    world, (first, last) = case
    preferred = first + int((last - first - 1) * where)
    today = slot_oracle.wall(world.zone, preferred).date()

    def rank(start: int) -> tuple[bool, int, int]:
        return slot_oracle.wall(world.zone, start).date() != today, abs(start - preferred), start

    finding = finding_in(world, (first, last))
    assert finding.nearest(finding.starts, preferred, limit) == sorted(finding.starts, key=rank)[:limit]


@examples(60)
@given(cases)
def test_the_funnel_counts_what_each_rule_leaves(case: Case) -> None:
    """Rule by rule, as the oracle counts when the later rules do not exist; the last is the answer."""
    world, window = case
    question = replace(world, weekdays=frozenset(), times=(), bounds=None)
    grid = [minute for minute in range(*window) if slot_oracle.on_grid(world, minute)]
    bounded = [minute for minute in grid if slot_oracle.in_bounds(world, minute)]
    kept = [minute for minute in bounded if slot_oracle.wanted(world, minute)]
    working, staff_free, resources_free = _idle(world), _unused(_empty(world)), _empty(world)
    people = [
        sum(slot_oracle.fits(each, minute) for minute in kept) for each in (working, staff_free, resources_free, world)
    ]
    counts = [len(grid), len(bounded), len(kept), *people]
    finding = finding_in(world, window)
    assert finding.funnel() == list(zip(Rule, counts, strict=True))
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == len(finding.starts)
    assert finding_in(question, window).funnel()[2] == (Rule.FILTERS, len(grid))


@examples(60)
@given(cases)
def test_a_start_has_an_obstacle_exactly_when_it_cannot_be_booked(case: Case) -> None:
    """Wherever it lies; and the rules of the question are named as the oracle sees them."""
    world, (first, last) = case
    finding = finding_in(world, (first, last))
    assert [minute for minute in range(first - 20, last + 20) if not finding.obstacles_at(minute)] == finding.starts
    for minute in range(first - 20, last + 20, 7):
        rules = {each.rule for each in finding.obstacles_at(minute)}
        if minute not in finding.starts:
            assert (Rule.WINDOW in rules) != (first <= minute < last and slot_oracle.on_grid(world, minute))
            assert (Rule.NOTICE_AND_HORIZON in rules) != _in_bounds(world, (first, last), minute)
            assert (Rule.FILTERS in rules) != slot_oracle.wanted(world, minute)


@examples(60)
@given(st.one_of(worlds(most_segments=1), class_worlds()))
def test_an_obstacle_says_of_each_person_what_is_in_the_way(case: Case) -> None:
    """If nobody can do a segment, each of its people is named, with every rule that stops this one."""
    world, (first, last) = case
    assume(world.visit[0].needs)
    (step,) = world.visit
    finding = finding_in(world, (first, last))
    for minute in range(first, last, 5):
        told = {(each.staff_id, each.rule) for each in finding.obstacles_at(minute) if each.staff_id is not None}
        broken = {who: _rules_broken(world, who, minute) for who, _ in step.needs}
        stopped = all(broken.values()) and _in_bounds(world, (first, last), minute)
        assert told == ({(who, rule) for who, rules in broken.items() for rule in rules} if stopped else set())


@examples(100)
@given(cases)
def test_a_reason_is_given_exactly_when_there_is_no_slot(case: Case) -> None:
    """The reason says what the oracle finds when it drops the filters, then all that is booked."""
    world, window = case
    finding = finding_in(world, window)
    if finding.starts:
        assert finding.reason() is None
        return
    unfiltered = replace(world, weekdays=frozenset(), times=())
    if not all(_eligible(world)):
        assert finding.reason() is NoSlots.NO_ELIGIBLE_STAFF
    elif any(step.seats > step.capacity for step in world.visit):
        assert finding.reason() is NoSlots.PARTY_TOO_LARGE
    elif world.bounds is not None and not any(slot_oracle.in_bounds(world, minute) for minute in range(*window)):
        late = world.bounds[0] > window[0]
        assert finding.reason() is (NoSlots.TOO_SOON if late else NoSlots.BEYOND_HORIZON)
    elif slot_oracle.starts(unfiltered, window):
        assert finding.reason() is NoSlots.NO_MATCHING_TIME
    elif slot_oracle.starts(_idle(unfiltered), window):
        assert finding.reason() is NoSlots.FULLY_BOOKED
    else:
        assert finding.reason() is NoSlots.CLOSED


def _idle(world: World) -> World:
    """Nobody has a visit, no resource is used, no seat is needed."""
    people = tuple((who, replace(person, busy=())) for who, person in world.people)
    return replace(_unused(_empty(world)), people=people, gatherings=())


def _unused(world: World) -> World:
    """Nothing needs a resource."""
    return replace(world, visit=tuple(replace(step, units=(0,) * len(step.units)) for step in world.visit))


def _empty(world: World) -> World:
    """One person comes, and no seat is taken."""
    return replace(
        world,
        visit=tuple(replace(step, seats=1) for step in world.visit),
        gatherings=tuple(replace(each, taken=0) for each in world.gatherings),
    )


def _in_bounds(world: World, window: Range, minute: int) -> bool:
    """Without notice and horizon the window bounds itself."""
    first, last = world.bounds or window
    return first <= minute < last


def _rules_broken(world: World, who: int, minute: int) -> set[Rule]:
    """What stops one person from doing the only segment, minute by minute."""
    (step,) = world.visit
    need = dict(step.needs)[who]
    served = range(minute, minute + need.duration)
    occupied = range(minute - need.before, minute + need.duration + need.after)
    broken = set()
    if not all(slot_oracle.at_work_at(world, who, each) for each in served):
        broken.add(Rule.WORKING_TIME)
    if any((each.who, each.start, each.end) == (who, minute, minute + need.duration) for each in world.gatherings):
        return broken if slot_oracle.joined(world, who, step, minute) else broken | {Rule.SEATS}
    if any(slot_oracle.occupied(world, who, each) for each in occupied):
        broken.add(Rule.STAFF_FREE)
    if not all(slot_oracle.units_free(world, step, each) for each in occupied):
        broken.add(Rule.RESOURCES_FREE)
    return broken


def _eligible(world: World) -> list[set[int]]:
    """Who may do each run of segments that one person does in a row."""
    runs: list[set[int]] = []
    for step in world.visit:
        staff = {who for who, _ in step.needs}
        if step.same:
            runs[-1] &= staff
        else:
            runs.append(staff)
    return runs
