"""Feeds of bookings for calendar programs, and the texts of calendars that were imported.

A feed's key is random, and sealed in its URL; a closed feed has no row. `cover_until` is an instant in minutes. Neither
table refers to staff, whose rows are replaced with each change of the catalogue.
"""

from alembic import op

from wamesh.storage.migrations.dialect import blob

revision = "0003"
down_revision = "0002"

_FEEDS = """
CREATE TABLE feeds (
    company_id BIGINT NOT NULL REFERENCES companies,
    staff_id BIGINT NOT NULL,
    feed_key {blob} NOT NULL UNIQUE,
    create_time BIGINT NOT NULL,
    PRIMARY KEY (company_id, staff_id)
)"""

_IMPORTS = """
CREATE TABLE imports (
    company_id BIGINT NOT NULL REFERENCES companies,
    staff_id BIGINT NOT NULL,
    calendar TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    import_time BIGINT NOT NULL,
    cover_until BIGINT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (company_id, staff_id, calendar)
)"""


def upgrade() -> None:
    op.execute(_FEEDS.format(blob=blob(op.get_context().dialect.name)))
    op.execute(_IMPORTS)
