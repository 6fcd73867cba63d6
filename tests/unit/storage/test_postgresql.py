"""What is told of a PostgreSQL server that cannot be used: enough to act on, and never a password."""

import socket
import traceback

import pytest

from wamesh.storage.database import DatabaseUnavailable, open_database
from wamesh.storage.postgresql import server_of

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"postgresql://wamesh:{SECRET}@db.example:6432/mesh", "PostgreSQL at db.example:6432, database mesh"),
        (f"postgresql://wamesh:{SECRET}@/mesh?host=/run/pg", "PostgreSQL at /run/pg:5432, database mesh"),
        (f"postgresql:///mesh?password={SECRET}", "PostgreSQL at localhost:5432, database mesh"),
        (f"postgresql://wamesh:{SECRET}/2@db.example/mesh", "PostgreSQL"),
    ],
)
def test_a_server_is_named_without_its_password(url: str, words: str) -> None:
    """Host, port and database, whatever else the URL holds."""
    assert server_of(url) == words


@pytest.mark.parametrize(
    "tail", ["@127.0.0.1:{port}/mesh", "/2@127.0.0.1/mesh", "@127.0.0.1:no/mesh", "@127.0.0.1:{port}/mesh?sslmode=odd"]
)
async def test_no_password_in_what_an_unusable_url_raises(tail: str) -> None:
    """One sentence with a remedy; the password is neither in it nor in the traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"postgresql://wamesh:{SECRET}{tail.format(port=port)}"
    with pytest.raises(DatabaseUnavailable) as refusal:
        await open_database(url)
    assert refusal.value.message.endswith(".")
    assert "\n" not in refusal.value.message
    assert SECRET not in "".join(traceback.format_exception(refusal.value, limit=0))


async def test_a_refused_connection_tells_what_to_check() -> None:
    """A server that does not answer is named with its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(DatabaseUnavailable, match=rf"127\.0\.0\.1:{port}, database mesh .*server runs"):
        await open_database(f"postgresql://wamesh@127.0.0.1:{port}/mesh")
