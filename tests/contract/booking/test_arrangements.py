"""How FindSlots arranges its answer, over both databases: pages, staff, day counts, near misses, explanations."""

from itertools import pairwise

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from support.booking_service import (
    ANNA,
    COLOURING,
    HAIRCUT,
    MARIA,
    OLEG,
    Salon,
    local_times,
    open_salon,
    segment,
    serve,
)
from support.databases import OpenRoom

from wamesh.booking.errors import PageOutdated, PageTokenInvalid
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.storage.database import Database

DAY, LAST_DAY = "2026-11-24", "2026-11-29"


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """An empty database of the room."""
    return await room_database("booking")


@pytest.fixture
async def salon(database: Database) -> Salon:
    """The demo salon."""
    return await open_salon(database)


def week(salon: Salon, **fields: int) -> pb.FindSlotsRequest:
    """Haircuts from Tuesday to Sunday."""
    request = salon.question(DAY, **fields)
    request.dates.last_date = LAST_DAY
    return request


async def pages_of(salon: Salon, request: pb.FindSlotsRequest) -> list[pb.FindSlotsResponse]:
    """All pages."""
    pages = [await salon.find(request)]
    while pages[-1].next_page_token:
        request.page_token = pages[-1].next_page_token
        pages.append(await salon.find(request))
    return pages


@pytest.mark.parametrize("grouping", [pb.SLOT_GROUPING_BY_START, pb.SLOT_GROUPING_BY_STAFF])
@pytest.mark.parametrize("size", [1, 7, 50])
async def test_pages_make_one_page(salon: Salon, size: int, grouping: pb.SlotGrouping.ValueType) -> None:
    """However small they are; reason and suggestions are on the first."""
    whole = await salon.find(week(salon, grouping=grouping))
    request = week(salon, grouping=grouping, page_size=size)
    if size == 1:
        request.dates.last_date = DAY
        whole = await salon.find(salon.question(DAY, grouping=grouping))
    pages = await pages_of(salon, request)
    assert [slot for page in pages for slot in page.slots] == list(whole.slots)
    assert all(len(page.slots) == size for page in pages[:-1])
    assert {page.revision for page in pages} == {whole.revision}
    assert [bool(page.suggested_slots) for page in pages] == [True] + [False] * (len(pages) - 1)


async def test_pages_are_of_one_revision(salon: Salon, database: Database) -> None:
    """A change between two pages is ABORTED, from any replica, so that nobody puts together what never was."""
    request = week(salon, page_size=5)
    first = await salon.find(request)
    request.page_token = first.next_page_token
    assert (await salon.find(request)).slots
    await serve(database, salon.calendar).book(first.slots[0])
    with pytest.raises(PageOutdated):
        await salon.find(request)


async def test_pages_are_of_one_clock(salon: Salon) -> None:
    """Time that passes between two pages moves no notice: evaluate_time is the first page's."""
    request = week(salon, page_size=5)
    first = await salon.find(request)
    request.page_token = first.next_page_token
    salon.pass_time(salon.now - salon.now.replace(hour=0))
    second = await salon.find(request)
    assert second.evaluate_time == first.evaluate_time
    assert second.data_time != first.data_time


async def test_a_page_of_another_question_is_refused(salon: Salon) -> None:
    """INVALID_ARGUMENT."""
    request = week(salon, page_size=5)
    request.page_token = (await salon.find(request)).next_page_token
    request.party_size = 1
    with pytest.raises(PageTokenInvalid):
        await salon.find(request)


async def test_by_staff_each_person_has_their_starts(salon: Salon) -> None:
    """By id, then start; each slot takes its person when it is booked."""
    request = week(salon, grouping=pb.SLOT_GROUPING_BY_STAFF)
    slots = list((await salon.find(request)).slots)
    keys = [(each.segments[0].staff_id, each.start_time.seconds) for each in slots]
    assert keys == sorted(set(keys))
    assert {staff_id for staff_id, _ in keys} == {ANNA, MARIA, OLEG}
    for staff_id in (ANNA, MARIA, OLEG):
        alone = week(salon)
        alone.segments[0].staff.only.staff_ids.append(staff_id)
        starts = [each.start_time.seconds for each in (await salon.find(alone)).slots]
        assert [start for key, start in keys if key == staff_id] == starts
    last = slots[-1]
    assert (await salon.book(last)).segments[0].staff_id == OLEG


async def test_day_counts_count_the_slots_of_each_date(salon: Salon) -> None:
    """Dates without any count 0; there are no slots beside them."""
    request = week(salon, grouping=pb.SLOT_GROUPING_BY_DAY_COUNT)
    request.segments[0].staff.only.staff_ids.append(MARIA)
    request.dates.first_date = "2026-11-23"
    answer = await salon.find(request)
    assert not answer.slots
    counts = {each.date: each.slot_count for each in answer.day_counts}
    assert list(counts) == [f"2026-11-{day}" for day in range(23, 30)]
    assert counts["2026-11-23"] == 0
    for date, count in counts.items():
        assert len(await salon.find_on(date, HAIRCUT, MARIA)) == count


async def test_a_day_count_of_nothing_has_a_reason(salon: Salon) -> None:
    """As slots have."""
    answer = await salon.find(salon.question("2026-11-23", HAIRCUT, MARIA, grouping=pb.SLOT_GROUPING_BY_DAY_COUNT))
    assert answer.no_slots_reason == pb.NO_SLOTS_REASON_CLOSED


async def test_what_is_free_and_too_short_is_told(salon: Salon) -> None:
    """Two hours of colouring between two visits that leave an hour and a half, with what must be swept after it."""
    for time in ("14:15", "17:00"):
        await salon.book(
            next(each for each in await salon.find_on(DAY, HAIRCUT, ANNA) if each.local_start[11:16] == time)
        )
    request = salon.question(DAY, COLOURING, ANNA)
    request.time_ranges.add(start="15:00", end="17:00")
    answer = await salon.find(request)
    assert not answer.slots
    miss = answer.near_misses[0]
    assert (miss.staff_id, miss.local_start[11:16]) == (ANNA, "15:15")
    assert miss.end_time.seconds - miss.start_time.seconds == 90 * 60
    assert miss.shortfall_duration.seconds == 30 * 60


async def test_an_explanation_tells_how_many_starts_each_rule_leaves(salon: Salon) -> None:
    """Never more than the rule before, and in the end the slots."""
    slots = await salon.find_on(DAY, HAIRCUT, ANNA)
    await salon.book(slots[3])
    answer = await salon.find(salon.question(DAY, HAIRCUT, ANNA, explain=True))
    steps = [(each.rule, each.start_count) for each in answer.explanation.steps]
    assert [rule for rule, _ in steps] == list(pb.SlotRule.values())[1:]
    assert all(earlier >= later for (_, earlier), (_, later) in pairwise(steps))
    assert steps[0] == (pb.SLOT_RULE_WINDOW, 96)
    assert steps[-1] == (pb.SLOT_RULE_SEATS, len(answer.slots))
    assert dict(steps)[pb.SLOT_RULE_WORKING_TIME] == len(slots)


async def test_an_explanation_names_the_booking_in_the_way(salon: Salon) -> None:
    """At the preferred start; nothing is in the way of what can be booked."""
    slots = await salon.find_on(DAY, HAIRCUT, ANNA)
    booked = await salon.book(slots[3])
    request = salon.question(DAY, HAIRCUT, ANNA, explain=True)
    request.preferred_start_time.CopyFrom(slots[3].start_time)
    (obstacle,) = (await salon.find(request)).explanation.obstacles
    assert obstacle == pb.Obstacle(rule=pb.SLOT_RULE_STAFF_FREE, staff_id=ANNA, booking_id=booked.booking_id)
    request.preferred_start_time.CopyFrom(slots[-1].start_time)
    assert not (await salon.find(request)).explanation.obstacles
    request.preferred_start_time.CopyFrom(Timestamp(seconds=slots[0].start_time.seconds - 6 * 3600))
    rules = {each.rule for each in (await salon.find(request)).explanation.obstacles}
    assert pb.SLOT_RULE_WORKING_TIME in rules


async def test_a_whole_visit_is_explained_by_its_segments(salon: Salon) -> None:
    """The obstacle names the part that does not fit."""
    request = salon.question(DAY, HAIRCUT, ANNA, explain=True)
    request.segments.append(segment(HAIRCUT, MARIA))
    start = next(each for each in await salon.find_on(DAY, HAIRCUT, ANNA) if each.local_start[11:16] == "10:00")
    request.preferred_start_time.CopyFrom(start.start_time)
    (obstacle,) = (await salon.find(request)).explanation.obstacles
    assert (obstacle.rule, obstacle.segment_index, obstacle.staff_id) == (pb.SLOT_RULE_WORKING_TIME, 1, MARIA)


async def test_the_default_arrangement_is_by_start(salon: Salon) -> None:
    """Unspecified and BY_START are the same."""
    plain = await salon.find(salon.question(DAY))
    by_start = await salon.find(salon.question(DAY, grouping=pb.SLOT_GROUPING_BY_START))
    assert local_times(list(plain.slots)) == local_times(list(by_start.slots))
