"""Holds, moves, classes, resources and history: bookings and holds become visits, and each change is told.

`visits` takes the place of `bookings`, `segments` that of `booking_segments`; their rows move. A segment is stamped
with the diary's revision of its last change, so that a picture of the diary is brought up to date with what changed.

Behind the predicate stand constraints, whoever writes: occupancies of one staff member never meet unless they are seats
of one session; visits of one session come to the same service, person and time; a session never has more seats taken
than its service has; a resource is never used beyond its quantity. A session takes the largest of its claims on a
resource once. Rows are checked as they are written: one that blocks is freed or deleted, and never changed otherwise.
Lowering a capacity or quantity later breaks no rows.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_CATALOGUE = (
    "ALTER TABLE companies ADD COLUMN diary_revision BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE companies ADD COLUMN holidays TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE companies ADD COLUMN archived BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE services ADD COLUMN category_id BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE services ADD COLUMN capacity BIGINT NOT NULL DEFAULT 1",
    "ALTER TABLE services ADD COLUMN needs TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE services ADD COLUMN shortest_minutes BIGINT",
    "ALTER TABLE services ADD COLUMN longest_minutes BIGINT",
    "ALTER TABLE services ADD COLUMN archived BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE staff ADD COLUMN archived BOOLEAN NOT NULL DEFAULT FALSE",
    """
CREATE TABLE categories (
    company_id BIGINT NOT NULL REFERENCES companies,
    category_id BIGINT NOT NULL CHECK (category_id > 0),
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    localized_names TEXT NOT NULL,
    archived BOOLEAN NOT NULL,
    PRIMARY KEY (company_id, category_id)
)""",
    """
CREATE TABLE resources (
    company_id BIGINT NOT NULL REFERENCES companies,
    resource_id BIGINT NOT NULL CHECK (resource_id > 0),
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    localized_names TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    archived BOOLEAN NOT NULL,
    PRIMARY KEY (company_id, resource_id)
)""",
    """
CREATE TABLE busy_times (
    company_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    calendar TEXT NOT NULL,
    start_minute BIGINT NOT NULL,
    end_minute BIGINT NOT NULL,
    PRIMARY KEY (company_id, staff_id, calendar, start_minute),
    FOREIGN KEY (company_id, staff_id) REFERENCES staff,
    CHECK (start_minute < end_minute)
)""",
)

_VISITS = """
CREATE TABLE visits (
    company_id BIGINT NOT NULL REFERENCES companies,
    visit_id BIGINT NOT NULL CHECK (visit_id > 0),
    state TEXT NOT NULL CHECK (state IN ('confirmed', 'cancelled', 'held', 'released')),
    revision BIGINT NOT NULL,
    party_size BIGINT NOT NULL CHECK (party_size > 0),
    start_time BIGINT NOT NULL,
    end_time BIGINT NOT NULL,
    price_micros BIGINT NOT NULL,
    currency TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    customer_phone_number TEXT NOT NULL,
    customer_chat TEXT NOT NULL,
    note TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    update_time BIGINT NOT NULL,
    cancel_time BIGINT,
    cancel_reason TEXT NOT NULL,
    expire_time BIGINT,
    PRIMARY KEY (company_id, visit_id),
    CHECK (start_time < end_time),
    CHECK ((expire_time IS NOT NULL) = (state IN ('held', 'released')))
)"""

# Occupancy includes the buffers, and ends within three days of its beginning: each of the three takes a day at most.
_SEGMENTS = """
CREATE TABLE segments (
    company_id BIGINT NOT NULL,
    visit_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    service_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    session_id BIGINT NOT NULL,
    seats BIGINT NOT NULL CHECK (seats > 0),
    start_time BIGINT NOT NULL,
    end_time BIGINT NOT NULL,
    occupied_from BIGINT NOT NULL,
    occupied_until BIGINT NOT NULL,
    needs TEXT NOT NULL,
    expire_time BIGINT,
    blocking BOOLEAN NOT NULL,
    diary_revision BIGINT NOT NULL,
    PRIMARY KEY (company_id, visit_id, position),
    FOREIGN KEY (company_id, visit_id) REFERENCES visits,
    CHECK (occupied_from <= start_time AND start_time < end_time AND end_time <= occupied_until),
    CHECK (occupied_until - occupied_from <= 259200000000)
)"""

_CLAIMS = """
CREATE TABLE claims (
    company_id BIGINT NOT NULL,
    visit_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    resource_id BIGINT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity > 0),
    session_id BIGINT NOT NULL,
    occupied_from BIGINT NOT NULL,
    occupied_until BIGINT NOT NULL,
    PRIMARY KEY (company_id, visit_id, position, resource_id)
)"""

_CHANGES = """
CREATE TABLE changes (
    company_id BIGINT NOT NULL,
    visit_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('created', 'rescheduled', 'cancelled')),
    change_time BIGINT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    segments TEXT NOT NULL,
    price_micros BIGINT NOT NULL,
    currency TEXT NOT NULL,
    PRIMARY KEY (company_id, visit_id, revision),
    FOREIGN KEY (company_id, visit_id) REFERENCES visits
)"""

_REQUESTS = """
CREATE TABLE requests (
    company_id BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    visit_id BIGINT NOT NULL,
    PRIMARY KEY (company_id, request_id)
)"""

_INDEXES = (
    "CREATE INDEX visits_by_start ON visits (company_id, start_time, visit_id)",
    "CREATE INDEX visits_by_chat ON visits (company_id, customer_chat, start_time)",
    "CREATE INDEX visits_expiring ON visits (company_id, expire_time) WHERE expire_time IS NOT NULL",
    "CREATE INDEX segments_blocking ON segments (company_id, staff_id, occupied_from) WHERE blocking",
    "CREATE INDEX segments_of_session ON segments (company_id, session_id) WHERE blocking",
    "CREATE INDEX segments_ending ON segments (company_id, occupied_until) WHERE blocking",
    "CREATE INDEX segments_changed ON segments (company_id, diary_revision)",
    "CREATE INDEX claims_by_resource ON claims (company_id, resource_id, occupied_from)",
)

_CARRIED_OVER = (
    """
INSERT INTO visits (company_id, visit_id, state, revision, party_size, start_time, end_time, price_micros, currency,
    customer_name, customer_phone_number, customer_chat, note, create_time, update_time, cancel_time, cancel_reason)
SELECT company_id, booking_id, state, CASE WHEN state = 'cancelled' THEN 2 ELSE 1 END, 1, start_time, end_time,
    price_micros, currency, customer_name, customer_phone_number, customer_chat, note, create_time,
    COALESCE(cancel_time, create_time), cancel_time, cancel_reason
FROM bookings""",
    """
INSERT INTO segments (company_id, visit_id, position, service_id, staff_id, session_id, seats, start_time, end_time,
    occupied_from, occupied_until, needs, blocking, diary_revision)
SELECT company_id, booking_id, position, service_id, staff_id, booking_id, 1, start_time, end_time,
    occupied_from, occupied_until, '[]', blocking, 1
FROM booking_segments""",
    """
INSERT INTO requests (company_id, request_id, fingerprint, visit_id)
SELECT company_id, request_id, fingerprint, booking_id FROM bookings""",
    "UPDATE companies SET diary_revision = 1",
)

_HISTORY = """
INSERT INTO changes (company_id, visit_id, revision, kind, change_time, actor, reason, segments, price_micros, currency)
SELECT b.company_id, b.booking_id, {revision}, '{kind}', {time}, '', {reason}, ({segments}), b.price_micros, b.currency
FROM bookings b WHERE {condition}"""

_SEGMENTS_SQLITE = """
SELECT json_group_array(json(part)) FROM (
    SELECT json_array(service_id, staff_id, start_time / 60000000, end_time / 60000000, occupied_from / 60000000,
        occupied_until / 60000000, booking_id, json('[]')) AS part
    FROM booking_segments s WHERE s.company_id = b.company_id AND s.booking_id = b.booking_id ORDER BY position
)"""

_SEGMENTS_POSTGRESQL = """
SELECT CAST(json_agg(json_build_array(service_id, staff_id, start_time / 60000000, end_time / 60000000,
    occupied_from / 60000000, occupied_until / 60000000, booking_id, CAST('[]' AS json)) ORDER BY position) AS text)
FROM booking_segments s WHERE s.company_id = b.company_id AND s.booking_id = b.booking_id"""

_MEETS = """
SELECT 1 FROM segments
WHERE blocking AND company_id = NEW.company_id AND staff_id = NEW.staff_id AND session_id <> NEW.session_id
AND occupied_from > NEW.occupied_from - 259200000000
AND occupied_from < NEW.occupied_until AND occupied_until > NEW.occupied_from"""

_ANOTHER_CLASS = """
SELECT 1 FROM segments
WHERE blocking AND company_id = NEW.company_id AND session_id = NEW.session_id AND visit_id <> NEW.visit_id
AND (service_id <> NEW.service_id OR staff_id <> NEW.staff_id OR start_time <> NEW.start_time
    OR end_time <> NEW.end_time)"""

_TOO_MANY_SEATS = """
SELECT 1 FROM services v WHERE v.company_id = NEW.company_id AND v.service_id = NEW.service_id AND v.capacity < (
    SELECT SUM(seats) FROM (
        SELECT MAX(seats) AS seats FROM segments
        WHERE blocking AND company_id = NEW.company_id AND session_id = NEW.session_id GROUP BY visit_id
    ) AS taken
)"""

_OVERUSED = """
SELECT 1 FROM resources r, (
    SELECT NEW.occupied_from AS minute
    UNION SELECT occupied_from FROM claims
    WHERE company_id = NEW.company_id AND resource_id = NEW.resource_id
    AND occupied_from > NEW.occupied_from AND occupied_from < NEW.occupied_until
) AS points
WHERE r.company_id = NEW.company_id AND r.resource_id = NEW.resource_id AND r.quantity < (
    SELECT SUM(quantity) FROM (
        SELECT MAX(quantity) AS quantity FROM claims
        WHERE company_id = NEW.company_id AND resource_id = NEW.resource_id
        AND occupied_from <= points.minute AND occupied_until > points.minute
        AND occupied_from > points.minute - 259200000000
        GROUP BY session_id
    ) AS used
)"""

_TRIGGER_SQLITE = """
CREATE TRIGGER {name} {moment} INSERT ON {table} WHEN {condition} EXISTS ({query})
BEGIN
    SELECT RAISE(ABORT, '{name}');
END"""

_FROZEN_SQLITE = """
CREATE TRIGGER {name} BEFORE UPDATE ON {table} WHEN {condition}
BEGIN
    SELECT RAISE(ABORT, '{name}');
END"""

_EXCLUSION_POSTGRESQL = """
ALTER TABLE segments ADD CONSTRAINT segments_disjoint EXCLUDE USING gist (
    company_id WITH =,
    staff_id WITH =,
    session_id WITH <>,
    int8range(occupied_from, occupied_until) WITH &&
) WHERE (blocking)"""

# The lock makes the writers of a company follow each other; the query after it sees what they have committed. It is the
# one that the foreign keys of rows written before it do not stand in the way of.
_FUNCTION_POSTGRESQL = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $body$
BEGIN
    PERFORM 1 FROM companies WHERE company_id = NEW.company_id FOR NO KEY UPDATE;
    IF EXISTS ({query}) THEN
        RAISE EXCEPTION USING ERRCODE = 'exclusion_violation', MESSAGE = '{name}', CONSTRAINT = '{name}';
    END IF;
    RETURN NULL;
END
$body$"""

_TRIGGER_POSTGRESQL = """
CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW {condition} EXECUTE FUNCTION {name}()"""

_REFUSAL_POSTGRESQL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'exclusion_violation', MESSAGE = TG_NAME, CONSTRAINT = TG_NAME;
END
$body$"""

_FROZEN_POSTGRESQL = """
CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()"""

_FROZEN = (("segments_frozen", "segments", "NEW.blocking"), ("claims_frozen", "claims", "TRUE"))


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    for statement in (*_CATALOGUE, _VISITS, _SEGMENTS, _CLAIMS, _CHANGES, _REQUESTS, *_INDEXES, *_CARRIED_OVER):
        op.execute(statement)
    segments = _SEGMENTS_POSTGRESQL if dialect == "postgresql" else _SEGMENTS_SQLITE
    _write_history(segments, 1, "created", "b.create_time", "''", "TRUE")
    _write_history(
        segments, 2, "cancelled", "COALESCE(b.cancel_time, b.create_time)", "b.cancel_reason", "b.state = 'cancelled'"
    )
    op.execute("DROP TABLE booking_segments")
    op.execute("DROP TABLE bookings")
    if dialect == "postgresql":
        _constrain_postgresql()
    else:
        _constrain_sqlite()


def _write_history(segments: str, revision: int, kind: str, time: str, reason: str, condition: str) -> None:
    op.execute(
        _HISTORY.format(segments=segments, revision=revision, kind=kind, time=time, reason=reason, condition=condition)
    )


def _constrain_sqlite() -> None:
    for name, moment, table, condition, query in (
        ("segments_disjoint", "BEFORE", "segments", "NEW.blocking AND", _MEETS),
        ("segments_session", "AFTER", "segments", "NEW.blocking AND", _ANOTHER_CLASS),
        ("segments_seats", "AFTER", "segments", "NEW.blocking AND", _TOO_MANY_SEATS),
        ("claims_within_quantity", "AFTER", "claims", "", _OVERUSED),
    ):
        op.execute(_TRIGGER_SQLITE.format(name=name, moment=moment, table=table, condition=condition, query=query))
    for name, table, condition in _FROZEN:
        op.execute(_FROZEN_SQLITE.format(name=name, table=table, condition=condition))


def _constrain_postgresql() -> None:
    op.execute(_EXCLUSION_POSTGRESQL)
    for name, table, condition, query in (
        ("segments_session", "segments", "WHEN (NEW.blocking)", _ANOTHER_CLASS),
        ("segments_seats", "segments", "WHEN (NEW.blocking)", _TOO_MANY_SEATS),
        ("claims_within_quantity", "claims", "", _OVERUSED),
    ):
        op.execute(_FUNCTION_POSTGRESQL.format(name=name, query=query))
        op.execute(_TRIGGER_POSTGRESQL.format(name=name, table=table, condition=condition))
    op.execute(_REFUSAL_POSTGRESQL)
    for name, table, condition in _FROZEN:
        op.execute(_FROZEN_POSTGRESQL.format(name=name, table=table, condition=condition))
