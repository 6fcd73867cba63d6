"""A database that tells when it was written to."""

import pytest
from support.inline_database import inline_database

from wamesh.storage.database import Rows, Steps, execute
from wamesh.storage.telling import TellingDatabase

_ADD = "INSERT INTO events_pruned (transaction_id, sequence) VALUES ($1, $2)"


@pytest.fixture
def told() -> list[str]:
    """What was told, in order."""
    return []


@pytest.fixture
def database(told: list[str]) -> TellingDatabase:
    return TellingDatabase(inline_database("gateway"), lambda: told.append("written"))


def steps() -> Steps[Rows]:
    return (yield execute(_ADD, 0, 1))


async def test_a_write_is_told(database: TellingDatabase, told: list[str]) -> None:
    """Once, after it is durable."""
    await database.write(steps)
    assert told == ["written"]


async def test_a_write_that_failed_is_told_too(database: TellingDatabase, told: list[str]) -> None:
    """Whether it happened is not always known, and a look too many does no harm."""

    def broken() -> Steps[Rows]:
        yield execute(_ADD, 0, 1)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(broken)
    assert told == ["written"]


async def test_a_read_is_not_told(database: TellingDatabase, told: list[str]) -> None:
    """Or a look would bring on the next."""

    def look() -> Steps[Rows]:
        return (yield execute("SELECT sequence FROM events_pruned"))

    assert await database.read(look) == [(0,)]
    assert told == []
    assert (database.engine, database.row_lock, database.skip_locked) == ("sqlite", "", "")
