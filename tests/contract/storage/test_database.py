"""The rules of the `Database` port, over both engines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from wamesh.storage.database import (
    ConstraintViolated,
    Database,
    DatabaseUnavailable,
    Rows,
    Steps,
    execute,
    open_database,
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await open_database(database_url)
    await database.write(create_counters)
    yield database
    await database.close()


def create_counters() -> Steps[None]:
    yield execute("CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL CHECK (value < 1000))")
    yield execute("CREATE TABLE entry (position BIGINT PRIMARY KEY, author TEXT REFERENCES counter (name))")


def set_counter(name: str, value: int) -> Steps[None]:
    yield execute(
        "INSERT INTO counter VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value
    )


def get_counter(name: str) -> Steps[int | None]:
    rows = yield execute("SELECT value FROM counter WHERE name = $1", name)
    return int(rows[0][0]) if rows else None


def increment(name: str, lock: str) -> Steps[int]:
    """Reads, decides, writes: the shape that loses updates where rows are not locked."""
    rows = yield execute(f"SELECT value FROM counter WHERE name = $1{lock}", name)
    value = int(rows[0][0]) + 1
    yield execute("UPDATE counter SET value = $2 WHERE name = $1", name, value)
    return value


class Refusal(Exception):
    """What a room raises within a transaction."""


def set_and_refuse(name: str, value: int) -> Steps[None]:
    yield from set_counter(name, value)
    raise Refusal(name)


async def value_of(database: Database, name: str) -> int | None:
    return await database.read(lambda: get_counter(name))


async def test_a_statement_is_a_transaction_by_itself(database: Database) -> None:
    """`write_one` answers with its rows once they are durable, and `read_one` sees them."""
    insert = execute("INSERT INTO counter (name, value) VALUES ($1, $2) RETURNING value", "visits", 7)
    assert await database.write_one(insert) == [(7,)]
    assert await database.read_one(execute("SELECT name, value FROM counter")) == [("visits", 7)]


async def test_a_statement_that_breaks_a_constraint_changes_nothing(database: Database) -> None:
    """`write_one` raises what `write` does."""
    insert = execute("INSERT INTO counter (name, value) VALUES ('visits', 7), ('visits', 8)")
    with pytest.raises(ConstraintViolated):
        await database.write_one(insert)
    assert await database.read_one(execute("SELECT name FROM counter")) == []


async def test_rows_are_lists_of_plain_tuples(database: Database) -> None:
    """A statement's rows arrive as a list of tuples, empty where it returns none."""

    def steps() -> Steps[list[Rows]]:
        inserted = yield execute("INSERT INTO counter VALUES ($1, $2)", "a", 1)
        returned = yield execute("INSERT INTO counter VALUES ($1, $2) RETURNING name, value", "b", 2)
        selected = yield execute("SELECT value, name FROM counter ORDER BY name")
        return [inserted, returned, selected]

    assert await database.write(steps) == [[], [("b", 2)], [(1, "a"), (2, "b")]]


async def test_a_placeholder_may_stand_twice(database: Database) -> None:
    """`$1` means the first value wherever and however often it stands."""

    def steps() -> Steps[Rows]:
        yield execute("INSERT INTO counter VALUES ($2, $1)", 7, "a")
        return (yield execute("SELECT value FROM counter WHERE value <= $1 AND value >= $1", 7))

    assert await database.write(steps) == [(7,)]


async def test_a_write_survives_reopening(database: Database, database_url: str) -> None:
    """What `write` returned is there for whoever opens the database next."""
    await database.write(lambda: set_counter("a", 5))
    await database.close()
    reopened = await open_database(database_url)
    try:
        assert await value_of(reopened, "a") == 5
    finally:
        await reopened.close()


async def test_a_refusal_undoes_its_transaction_alone(database: Database) -> None:
    """Of transactions that run together, only the one that raised is rolled back, and only its caller hears."""
    outcomes = await asyncio.gather(
        database.write(lambda: set_counter("a", 1)),
        database.write(lambda: set_and_refuse("b", 2)),
        database.write(lambda: set_counter("c", 3)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), Refusal, type(None)]
    assert [await value_of(database, name) for name in "abc"] == [1, None, 3]


async def test_a_refusal_before_the_first_statement_reaches_the_caller(database: Database) -> None:
    """A transaction may refuse without having asked anything."""

    def steps() -> Steps[None]:
        raise Refusal
        yield

    with pytest.raises(Refusal):
        await database.write(steps)


async def test_a_caller_sees_its_writes_in_order(database: Database) -> None:
    """Each write of a caller sees the ones it awaited before; a read sees them too."""

    async def count_to_ten(name: str) -> list[int | None]:
        await database.write(lambda: set_counter(name, 0))
        seen: list[int | None] = []
        for _ in range(10):
            await database.write(lambda: increment(name, database.row_lock))
            seen.append(await value_of(database, name))
        return seen

    counts = await asyncio.gather(*(count_to_ten(name) for name in "abcdefgh"))
    assert counts == [list(range(1, 11))] * 8


async def test_concurrent_increments_lose_nothing(database: Database) -> None:
    """Read-decide-write of one row by many callers ends as if they had come one after another."""
    await database.write(lambda: set_counter("a", 0))
    seen = await asyncio.gather(*(database.write(lambda: increment("a", database.row_lock)) for _ in range(50)))
    assert sorted(seen) == list(range(1, 51))


async def test_opposite_lock_orders_both_happen(database: Database) -> None:
    """Two transactions that lock each other's rows are both committed: the engine runs the loser again."""
    await database.write(lambda: set_counter("a", 0))
    await database.write(lambda: set_counter("b", 0))

    def both(first: str, second: str) -> Steps[None]:
        yield from increment(first, database.row_lock)
        yield from increment(second, database.row_lock)

    await asyncio.gather(*(database.write(partial(both, *pair)) for pair in ["ab", "ba"] * 2))
    assert [await value_of(database, name) for name in "ab"] == [4, 4]


async def test_a_read_is_one_snapshot(database: Database) -> None:
    """Two statements of a read never see a transfer half done, however many are under way."""
    await database.write(lambda: set_counter("a", 100))
    await database.write(lambda: set_counter("b", 100))

    def transfer() -> Steps[None]:
        yield execute("UPDATE counter SET value = value - 1 WHERE name = 'a'")
        yield execute("UPDATE counter SET value = value + 1 WHERE name = 'b'")

    def total() -> Steps[int]:
        a = yield from get_counter("a")
        b = yield from get_counter("b")
        return (a or 0) + (b or 0)

    outcomes = await asyncio.gather(
        *(database.write(transfer) if turn % 2 else database.read(total) for turn in range(200))
    )
    assert {outcome for outcome in outcomes if outcome is not None} == {200}


async def test_a_read_writes_nothing(database: Database) -> None:
    """A write within a read fails and leaves no trace."""
    with pytest.raises(DatabaseUnavailable):
        await database.read(lambda: set_counter("a", 1))
    assert await value_of(database, "a") is None


async def test_a_cancelled_caller_harms_nobody(database: Database) -> None:
    """When callers go away, the others are answered, and each transaction happened whole or not at all."""

    def pair(number: int) -> Steps[int]:
        yield from set_counter(f"left {number}", number)
        yield from set_counter(f"right {number}", number)
        return number

    callers = [asyncio.create_task(database.write(partial(pair, number))) for number in range(40)]
    await asyncio.sleep(0)
    for caller in callers[::2]:
        caller.cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)

    assert outcomes[1::2] == list(range(1, 40, 2))
    for number in range(40):
        assert await value_of(database, f"left {number}") == await value_of(database, f"right {number}")


BROKEN = {
    "unique": "INSERT INTO counter VALUES ('taken', 1)",
    "check": "INSERT INTO counter VALUES ('a', 1000)",
    "not_null": "INSERT INTO counter VALUES ('a', NULL)",
    "foreign_key": "INSERT INTO entry VALUES (1, 'nobody')",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_broken_constraint_is_told_by_kind(database: Database, kind: str) -> None:
    """Both engines name the kind of the constraint in the same word."""
    await database.write(lambda: set_counter("taken", 1))

    def steps() -> Steps[None]:
        yield execute(BROKEN[kind])

    with pytest.raises(ConstraintViolated) as broken:
        await database.write(steps)
    assert broken.value.kind == kind


async def test_a_deferred_constraint_fails_its_own_transaction(database: Database) -> None:
    """What only the commit finds broken is told to the one who broke it."""

    def create() -> Steps[None]:
        yield execute(
            "CREATE TABLE late (id BIGINT PRIMARY KEY, name TEXT REFERENCES counter (name)"
            " DEFERRABLE INITIALLY DEFERRED)"
        )

    def refer(number: int, name: str) -> Steps[int]:
        yield execute("INSERT INTO late VALUES ($1, $2)", number, name)
        return number

    await database.write(create)
    await database.write(lambda: set_counter("a", 1))
    outcomes = await asyncio.gather(
        *(database.write(partial(refer, number, name)) for number, name in enumerate(["a", "nobody", "a"])),
        return_exceptions=True,
    )
    assert [outcomes[0], outcomes[2]] == [0, 2]
    assert isinstance(outcomes[1], ConstraintViolated)
    assert outcomes[1].kind == "foreign_key"


async def test_a_broken_constraint_may_be_translated(database: Database) -> None:
    """Steps catch the broken constraint where it happened and raise the room's own error."""

    def steps() -> Steps[None]:
        try:
            yield execute("INSERT INTO entry VALUES (1, 'nobody')")
        except ConstraintViolated as broken:
            raise Refusal("author") from broken

    with pytest.raises(Refusal):
        await database.write(steps)


def go_on() -> Steps[None]:
    try:
        yield execute("INSERT INTO entry VALUES (1, 'nobody')")
    except ConstraintViolated:
        yield execute("INSERT INTO counter VALUES ('a', 1)")


def return_anyway() -> Steps[None]:
    yield execute("INSERT INTO counter VALUES ('a', 1)")
    with contextlib.suppress(ConstraintViolated):
        yield execute("INSERT INTO entry VALUES (1, 'nobody')")


@pytest.mark.parametrize("steps", [go_on, return_anyway])
async def test_nothing_survives_a_failed_statement(database: Database, steps: Callable[[], Steps[None]]) -> None:
    """Steps that swallow the failure of a statement fail themselves, and nothing of them is kept."""
    with pytest.raises(RuntimeError, match="must end with an exception"):
        await database.write(steps)
    assert await value_of(database, "a") is None


async def test_closing_finishes_what_was_accepted(database: Database, database_url: str) -> None:
    """Writes that were under way when the database closed are answered, and durable."""
    callers = [asyncio.create_task(database.write(partial(set_counter, f"{number}", number))) for number in range(30)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*callers) == [None] * 30

    reopened = await open_database(database_url)
    try:
        assert [await value_of(reopened, f"{number}") for number in range(30)] == list(range(30))
    finally:
        await reopened.close()


async def test_a_closed_database_refuses_calls(database: Database) -> None:
    """After `close` both kinds of call raise at once; closing again does nothing."""
    await database.close()
    await database.close()
    with pytest.raises(RuntimeError, match="closed"):
        await database.write(lambda: set_counter("a", 1))
    with pytest.raises(RuntimeError, match="closed"):
        await database.read(lambda: get_counter("a"))
