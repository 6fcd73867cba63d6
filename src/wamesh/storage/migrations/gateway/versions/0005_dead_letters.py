"""Messages that are delivered again out of turn: replayed dead letters, and what a join of conversations found unacked.

A pending row knows its progress as one number, below which nothing is delivered any more. `inbox_replays` holds the
messages below it that are to be delivered all the same, and `inbox_pending.replays` how many of them its conversation
has, so that who has none pays nothing.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE inbox_replays (
        subscription TEXT NOT NULL,
        company_id BIGINT NOT NULL CHECK (company_id > 0),
        conversation TEXT NOT NULL,
        sequence BIGINT NOT NULL,
        claim TEXT NOT NULL,
        PRIMARY KEY (subscription, company_id, conversation, sequence)
    )
    """,
    "ALTER TABLE inbox_pending ADD COLUMN replays BIGINT NOT NULL DEFAULT 0",
    "CREATE INDEX inbox_dead_letters_listed ON inbox_dead_letters (subscription, company_id, sequence)",
    "CREATE INDEX inbox_dead_letters_of_chat ON inbox_dead_letters (company_id, conversation, sequence)",
)


def upgrade() -> None:
    """Adds the table, its counter, and the indexes by which dead letters are listed and kept."""
    for statement in _STATEMENTS:
        op.execute(statement)
