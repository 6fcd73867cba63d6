"""What the databases themselves refuse, whoever writes: a second visit in one time, a seat or a resource too many."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from support.booking_service import ANNA, FACIAL, HAIRCUT, MARIA, MASSAGE, OLEG, YOGA, Salon, open_studio
from support.databases import OpenRoom

from wamesh.booking.appointments import Appointment
from wamesh.booking.diary import Diary
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.storage.booking.bookings import BookingTables
from wamesh.storage.database import ConstraintViolated, Database, Steps, execute

DAY = "2026-11-24"

tables = BookingTables()


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """An empty database of the room."""
    return await room_database("booking")


@pytest.fixture
async def studio(database: Database) -> Salon:
    """The studio."""
    return await open_studio(database)


async def slot_at(studio: Salon, time: str, service_id: int, staff_id: int) -> pb.Slot:
    """A slot at a local time of the day."""
    slots = await studio.find_on(DAY, service_id, staff_id)
    return next(each for each in slots if each.local_start[11:16] == time)


async def booked(studio: Salon, database: Database, time: str, service_id: int, staff_id: int) -> Appointment:
    """A booking, as the tables have it."""
    made = await studio.book(await slot_at(studio, time, service_id, staff_id))
    return await database.read(lambda: tables.get(1, made.booking_id))


def intruder(
    standing: Appointment, booking_id: int, session_id: int, minutes: int = 0, staff_id: int = 0
) -> Appointment:
    """The same visit once more: in a session of its own choice, perhaps later or by somebody else."""
    (segment,) = standing.segments
    moved = segment._replace(
        session_id=session_id,
        staff_id=staff_id or segment.staff_id,
        start=segment.start + minutes,
        end=segment.end + minutes,
        occupied_from=segment.occupied_from + minutes,
        occupied_until=segment.occupied_until + minutes,
    )
    return replace(standing, booking_id=booking_id, segments=(moved,))


async def refused(database: Database, booking: Appointment) -> bool:
    """Whether the database refuses to store the booking."""
    try:
        await database.write(lambda: tables.add(booking))
    except ConstraintViolated as error:
        assert error.kind == "exclusion"
        return True
    return False


async def test_two_visits_never_share_a_minute_of_one_person(studio: Salon, database: Database) -> None:
    """Buffers included; back to back is legal, and so is the same time of somebody else."""
    standing = await booked(studio, database, "11:00", HAIRCUT, ANNA)
    for number, minutes in enumerate((-59, 0, 59)):
        assert await refused(database, intruder(standing, 1000 + number, 1000 + number, minutes))
    assert not await refused(database, intruder(standing, 2000, 2000, 60))
    assert not await refused(database, intruder(standing, 2001, 2001, -60))
    assert not await refused(database, intruder(standing, 2002, 2002, 0, OLEG))


async def test_a_class_never_has_more_visits_than_seats(studio: Salon, database: Database) -> None:
    """Of three seats one is taken: two more fit, a party of three does not."""
    standing = await booked(studio, database, "11:00", YOGA, ANNA)
    session_id = standing.segments[0].session_id
    assert await refused(database, replace(intruder(standing, 1000, session_id), party_size=3))
    assert not await refused(database, replace(intruder(standing, 1001, session_id), party_size=2))
    assert await refused(database, intruder(standing, 1002, session_id))


async def test_a_session_is_one_service_at_one_time(studio: Salon, database: Database) -> None:
    """A class cannot use the session of a haircut, nor a session of its own half an hour later or by somebody else."""
    haircut = await booked(studio, database, "11:00", HAIRCUT, ANNA)
    stranger = intruder(haircut, 1000, haircut.segments[0].session_id)
    assert await refused(database, replace(stranger, segments=(stranger.segments[0]._replace(service_id=YOGA),)))
    standing = await booked(studio, database, "16:30", YOGA, ANNA)
    session_id = standing.segments[0].session_id
    assert await refused(database, intruder(standing, 1001, session_id, 30))
    assert await refused(database, intruder(standing, 1002, session_id, 0, MARIA))
    assert not await refused(database, intruder(standing, 1003, session_id))


async def test_what_is_no_class_has_one_seat(studio: Salon, database: Database) -> None:
    """A writer that takes a haircut's session for its own is refused."""
    standing = await booked(studio, database, "11:00", HAIRCUT, ANNA)
    assert await refused(database, intruder(standing, 1000, standing.segments[0].session_id))


async def test_a_room_is_never_used_twice(studio: Salon, database: Database) -> None:
    """By whomever, at whichever end they meet; back to back is legal."""
    standing = await booked(studio, database, "16:30", MASSAGE, ANNA)
    for number, minutes in enumerate((-74, -30, 0, 30, 74)):
        assert await refused(database, intruder(standing, 1000 + number, 1000 + number, minutes, MARIA))
    assert not await refused(database, intruder(standing, 2000, 2000, 75, MARIA))
    assert not await refused(database, intruder(standing, 2001, 2001, -75, MARIA))


async def test_what_is_cancelled_or_released_stands_in_nobodys_way(studio: Salon) -> None:
    """Its time, seats and room are free."""
    massage = await studio.book(await slot_at(studio, "16:30", MASSAGE, ANNA))
    await studio.cancel(massage.booking_id)
    facial = await studio.hold(await slot_at(studio, "16:30", FACIAL, MARIA))
    await studio.release(facial.hold_token)
    assert await studio.book(await slot_at(studio, "16:30", MASSAGE, MARIA))


async def test_a_freed_time_is_never_taken_again_by_its_old_row(studio: Salon, database: Database) -> None:
    """Not even while nobody else has it."""
    made = await studio.book(await slot_at(studio, "11:00", HAIRCUT, ANNA))
    await studio.cancel(made.booking_id)
    with pytest.raises(ConstraintViolated, match="exclusion: segments_frozen"):
        await database.write_one(execute("UPDATE segments SET blocking = TRUE WHERE visit_id = $1", made.booking_id))


@pytest.mark.parametrize(
    ("table", "change"),
    [("segments", "seats = 9"), ("segments", "occupied_until = end_time"), ("claims", "quantity = 9")],
)
async def test_what_was_checked_when_it_was_written_stays_so(
    studio: Salon, database: Database, table: str, change: str
) -> None:
    """What takes time, seats or a resource may go, and is not changed in its place."""
    made = await booked(studio, database, "16:30", MASSAGE, ANNA)
    with pytest.raises(ConstraintViolated, match=f"exclusion: {table}_frozen"):
        await database.write_one(execute(f"UPDATE {table} SET {change} WHERE visit_id = $1", made.booking_id))


@pytest.mark.parametrize(
    ("service_id", "staff_ids", "fit"),
    [(HAIRCUT, (ANNA, ANNA), 1), (MASSAGE, (ANNA, MARIA), 1), (YOGA, (ANNA, ANNA), 2)],
)
async def test_writers_side_by_side_meet_the_constraints(
    studio: Salon, database: Database, service_id: int, staff_ids: tuple[int, int], fit: int
) -> None:
    """Eight at once that take no lock and ask no predicate: never more than fit beside the one that stands."""
    standing = await booked(studio, database, "16:30", service_id, ANNA)
    session_id = standing.segments[0].session_id
    made = await studio.cancel(standing.booking_id) if fit == 1 else None
    assert made is None or made.state == pb.BOOKING_STATE_CANCELLED
    writers = [
        intruder(standing, 1000 + number, session_id if fit > 1 else 1000 + number, 0, staff_ids[number % 2])
        for number in range(8)
    ]
    outcomes = await asyncio.gather(*(refused(database, each) for each in writers))
    assert outcomes.count(False) == fit


async def test_a_diary_is_the_same_by_changes_and_from_the_beginning(studio: Salon, database: Database) -> None:
    """After each kind of change: what changed since is enough to bring any earlier diary up to date."""
    diary, ends_after = Diary(), 0

    async def caught_up() -> None:
        nonlocal diary
        revision = await database.read(_diary_revision)
        changed = await database.read(lambda: tables.visits(1, diary.revision, ends_after))
        diary = diary.with_visits(changed, revision)
        whole = Diary().with_visits(await database.read(lambda: tables.visits(1, 0, ends_after)), revision)
        assert (diary.visits, diary.holds, diary.revision) == (whole.visits, whole.holds, whole.revision)

    first = await studio.book(await slot_at(studio, "11:00", HAIRCUT, ANNA))
    await caught_up()
    hold = await studio.hold(await slot_at(studio, "16:30", MASSAGE, MARIA), seconds=60)
    await caught_up()
    await studio.move(first.booking_id, slot_token=(await slot_at(studio, "15:00", HAIRCUT, ANNA)).slot_token)
    await caught_up()
    await studio.book_held(hold.hold_token)
    await caught_up()
    await studio.hold(await slot_at(studio, "18:00", YOGA, ANNA), seconds=60)
    studio.pass_time(timedelta(minutes=2))
    await studio.book(await slot_at(studio, "18:00", YOGA, ANNA))
    await caught_up()
    await studio.cancel(first.booking_id)
    await caught_up()
    studio.pass_time(timedelta(days=2))
    await studio.book((await studio.find_on("2026-11-27"))[0])
    await caught_up()


def _diary_revision() -> Steps[int]:
    rows = yield execute("SELECT diary_revision FROM companies WHERE company_id = 1")
    return int(rows[0][0])
