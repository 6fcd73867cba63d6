"""The seats of a class session are counted by an index that has the visits in order.

Without them in it SQLite counted along the primary key, whose order the count wants too: through all segments of the
company at each booking.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("DROP INDEX segments_of_session")
    op.execute("CREATE INDEX segments_of_session ON segments (company_id, session_id, visit_id) WHERE blocking")
