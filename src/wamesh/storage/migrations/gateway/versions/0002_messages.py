"""Inbox and outbox: what customers wrote, how far each subscription has come, and what was sent to them.

`inbox_pending` holds a row only while a conversation has messages that a subscription has not acked, so that a
claim costs the same whether a thousand or a hundred million messages are stored. Its `available_time` is the one
answer to "who is next": the end of the quiet period, the end of a nack's delay, or the deadline of a claim.
"""

from alembic import op

from wamesh.storage.migrations.dialect import blob, identity

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE inbox_identities (
    company_id BIGINT NOT NULL CHECK (company_id > 0),
    jid TEXT NOT NULL,
    conversation TEXT NOT NULL,
    PRIMARY KEY (company_id, jid)
);
CREATE TABLE inbox_messages (
    sequence {identity},
    company_id BIGINT NOT NULL CHECK (company_id > 0),
    conversation TEXT NOT NULL,
    message_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    chat TEXT NOT NULL,
    sender TEXT NOT NULL,
    sender_alternate TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    push_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    quoted_message_id TEXT NOT NULL,
    send_time BIGINT NOT NULL,
    receive_time BIGINT NOT NULL,
    CONSTRAINT inbox_message_once UNIQUE (company_id, message_id, conversation)
);
CREATE INDEX inbox_messages_in_order ON inbox_messages (company_id, conversation, sequence);
CREATE TABLE inbox_subscriptions (
    name TEXT NOT NULL PRIMARY KEY,
    quiet_period BIGINT NOT NULL,
    max_wait BIGINT NOT NULL,
    max_messages BIGINT NOT NULL
);
CREATE TABLE inbox_pending (
    subscription TEXT NOT NULL,
    company_id BIGINT NOT NULL CHECK (company_id > 0),
    conversation TEXT NOT NULL,
    acked_sequence BIGINT NOT NULL,
    delivered_sequence BIGINT NOT NULL,
    newest_sequence BIGINT NOT NULL,
    newest_time BIGINT NOT NULL,
    limit_time BIGINT NOT NULL,
    waiting BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    claim TEXT NOT NULL,
    claimant TEXT NOT NULL,
    available_time BIGINT NOT NULL,
    PRIMARY KEY (subscription, company_id, conversation)
);
CREATE INDEX inbox_pending_by_time ON inbox_pending (subscription, available_time);
CREATE TABLE inbox_dead_letters (
    subscription TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    company_id BIGINT NOT NULL CHECK (company_id > 0),
    conversation TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    bury_time BIGINT NOT NULL,
    PRIMARY KEY (subscription, sequence)
);
CREATE TABLE outbox_messages (
    sequence {identity},
    company_id BIGINT NOT NULL CHECK (company_id > 0),
    request_id TEXT NOT NULL,
    content_hash {bytes} NOT NULL,
    chat TEXT NOT NULL,
    body TEXT NOT NULL,
    quoted_message_id TEXT NOT NULL,
    secret {bytes} NOT NULL,
    queueable BOOLEAN NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('QUEUED', 'SENDING', 'SENT', 'DELIVERED', 'READ', 'FAILED', 'UNKNOWN')
    ),
    message_id TEXT NOT NULL,
    failure TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    CONSTRAINT outbox_request_once UNIQUE (company_id, request_id)
);
CREATE INDEX outbox_messages_open ON outbox_messages (company_id, sequence)
    WHERE state IN ('QUEUED', 'SENDING');
CREATE INDEX outbox_messages_by_id ON outbox_messages (company_id, message_id) WHERE message_id <> '';
CREATE TABLE outbox_receipts (
    company_id BIGINT NOT NULL CHECK (company_id > 0),
    message_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    receipt_time BIGINT NOT NULL,
    PRIMARY KEY (company_id, message_id, kind)
);
INSERT INTO inbox_subscriptions (name, quiet_period, max_wait, max_messages)
    VALUES ('worker', 3000000, 15000000, 50)
"""


def upgrade() -> None:
    """Creates the tables, and the subscription `worker`, so that nothing that comes before the first worker is
    lost.
    """
    dialect = op.get_context().dialect.name
    tables = _TABLES.format(identity=identity(dialect), bytes=blob(dialect))
    for statement in tables.split(";\n"):
        op.execute(statement)
