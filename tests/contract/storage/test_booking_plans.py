"""What a booking costs does not grow with the bookings of its company."""

import re
import sqlite3
from pathlib import Path

import pytest

from wamesh.storage.database import migrate
from wamesh.storage.sqlite_file import sqlite_url

CONSTRAINTS = ["segments_disjoint", "segments_session", "segments_seats", "claims_within_quantity"]


@pytest.fixture
async def connection(tmp_path: Path) -> sqlite3.Connection:
    """A fresh database of the room."""
    path = tmp_path / "booking.db"
    await migrate(sqlite_url(path), "booking")
    return sqlite3.connect(path)


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_a_constraint_looks_at_few_rows(connection: sqlite3.Connection, name: str) -> None:
    """At no table of visits by the company alone: a person's hours, a session or a resource narrow it further."""
    ((text,),) = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", [name])
    found = re.search(r"EXISTS \((.*)\)\s*BEGIN", text, re.DOTALL)
    assert found is not None
    query = re.sub(r"NEW\.\w+", "1", found[1])
    steps = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    visited = [step for step in steps if re.search(r"\b(segments|claims|visits)\b", step)]
    assert visited
    assert [step for step in visited if step.startswith("SCAN") or step.endswith("(company_id=?)")] == []
