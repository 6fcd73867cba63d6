"""Sessions and their leases: one row a company in each."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE leases (
            company_id BIGINT PRIMARY KEY CHECK (company_id > 0),
            epoch BIGINT NOT NULL CHECK (epoch > 0),
            holder TEXT NOT NULL,
            address TEXT NOT NULL,
            expire_time BIGINT NOT NULL
        )
    """)
    op.execute("""
        CREATE TABLE sessions (
            company_id BIGINT PRIMARY KEY CHECK (company_id > 0),
            epoch BIGINT NOT NULL,
            state TEXT NOT NULL,
            reason TEXT NOT NULL,
            since_time BIGINT NOT NULL,
            retry_time BIGINT,
            device TEXT NOT NULL,
            lid TEXT NOT NULL,
            phone_number TEXT NOT NULL,
            name TEXT NOT NULL
        )
    """)
