"""The few words of DDL in which SQLite and PostgreSQL differ, for migrations that serve both.

    from alembic import op
    from wamesh.storage.migrations.dialect import identity

    op.execute(f"CREATE TABLE message (id {identity(op.get_context().dialect.name)}, body TEXT NOT NULL)")

Most else is the same text in both: BIGINT, TEXT, BOOLEAN, CHECK, REFERENCES, partial unique indexes.
"""


def identity(dialect: str) -> str:
    """Type and key of an id that the database hands out in growing order and never twice."""
    if dialect == "postgresql":
        return "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
    return "INTEGER PRIMARY KEY AUTOINCREMENT"


def blob(dialect: str) -> str:
    """Type of a column that holds bytes."""
    return "BYTEA" if dialect == "postgresql" else "BLOB"
