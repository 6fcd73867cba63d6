"""SQLite alone: its URLs, its file, group commit and what becomes of a batch when the disk fails."""

import asyncio
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from support.threads import Loans

from wamesh.storage import sqlite, sqlite_file
from wamesh.storage.database import (
    ConstraintViolated,
    Database,
    DatabaseUnavailable,
    Rows,
    Steps,
    execute,
    open_database,
)
from wamesh.storage.lending import Lender
from wamesh.storage.sqlite import open_sqlite
from wamesh.storage.sqlite_file import sqlite_path, sqlite_url


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = await open_database(sqlite_url(path))
    await database.write(partial(one, "CREATE TABLE entry (id INTEGER PRIMARY KEY, body BLOB)"))
    yield database
    await database.close()


def one(sql: str, *args: object) -> Steps[Rows]:
    """A transaction of one statement."""
    return (yield execute(sql, *args))


def hold(entered: threading.Event, leave: threading.Event) -> Steps[None]:
    """A transaction that keeps the writer busy, so that others come to wait behind it."""
    entered.set()
    leave.wait(timeout=10)
    yield execute("SELECT 1")


async def outcomes_of_one_batch(database: Database, *batch: Callable[[], Steps[Rows]]) -> list[object]:
    """Runs the transactions in one commit; what each returned or raised."""
    entered, leave = threading.Event(), threading.Event()
    holder = asyncio.create_task(database.write(partial(hold, entered, leave)))
    await asyncio.to_thread(entered.wait)
    callers = [asyncio.create_task(database.write(steps)) for steps in batch]
    await asyncio.sleep(0)
    leave.set()
    await holder
    return list(await asyncio.gather(*callers, return_exceptions=True))


async def test_url_and_path_are_inverse() -> None:
    """A path with spaces, percent signs and letters of any script comes back from its URL."""
    awkward = Path("/data/салон №1/100% a?b#c.db")
    assert sqlite_path(sqlite_url(awkward)) == awkward


@pytest.mark.parametrize("url", ["sqlite:///data/a.db", "sqlite:////data/a.db"])
async def test_three_or_four_slashes_mean_the_same(url: str) -> None:
    """Both spellings that people know name the absolute path."""
    assert sqlite_path(url) == Path("/data/a.db")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://data/a.db", "sqlite:///a.db?mode=ro"])
async def test_a_url_without_an_absolute_path_is_refused(url: str) -> None:
    """A URL that names no file, or a relative one, is answered with how to write it."""
    with pytest.raises(DatabaseUnavailable, match="absolute path"):
        await open_database(url)


async def test_an_unknown_scheme_is_refused() -> None:
    """Only the two engines have a scheme."""
    with pytest.raises(DatabaseUnavailable, match="must start with sqlite:// or postgresql://"):
        await open_database("mysql://localhost/wamesh")


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    """The sentence names the file and what is wrong with its place."""
    with pytest.raises(DatabaseUnavailable, match=r"nowhere/test.db cannot be opened .*directory exists"):
        await open_database(sqlite_url(tmp_path / "nowhere" / "test.db"))


def test_a_file_of_another_kind_is_refused(path: Path) -> None:
    """A file that is no database is left as it is."""
    path.write_text(text := "a letter, not a database" * 100)
    with pytest.raises(DatabaseUnavailable, match="not an SQLite database"):
        asyncio.run(open_sqlite(sqlite_url(path)))
    assert path.read_text() == text


async def test_only_the_owner_may_read_the_file(database: Database, path: Path) -> None:
    """Customers' words are not for other users of the machine: nor is the write-ahead log."""
    files = sorted(path.parent.glob("test.db*"))
    assert [file.name for file in files] == ["test.db", "test.db-shm", "test.db-wal"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_closing_leaves_one_whole_file(path: Path) -> None:
    """When `close` returns the write-ahead log is folded in: the file alone can be copied."""
    database = await open_database(sqlite_url(path))
    await database.write(partial(one, "CREATE TABLE entry (id INTEGER PRIMARY KEY)"))
    await database.close()
    assert [file.name for file in path.parent.glob("test.db*")] == ["test.db"]


async def test_the_writer_is_durable_and_checks_references(database: Database) -> None:
    """Write-ahead log, an fsync with each commit (FULL is 2), and foreign keys."""
    names = ["journal_mode", "synchronous", "foreign_keys"]
    settings = [await database.write(partial(one, f"PRAGMA {name}")) for name in names]
    assert settings == [[("wal",)], [(2,)], [(1,)]]


async def test_waiting_writes_share_one_commit(database: Database, path: Path) -> None:
    """What waited while the writer was busy becomes visible to others at one stroke."""
    seen: list[int] = []

    def insert_and_look() -> Steps[Rows]:
        yield execute("INSERT INTO entry (body) VALUES (NULL)")
        with sqlite3.connect(path) as outside:
            seen.append(outside.execute("SELECT count(*) FROM entry").fetchone()[0])
        return []

    await outcomes_of_one_batch(database, *[insert_and_look] * 20)
    assert seen == [0] * 20
    assert await database.read(partial(one, "SELECT count(*) FROM entry")) == [(20,)]


async def test_a_reader_does_not_wait_for_the_writer(database: Database) -> None:
    """A read is answered while a write is held open."""
    entered, leave = threading.Event(), threading.Event()
    holder = asyncio.create_task(database.write(partial(hold, entered, leave)))
    await asyncio.to_thread(entered.wait)
    assert await database.read(partial(one, "SELECT count(*) FROM entry")) == [(0,)]
    leave.set()
    await holder


INSERT = "INSERT INTO entry (body) VALUES (zeroblob($1))"


async def test_a_full_disk_is_told_to_whom_it_concerns(database: Database) -> None:
    """What did not fit is refused, what fits beside it and after it is written."""
    await database.write(partial(one, "PRAGMA max_page_count = 20"))
    outcomes = await outcomes_of_one_batch(
        database, partial(one, INSERT, 1), partial(one, INSERT, 1_000_000), partial(one, INSERT, 1)
    )
    assert [outcomes[0], outcomes[2]] == [[], []]
    assert isinstance(outcomes[1], DatabaseUnavailable)
    assert "the disk is full" in outcomes[1].message
    assert await database.write(partial(one, INSERT, 1)) == []
    assert await database.read(partial(one, "SELECT count(*) FROM entry")) == [(3,)]


async def test_no_failure_costs_another_its_commit(database: Database) -> None:
    """Even where SQLite undoes the whole batch for one row, the others are written, and the culprit alone hears."""
    outcomes = await outcomes_of_one_batch(
        database,
        partial(one, INSERT, 1),
        partial(one, "INSERT OR ROLLBACK INTO entry (id) VALUES (7), (7)"),
        partial(one, INSERT, 1),
    )
    assert [type(outcome) for outcome in outcomes] == [list, ConstraintViolated, list]
    assert await database.read(partial(one, "SELECT count(*) FROM entry")) == [(2,)]


async def test_a_foreign_writer_is_named_as_the_reason(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program holds the write lock, callers are told so, after the time allowed."""
    monkeypatch.setattr(sqlite_file, "_BUSY_TIMEOUT_MILLISECONDS", 1)
    database = await open_database(sqlite_url(path))
    with sqlite3.connect(path, isolation_level=None) as foreigner:
        foreigner.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="another program is writing"):
            await database.write(partial(one, "SELECT 1"))
        foreigner.execute("ROLLBACK")
    assert await database.write(partial(one, "SELECT 1")) == [(1,)]
    await database.close()


async def test_steps_cannot_end_the_batch(database: Database) -> None:
    """A transaction that commits by itself fails; the ones beside it are not lost unnoticed."""
    with pytest.raises(sqlite3.OperationalError):
        await database.write(partial(one, "COMMIT"))
    assert await database.write(partial(one, "SELECT 1")) == [(1,)]


async def test_the_loop_lends_to_a_writer_that_does_not_answer(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a write is awaited and nothing comes, the database's lender gets its turns."""
    loans = Loans()
    monkeypatch.setattr(sqlite, "Lender", lambda loop: Lender(loop, loans))
    database = await open_database(sqlite_url(path))
    entered, leave = threading.Event(), threading.Event()
    holder = asyncio.create_task(database.write(partial(hold, entered, leave)))
    lent = await asyncio.to_thread(loans.first.wait, 10)
    leave.set()
    await holder
    assert lent
    await database.close()


async def test_a_saturated_loop_does_not_starve_the_writer(database: Database) -> None:
    """Writes end within milliseconds while the loop has no idle moment; left to CPython many times as long."""

    async def saturate() -> None:
        while True:
            sum(range(2_000))
            await asyncio.sleep(0)

    load = asyncio.create_task(saturate())
    async with asyncio.timeout(5):
        for _ in range(100):
            await database.write(partial(one, INSERT, 1))
    load.cancel()
