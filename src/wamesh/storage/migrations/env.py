"""What Alembic runs to migrate: over the connection, and in the transaction, that the runner has opened."""

from alembic import context

attributes = context.config.attributes
context.configure(connection=attributes["connection"], version_table=attributes["version_table"])
context.run_migrations()
