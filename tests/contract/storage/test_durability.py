"""What `write` has returned outlives the process, over both engines."""

import asyncio
import signal
import sys

from wamesh.storage.database import Rows, Steps, execute, open_database

WRITER = """
import asyncio, sys
from wamesh.storage.database import execute, open_database

def add(number):
    yield execute("INSERT INTO entry VALUES ($1)", number)
    return number

async def main(url):
    database = await open_database(url)
    numbers = iter(range(1_000_000))
    async def caller():
        for number in numbers:
            print(await database.write(lambda: add(number)), flush=True)
    await asyncio.gather(*(caller() for _ in range(8)))

asyncio.run(main(sys.argv[1]))
"""


def one(sql: str) -> Steps[Rows]:
    """A transaction of one statement."""
    return (yield execute(sql))


async def test_kill_loses_nothing_that_was_answered(database_url: str) -> None:
    """A writer killed in the middle of its work leaves every row it had announced."""
    database = await open_database(database_url)
    await database.write(lambda: one("CREATE TABLE entry (number BIGINT PRIMARY KEY)"))

    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    announced = [int(await writer.stdout.readline()) for _ in range(200)]
    writer.kill()
    announced += [int(line) for line in (await writer.stdout.read()).splitlines() if line.strip()]
    assert await writer.wait() == -signal.SIGKILL

    kept = {row[0] for row in await database.read(lambda: one("SELECT number FROM entry"))}
    await database.close()
    assert set(announced[:-1]) - kept == set()
