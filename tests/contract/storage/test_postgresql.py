"""PostgreSQL alone: what a server does to its clients."""

import pytest

from wamesh.storage.database import ConstraintViolated, DatabaseUnavailable, Rows, Steps, execute, open_database

pytestmark = pytest.mark.postgres


def one(sql: str, *args: object) -> Steps[Rows]:
    """A transaction of one statement."""
    return (yield execute(sql, *args))


async def test_a_missing_database_is_named(postgresql_url: str) -> None:
    """A server without the database tells which one, and what to check."""
    url = postgresql_url.replace("/test_", "/missing_")
    with pytest.raises(DatabaseUnavailable, match=r'database "missing_\d+" does not exist.*check user'):
        await open_database(url)


async def test_a_lost_connection_is_replaced(postgresql_url: str) -> None:
    """A transaction whose connection breaks is refused as unavailable; the next one runs on a new connection."""
    database = await open_database(postgresql_url)
    try:
        with pytest.raises(DatabaseUnavailable, match="server runs"):
            await database.write(lambda: one("SELECT pg_terminate_backend(pg_backend_pid())"))
        assert await database.write(lambda: one("SELECT 1")) == [(1,)]
    finally:
        await database.close()


async def test_a_serialization_failure_is_run_again(postgresql_url: str) -> None:
    """Steps that PostgreSQL breaks off for another's sake start over; the caller sees one success."""
    database = await open_database(postgresql_url)
    attempts = 0

    def steps() -> Steps[int]:
        nonlocal attempts
        attempts += 1
        yield execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        if attempts < 3:
            yield execute("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")
        return attempts

    try:
        assert await database.write(steps) == 3
    finally:
        await database.close()


async def test_an_exclusion_is_told_by_kind(postgresql_url: str) -> None:
    """Overlapping ranges are refused with the constraint's name."""
    database = await open_database(postgresql_url)
    try:
        await database.write(
            lambda: one("CREATE TABLE span (during int8range, CONSTRAINT apart EXCLUDE USING gist (during WITH &&))")
        )
        await database.write(lambda: one("INSERT INTO span VALUES ('[1,5)')"))
        await database.write(lambda: one("INSERT INTO span VALUES ('[5,9)')"))
        with pytest.raises(ConstraintViolated) as broken:
            await database.write(lambda: one("INSERT INTO span VALUES ('[8,10)')"))
        assert (broken.value.kind, broken.value.detail) == ("exclusion", "apart")
    finally:
        await database.close()
