"""Fixtures that run a contract suite over both engines.

    async def test_booking_is_kept(room_database: OpenRoom) -> None:
        database = await room_database("booking")      # migrated, empty; closed after the test

Without PostgreSQL on the machine its half is skipped, with the reason printed; where CI=true it fails instead.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from support.postgresql import FORGETFUL, PostgresqlMissing, PostgresqlServer, running_postgresql

from wamesh.storage.database import Database, Room, migrate, open_database, schema_of
from wamesh.storage.sqlite_file import sqlite_url

OpenRoom: TypeAlias = Callable[[Room], Awaitable[Database]]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """One server for the whole run."""
    with _server_or_skip(FORGETFUL) as server:
        yield server


@pytest.fixture
def crashable_server() -> Iterator[PostgresqlServer]:
    """A test's own server, which keeps what it committed when it crashes."""
    with _server_or_skip({**FORGETFUL, "synchronous_commit": "on"}) as server:
        yield server


@contextmanager
def _server_or_skip(settings: Mapping[str, str]) -> Iterator[PostgresqlServer]:
    try:
        with running_postgresql(settings) as server:
            yield server
    except PostgresqlMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"PostgreSQL is required in CI: {missing}")
        pytest.skip(f"PostgreSQL is not installed: {missing}")


@pytest.fixture
def postgresql_url(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with postgresql_server.fresh_database() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of one engine and then of the other."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "test.db")
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
async def room_database(database_url: str) -> AsyncIterator[OpenRoom]:
    """Opens a room's database with its tables in place; closes what it opened."""
    opened: list[Database] = []

    async def open_room(room: Room) -> Database:
        await migrate(database_url, room)
        opened.append(await open_database(database_url, schema_of(room)))
        return opened[-1]

    yield open_room
    for database in opened:
        await database.close()
