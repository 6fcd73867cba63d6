"""The event log, written by the tables that it tells of, and the indexes by which messages are listed.

A trigger writes an event in the transaction of the change, so that no statement can forget it, whoever wrote the
statement. An event of a message names the outbox's row, which has what never changes, and repeats what does.

On PostgreSQL an identity is given out before the commit, so that `sequence` alone would let a row appear behind a
reader. Events are read in the order of (transaction_id, sequence), and only those of transactions older than any
that still runs. SQLite has one writer, and the sequence is that order; it grows without AUTOINCREMENT, which would
write one page more for each event, because the newest event is never removed.
"""

from alembic import op

from wamesh.storage.gateway.clock import NOW

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_EVENTS = """
CREATE TABLE events (
    {position},
    company_id BIGINT NOT NULL,
    event_time BIGINT NOT NULL DEFAULT ({now}),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    state_time BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    reason TEXT,
    retry_time BIGINT,
    device TEXT,
    lid TEXT,
    phone_number TEXT,
    outbox_sequence BIGINT,
    message_id TEXT,
    failure TEXT{key}
)
"""

_POSITION = {
    "sqlite": {"position": "sequence INTEGER PRIMARY KEY", "key": ""},
    "postgresql": {
        "position": "transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),\n"
        "    sequence BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY",
        "key": ",\n    PRIMARY KEY (transaction_id, sequence)",
    },
}

_PRUNED = "CREATE TABLE events_pruned (transaction_id BIGINT NOT NULL, sequence BIGINT NOT NULL)"

_NOTHING_PRUNED = "INSERT INTO events_pruned (transaction_id, sequence) VALUES (0, 0)"

_NOTE_SESSION = """
INSERT INTO {events} (company_id, kind, state, state_time, epoch, reason, retry_time, device, lid, phone_number)
VALUES (NEW.company_id, 'SESSION', NEW.state, NEW.since_time, NEW.epoch, NEW.reason, NEW.retry_time, NEW.device,
    NEW.lid, NEW.phone_number)
"""

_NOTE_MESSAGE = """
INSERT INTO {events} (company_id, kind, state, state_time, epoch, outbox_sequence, message_id, failure)
VALUES (NEW.company_id, 'MESSAGE', NEW.state, NEW.update_time, NEW.epoch, NEW.sequence, NEW.message_id, NEW.failure)
"""

_NOTES = {"sessions": _NOTE_SESSION, "outbox_messages": _NOTE_MESSAGE}

_MOMENTS = {
    "sessions": {
        "sessions_added": "INSERT ON sessions FOR EACH ROW",
        "sessions_changed": "UPDATE OF state, reason ON sessions FOR EACH ROW"
        " WHEN (OLD.state <> NEW.state OR OLD.reason <> NEW.reason)",
    },
    "outbox_messages": {
        "outbox_messages_added": "INSERT ON outbox_messages FOR EACH ROW",
        "outbox_messages_changed": "UPDATE OF state ON outbox_messages FOR EACH ROW WHEN (OLD.state <> NEW.state)",
    },
}

# The states are written out, since SQLite uses such an index only for a query that names one of them word for word.
_LISTED = (
    "CREATE INDEX inbox_identities_by_conversation ON inbox_identities (company_id, conversation)",
    "CREATE INDEX inbox_messages_listed ON inbox_messages (company_id, sequence)",
    "CREATE INDEX outbox_messages_listed ON outbox_messages (company_id, sequence)",
    "CREATE INDEX outbox_messages_unsent ON outbox_messages (company_id, state, sequence)"
    " WHERE state = 'QUEUED' OR state = 'SENDING' OR state = 'FAILED' OR state = 'UNKNOWN' OR state = 'CANCELLED'",
    "CREATE INDEX outbox_messages_of_chat ON outbox_messages (company_id, chat, sequence)",
)


def upgrade() -> None:
    """Creates the log, empty; what is there already tells its changes from now on."""
    dialect = op.get_context().dialect.name
    now = NOW["postgresql" if dialect == "postgresql" else "sqlite"]
    op.execute(_EVENTS.format(now=now, **_POSITION[dialect]))
    op.execute(_PRUNED)
    op.execute(_NOTHING_PRUNED)
    for table in _NOTES:
        (_note_by_function if dialect == "postgresql" else _note_by_trigger)(table)
    for index in _LISTED:
        op.execute(index)


def _note_by_trigger(table: str) -> None:
    note = _NOTES[table].format(events="events")
    for name, moment in _MOMENTS[table].items():
        op.execute(f"CREATE TRIGGER {name} AFTER {moment} BEGIN {note}; END")


def _note_by_function(table: str) -> None:
    """The function names the log with its schema, for whoever changes a row with another search path."""
    schema = op.get_bind().exec_driver_sql("SELECT current_schema()").scalar_one()
    note = _NOTES[table].format(events=f'"{schema}".events')
    op.execute(f"CREATE FUNCTION note_{table}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {note}; RETURN NULL; END$$")
    for name, moment in _MOMENTS[table].items():
        op.execute(f"CREATE TRIGGER {name} AFTER {moment} EXECUTE FUNCTION note_{table}()")
