"""Conversations, and the replies that are owed to them."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE conversations (
            company_id BIGINT NOT NULL CHECK (company_id > 0),
            chat TEXT NOT NULL,
            turn BIGINT NOT NULL CHECK (turn >= 0),
            last_sequence BIGINT NOT NULL,
            state TEXT NOT NULL,
            open_input TEXT,
            update_time BIGINT NOT NULL,
            PRIMARY KEY (company_id, chat)
        )
    """)
    op.execute("CREATE INDEX conversations_by_age ON conversations (update_time)")
    op.execute("""
        CREATE TABLE replies (
            company_id BIGINT NOT NULL CHECK (company_id > 0),
            request_id TEXT NOT NULL,
            chat TEXT NOT NULL,
            turn BIGINT NOT NULL,
            place BIGINT NOT NULL,
            text TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('OWED', 'SENT', 'FAILED', 'UNKNOWN')),
            update_time BIGINT NOT NULL,
            PRIMARY KEY (company_id, request_id)
        )
    """)
    op.execute("CREATE INDEX replies_owed ON replies (company_id, chat, turn, place) WHERE state = 'OWED'")
    op.execute("CREATE INDEX replies_by_age ON replies (update_time)")
