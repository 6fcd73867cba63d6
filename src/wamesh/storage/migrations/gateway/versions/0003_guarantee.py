"""Messages that are to be sent at least once: again, when a crash leaves them in doubt."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column; what is there already is sent at most once."""
    op.execute("ALTER TABLE outbox_messages ADD COLUMN at_least_once BOOLEAN NOT NULL DEFAULT FALSE")
