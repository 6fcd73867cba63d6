"""The catalogue of companies, their bookings, and the constraint that no two visits share a staff member's
minute.

Times of bookings are epoch microseconds. Minutes of the catalogue are local: of the day, or since local
1970-01-01T00:00.
"""

from alembic import op

from wamesh.storage.migrations.dialect import blob

revision = "0001"
down_revision = None

_COMPANIES = """
CREATE TABLE companies (
    company_id BIGINT PRIMARY KEY CHECK (company_id > 0),
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    language TEXT NOT NULL,
    currency TEXT NOT NULL,
    address TEXT NOT NULL,
    step_minutes BIGINT NOT NULL CHECK (step_minutes BETWEEN 1 AND 1440),
    notice_minutes BIGINT NOT NULL CHECK (notice_minutes >= 0),
    horizon_minutes BIGINT NOT NULL CHECK (horizon_minutes > 0),
    revision BIGINT NOT NULL,
    last_booking_id BIGINT NOT NULL
)"""

_SERVICES = """
CREATE TABLE services (
    company_id BIGINT NOT NULL REFERENCES companies,
    service_id BIGINT NOT NULL CHECK (service_id > 0),
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    localized_names TEXT NOT NULL,
    aliases TEXT NOT NULL,
    duration_minutes BIGINT NOT NULL CHECK (duration_minutes BETWEEN 1 AND 1440),
    buffer_before_minutes BIGINT NOT NULL CHECK (buffer_before_minutes BETWEEN 0 AND 1440),
    buffer_after_minutes BIGINT NOT NULL CHECK (buffer_after_minutes BETWEEN 0 AND 1440),
    price_micros BIGINT NOT NULL CHECK (price_micros >= 0),
    PRIMARY KEY (company_id, service_id)
)"""

_STAFF = """
CREATE TABLE staff (
    company_id BIGINT NOT NULL REFERENCES companies,
    staff_id BIGINT NOT NULL CHECK (staff_id > 0),
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    localized_names TEXT NOT NULL,
    PRIMARY KEY (company_id, staff_id)
)"""

_SKILLS = """
CREATE TABLE skills (
    company_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    service_id BIGINT NOT NULL,
    duration_minutes BIGINT CHECK (duration_minutes BETWEEN 1 AND 1440),
    price_micros BIGINT CHECK (price_micros >= 0),
    PRIMARY KEY (company_id, staff_id, service_id),
    FOREIGN KEY (company_id, staff_id) REFERENCES staff,
    FOREIGN KEY (company_id, service_id) REFERENCES services
)"""

# A row is one range of a day plan: of each week's `weekday` (0 is Monday), or of the date `day` alone. A date
# that is
# overridden to be closed has one row of kind 'closed'.
_DAY_PLANS = """
CREATE TABLE day_plans (
    company_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    weekday BIGINT CHECK (weekday BETWEEN 0 AND 6),
    day BIGINT,
    kind TEXT NOT NULL CHECK (kind IN ('hours', 'break', 'closed')),
    open_minute BIGINT NOT NULL,
    close_minute BIGINT NOT NULL,
    FOREIGN KEY (company_id, staff_id) REFERENCES staff,
    CHECK ((weekday IS NULL) <> (day IS NULL))
)"""

# Time off of a staff member, or a closure of the company (no staff_id).
_ABSENCES = """
CREATE TABLE absences (
    company_id BIGINT NOT NULL REFERENCES companies,
    staff_id BIGINT,
    start_minute BIGINT NOT NULL,
    end_minute BIGINT NOT NULL,
    whole_days BOOLEAN NOT NULL,
    note TEXT NOT NULL,
    FOREIGN KEY (company_id, staff_id) REFERENCES staff,
    CHECK (start_minute < end_minute)
)"""

_BOOKINGS = """
CREATE TABLE bookings (
    company_id BIGINT NOT NULL REFERENCES companies,
    booking_id BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('confirmed', 'cancelled')),
    request_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    start_time BIGINT NOT NULL,
    end_time BIGINT NOT NULL,
    price_micros BIGINT NOT NULL,
    currency TEXT NOT NULL,
    customer_name TEXT NOT NULL,
    customer_phone_number TEXT NOT NULL,
    customer_chat TEXT NOT NULL,
    note TEXT NOT NULL,
    create_time BIGINT NOT NULL,
    cancel_time BIGINT,
    cancel_reason TEXT NOT NULL,
    PRIMARY KEY (company_id, booking_id),
    UNIQUE (company_id, request_id),
    CHECK (start_time < end_time)
)"""

# Occupancy includes the buffers. It ends within three days of its beginning (a service and each buffer are at
# most a day), so
# that a search for what meets a span may start from an index.
_SEGMENTS = """
CREATE TABLE booking_segments (
    company_id BIGINT NOT NULL,
    booking_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    service_id BIGINT NOT NULL,
    staff_id BIGINT NOT NULL,
    start_time BIGINT NOT NULL,
    end_time BIGINT NOT NULL,
    occupied_from BIGINT NOT NULL,
    occupied_until BIGINT NOT NULL,
    blocking BOOLEAN NOT NULL,
    PRIMARY KEY (company_id, booking_id, position),
    FOREIGN KEY (company_id, booking_id) REFERENCES bookings,
    CHECK (occupied_from <= start_time AND start_time < end_time AND end_time <= occupied_until),
    CHECK (occupied_until - occupied_from <= 259200000000)
)"""

_SECRETS = """
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    secret {blob} NOT NULL
)"""

_INDEXES = (
    "CREATE INDEX day_plans_by_staff ON day_plans (company_id, staff_id)",
    "CREATE INDEX absences_by_company ON absences (company_id)",
    "CREATE INDEX bookings_by_start ON bookings (company_id, start_time, booking_id)",
    "CREATE INDEX bookings_by_chat ON bookings (company_id, customer_chat, start_time)",
    "CREATE INDEX booking_segments_blocking ON booking_segments"
    " (company_id, occupied_from, staff_id, occupied_until, booking_id) WHERE blocking",
)

_EXCLUSION_POSTGRESQL = """
ALTER TABLE booking_segments ADD CONSTRAINT booking_segments_disjoint EXCLUDE USING gist (
    company_id WITH =,
    staff_id WITH =,
    booking_id WITH <>,
    int8range(occupied_from, occupied_until) WITH &&
) WHERE (blocking)"""

_EXCLUSION_SQLITE = """
CREATE TRIGGER booking_segments_disjoint BEFORE INSERT ON booking_segments
WHEN NEW.blocking AND EXISTS (
    SELECT 1 FROM booking_segments
    WHERE blocking AND company_id = NEW.company_id AND staff_id = NEW.staff_id AND booking_id <> NEW.booking_id
    AND occupied_from > NEW.occupied_from - 259200000000
    AND occupied_from < NEW.occupied_until AND occupied_until > NEW.occupied_from
)
BEGIN
    SELECT RAISE(ABORT, 'booking_segments_disjoint');
END"""

_NO_REVIVAL_SQLITE = """
CREATE TRIGGER booking_segments_frozen BEFORE UPDATE ON booking_segments
WHEN NEW.blocking
BEGIN
    SELECT RAISE(ABORT, 'booking_segments_frozen');
END"""


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    for table in (_COMPANIES, _SERVICES, _STAFF, _SKILLS, _DAY_PLANS, _ABSENCES, _BOOKINGS, _SEGMENTS):
        op.execute(table)
    op.execute(_SECRETS.format(blob=blob(dialect)))
    for index in _INDEXES:
        op.execute(index)
    if dialect == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        op.execute(_EXCLUSION_POSTGRESQL)
    else:
        op.execute(_EXCLUSION_SQLITE)
        op.execute(_NO_REVIVAL_SQLITE)
