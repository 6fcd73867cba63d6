"""The runner in a process of its own, for those that stay: Alembic and SQLAlchemy would stay in memory with them.

A gateway that had migrated by itself kept 22 MB of them for as long as it ran (measured). The database's URL may hold a
password, so it goes over a pipe. What the process prints goes where ours goes.

Owns: that process. Refuses: what a migration is. Invariant: it is started only when there is something to migrate.
"""

import asyncio
import pickle
import subprocess
import sys

from wamesh.errors import MeshError
from wamesh.storage.database import Room
from wamesh.storage.migrations.runner import history_of, is_newest, migrate_room


async def migrate_elsewhere(url: str, room: Room) -> None:
    """Brings the room's tables to the newest revision.

    Raises DatabaseTooNew, DatabaseUnavailable; CalledProcessError when a script is wrong.
    """
    if not await is_newest(url, history_of(room)):
        await asyncio.to_thread(_run, url, room)


def _run(url: str, room: Room) -> None:
    command, order = [sys.executable, "-m", __name__], pickle.dumps((url, room))
    answer = subprocess.run(command, input=order, stdout=subprocess.PIPE, check=True)
    refusal: MeshError | None = pickle.loads(answer.stdout)
    if refusal is not None:
        raise refusal


def _refusal(url: str, room: Room) -> MeshError | None:
    try:
        asyncio.run(migrate_room(url, room))
    except MeshError as refusal:
        return refusal
    return None


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(_refusal(*pickle.load(sys.stdin.buffer))))
