"""Which messages were answered, one by one, and open turns with what they decided.

A high-water mark could not tell a dead letter that is delivered again, older than what was answered since, from a
redelivery. What was answered under 0001 is not known one by one, and its open turns had stored their messages alone:
both are let go, since no release wrote them. Stop the workers of 0001 with SIGTERM, so that their acks are out.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE handled_messages (
            company_id BIGINT NOT NULL CHECK (company_id > 0),
            chat TEXT NOT NULL,
            message_id TEXT NOT NULL,
            turn BIGINT NOT NULL,
            handle_time BIGINT NOT NULL,
            PRIMARY KEY (company_id, chat, message_id)
        )
    """)
    op.execute("CREATE INDEX handled_messages_by_age ON handled_messages (handle_time)")
    op.execute("ALTER TABLE conversations DROP COLUMN last_sequence")
    op.execute("ALTER TABLE conversations DROP COLUMN open_input")
    op.execute("ALTER TABLE conversations ADD COLUMN open_turn TEXT")
