"""The same mesh over one PostgreSQL: a dialogue, and a gateway killed in the middle of it."""

from pathlib import Path

import pytest
from support.mesh import kill, print_line

from wamesh.console import demo


@pytest.mark.postgres
async def test_a_customer_books_over_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    """All rooms share the database, each with a schema of its own; kill -9 costs no reply here either."""
    addresses = demo.free_addresses(anywhere=True)
    async with demo.running(tmp_path, addresses, print_line, postgresql_url, transport="memory") as mesh:
        customer = mesh.customer("+12025550150", "Alex")
        assert "17:" in await customer.ask("Haircut tomorrow evening")
        await customer.write("1")
        kill(mesh, "gateway")
        assert "booked" in await customer.next_reply()
    assert sqlite_files(tmp_path) == []


def sqlite_files(directory: Path) -> list[Path]:
    """Databases that a room kept beside the one that all share."""
    return list(directory.glob("*.db"))
