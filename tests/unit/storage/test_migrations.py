"""The migrations that this release carries are well formed, room by room."""

import re

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from wamesh.storage.database import Room
from wamesh.storage.migrations.dialect import blob, identity
from wamesh.storage.migrations.runner import History, history_of

ROOMS: list[Room] = ["gateway", "booking", "worker"]


@pytest.fixture(params=ROOMS)
def history(request: pytest.FixtureRequest) -> History:
    """Each room's history in turn."""
    return history_of(request.param)


def test_script_names_count_up_from_one(history: History) -> None:
    """Scripts are called NNNN_what.py, without a gap and without two of one number."""
    names = sorted(path.name for path in history.versions.glob("*.py"))
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", name) for name in names)
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))


def test_each_script_follows_the_one_before(history: History) -> None:
    """`revision` is the number of the file name, `down_revision` the number before it."""
    config = Config()
    config.set_main_option("script_location", str(history.versions.parent.parent))
    config.set_main_option("version_locations", str(history.versions))
    config.set_main_option("path_separator", "newline")
    scripts = {script.revision: script.down_revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revisions = history.revisions()
    assert scripts == dict(zip(revisions, [None, *revisions], strict=False))


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        ("sqlite", ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB")),
        ("postgresql", ("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BYTEA")),
    ],
)
def test_each_dialect_has_its_words(dialect: str, words: tuple[str, str]) -> None:
    """Keys that count up, and bytes, are spelled as each engine wants them."""
    assert (identity(dialect), blob(dialect)) == words
