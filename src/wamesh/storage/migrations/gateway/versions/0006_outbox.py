"""The outbox's scheduled, expiring and cancelled messages, and whom each company wrote to first.

A message that is scheduled waits in its row alone: the partial index by time is the one thing that knows when it is
due, and what is not scheduled (NULL) is found in it without passing the rest. SQLite cannot change a CHECK, so there
the table is built anew.

`outbox_contacts` has the chats that a company wrote to without having been written to: the pace of such first contacts
is counted over a day, and outlives restarts and the gateway.
"""

from alembic import op

from wamesh.storage.migrations.dialect import blob, identity

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATES = "'QUEUED', 'SENDING', 'SENT', 'DELIVERED', 'READ', 'FAILED', 'UNKNOWN', 'CANCELLED'"

_POSTGRESQL = f"""
ALTER TABLE outbox_messages DROP CONSTRAINT outbox_messages_state_check;
ALTER TABLE outbox_messages ADD CONSTRAINT outbox_messages_state_check CHECK (state IN ({_STATES}));
ALTER TABLE outbox_messages ADD COLUMN schedule_time BIGINT;
ALTER TABLE outbox_messages ADD COLUMN expire_time BIGINT;
DROP INDEX outbox_messages_open
"""

_KEPT = """sequence, company_id, request_id, content_hash, chat, body, quoted_message_id, secret, queueable,
    at_least_once, state, message_id, failure, epoch, create_time, update_time"""

_SQLITE = f"""
CREATE TABLE outbox_messages_new (
    sequence {identity("sqlite")},
    company_id BIGINT NOT NULL CHECK (company_id > 0),
    request_id TEXT NOT NULL,
    content_hash {blob("sqlite")} NOT NULL,
    chat TEXT NOT NULL,
    body TEXT NOT NULL,
    quoted_message_id TEXT NOT NULL,
    secret {blob("sqlite")} NOT NULL,
    queueable BOOLEAN NOT NULL,
    at_least_once BOOLEAN NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({_STATES})),
    message_id TEXT NOT NULL,
    failure TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    schedule_time BIGINT,
    expire_time BIGINT,
    CONSTRAINT outbox_request_once UNIQUE (company_id, request_id)
);
INSERT INTO outbox_messages_new ({_KEPT}) SELECT {_KEPT} FROM outbox_messages ORDER BY sequence;
DELETE FROM sqlite_sequence WHERE name = 'outbox_messages_new';
INSERT INTO sqlite_sequence (name, seq)
    SELECT 'outbox_messages_new', seq FROM sqlite_sequence WHERE name = 'outbox_messages';
DROP TABLE outbox_messages;
ALTER TABLE outbox_messages_new RENAME TO outbox_messages;
CREATE INDEX outbox_messages_by_id ON outbox_messages (company_id, message_id) WHERE message_id <> ''
"""

_BOTH = """
UPDATE outbox_messages SET expire_time = create_time + CASE WHEN queueable THEN 86400000000 ELSE 300000000 END;
CREATE INDEX outbox_messages_queued ON outbox_messages (company_id, state, schedule_time, sequence)
    WHERE state = 'QUEUED';
CREATE INDEX outbox_messages_expiring ON outbox_messages (expire_time) WHERE state = 'QUEUED';
CREATE TABLE outbox_contacts (
    company_id BIGINT NOT NULL CHECK (company_id > 0),
    chat TEXT NOT NULL,
    contact_time BIGINT NOT NULL,
    PRIMARY KEY (company_id, chat)
);
CREATE INDEX outbox_contacts_by_time ON outbox_contacts (company_id, contact_time)
"""


def upgrade() -> None:
    """Keeps every message with its sequence; those that are open are given up when they would have been."""
    own = _POSTGRESQL if op.get_context().dialect.name == "postgresql" else _SQLITE
    for statement in (own.rstrip() + ";" + _BOTH).split(";\n"):
        op.execute(statement)
