"""Several gateways on one database: who is alive.

A row a running gateway, valid until `expire_time` by the database's clock.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the table."""
    op.execute("""
        CREATE TABLE gateways (
            node TEXT NOT NULL PRIMARY KEY,
            address TEXT NOT NULL,
            join_time BIGINT NOT NULL,
            expire_time BIGINT NOT NULL
        )
    """)
