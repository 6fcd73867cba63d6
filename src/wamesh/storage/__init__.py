"""The adapters of every store's port: SQL for SQLite and PostgreSQL, one folder a room, and the engines below them."""
