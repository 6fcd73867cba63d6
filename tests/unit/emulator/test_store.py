import sqlite3
from pathlib import Path

import pytest

from wamesh.emulator.store import Documents, NoStore, StoreInUse


def test_commit_that_fails_can_be_tried_again() -> None:
    """A document that cannot be written leaves no open transaction behind, and those around it are not lost."""
    documents = Documents.open()
    documents.put("kind", "good", b"1")
    documents.put("kind", "\ud800", b"2")
    with pytest.raises(UnicodeEncodeError):
        documents.commit()
    documents.put("kind", "better", b"3")
    with pytest.raises(UnicodeEncodeError):
        documents.commit()
    documents._buffer.pop(("kind", "\ud800"))
    assert list(documents.all("kind")) == [("good", b"1"), ("better", b"3")]


def test_file_of_something_else_is_refused(tmp_path: Path) -> None:
    """A file that is no database, and a directory in its place, are named, and left as they are."""
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"this is not a database" * 10)
    with pytest.raises(NoStore, match="not a database"):
        Documents.open(junk)
    with pytest.raises(NoStore, match="unable to open"):
        Documents.open(tmp_path)
    assert junk.read_bytes() == b"this is not a database" * 10


def test_file_has_one_emulator(tmp_path: Path) -> None:
    """A second one is refused; once the first has ended, it may start."""
    first = Documents.open(tmp_path / "emulator.db")
    with pytest.raises(StoreInUse):
        Documents.open(tmp_path / "emulator.db")
    first.close()
    Documents.open(tmp_path / "emulator.db").close()


def test_uncommitted_documents_are_gone(tmp_path: Path) -> None:
    """What was committed outlives the process, what was only put does not."""
    documents = Documents.open(tmp_path / "emulator.db")
    documents.put("kind", "kept", b"1")
    documents.commit()
    documents.put("kind", "lost", b"2")
    sqlite3.Connection.close(documents._database)
    assert list(Documents.open(tmp_path / "emulator.db").all("kind")) == [("kept", b"1")]
