"""The outbox's table is changed in place: what an older release stored is there afterwards, on both engines."""

from pathlib import Path
from typing import Any

import pytest

from wamesh.storage.database import ConstraintViolated, Steps, execute, open_database, schema_of
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.storage.migrations.runner import History, history_of, migrate_to_newest

_ADD = """
INSERT INTO outbox_messages (company_id, request_id, content_hash, chat, body, quoted_message_id, secret, queueable,
    at_least_once, state, message_id, failure, epoch, create_time, update_time)
VALUES (7, $1, $2, '12025550101@s.whatsapp.net', 'See you.', '', $2, $3, FALSE, $4, '', '', 3, 1000000, 2000000)
RETURNING sequence
"""


def until(revision: str, directory: Path) -> History:
    """The room's history as a release of that revision had it."""
    now = history_of("gateway")
    for script in now.versions.glob("[0-9]*_*.py"):
        if script.name.partition("_")[0] <= revision:
            (directory / script.name).write_text(script.read_text())
    return History("gateway", now.schema, directory)


async def in_database(url: str, *statements: tuple[Any, ...]) -> list[Any]:
    """Runs statements in one transaction; the first value of each."""

    def steps() -> Steps[list[Any]]:
        results = []
        for sql, *values in statements:
            rows = yield execute(sql, *values)
            results.append(rows[0][0] if rows else None)
        return results

    database = await open_database(url, schema_of("gateway"))
    try:
        return await database.write(steps)
    finally:
        await database.close()


async def test_messages_of_an_older_release_are_kept(database_url: str, tmp_path: Path) -> None:
    """With their sequences and states; those that wait still expire when they would have; no sequence comes twice."""
    await migrate_to_newest(database_url, until("0005", tmp_path))
    secret = bytes(32)
    first, second, third = await in_database(
        database_url,
        (_ADD, "r-1", secret, True, "QUEUED"),
        (_ADD, "r-2", secret, False, "SENDING"),
        (_ADD, "r-3", secret, False, "SENDING"),
    )
    await in_database(database_url, ("DELETE FROM outbox_messages WHERE request_id = 'r-3'",))
    await migrate_to_newest(database_url, history_of("gateway"))
    database = await open_database(database_url, schema_of("gateway"))
    messages = await SqlOutboxStore(database).open_messages(7)
    await database.close()
    assert [(each.sequence, each.request_id, each.state) for each in messages] == [
        (second, "r-2", "SENDING"),
        (first, "r-1", "QUEUED"),
    ]
    lives = [each.expire_time and (each.expire_time - each.create_time).total_seconds() for each in messages]
    assert lives == [300, 24 * 3600]
    assert [each.schedule_time for each in messages] == [None, None]
    assert await in_database(database_url, (_ADD, "r-4", secret, False, "CANCELLED")) > [third]
    with pytest.raises(ConstraintViolated):
        await in_database(database_url, (_ADD, "r-5", secret, False, "LOST"))
    with pytest.raises(ConstraintViolated):
        await in_database(database_url, (_ADD, "r-1", secret, False, "QUEUED"))
