"""The tables of each room, as a history of migrations that only goes forward (see README.md)."""
