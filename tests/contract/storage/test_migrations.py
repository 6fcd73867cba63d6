"""The rules of `migrate`, over both engines, with a history of the test's own."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from dataclasses import replace
from pathlib import Path

import pytest

from wamesh.storage.database import (
    Database,
    DatabaseTooNew,
    Rows,
    Steps,
    execute,
    open_database,
    schema_of,
)
from wamesh.storage.migrations.own_process import migrate_elsewhere
from wamesh.storage.migrations.runner import History, migrate_to_newest

FIRST = """
from alembic import op
from wamesh.storage.migrations.dialect import blob, identity
revision, down_revision = "0001", None
def upgrade():
    dialect = op.get_context().dialect.name
    op.execute(f"CREATE TABLE song (id {identity(dialect)}, title TEXT NOT NULL, recording {blob(dialect)})")
"""
SECOND = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.execute("ALTER TABLE song ADD COLUMN length_seconds BIGINT NOT NULL DEFAULT 0")
"""
BROKEN = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.execute("ALTER TABLE song ADD COLUMN length_seconds BIGINT NOT NULL DEFAULT 0")
    op.execute("INSERT INTO no_such_table VALUES (1)")
"""

PROCESS = """
import asyncio, sys
from pathlib import Path
from wamesh.storage.migrations.runner import History, migrate_to_newest
asyncio.run(migrate_to_newest(sys.argv[1], History(sys.argv[2], sys.argv[3], Path(sys.argv[4]))))
"""
ROOM = """
import asyncio, sys
from wamesh.storage.database import execute, room_database
async def conversations(url):
    async with room_database(url, "worker") as database:
        return await database.read(count)
def count():
    return (yield execute("SELECT count(*) FROM conversations"))[0][0]
print(asyncio.run(conversations(sys.argv[1])), {"alembic", "sqlalchemy"} & set(sys.modules))
"""


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A room with one script, in a directory whose name needs care."""
    versions = tmp_path / "100% tidy" / "versions"
    versions.mkdir(parents=True)
    (versions / "0001_song.py").write_text(FIRST)
    return History("music", "wamesh_music", versions)


async def columns_of_song(url: str, history: History) -> int:
    """How many columns a row of the room's table has."""

    def steps() -> Steps[Rows]:
        yield execute("INSERT INTO song (title, recording) VALUES ($1, $2)", "Lili", b"\x00\xff")
        return (yield execute("SELECT * FROM song ORDER BY id DESC LIMIT 1"))

    database = await open_database(url, history.schema)
    try:
        rows = await database.write(steps)
        return len(rows[0])
    finally:
        await database.close()


async def test_migrating_creates_the_tables(database_url: str, history: History) -> None:
    """An empty database gets every table, in the room's schema."""
    await migrate_to_newest(database_url, history)
    assert await columns_of_song(database_url, history) == 3


async def test_migrating_twice_changes_nothing(database_url: str, history: History) -> None:
    """A database at the newest revision is left as it is."""
    await migrate_to_newest(database_url, history)
    await migrate_to_newest(database_url, history)
    assert await columns_of_song(database_url, history) == 3


async def test_migrating_runs_only_what_is_new(database_url: str, history: History) -> None:
    """A later release adds to the tables and keeps their rows."""
    await migrate_to_newest(database_url, history)
    await columns_of_song(database_url, history)
    (history.versions / "0002_length.py").write_text(SECOND)
    await migrate_to_newest(database_url, history)
    assert await columns_of_song(database_url, history) == 4


async def test_many_tasks_may_migrate_at_once(database_url: str, history: History) -> None:
    """Of many tasks that start together one migrates, and all go on."""
    (history.versions / "0002_length.py").write_text(SECOND)
    await asyncio.gather(*(migrate_to_newest(database_url, history) for _ in range(5)))
    assert await columns_of_song(database_url, history) == 4


async def test_many_processes_may_migrate_at_once(database_url: str, history: History) -> None:
    """Of many processes that start together one migrates, and all go on."""
    (history.versions / "0002_length.py").write_text(SECOND)
    arguments = (database_url, history.room, history.schema, str(history.versions))
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, *arguments) for _ in range(3)]
    assert [await process.wait() for process in processes] == [0, 0, 0]
    assert await columns_of_song(database_url, history) == 4


async def test_a_failed_migration_leaves_no_trace(database_url: str, history: History) -> None:
    """When one script of several fails, none has happened."""
    script = history.versions / "0002_length.py"
    script.write_text(BROKEN)
    with pytest.raises(Exception, match="no_such_table"):
        await migrate_to_newest(database_url, history)
    script.write_text(SECOND)
    await migrate_to_newest(database_url, history)
    assert await columns_of_song(database_url, history) == 4


async def test_a_newer_database_is_refused(database_url: str, history: History) -> None:
    """A revision this release does not know is named, with what to do, and nothing is touched."""
    newer = history.versions / "0002_length.py"
    newer.write_text(SECOND)
    await migrate_to_newest(database_url, history)
    newer.unlink()
    with pytest.raises(DatabaseTooNew, match=r"music database is at revision 0002.*newer release") as refusal:
        await migrate_to_newest(database_url, history)
    assert refusal.value.metadata == {"revision": "0002", "room": "music"}


async def test_rooms_share_a_database(postgresql_url: str, history: History) -> None:
    """On one PostgreSQL database every room has its schema, its version and its tables."""
    other = replace(history, room="film", schema="wamesh_film")
    await migrate_to_newest(postgresql_url, history)
    await migrate_to_newest(postgresql_url, other)

    def schemas() -> Steps[Rows]:
        return (yield execute("SELECT schemaname FROM pg_tables WHERE tablename = 'song' ORDER BY 1"))

    database: Database = await open_database(postgresql_url)
    try:
        assert await database.read(schemas) == [("wamesh_film",), ("wamesh_music",)]
    finally:
        await database.close()


async def test_room_is_migrated_elsewhere(database_url: str) -> None:
    """A process that opens a room finds its tables, and does not load what made them."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", ROOM, database_url, stdout=PIPE)
    assert (await process.communicate())[0] == b"0 set()\n"


async def test_refusal_comes_from_elsewhere(database_url: str) -> None:
    """A newer database is refused in the same words when another process looked at it."""

    def newer() -> Steps[Rows]:
        return (yield execute("UPDATE worker_schema_version SET version_num = '9999'"))

    await migrate_elsewhere(database_url, "worker")
    database = await open_database(database_url, schema_of("worker"))
    try:
        await database.write(newer)
    finally:
        await database.close()
    with pytest.raises(DatabaseTooNew, match="worker database is at revision 9999") as refusal:
        await migrate_elsewhere(database_url, "worker")
    assert refusal.value.metadata == {"revision": "9999", "room": "worker"}
